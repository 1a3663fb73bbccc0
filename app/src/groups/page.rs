//! The data of the pages of `groups`.

use protocol::{groups::Member, ids::ChatId, profiles::User, reducer::State};
use serde::Serialize;
#[cfg(feature = "ssr")]
use {
    crate::chat::page::has_blocked,
    protocol::{chat::ChatSummary, ids::UserId},
    services::{
        Actor, Node, chat,
        groups::{self, MembersPage},
        profiles,
    },
};

/// A chat's page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Info {
    pub chat_id: ChatId,
    pub members: Vec<Member>,
    /// The cursor of the members after these.
    pub next: Option<String>,
    /// Whether the reader has blocked the other user of a direct chat.
    pub blocked: bool,
    /// Users who could be added.
    pub found: Vec<User>,
}

protocol::rows! { Info { chat_id, members, next, blocked, found } }

/// The pages for a new chat and a new group, which search for users.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct New {
    pub found: Vec<User>,
    /// The cursor of the users after these.
    pub next: Option<String>,
    /// The users already chosen for a group.
    pub chosen: Vec<User>,
}

protocol::rows! { New { found, next, chosen } }

impl Info {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        state.apply_members(self.chat_id, self.members.clone());
        state.learn_all(self.found.clone());
    }
}

impl New {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        state.learn_all(self.found.clone());
    }
}

/// Loads a chat's page, with the chat's row: a page of the members, and the users that a query finds.
///
/// # Errors
/// `not_found`, `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load_info(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    (query, members): (&str, MembersPage<'_>),
) -> services::Result<(Info, ChatSummary)> {
    let summary = chat::summary(node, actor, chat_id).await?;
    let blocked = has_blocked(node, actor, &summary).await?;
    let protocol::Page { items: members, next } = groups::members(node, actor, chat_id, members).await?;
    let found = profiles::find(node, query, None).await?.items;
    Ok((Info { chat_id, members, next, blocked, found }, summary))
}

/// Finds users, and loads the users who are chosen already.
///
/// # Errors
/// `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load_new(node: &Node, query: &str, cursor: Option<&str>, chosen: &[UserId]) -> services::Result<New> {
    let protocol::Page { items: found, next } = profiles::find(node, query, cursor).await?;
    Ok(New { found, next, chosen: profiles::by_ids(node, chosen).await? })
}
