//! The data that the server sends with a page: the rows that the page shows.

use crate::{
    auth::page::Sessions,
    chat::page::Conversation,
    groups::page::{Info, New},
    profiles::page::Person,
    settings::page::Privacy,
    ui::{Forms, time::Offsets},
};
use protocol::{
    chat::ChatSummary,
    ids::{ChatId, UserId},
    profiles::{Me, User},
    reducer::State,
    time::Timestamp,
    wire::Read,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The data of one page. The server renders from it, and hydration reads the same data, so that both render the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seed {
    pub locale: String,
    /// The reader's choices of `choices::CHOICES`, by name.
    pub choices: BTreeMap<String, String>,
    /// The offsets of the reader's time zone; empty if the data comes from the device.
    pub offsets: Offsets,
    /// When the page was made, in milliseconds since 1970.
    pub now: i64,
    /// The time of stored data: when the device last received a frame. None if the server loaded the data.
    pub as_of: Option<Timestamp>,
    pub me: Option<Me>,
    pub mine: u64,
    pub chats: Vec<ChatSummary>,
    /// The cursor of the chats after these. A page with JavaScript loads them itself.
    pub older_chats: Option<String>,
    pub users: Vec<User>,
    /// The path and query that the server loaded; empty if the data comes from the device.
    pub address: String,
    pub forms: Forms,
    pub page: Page,
}

protocol::rows! { Seed { locale, choices, offsets, now, as_of, me, mine, chats, older_chats, users, address, forms, page } }

/// The data of one kind of page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Page {
    /// The data have not arrived yet.
    #[default]
    Loading,
    /// There is no page at the address, or the reader may not see it.
    Missing,
    /// The request failed. This page has no scripts, so a browser never reads it.
    #[cfg(feature = "ssr")]
    Failed(Failed),
    /// The page has no data of its own.
    Plain,
    /// The sign-in page, after the session of this browser was ended.
    Ended,
    Conversation(Conversation),
    Info(Info),
    New(New),
    Person(Person),
    Sessions(Sessions),
    Privacy(Privacy),
}

/// Why there is no page, and where the reader came from.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    pub code: protocol::error::ErrorCode,
    pub back: String,
}

protocol::readable!(Page, |value| {
    // As serde writes an enum: a name, or an object of a name and the data.
    let (name, data) = match value {
        Value::String(name) => (name, Value::Null),
        Value::Object(fields) => fields.into_iter().next()?,
        _ => return None,
    };
    Some(match name.as_str() {
        "Loading" => Self::Loading,
        "Missing" => Self::Missing,
        "Plain" => Self::Plain,
        "Ended" => Self::Ended,
        "Conversation" => Self::Conversation(Read::read(data)?),
        "Info" => Self::Info(Read::read(data)?),
        "New" => Self::New(Read::read(data)?),
        "Person" => Self::Person(Read::read(data)?),
        "Sessions" => Self::Sessions(Read::read(data)?),
        "Privacy" => Self::Privacy(Read::read(data)?),
        _ => return None,
    })
});

impl Page {
    /// Adds the page's rows to the state.
    pub fn apply(&self, state: &mut State) {
        match self {
            Self::Conversation(conversation) => conversation.apply(state),
            Self::Info(info) => info.apply(state),
            Self::New(new) => new.apply(state),
            Self::Person(person) => person.apply(state),
            Self::Privacy(privacy) => privacy.apply(state),
            _ => {}
        }
    }

    /// Whether the page knows that the reader has blocked the other user of a direct chat; None until it has loaded.
    #[must_use]
    pub fn has_blocked(&self, chat_id: ChatId) -> Option<bool> {
        match self {
            Self::Conversation(page) if page.chat_id == chat_id => Some(page.blocked),
            Self::Info(page) if page.chat_id == chat_id => Some(page.blocked),
            _ => None,
        }
    }

    /// After the reader has blocked a user, or has ended the block. `direct` is the reader's chat with this user.
    pub fn set_blocked(&mut self, user_id: UserId, direct: Option<ChatId>, blocked: bool) {
        match self {
            Self::Conversation(page) if Some(page.chat_id) == direct => page.blocked = blocked,
            Self::Info(page) if Some(page.chat_id) == direct => page.blocked = blocked,
            Self::Person(page) if page.user.id == user_id => page.blocked = blocked,
            Self::Privacy(page) if !blocked => page.blocked.retain(|user| user.id != user_id),
            _ => {}
        }
    }

    /// The page of this conversation.
    #[must_use]
    pub fn conversation(&self, chat_id: ChatId) -> Option<&Conversation> {
        match self {
            Self::Conversation(conversation) if conversation.chat_id == chat_id => Some(conversation),
            _ => None,
        }
    }
}
