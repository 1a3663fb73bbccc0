//! The frames of the WebSocket, subprotocol `messenger.v1` (PROTOCOL section 5).

use crate::{
    chat::{Changes, Chat, ChatSummary, Message},
    error::ErrorCode,
    groups::Member,
    ids::{ChatId, ClientId, SessionId, UserId},
    profiles::{Me, User},
    time::Timestamp,
    wire::Row,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

pub const SUBPROTOCOL: &str = "messenger.v1";

/// Why the server closes a socket.
pub mod close {
    pub const TOO_LARGE: u16 = 1009;
    pub const RESTARTING: u16 = 1012;
    pub const OVERLOADED: u16 = 1013;
    pub const SIGNED_OUT: u16 = 4401;
    pub const TOO_FAST: u16 = 4429;
}

/// A client's frame with its `ref`, which the answer repeats.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<u64>,
    #[serde(flatten)]
    pub frame: ClientFrame,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    Auth {
        access_token: String,
    },
    Hello {
        mine: Option<u64>,
        #[serde(default)]
        chats: HashMap<ChatId, u64>,
        #[serde(default)]
        read: HashMap<ChatId, u64>,
    },
    Heads {
        #[serde(default)]
        mine: u64,
        #[serde(default)]
        chats: HashMap<ChatId, u64>,
        #[serde(default)]
        read: HashMap<ChatId, u64>,
    },
    Changes {
        chat_id: Option<ChatId>,
        after: Option<u64>,
        chats: Option<BTreeMap<ChatId, u64>>,
    },
    Send {
        chat_id: ChatId,
        client_id: ClientId,
        #[serde(default)]
        text: String,
        reply_to: Option<u64>,
    },
    Edit {
        chat_id: ChatId,
        no: u64,
        #[serde(default)]
        text: String,
        base_seq: Option<u64>,
    },
    Delete {
        chat_id: ChatId,
        no: u64,
    },
    React {
        chat_id: ChatId,
        no: u64,
        #[serde(default)]
        emoji: String,
    },
    Unreact {
        chat_id: ChatId,
        no: u64,
        #[serde(default)]
        emoji: String,
    },
    Read {
        chat_id: ChatId,
        no: u64,
    },
    /// Whose presence this socket is told from now on, besides that of those it has a direct chat with;
    /// how it stands comes at once.
    Watch {
        #[serde(default)]
        user_ids: Vec<UserId>,
    },
    Typing {
        chat_id: ChatId,
    },
    Ping,
}

/// What a device holds of its chats, as `hello` and `heads` name it.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The head of each, 500 at most.
    pub chats: HashMap<ChatId, u64>,
    /// One's own read mark in those that have something unread: another device may have read it meanwhile.
    pub read: HashMap<ChatId, u64>,
}

impl From<HashMap<ChatId, u64>> for Held {
    fn from(chats: HashMap<ChatId, u64>) -> Self {
        Self { chats, read: HashMap::new() }
    }
}

/// A server's frame; an answer carries the `ref` it answers.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<u64>,
    #[serde(flatten)]
    pub frame: ServerFrame,
}

/// Declares the server's frames, and how they are read: by their type.
macro_rules! server_frames {
    ($($name:literal => $variant:ident { $($(#[$attribute:meta])? $field:ident: $type:ty),* },)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[expect(clippy::large_enum_variant, reason = "a frame is applied at once, never kept")]
        pub enum ServerFrame {
            $($variant { $($(#[$attribute])? $field: $type),* },)*
            Welcome(Welcome),
            Heads(Heads),
            Changes(Changes),
        }

        impl Reply {
            /// Reads a frame.
            ///
            /// # Errors
            /// When it is not JSON, or not a frame that this version knows.
            pub fn parse(text: &str) -> serde_json::Result<Self> {
                // Always from bytes, as server functions do: each reader of serde is code of its own.
                let mut row: Row = serde_json::from_slice(text.as_bytes())?;
                let unknown = || serde::de::Error::custom("not a frame of ours");
                let (name, reference) = row.take("type").zip(row.take("ref")).ok_or_else(unknown)?;
                let frame = Self::frame(name, row).ok_or_else(unknown)?;
                Ok(Self { reference, frame })
            }

            fn frame(name: String, mut row: Row) -> Option<ServerFrame> {
                Some(match name.as_str() {
                    $($name => ServerFrame::$variant { $($field: row.take(stringify!($field))?),* },)*
                    "welcome" => ServerFrame::Welcome(Welcome::from_row(&mut row)?),
                    "heads" => ServerFrame::Heads(Heads::from_row(&mut row)?),
                    "changes" => ServerFrame::Changes(Changes::from_row(&mut row)?),
                    _ => return None,
                })
            }
        }
    };
}

server_frames! {
    "ready" => Ready { user_id: UserId, session_id: SessionId, version: String },
    "ack" => Ack { message: Message },
    "pong" => Pong {},
    "message" => Message { chat_id: ChatId, seq: u64, message: Message },
    "chat" => Chat { chat_id: ChatId, seq: u64, chat: Chat },
    "member" => Member { chat_id: ChatId, seq: u64, member: Member },
    "mine" => Mine { mine: u64, chat: ChatSummary, users: Vec<User> },
    "removed" => Removed { chat_id: ChatId, mine: u64 },
    "read" => Read { chat_id: ChatId, user_id: UserId, no: u64 },
    "typing" => Typing { chat_id: ChatId, user_id: UserId },
    "presence" => Presence { user_id: UserId, online: bool, last_seen_at: Option<Timestamp> },
    "user" => User { user: User },
    "resync" => Resync {},
    "revoked" => Revoked {},
    "error" => Error {
        code: ErrorCode,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")] current: Option<Box<Message>>
    },
}

/// What changed in one's chats since `hello`'s numbers; at most 200 chats, newest activity first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Welcome {
    pub user: Me,
    pub mine: u64,
    pub chats: Vec<ChatSummary>,
    pub gone: Vec<ChatId>,
    pub more: bool,
    pub users: Vec<User>,
}

crate::rows! { Welcome { user, mine, chats, gone, more, users } }

/// The chats whose head differs from the one named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heads {
    pub mine: u64,
    pub chats: HashMap<ChatId, Head>,
    pub gone: Vec<ChatId>,
}

crate::rows! { Heads { mine, chats, gone } }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    pub seq: u64,
    /// The newest message as of `seq`: `unread` counts up to it.
    pub last_no: u64,
    pub read_no: u64,
    pub unread: u32,
    pub mentions_unread: u32,
}

crate::rows! { Head { seq, last_no, read_no, unread, mentions_unread } }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let (chat_id, user_id) = (ChatId(uuid::Uuid::from_u128(1)), UserId(uuid::Uuid::from_u128(2)));
        for frame in [
            ServerFrame::Pong {},
            ServerFrame::Resync {},
            ServerFrame::Read { chat_id, user_id, no: 7 },
            ServerFrame::Typing { chat_id, user_id },
            ServerFrame::Error { code: ErrorCode::NotFound, message: "There is nothing here.".into(), current: None },
            ServerFrame::Heads(Heads { mine: 3, chats: HashMap::new(), gone: vec![chat_id] }),
        ] {
            let text = serde_json::to_string(&Reply { reference: Some(9), frame: frame.clone() }).unwrap();
            let read = Reply::parse(&text).unwrap();
            assert_eq!((read.reference, read.frame), (Some(9), frame), "{text}");
        }
        for bad in ["", "{}", r#"{"type":"nonsense"}"#, r#"{"type":"read"}"#, "[1]"] {
            assert!(Reply::parse(bad).is_err(), "{bad}");
        }
    }
}
