//! The server functions of `chat`.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::{ChatId, ClientId};

#[cfg(feature = "ssr")]
use {
    crate::{address::Address, server_context as context},
    protocol::text::cleaned,
};

/// The composer's form. With JavaScript a message goes over the socket instead.
#[server(prefix = "/fn", endpoint = "send_message")]
pub async fn send_message(
    chat_id: ChatId,
    client_id: ClientId,
    text: String,
    #[server(default)] reply_to: Option<u64>,
) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let text = cleaned(&text);
    let data = protocol::chat::PostMessage { client_id, text: text.clone(), reply_to };
    let (message, new) = context::answer(services::chat::post_message(&node, actor, chat_id, data).await)?;
    let typed = protocol::text::MessageText::parse(&text);
    // The form was sent twice with different texts: the first text is the message, and the form shows the second text.
    if !new && typed.is_ok_and(|typed| typed.as_str() != message.text) {
        return context::refuse(services::Rejection::conflict("This message was already sent with another text."));
    }
    // The text was the draft. The message is stored, even if the draft cannot be removed.
    let update = protocol::chat::UpdateOwnState { draft: Some(None), ..Default::default() };
    let _ = services::chat::update_own_state(&node, actor, chat_id, update).await;
    leptos_axum::redirect(&format!("{}#m{}", Address::chat(chat_id), message.no));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "edit_message")]
pub async fn edit_message(
    chat_id: ChatId,
    no: u64,
    text: String,
    #[server(default)] base_seq: Option<u64>,
) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let data = protocol::chat::EditMessage { text: cleaned(&text), base_seq };
    context::answer(services::chat::edit_message(&node, actor, chat_id, no, data).await)?;
    context::redirect(&Address::message(chat_id, no));
    Ok(())
}

/// Deletes messages for all members: the user's own messages, or any message if the user is an admin. `nos` is a list
/// such as `2,3,5`.
#[server(prefix = "/fn", endpoint = "delete_messages")]
pub async fn delete_messages(chat_id: ChatId, nos: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let nos = context::numbers(&nos)?;
    context::answer(services::chat::delete_messages(&node, actor, chat_id, &nos).await)?;
    context::redirect(&Address::chat(chat_id));
    Ok(())
}

/// Forwards messages to another chat, in their order.
#[server(prefix = "/fn", endpoint = "forward_messages")]
pub async fn forward_messages(chat_id: ChatId, nos: String, to: ChatId, client_id: ClientId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    // Each message gets an id derived from the form's, so that a repeated form forwards once.
    let sends: Vec<(u64, ClientId)> = context::numbers(&nos)?.into_iter().map(|no| (no, client_id.of(no))).collect();
    let forward = services::chat::Forward { from: chat_id, to, sends: &sends };
    context::answer(services::chat::forward_messages(&node, actor, forward).await)?;
    context::redirect(&Address::chat(to));
    Ok(())
}

/// Adds (`emoji`), removes (`taken`) or toggles (`toggled`) a reaction.
#[server(prefix = "/fn", endpoint = "react")]
pub async fn react(
    chat_id: ChatId,
    no: u64,
    #[server(default)] emoji: Option<String>,
    #[server(default)] taken: Option<String>,
    #[server(default)] toggled: Option<String>,
) -> Result<(), Refusal> {
    use services::chat::{React, commit::Reacting};
    let (node, actor) = context::signed_in()?;
    for (emoji, how) in [(emoji, Reacting::Give), (taken, Reacting::TakeBack), (toggled, Reacting::Toggle)] {
        if let Some(emoji) = &emoji {
            context::answer(services::chat::react(&node, actor, chat_id, React { no, emoji, how }).await)?;
        }
    }
    context::redirect(&Address::message(chat_id, no));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "report_message")]
pub async fn report_message(chat_id: ChatId, no: u64, reason: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::chat::report_message(&node, actor, chat_id, no, &cleaned(&reason)).await)?;
    context::redirect(&Address::message(chat_id, no));
    Ok(())
}

/// Changes the user's own state of a chat. Absent fields do not change. `mute` is a number of hours, 0 unmutes.
/// `muted_until` is a time in milliseconds since 1970, 0 unmutes: it restores a mute.
#[server(prefix = "/fn", endpoint = "own_state")]
pub async fn own_state(
    chat_id: ChatId,
    #[server(default)] mute: Option<u32>,
    #[server(default)] muted_until: Option<i64>,
    #[server(default)] pinned: Option<bool>,
    #[server(default)] archived: Option<bool>,
    #[server(default)] marked_unread: Option<bool>,
) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let restored = muted_until.map(|time| (time > 0).then_some(protocol::time::Timestamp(time)));
    let update = protocol::chat::UpdateOwnState {
        muted_until: mute.map(services::chat::muted_for).or(restored),
        pinned,
        archived,
        draft: None,
        marked_unread,
    };
    context::answer(services::chat::update_own_state(&node, actor, chat_id, update).await)?;
    let list = marked_unread == Some(true);
    context::redirect(&if list { Address::CHATS } else { Address::info(chat_id) });
    Ok(())
}

#[server(prefix = "/fn", endpoint = "mark_read")]
pub async fn mark_read(chat_id: ChatId, no: u64) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::chat::mark_read(&node, actor, chat_id, no).await)?;
    context::redirect(&Address::chat(chat_id));
    Ok(())
}
