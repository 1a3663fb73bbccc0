//! Chats and messages.

use crate::{
    groups::{Member, Role},
    ids::{ChatId, ClientId, MessageId, UserId},
    present,
    profiles::User,
    time::Timestamp,
    wire::{Name, Read as _, Row},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatKind {
    Direct,
    Group,
    Saved,
    Unknown(Name),
}

crate::names! { ChatKind { Direct = "direct", Group = "group", Saved = "saved" } else Unknown }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Text,
    Image,
    Video,
    Audio,
    File,
    System,
    Unknown(Name),
}

crate::names! {
    MessageKind { Text = "text", Image = "image", Video = "video", Audio = "audio", File = "file", System = "system" }
    else Unknown
}

/// An event that a system message reports; the page words it in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    GroupCreated {
        actor_id: UserId,
        title: String,
    },
    MemberAdded {
        actor_id: UserId,
        user_id: UserId,
    },
    MemberRemoved {
        actor_id: UserId,
        user_id: UserId,
    },
    MemberLeft {
        actor_id: UserId,
    },
    RoleChanged {
        actor_id: UserId,
        user_id: UserId,
    },
    TitleChanged {
        actor_id: UserId,
        title: String,
    },
    /// An event of a newer version, as its JSON.
    #[serde(untagged)]
    Unknown(Value),
}

impl ChatEvent {
    /// The users that the event refers to.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let (actor, other) = match self {
            Self::GroupCreated { actor_id, .. }
            | Self::MemberLeft { actor_id }
            | Self::TitleChanged { actor_id, .. } => (Some(*actor_id), None),
            Self::MemberAdded { actor_id, user_id }
            | Self::MemberRemoved { actor_id, user_id }
            | Self::RoleChanged { actor_id, user_id } => (Some(*actor_id), Some(*user_id)),
            Self::Unknown(event) => {
                let user = |name| event.get(name).and_then(|id| UserId::read(id.clone()));
                (user("actor_id"), user("user_id"))
            }
        };
        [actor, other].into_iter().flatten()
    }

    fn known(mut row: Row) -> Option<Self> {
        let (name, actor_id): (String, UserId) = (row.take("type")?, row.take("actor_id")?);
        Some(match name.as_str() {
            "group_created" => Self::GroupCreated { actor_id, title: row.take("title")? },
            "title_changed" => Self::TitleChanged { actor_id, title: row.take("title")? },
            "member_added" => Self::MemberAdded { actor_id, user_id: row.take("user_id")? },
            "member_removed" => Self::MemberRemoved { actor_id, user_id: row.take("user_id")? },
            "role_changed" => Self::RoleChanged { actor_id, user_id: row.take("user_id")? },
            "member_left" => Self::MemberLeft { actor_id },
            _ => return None,
        })
    }
}

crate::readable!(ChatEvent, |event| {
    let known = Row::of(event.clone()).and_then(Self::known);
    Some(known.unwrap_or(Self::Unknown(event)))
});

#[cfg(feature = "openapi")]
fn event_types() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    crate::wire::names_schema(&[
        "group_created",
        "member_added",
        "member_removed",
        "member_left",
        "role_changed",
        "title_changed",
    ])
}

/// One object for all events, as PROTOCOL section 2 writes it.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(as = ChatEvent)]
#[expect(dead_code, reason = "its fields are read by the derive alone")]
pub struct ChatEventSchema {
    #[schema(schema_with = event_types)]
    r#type: String,
    actor_id: UserId,
    user_id: Option<UserId>,
    title: Option<String>,
}

/// The author of a forwarded message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForwardedFrom {
    pub user_id: Option<UserId>,
    pub name: Option<String>,
}

crate::rows! { ForwardedFrom { user_id, name } }

/// The reactions to a message with one emoji. A message lists its emoji in order of first use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    pub emoji: String,
    pub count: u32,
    /// The first users who reacted with it, at most 20.
    pub by: Vec<UserId>,
}

crate::rows! { Reaction { emoji, count, by } }

/// A stored file that a message carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct File {
    pub id: uuid::Uuid,
    pub name: String,
    pub media_type: String,
    pub size: u64,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub thumbhash: Option<String>,
    pub status: FileStatus,
    pub url: String,
    pub thumbnail_url: Option<String>,
}

crate::rows! { File { id, name, media_type, size, width, height, thumbhash, status, url, thumbnail_url } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStatus {
    Scanning,
    Clean,
    Blocked,
    Unknown(Name),
}

crate::names! { FileStatus { Scanning = "scanning", Clean = "clean", Blocked = "blocked" } else Unknown }

/// The row of a message, the same for every reader. Its key is `chat_id` + `no`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    pub chat_id: ChatId,
    /// The message's number in the chat: dense, from 1.
    pub no: u64,
    /// The number of the chat's change that wrote this row.
    pub seq: u64,
    pub id: MessageId,
    pub client_id: ClientId,
    pub sender_id: UserId,
    pub kind: MessageKind,
    pub text: String,
    /// The `no` of the quoted message.
    pub reply_to: Option<u64>,
    pub forwarded_from: Option<ForwardedFrom>,
    pub attachments: Vec<File>,
    pub reactions: Vec<Reaction>,
    pub mentions: Vec<UserId>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ChatEventSchema>))]
    pub event: Option<ChatEvent>,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub deleted: bool,
}

crate::rows! { Message { chat_id, no, seq, id, client_id, sender_id, kind, text, reply_to, forwarded_from, attachments, reactions, mentions, event, created_at, edited_at, deleted } }

impl Message {
    /// The users that the message refers to: its row is shown with their names.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let event = self.event.iter().flat_map(ChatEvent::people);
        let source = self.forwarded_from.iter().filter_map(|from| from.user_id);
        let reacted = self.reactions.iter().flat_map(|reaction| reaction.by.iter().copied());
        let mentioned = self.mentions.iter().copied();
        std::iter::once(self.sender_id).chain(event).chain(source).chain(mentioned).chain(reacted)
    }

    /// Whether this version can show the message. In place of any other message, the page shows a neutral line.
    #[must_use]
    pub fn is_showable(&self) -> bool {
        match (self.kind, &self.event) {
            (MessageKind::Text, _) => true,
            (MessageKind::System, Some(event)) => !matches!(event, ChatEvent::Unknown(_)),
            _ => false,
        }
    }

    /// Whether the message counts as unread for `reader`.
    #[must_use]
    pub fn counts_for(&self, reader: UserId) -> bool {
        self.sender_id != reader && self.kind != MessageKind::System && !self.deleted
    }

    /// Whether the message counts as an unread mention of `reader`.
    #[must_use]
    pub fn mentions(&self, reader: UserId) -> bool {
        self.counts_for(reader) && self.mentions.contains(&reader)
    }
}

/// The row of a chat, the same for every reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chat {
    pub id: ChatId,
    pub kind: ChatKind,
    pub title: Option<String>,
    pub description: String,
    pub avatar_url: Option<String>,
    pub last_no: u64,
    pub member_count: u64,
    /// The number of the change that wrote this row. In a `ChatSummary`: the chat's newest change.
    pub seq: u64,
}

crate::rows! { Chat { id, kind, title, description, avatar_url, last_no, member_count, seq } }

/// A chat as one reader sees it. `chat.seq` is the chat's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChatSummary {
    #[serde(flatten)]
    pub chat: Chat,
    /// The other user of a direct chat.
    pub peer: Option<User>,
    pub role: Option<Role>,
    pub read_no: u64,
    /// Exact up to 999; 1000 means more.
    pub unread: u32,
    pub mentions_unread: u32,
    pub marked_unread: bool,
    pub muted_until: Option<Timestamp>,
    pub pinned: bool,
    /// A newer message un-archives the chat, unless the chat is muted.
    pub archived: bool,
    /// The newest message at the time of archiving.
    pub archived_no: u64,
    pub draft: Option<String>,
    pub last_message: Option<Message>,
    /// The highest read mark of the other members.
    pub read_by_others_no: u64,
    pub my_seq: u64,
    /// The time of the last activity; the list is sorted by it.
    pub active_at: Timestamp,
}

impl ChatSummary {
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }
}

crate::readable!(ChatSummary, |value| {
    let mut row = Row::of(value)?;
    Some(Self {
        peer: row.take("peer")?,
        role: row.take("role")?,
        read_no: row.take("read_no")?,
        unread: row.take("unread")?,
        mentions_unread: row.take("mentions_unread")?,
        marked_unread: row.take("marked_unread")?,
        muted_until: row.take("muted_until")?,
        pinned: row.take("pinned")?,
        archived: row.take("archived")?,
        archived_no: row.take("archived_no")?,
        draft: row.take("draft")?,
        last_message: row.take("last_message")?,
        read_by_others_no: row.take("read_by_others_no")?,
        my_seq: row.take("my_seq")?,
        active_at: row.take("active_at")?,
        chat: Chat::from_row(&mut row)?,
    })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateChat {
    /// `direct` or `group`.
    #[serde(deserialize_with = "ChatKind::read_known")]
    pub kind: ChatKind,
    /// The other user of a direct chat.
    pub user_id: Option<UserId>,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub member_ids: Vec<UserId>,
    /// The same in every retry, so that the group is created once.
    pub client_id: Option<ClientId>,
}

impl CreateChat {
    #[must_use]
    pub fn direct(user_id: UserId) -> Self {
        Self {
            kind: ChatKind::Direct,
            user_id: Some(user_id),
            title: String::new(),
            member_ids: Vec::new(),
            client_id: None,
        }
    }

    #[must_use]
    pub fn group(title: &str, member_ids: Vec<UserId>) -> Self {
        Self { kind: ChatKind::Group, user_id: None, title: title.to_owned(), member_ids, client_id: None }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PostMessage {
    pub client_id: ClientId,
    #[serde(default)]
    pub text: String,
    pub reply_to: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditMessage {
    #[serde(default)]
    pub text: String,
    /// The `seq` of the row that the user edited. If a newer row exists, the edit is a `conflict` that carries it.
    pub base_seq: Option<u64>,
}

/// The target of a forwarded message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForwardMessage {
    pub chat_id: ChatId,
    /// The same in every retry, as in a send.
    pub client_id: ClientId,
}

/// Reports a message to the site's admins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportMessage {
    #[serde(default)]
    pub reason: String,
}

/// One user's reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reacted {
    pub emoji: String,
    pub user: User,
    pub reacted_at: Timestamp,
}

crate::rows! { Reacted { emoji, user, reacted_at } }

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MarkRead {
    pub no: u64,
}

/// Changes the caller's own state of a chat. An absent field stays as it is; `null` clears the field.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateOwnState {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub muted_until: Option<Option<Timestamp>>,
    pub pinned: Option<bool>,
    pub archived: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub draft: Option<Option<String>>,
    pub marked_unread: Option<bool>,
}

/// The part of a history that a reader asks for. Positions are values of `no`; `Before` and `After` exclude them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Newest,
    Before(u64),
    After(u64),
    /// Half a page on each side, with the message itself.
    Around(u64),
    /// `Around` the first message at or after a time.
    At(Timestamp),
}

/// A window of a history: in ascending order, without gaps.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    pub items: Vec<Message>,
    /// The `after` of the next window; none at the end.
    pub next: Option<String>,
    /// The messages that the items quote.
    pub replies: Vec<Message>,
    pub users: Vec<User>,
    /// The chat's head, read before the rows.
    pub seq: u64,
    pub last_no: u64,
}

crate::rows! { History { items, next, replies, users, seq, last_no } }

/// The rows of a chat that changed after a given number, ordered by `seq`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    pub chat_id: ChatId,
    pub messages: Vec<Message>,
    pub members: Vec<Member>,
    pub chat: Option<Chat>,
    /// The page is complete up to this number, which is the next `after`.
    pub seq: u64,
    pub more: bool,
    pub users: Vec<User>,
}

crate::rows! { Changes { chat_id, messages, members, chat, seq, more, users } }
