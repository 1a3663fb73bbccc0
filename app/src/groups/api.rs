//! The server functions behind the forms of `groups`.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::{ChatId, ClientId, UserId};

#[cfg(feature = "ssr")]
use {
    crate::{address::Address, server_context as context},
    protocol::text::cleaned_line,
};

#[server(prefix = "/fn", endpoint = "create_group")]
pub async fn create_group(
    title: String,
    #[server(default)] member_ids: Vec<UserId>,
    client_id: ClientId,
) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let new = services::groups::NewGroup { title: cleaned_line(&title), member_ids, client_id: Some(client_id) };
    let (chat, _) = context::answer(services::groups::create(&node, actor, new).await)?;
    context::redirect(&Address::chat(chat.chat.id));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "rename_group")]
pub async fn rename_group(chat_id: ChatId, title: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let update = protocol::groups::UpdateGroup { title: Some(cleaned_line(&title)), description: None };
    context::answer(services::groups::update(&node, actor, chat_id, update).await)?;
    context::redirect(&Address::info(chat_id));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "add_member")]
pub async fn add_member(chat_id: ChatId, user_id: UserId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::groups::add_member(&node, actor, chat_id, user_id).await)?;
    context::redirect(&Address::info(chat_id));
    Ok(())
}

/// Changes a member's role; `owner` hands the group over.
#[server(prefix = "/fn", endpoint = "change_role")]
pub async fn change_role(chat_id: ChatId, user_id: UserId, role: String) -> Result<(), Refusal> {
    use protocol::{error::Problem, groups::Role};
    let (node, actor) = context::signed_in()?;
    let Some(role) = Role::from_name(&role) else {
        return context::refuse(services::Rejection::field("role", Problem::Unknown));
    };
    context::answer(services::groups::change_role(&node, actor, chat_id, user_id, role).await)?;
    context::redirect(&Address::info(chat_id));
    Ok(())
}

/// Leaves the group, after handing it over to the member `heir` if there is one.
#[server(prefix = "/fn", endpoint = "leave_group")]
pub async fn leave_group(chat_id: ChatId, #[server(default)] heir: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    if let Ok(heir) = heir.parse() {
        let role = protocol::groups::Role::Owner;
        context::answer(services::groups::change_role(&node, actor, chat_id, heir, role).await)?;
    }
    context::answer(services::groups::remove_member(&node, actor, chat_id, actor.user_id).await)?;
    context::redirect(&Address::CHATS);
    Ok(())
}

/// Removes a member. With the user's own id: leaves the group.
#[server(prefix = "/fn", endpoint = "remove_member")]
pub async fn remove_member(chat_id: ChatId, user_id: UserId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::groups::remove_member(&node, actor, chat_id, user_id).await)?;
    let leaves = user_id == actor.user_id;
    context::redirect(&if leaves { Address::CHATS } else { Address::info(chat_id) });
    Ok(())
}
