//! Server functions that find a user, open the direct chat with a user, and block a user.

use crate::Refusal;
use leptos::prelude::*;
use protocol::{ids::UserId, profiles::User};

#[cfg(feature = "ssr")]
use crate::{
    address::{Address, Section},
    server_context as context,
};

/// Users with names that match a query.
#[server(prefix = "/fn", endpoint = "find_people")]
pub async fn find_people(query: String) -> Result<Vec<User>, Refusal> {
    let (node, _) = context::signed_in()?;
    context::answer(services::profiles::find(&node, &query).await)
}

/// Opens the direct chat with a user.
#[server(prefix = "/fn", endpoint = "open_direct")]
pub async fn open_direct(user_id: UserId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let (chat, _) = context::answer(services::chat::open_direct(&node, actor, user_id).await)?;
    context::redirect(&Address::chat(chat.chat.id));
    Ok(())
}

/// Blocks a user, or ends the block.
#[server(prefix = "/fn", endpoint = "block")]
pub async fn block(user_id: UserId, blocked: bool) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(if blocked {
        services::chat::blocks::block(&node, actor, user_id).await
    } else {
        services::chat::blocks::unblock(&node, actor, user_id).await
    })?;
    context::redirect(&Address::Settings(Section::Privacy));
    Ok(())
}
