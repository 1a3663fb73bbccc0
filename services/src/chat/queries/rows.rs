//! Maps database rows to the types of `protocol`.

use super::number;
use crate::{infra::clock, profiles::queries::UserRow};
use protocol::{
    chat::{Chat, ChatEvent, ChatKind, ChatSummary, ForwardedFrom, Message, MessageKind, Reacted, Reaction},
    groups::{Member, Role},
    ids::{ChatId, ClientId, MessageId, UserId},
    profiles::User,
    time::Timestamp,
};
use serde::Deserialize;
use sqlx::{FromRow, Row as _, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// The row of a chat, without its id.
#[derive(Clone, Debug)]
pub struct ChatRow {
    pub kind: ChatKind,
    pub title: Option<String>,
    pub description: String,
    pub avatar_url: Option<String>,
    pub member_count: u64,
    pub last_no: u64,
    pub seq: u64,
    pub row_seq: u64,
    pub members_seq: u64,
    pub active_at: Timestamp,
}

/// The row of a member, without the user's row.
#[derive(Clone, Debug, Deserialize)]
pub struct MemberRow {
    pub user_id: UserId,
    pub role: Option<Role>,
    pub joined_at: Timestamp,
    pub read_no: u64,
    pub removed: bool,
    /// The other user of the direct chat has blocked this member, who cannot write there.
    pub blocked: bool,
    pub seq: u64,
}

pub struct MessageRow(pub Message);
pub struct NamedMemberRow(pub Member);
pub struct SummaryRow(pub ChatSummary);
pub struct ReactedRow(pub Reacted);

#[derive(FromRow)]
pub struct HeadRow {
    pub mine: i64,
    pub chat_id: Option<Uuid>,
    pub seq: Option<i64>,
    pub last_no: Option<i64>,
    pub read_no: Option<i64>,
    pub differs: bool,
    pub unread: Option<i64>,
    pub mentions_unread: Option<i64>,
}

impl MemberRow {
    #[must_use]
    pub fn to_member(&self, user: User) -> Member {
        Member {
            user,
            role: self.role,
            joined_at: self.joined_at,
            read_no: self.read_no,
            removed: self.removed,
            seq: self.seq,
        }
    }
}

fn count(row: &PgRow, column: &str) -> sqlx::Result<u64> {
    row.try_get(column).map(number)
}

fn time(row: &PgRow, column: &str) -> sqlx::Result<Timestamp> {
    row.try_get(column).map(clock::from_database)
}

fn role(row: &PgRow) -> sqlx::Result<Option<Role>> {
    let name: Option<&str> = row.try_get("role")?;
    Ok(name.map(Role::named))
}

impl FromRow<'_, PgRow> for ChatRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            kind: ChatKind::named(row.try_get("kind")?),
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            avatar_url: row.try_get("avatar_url")?,
            member_count: count(row, "member_count")?,
            last_no: count(row, "last_no")?,
            seq: count(row, "seq")?,
            row_seq: count(row, "row_seq")?,
            members_seq: count(row, "members_seq")?,
            active_at: time(row, "active_at")?,
        })
    }
}

impl FromRow<'_, PgRow> for MemberRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            user_id: UserId(row.try_get("user_id")?),
            role: role(row)?,
            joined_at: time(row, "joined_at")?,
            read_no: count(row, "read_no")?,
            removed: row.try_get("removed")?,
            blocked: row.try_get("blocked")?,
            seq: count(row, "seq")?,
        })
    }
}

impl FromRow<'_, PgRow> for ReactedRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let user = UserRow::from_row(row)?.0;
        Ok(Self(Reacted { emoji: row.try_get("emoji")?, user, reacted_at: time(row, "reacted_at")? }))
    }
}

impl FromRow<'_, PgRow> for NamedMemberRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(MemberRow::from_row(row)?.to_member(UserRow::from_row(row)?.0)))
    }
}

impl FromRow<'_, PgRow> for MessageRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        message(row, ["seq", "kind"]).map(Self)
    }
}

/// Reads a message. In a row that also has the columns of its chat, `seq` and `kind` have other names.
fn message(row: &PgRow, [seq, kind]: [&str; 2]) -> sqlx::Result<Message> {
    let event: Option<Json<ChatEvent>> = row.try_get("event")?;
    let reply_to: Option<i64> = row.try_get("reply_to")?;
    let edited_at: Option<OffsetDateTime> = row.try_get("edited_at")?;
    let mentions: Vec<Uuid> = row.try_get("mentions")?;
    let forwarded_from: Option<Uuid> = row.try_get("forwarded_from")?;
    let reactions: Json<Vec<Reaction>> = row.try_get("reactions")?;
    Ok(Message {
        chat_id: ChatId(row.try_get("chat_id")?),
        no: count(row, "no")?,
        seq: count(row, seq)?,
        id: MessageId(row.try_get("message_id")?),
        client_id: ClientId(row.try_get("client_id")?),
        sender_id: UserId(row.try_get("sender_id")?),
        kind: MessageKind::named(row.try_get(kind)?),
        text: row.try_get("text")?,
        reply_to: reply_to.map(number),
        forwarded_from: forwarded_from.map(|id| ForwardedFrom { user_id: Some(UserId(id)), name: None }),
        attachments: Vec::new(),
        reactions: reactions.0,
        mentions: mentions.into_iter().map(UserId).collect(),
        event: event.map(|event| event.0),
        created_at: time(row, "created_at")?,
        edited_at: edited_at.map(clock::from_database),
        deleted: row.try_get("deleted")?,
    })
}

impl FromRow<'_, PgRow> for SummaryRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let last: Option<i64> = row.try_get("no")?;
        let peer: Option<Uuid> = row.try_get("user_id")?;
        let peer = match peer {
            Some(id) => Some(User {
                id: UserId(id),
                username: row.try_get("username")?,
                display_name: row.try_get("display_name")?,
                bio: row.try_get("bio")?,
                avatar_url: row.try_get("peer_avatar_url")?,
                online: None,
                last_seen_at: None,
            }),
            None => None,
        };
        let title: Option<String> = row.try_get("title")?;
        let muted_until: Option<OffsetDateTime> = row.try_get("muted_until")?;
        let (unread, mentions_unread): (i64, i64) = (row.try_get("unread")?, row.try_get("mentions_unread")?);
        Ok(Self(ChatSummary {
            chat: Chat {
                id: ChatId(row.try_get("chat_id")?),
                kind: ChatKind::named(row.try_get("kind")?),
                title: title.or_else(|| peer.as_ref().map(|peer| peer.display_name.clone())),
                description: row.try_get("description")?,
                avatar_url: row.try_get("avatar_url")?,
                last_no: count(row, "last_no")?,
                member_count: count(row, "member_count")?,
                seq: count(row, "seq")?,
            },
            peer,
            role: role(row)?,
            read_no: count(row, "read_no")?,
            unread: u32::try_from(unread).unwrap_or(u32::MAX),
            mentions_unread: u32::try_from(mentions_unread).unwrap_or(u32::MAX),
            marked_unread: row.try_get("marked_unread")?,
            muted_until: muted_until.map(clock::from_database),
            pinned: row.try_get("pinned")?,
            archived: row.try_get("archived")?,
            archived_no: count(row, "archived_no")?,
            draft: row.try_get("draft")?,
            last_message: last.map(|_| message(row, ["message_seq", "message_kind"])).transpose()?,
            read_by_others_no: count(row, "read_by_others_no")?,
            my_seq: count(row, "my_seq")?,
            active_at: time(row, "active_at")?,
        }))
    }
}
