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

/// The codes with which the server closes a socket.
pub mod close {
    pub const NORMAL: u16 = 1000;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_LARGE: u16 = 1009;
    pub const RESTARTING: u16 = 1012;
    pub const OVERLOADED: u16 = 1013;
    pub const SIGNED_OUT: u16 = 4401;
    pub const TOO_FAST: u16 = 4429;
}

/// A client's frame and its `ref`, which the response repeats.
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
    /// Subscribes the socket to the presence of these users, in addition to the peers of direct chats. The server sends
    /// the current presence of each at once.
    Watch {
        #[serde(default)]
        user_ids: Vec<UserId>,
    },
    Typing {
        chat_id: ChatId,
    },
    Ping,
}

/// The state of a device's chats, as `hello` and `heads` send it.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The head of each chat; at most 500 chats.
    pub chats: HashMap<ChatId, u64>,
    /// The user's own read marks in chats with unread messages: another device may have moved them.
    pub read: HashMap<ChatId, u64>,
}

impl From<HashMap<ChatId, u64>> for Held {
    fn from(chats: HashMap<ChatId, u64>) -> Self {
        Self { chats, read: HashMap::new() }
    }
}

/// A server's frame. A response repeats the `ref` of its request.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<u64>,
    #[serde(flatten)]
    pub frame: ServerFrame,
}

/// Declares the server's frames and their reader, which selects by `type`.
macro_rules! server_frames {
    ($($name:literal => $variant:ident { $($(#[$attribute:meta])? $field:ident: $type:ty),* },)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[expect(clippy::large_enum_variant, reason = "a frame is applied at once and dropped")]
        pub enum ServerFrame {
            $($variant { $($(#[$attribute])? $field: $type),* },)*
            Welcome(Welcome),
            Heads(Heads),
            Changes(Changes),
            /// A frame of a newer version. If it is a change of a chat, the client reads the changes of that
            /// chat: the frame may replace one that this version knows.
            #[serde(skip)]
            Unknown { chat_id: Option<ChatId>, seq: Option<u64> },
        }

        impl Reply {
            /// Parses a frame.
            ///
            /// # Errors
            /// When the text is not JSON or has no `type`, or when fields of a known frame are missing.
            pub fn parse(text: &str) -> serde_json::Result<Self> {
                // Server functions read from bytes too: each kind of serde reader adds its own code to the WASM.
                let mut row: Row = serde_json::from_slice(text.as_bytes())?;
                let unknown = || serde::de::Error::custom("not a frame of this protocol");
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
                    "" => return None,
                    _ => ServerFrame::Unknown {
                        chat_id: row.take("chat_id").unwrap_or_default(),
                        seq: row.take("seq").unwrap_or_default(),
                    },
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

/// The user's chats that differ from the numbers in `hello`: at most 200, newest activity first.
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

/// The chats whose head differs from the one that the client sent.
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
    /// The newest message at change `seq`; `unread` counts up to it.
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
        for bad in ["", "{}", r#"{"type":""}"#, r#"{"type":"read"}"#, "[1]"] {
            assert!(Reply::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn frames_of_a_newer_version_are_read_as_unknown() {
        let chat = "00000000-0000-0000-0000-000000000001";
        let chat_id = Some(ChatId(uuid::Uuid::from_u128(1)));
        for (text, expected) in [
            (r#"{"type":"hologram"}"#.to_owned(), (None, None)),
            (format!(r#"{{"type":"hologram","chat_id":"{chat}","seq":7,"light":[1]}}"#), (chat_id, Some(7))),
            (r#"{"type":"hologram","chat_id":9,"seq":"x"}"#.to_owned(), (None, None)),
        ] {
            let frame = Reply::parse(&text).unwrap().frame;
            let (chat_id, seq) = expected;
            assert_eq!(frame, ServerFrame::Unknown { chat_id, seq }, "{text}");
        }
        let error = Reply::parse(r#"{"type":"error","ref":3,"code":"eclipsed","message":"…"}"#).unwrap();
        let ServerFrame::Error { code, .. } = error.frame else { panic!("{error:?}") };
        assert_eq!((error.reference, code.name(), code.status()), (Some(3), "eclipsed", 500));
    }
}
