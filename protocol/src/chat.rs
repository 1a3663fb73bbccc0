//! Chats and messages.

use crate::{
    groups::{Member, Role},
    ids::{ChatId, ClientId, MessageId, UserId},
    present,
    profiles::User,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum ChatKind {
    Direct,
    Group,
    Saved,
}

crate::names! { ChatKind { Direct = "direct", Group = "group", Saved = "saved" } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum MessageKind {
    Text,
    Image,
    Video,
    Audio,
    File,
    System,
}

crate::names! {
    MessageKind { Text = "text", Image = "image", Video = "video", Audio = "audio", File = "file", System = "system" }
}

/// What a system message tells; worded in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    GroupCreated { actor_id: UserId, title: String },
    MemberAdded { actor_id: UserId, user_id: UserId },
    MemberRemoved { actor_id: UserId, user_id: UserId },
    MemberLeft { actor_id: UserId },
    RoleChanged { actor_id: UserId, user_id: UserId },
    TitleChanged { actor_id: UserId, title: String },
}

impl ChatEvent {
    /// The people it names.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let (actor, other) = match self {
            Self::GroupCreated { actor_id, .. }
            | Self::MemberLeft { actor_id }
            | Self::TitleChanged { actor_id, .. } => (*actor_id, None),
            Self::MemberAdded { actor_id, user_id }
            | Self::MemberRemoved { actor_id, user_id }
            | Self::RoleChanged { actor_id, user_id } => (*actor_id, Some(*user_id)),
        };
        [Some(actor), other].into_iter().flatten()
    }
}

/// Where a forwarded message came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForwardedFrom {
    pub user_id: Option<UserId>,
    pub name: Option<String>,
}

crate::rows! { ForwardedFrom { user_id, name } }

/// One emoji under a message, in order of first use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    pub emoji: String,
    pub count: u32,
    /// At most 20 of them.
    pub by: Vec<UserId>,
}

crate::rows! { Reaction { emoji, count, by } }

/// A stored file hung to a message.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum FileStatus {
    Scanning,
    Clean,
    Blocked,
}

crate::names! { FileStatus { Scanning = "scanning", Clean = "clean", Blocked = "blocked" } }

/// A message's row, the same for every reader. Addressed by `chat_id` + `no`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    pub chat_id: ChatId,
    /// Its place in the chat: dense, from 1.
    pub no: u64,
    /// The chat's change that wrote this row.
    pub seq: u64,
    pub id: MessageId,
    pub client_id: ClientId,
    pub sender_id: UserId,
    pub kind: MessageKind,
    pub text: String,
    /// The `no` of the message it answers.
    pub reply_to: Option<u64>,
    pub forwarded_from: Option<ForwardedFrom>,
    pub attachments: Vec<File>,
    pub reactions: Vec<Reaction>,
    pub mentions: Vec<UserId>,
    pub event: Option<ChatEvent>,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub deleted: bool,
}

crate::rows! { Message { chat_id, no, seq, id, client_id, sender_id, kind, text, reply_to, forwarded_from, attachments, reactions, mentions, event, created_at, edited_at, deleted } }

impl Message {
    /// The people it names.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let event = self.event.iter().flat_map(ChatEvent::people);
        let source = self.forwarded_from.iter().filter_map(|from| from.user_id);
        let reacted = self.reactions.iter().flat_map(|reaction| reaction.by.iter().copied());
        let mentioned = self.mentions.iter().copied();
        std::iter::once(self.sender_id).chain(event).chain(source).chain(mentioned).chain(reacted)
    }

    /// Whether it counts as unread for `reader`.
    #[must_use]
    pub fn counts_for(&self, reader: UserId) -> bool {
        self.sender_id != reader && self.kind != MessageKind::System && !self.deleted
    }

    /// Whether it counts as an unread mention of `reader`.
    #[must_use]
    pub fn mentions(&self, reader: UserId) -> bool {
        self.counts_for(reader) && self.mentions.contains(&reader)
    }
}

/// A chat's own row, the same for every reader.
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
    /// The change that wrote this row; in a `ChatSummary` the chat's newest change.
    pub seq: u64,
}

crate::rows! { Chat { id, kind, title, description, avatar_url, last_no, member_count, seq } }

/// A chat as one reader has it. `chat.seq` is the chat's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChatSummary {
    #[serde(flatten)]
    pub chat: Chat,
    /// The other person of a direct chat.
    pub peer: Option<User>,
    pub role: Option<Role>,
    pub read_no: u64,
    /// Exact to 999; 1000 means more.
    pub unread: u32,
    pub mentions_unread: u32,
    pub marked_unread: bool,
    pub muted_until: Option<Timestamp>,
    pub pinned: bool,
    /// A newer message brings it back, unless it is muted.
    pub archived: bool,
    /// The newest message when it was archived.
    pub archived_no: u64,
    pub draft: Option<String>,
    pub last_message: Option<Message>,
    /// How far any other member has read.
    pub read_by_others_no: u64,
    pub my_seq: u64,
    /// When the chat was last active: its order in the list.
    pub active_at: Timestamp,
}

impl ChatSummary {
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }
}

crate::readable!(ChatSummary, |value| {
    let mut row = crate::wire::Row::of(value)?;
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

crate::readable!(ChatEvent, |value| {
    let mut row = crate::wire::Row::of(value)?;
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
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateChat {
    /// `direct` or `group`.
    pub kind: ChatKind,
    /// Whom a direct chat is with.
    pub user_id: Option<UserId>,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub member_ids: Vec<UserId>,
    /// Repeated with a retry, so that a group is made once.
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
    /// The `seq` of the row that was edited; one that is not the newest is refused, with the newest.
    pub base_seq: Option<u64>,
}

/// Where a message is forwarded to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForwardMessage {
    pub chat_id: ChatId,
    /// Repeated with a retry, as that of a send.
    pub client_id: ClientId,
}

/// Tells the site's admins of a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportMessage {
    #[serde(default)]
    pub reason: String,
}

/// Somebody's reaction to a message.
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

/// One's own state of a chat: an absent field stays, `null` clears.
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

/// Which window of a history is wanted; positions are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Newest,
    Before(u64),
    After(u64),
    /// Half each side, the message itself included.
    Around(u64),
    /// As `Around`, of the first message at or after a time.
    At(Timestamp),
}

/// A window of a history: ascending, every `no` in it appears.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    pub items: Vec<Message>,
    /// The `after` that continues it, where there is more.
    pub next: Option<String>,
    /// The messages that the items quote.
    pub replies: Vec<Message>,
    pub users: Vec<User>,
    /// The chat's newest change, read before the rows.
    pub seq: u64,
    pub last_no: u64,
}

crate::rows! { History { items, next, replies, users, seq, last_no } }

/// The rows of a chat changed after a number, ordered by `seq`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    pub chat_id: ChatId,
    pub messages: Vec<Message>,
    pub members: Vec<Member>,
    pub chat: Option<Chat>,
    /// Complete up to here; the next `after`.
    pub seq: u64,
    pub more: bool,
    pub users: Vec<User>,
}

crate::rows! { Changes { chat_id, messages, members, chat, seq, more, users } }
