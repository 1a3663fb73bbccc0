//! Which parts of the state a change touched, so that only the readers of those parts are notified.

use crate::ids::{ChatId, UserId};
use std::collections::BTreeSet;

/// A part of the state with its own readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The reader's own account.
    Me,
    /// Which users are known, and their rows; not their presence.
    Users,
    /// One user's row and presence.
    User(UserId),
    /// The chat list: which chats there are, their order, and what the list shows of each.
    Chats,
    /// Everything about one chat, its unsent messages included.
    Chat(ChatId),
    /// Who is typing in a chat.
    Typing(ChatId),
    /// The unsent messages of all chats.
    Outbox,
}

/// The parts touched since they were last taken.
pub type Touched = BTreeSet<Part>;
