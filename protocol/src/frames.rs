//! The frames of the WebSocket, subprotocol `messenger.v1` (PROTOCOL section 5).

use crate::{
    chat::{Changes, Chat, ChatSummary, Message},
    error::ErrorCode,
    groups::Member,
    ids::{ChatId, ClientId, SessionId, UserId},
    profiles::{Me, User},
    time::Timestamp,
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
    },
    Heads {
        #[serde(default)]
        mine: u64,
        #[serde(default)]
        chats: HashMap<ChatId, u64>,
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
    Read {
        chat_id: ChatId,
        no: u64,
    },
    Typing {
        chat_id: ChatId,
    },
    Ping,
}

/// A server's frame; an answer carries the `ref` it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<u64>,
    #[serde(flatten)]
    pub frame: ServerFrame,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    Ready { user_id: UserId, session_id: SessionId, version: String },
    Welcome(Welcome),
    Heads(Heads),
    Changes(Changes),
    Ack { message: Message },
    Pong,
    Message { chat_id: ChatId, seq: u64, message: Message },
    Chat { chat_id: ChatId, seq: u64, chat: Chat },
    Member { chat_id: ChatId, seq: u64, member: Member },
    Mine { mine: u64, chat: ChatSummary },
    Removed { chat_id: ChatId, mine: u64 },
    Read { chat_id: ChatId, user_id: UserId, no: u64 },
    Typing { chat_id: ChatId, user_id: UserId },
    Presence { user_id: UserId, online: bool, last_seen_at: Option<Timestamp> },
    User { user: User },
    Resync {},
    Revoked {},
    Error { code: ErrorCode, message: String },
}

/// What changed in one's chats since `hello`'s numbers; at most 200 chats, newest activity first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub user: Me,
    pub mine: u64,
    pub chats: Vec<ChatSummary>,
    pub gone: Vec<ChatId>,
    pub more: bool,
    pub users: Vec<User>,
}

/// The chats whose head differs from the one named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heads {
    pub mine: u64,
    pub chats: HashMap<ChatId, Head>,
    pub gone: Vec<ChatId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub seq: u64,
    pub read_no: u64,
    pub unread: u32,
    pub mentions_unread: u32,
}
