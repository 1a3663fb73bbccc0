//! Rows for tests.

use protocol::{
    chat::{Chat, ChatKind, ChatSummary, History, Message, MessageKind},
    ids::{ChatId, ClientId, MessageId, UserId},
    reducer::{ChatState, State},
    time::Timestamp,
};
use uuid::Uuid;

const CHAT: ChatId = ChatId(Uuid::from_u128(1));

pub fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// A text message. Its `seq` is its `no`.
pub fn message(no: u64, sender: u128, at: i64) -> Message {
    Message {
        chat_id: CHAT,
        no,
        seq: no,
        id: MessageId(Uuid::from_u128(no.into())),
        client_id: ClientId(Uuid::from_u128(no.into())),
        sender_id: user(sender),
        kind: MessageKind::Text,
        text: "text".into(),
        reply_to: None,
        forwarded_from: None,
        attachments: vec![],
        reactions: vec![],
        mentions: vec![],
        event: None,
        created_at: Timestamp(at),
        edited_at: None,
        deleted: false,
    }
}

/// A group that holds these messages.
pub fn chat(messages: Vec<Message>) -> ChatState {
    let last_no = messages.last().map_or(0, |message| message.no);
    let chat = Chat {
        id: CHAT,
        kind: ChatKind::Group,
        title: None,
        description: String::new(),
        avatar_url: None,
        last_no,
        member_count: 2,
        seq: last_no,
    };
    let summary = ChatSummary {
        chat,
        peer: None,
        role: None,
        read_no: 0,
        unread: 0,
        mentions_unread: 0,
        marked_unread: false,
        muted_until: None,
        pinned: false,
        archived: false,
        archived_no: 0,
        draft: None,
        last_message: None,
        read_by_others_no: 0,
        my_seq: 1,
        active_at: Timestamp(0),
    };
    let mut state = State::default();
    state.apply_summary(summary);
    state.apply_history(CHAT, History { items: messages, last_no, ..History::default() });
    state.chats.remove(&CHAT).expect("the chat is held")
}
