//! What the server hands a page: the rows it shows, and nothing that could not be asked for again.

use protocol::{
    auth::Session,
    chat::{ChatSummary, History},
    error::ApiError,
    groups::Member,
    ids::{ChatId, ClientId},
    profiles::{Me, User},
    time::Timestamp,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The data of one page. Rendered from on the server, read again at hydration, so that nothing differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seed {
    pub locale: String,
    /// What was chosen of `settings::CHOICES`, by name.
    pub choices: BTreeMap<String, String>,
    /// Minutes east of UTC.
    pub offset: i32,
    /// Milliseconds since 1970, when the page was made.
    pub now: i64,
    /// As of when the rest is known, where it is not the server's but what a device kept.
    pub as_of: Option<Timestamp>,
    pub me: Option<Me>,
    pub mine: u64,
    pub chats: Vec<ChatSummary>,
    pub users: Vec<User>,
    pub page: Page,
}

protocol::rows! { Seed { locale, choices, offset, now, as_of, me, mine, chats, users, page } }

/// What belongs to one page alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Page {
    /// Its path and query.
    pub address: String,
    /// There is nothing at this address for this reader.
    pub missing: bool,
    pub opened: Option<Opened>,
    pub members: Option<(ChatId, Vec<Member>)>,
    pub person: Option<User>,
    /// Whether the reader has blocked that person, or the other one of the chat.
    pub blocked: bool,
    /// What is looked for, and who was found.
    pub query: String,
    pub found: Vec<User>,
    /// The people chosen for a new group.
    pub chosen: Vec<User>,
    pub sessions: Vec<Session>,
    pub refused: Option<Refused>,
    /// For the form of this rendering: a repeated post of it is the same send.
    pub client_id: Option<ClientId>,
}

protocol::rows! { Page { address, missing, opened, members, person, blocked, query, found, chosen, sessions, refused, client_id } }

/// A conversation's window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Opened {
    pub chat_id: ChatId,
    pub history: History,
    /// The reader's mark when the page was opened: where "new messages" begins.
    pub read_no: u64,
    /// The message that the address points to.
    pub at: Option<u64>,
}

protocol::rows! { Opened { chat_id, history, read_no, at } }

/// A form that was refused, with what was typed into it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// The last part of its action.
    pub form: String,
    pub error: ApiError,
    pub values: Vec<(String, String)>,
}

protocol::rows! { Refused { form, error, values } }

impl Refused {
    /// What was typed into a field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }
}
