//! The result of the reader's last action, which a toast shows.

use crate::i18n::Text;
use protocol::{error::ErrorCode, ids::ChatId};

/// The result of the reader's last action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Failed(ErrorCode),
    /// Why the server refused, in the reader's language.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends forms without leaving the page"))]
    Said(&'static str),
    /// A limit is reached.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends forms without leaving the page"))]
    TooMany,
    Copied,
    Forwarded,
    Reported,
    Saved,
    /// The reader's own state of a chat has changed. The toast offers to undo the change.
    Changed(Text, Undo),
}

/// The form that undoes a change of the reader's own state of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undo {
    pub chat_id: ChatId,
    pub field: &'static str,
    pub before: Before,
}

/// The value before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Mark(bool),
    /// In milliseconds since 1970; 0 for none.
    Time(i64),
}
