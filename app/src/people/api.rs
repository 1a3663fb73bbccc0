//! Server functions that open the direct chat with a user, and block a user.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::UserId;

#[cfg(feature = "ssr")]
use crate::{
    address::{Address, Section},
    server_context as context,
};

/// Opens the direct chat with a user.
#[server(prefix = "/fn", endpoint = "open_direct")]
pub async fn open_direct(user_id: UserId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let (chat, _) = context::answer(services::chat::open_direct(&node, actor, user_id).await)?;
    context::redirect(&Address::chat(chat.chat.id));
    Ok(())
}

/// Blocks a user, or ends the block. `back` is the address of the form's page.
#[server(prefix = "/fn", endpoint = "block")]
pub async fn block(user_id: UserId, blocked: bool, #[server(default)] back: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(if blocked {
        services::chat::blocks::block(&node, actor, user_id).await
    } else {
        services::chat::blocks::unblock(&node, actor, user_id).await
    })?;
    let page = Address::next(&back).map(|page| *page);
    context::redirect(&page.unwrap_or(Address::Settings(Section::Privacy)));
    Ok(())
}
