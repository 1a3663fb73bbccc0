//! Data that the browser requests besides the pages and the socket.

use crate::Refusal;
use leptos::prelude::*;
use protocol::{
    Page,
    chat::{ChatSummary, History},
    groups::Member,
    ids::ChatId,
};

#[cfg(feature = "ssr")]
use crate::server_context as context;
#[cfg(feature = "hydrate")]
use protocol::chat::Reacted;

/// A page of the reader's chats, newest activity first.
#[server(prefix = "/fn", endpoint = "chats")]
pub async fn load_chats(cursor: Option<String>) -> Result<Page<ChatSummary>, Refusal> {
    let (node, actor) = context::signed_in()?;
    let most = Some(protocol::limits::HISTORY_MAX);
    context::answer(services::chat::list(&node, actor, None, cursor.as_deref(), most).await)
}

/// A window of a history: before, after or around a message, else the newest.
#[server(prefix = "/fn", endpoint = "history")]
pub async fn load_history(
    chat_id: ChatId,
    before: Option<u64>,
    after: Option<u64>,
    around: Option<u64>,
) -> Result<History, Refusal> {
    use protocol::chat::Window;
    let (node, actor) = context::signed_in()?;
    let window = match (before, after, around) {
        (Some(no), ..) => Window::Before(no),
        (_, Some(no), _) => Window::After(no),
        (.., Some(no)) => Window::Around(no),
        _ => Window::Newest,
    };
    context::answer(services::chat::history(&node, actor, chat_id, window, None).await)
}

/// Messages by their numbers, for quotes: `nos` as `2,3,5`.
#[server(prefix = "/fn", endpoint = "quoted")]
pub async fn load_quoted(chat_id: ChatId, nos: String) -> Result<History, Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::chat::quoted(&node, actor, chat_id, &context::numbers(&nos)?).await)
}

/// The first hundred members of a chat; with a query, only members with a name that begins with it.
#[server(prefix = "/fn", endpoint = "members")]
pub async fn load_members(chat_id: ChatId, query: String) -> Result<Vec<Member>, Refusal> {
    let (node, actor) = context::signed_in()?;
    let most = Some(protocol::limits::HISTORY_MAX);
    let parts = expect_context::<http::request::Parts>();
    let language = context::locale(&parts.headers);
    let page = services::groups::MembersPage { query: Some(&query), limit: most, language, cursor: None };
    Ok(context::answer(services::groups::members(&node, actor, chat_id, page).await)?.items)
}

/// Saves the draft of a chat for the user's other devices; returns the chat's new row. The endpoint has the name that
/// pages of earlier versions call.
#[server(prefix = "/fn", endpoint = "keep_draft")]
pub async fn save_draft(chat_id: ChatId, #[server(default)] draft: String) -> Result<ChatSummary, Refusal> {
    let (node, actor) = context::signed_in()?;
    let update =
        protocol::chat::UpdateOwnState { draft: Some(Some(protocol::text::cleaned(&draft))), ..Default::default() };
    context::answer(services::chat::update_own_state(&node, actor, chat_id, update).await)
}

/// The first hundred users who reacted to a message, oldest reaction first; none if the request fails.
#[cfg(feature = "hydrate")]
pub async fn load_reacted(chat_id: ChatId, no: u64) -> Vec<Reacted> {
    let most = protocol::limits::HISTORY_MAX;
    let page = load_page(&format!("chats/{chat_id}/messages/{no}/reactions?limit={most}")).await;
    page.map(|page| page.items).unwrap_or_default()
}

/// A page of a list over REST: `path` with its query; none after a failure.
#[cfg(feature = "hydrate")]
pub async fn load_page<T: protocol::wire::Read>(path: &str) -> Option<Page<T>> {
    serde_json::from_slice(fetch(&format!("/api/v1/{path}")).await?.as_bytes()).ok()
}

/// The body of a response of this server; none after a failure.
#[cfg(feature = "hydrate")]
pub async fn fetch(url: &str) -> Option<String> {
    let answer = gloo_net::http::Request::get(url).send().await.ok()?;
    if answer.ok() { answer.text().await.ok() } else { None }
}
