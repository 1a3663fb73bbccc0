//! The data of a conversation's page.

use protocol::{chat::History, groups::Member, ids::ChatId, reducer::State};
use serde::Serialize;
#[cfg(feature = "ssr")]
use {
    crate::address::At,
    protocol::{
        chat::{ChatSummary, Window},
        time::Timestamp,
    },
    services::{Actor, Node, chat, groups},
};

/// The window of a conversation that an address points to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conversation {
    pub chat_id: ChatId,
    pub history: History,
    /// The message that the address points to.
    pub at: Option<u64>,
    /// Whether the reader has blocked the other user of a direct chat.
    pub blocked: bool,
    /// The members, if the page shows who has read a message; else empty.
    pub members: Vec<Member>,
}

protocol::rows! { Conversation { chat_id, history, at, blocked, members } }

impl Conversation {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        // A window stored by this device may be older than the chat's state.
        state.rewind(self.chat_id, self.history.seq);
        state.apply_history(self.chat_id, self.history.clone());
        state.apply_members(self.chat_id, self.members.clone());
    }
}

/// Loads the part of a conversation that an address points to, with the chat's row. The messages are at least as
/// new as the `seq` of that row, from which the client catches up. `At::Day` contains the midnight of the
/// reader's time zone.
///
/// # Errors
/// `not_found`, `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load(node: &Node, actor: Actor, chat_id: ChatId, at: At) -> services::Result<(Conversation, ChatSummary)> {
    let window = match (&at, at.message()) {
        (At::Before(no), _) => Window::Before(*no),
        (At::After(no), _) => Window::After(*no),
        (At::Day(midnight), _) => Window::At(*midnight),
        (_, Some(no)) => Window::Around(no),
        _ => Window::Newest,
    };
    let history = chat::history(node, actor, chat_id, window, None).await?;
    let mut summary = chat::summary(node, actor, chat_id).await?;
    summary.chat.seq = summary.chat.seq.min(history.seq);
    let members = if let At::Seen(_) = at { members(node, actor, chat_id).await? } else { Vec::new() };
    let blocked = has_blocked(node, actor, &summary).await?;
    let at = match at {
        At::Day(midnight) => first_of_day(&history, midnight),
        at => at.message(),
    };
    Ok((Conversation { chat_id, history, at, blocked, members }, summary))
}

/// The first message at or after `midnight`; if there is none, the last message.
#[cfg(feature = "ssr")]
fn first_of_day(history: &History, midnight: Timestamp) -> Option<u64> {
    let first = history.items.iter().find(|message| message.created_at >= midnight);
    first.or(history.items.last()).map(|message| message.no)
}

/// Whether the reader has blocked the other user of a direct chat.
///
/// # Errors
/// `unavailable`.
#[cfg(feature = "ssr")]
pub async fn has_blocked(node: &Node, actor: Actor, summary: &ChatSummary) -> services::Result<bool> {
    let Some(peer) = &summary.peer else { return Ok(false) };
    chat::blocks::has_blocked(node, actor, peer.id).await
}

/// The first hundred members of a chat.
///
/// # Errors
/// `not_found`, `unavailable`.
#[cfg(feature = "ssr")]
pub async fn members(node: &Node, actor: Actor, chat_id: ChatId) -> services::Result<Vec<Member>> {
    let page = groups::MembersPage { limit: Some(protocol::limits::HISTORY_MAX), ..Default::default() };
    Ok(groups::members(node, actor, chat_id, page).await?.items)
}
