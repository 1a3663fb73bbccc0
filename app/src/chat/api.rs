//! The server functions of `chat`.

use crate::Refusal;
use leptos::prelude::*;
use protocol::{
    Page,
    chat::{ChatSummary, History},
    ids::{ChatId, ClientId, UserId},
};

#[cfg(feature = "ssr")]
use crate::server_context as context;

#[server(prefix = "/fn", endpoint = "open_direct")]
pub async fn open_direct(user_id: UserId) -> Result<(), Refusal> {
    let (infra, actor) = context::signed_in()?;
    let (chat, _) = context::answer(services::chat::open_direct(&infra, actor, user_id).await)?;
    leptos_axum::redirect(&format!("/chats/{}", chat.chat.id));
    Ok(())
}

/// The composer's form. Where JavaScript runs, sends travel by the socket instead.
#[server(prefix = "/fn", endpoint = "send_message")]
pub async fn send_message(chat_id: ChatId, client_id: ClientId, text: String) -> Result<(), Refusal> {
    let (infra, actor) = context::signed_in()?;
    let data = protocol::chat::PostMessage { client_id, text: text.clone(), reply_to: None };
    let (message, new) = context::answer(services::chat::post_message(&infra, actor, chat_id, data).await)?;
    let typed = protocol::text::MessageText::parse(&text);
    // The form went out twice with different words: the first stand, and these are not lost.
    if !new && typed.is_ok_and(|typed| typed.as_str() != message.text) {
        return context::refuse(services::Rejection::conflict("This form was sent already."));
    }
    leptos_axum::redirect(&format!("/chats/{chat_id}#m{}", message.no));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "mark_read")]
pub async fn mark_read(chat_id: ChatId, no: u64) -> Result<(), Refusal> {
    let (infra, actor) = context::signed_in()?;
    context::answer(services::chat::mark_read(&infra, actor, chat_id, no).await)?;
    leptos_axum::redirect(&format!("/chats/{chat_id}"));
    Ok(())
}

/// A page of one's chats, newest activity first.
#[server(prefix = "/fn", endpoint = "chats")]
pub async fn load_chats(cursor: Option<String>) -> Result<Page<ChatSummary>, Refusal> {
    let (infra, actor) = context::signed_in()?;
    let most = Some(protocol::limits::HISTORY_MAX);
    context::answer(services::chat::list(&infra, actor, None, cursor.as_deref(), most).await)
}

/// A window of a history: before or after a message, else the newest.
#[server(prefix = "/fn", endpoint = "history")]
pub async fn load_history(chat_id: ChatId, before: Option<u64>, after: Option<u64>) -> Result<History, Refusal> {
    use protocol::chat::Window;
    let (infra, actor) = context::signed_in()?;
    let window = match (before, after) {
        (Some(no), _) => Window::Before(no),
        (_, Some(no)) => Window::After(no),
        _ => Window::Newest,
    };
    context::answer(services::chat::history(&infra, actor, chat_id, window, None).await)
}
