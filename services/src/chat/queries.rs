//! All SQL of `chat`, and of the commit queue that `groups` uses too: `write` for changes, `read` for readers.

/// The columns of a message in table `m`.
macro_rules! message_columns {
    () => {
        "m.chat_id, m.no, m.seq, m.message_id, m.client_id, m.sender_id, m.kind, m.text, m.reply_to, m.event, \
         m.created_at, m.edited_at, m.deleted, m.mentions, m.forwarded_from, m.reactions"
    };
}

mod own;
mod reactions;
mod read;
mod rows;
mod write;

pub use own::*;
pub use reactions::*;
pub use read::*;
pub use rows::{ChatRow, MemberRow};
pub use write::*;

use protocol::ids::UserId;
use uuid::Uuid;

/// PostgreSQL has no unsigned integers; these values are never negative.
pub(super) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uuids<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<Uuid> {
    ids.into_iter().map(|id| id.0).collect()
}
