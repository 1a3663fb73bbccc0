//! The members of a chat, and values of the chat that only a member may read.

use super::{number, rows::NamedMemberRow};
use crate::{Result, profiles::queries::like_literal};
use protocol::{
    groups::Member,
    ids::{ChatId, UserId},
};
use sqlx::PgPool;
use std::collections::HashSet;
use uuid::Uuid;

/// A chat's `seq` and `last_no`; none unless `user` is a member.
pub async fn head_for(db: &PgPool, chat_id: ChatId, user: UserId) -> Result<Option<(u64, u64)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "select c.seq, c.last_no from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(seq, last_no)| (number(seq), number(last_no))))
}

/// The values that decide who receives a member's `typing`.
pub struct TypingRow {
    pub members_seq: u64,
    pub member_count: u64,
    /// In a direct chat: one of the two has blocked the other.
    pub blocked: bool,
}

/// None unless `user` is a member.
pub async fn typing(db: &PgPool, chat_id: ChatId, user: UserId) -> Result<Option<TypingRow>> {
    let row: Option<(i64, i64, bool)> = sqlx::query_as(
        "select c.members_seq, c.member_count, c.kind = 'direct' and exists (
             select 1 from members b where b.chat_id = $1 and b.blocked)
         from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(members_seq, member_count, blocked)| TypingRow {
        members_seq: number(members_seq),
        member_count: number(member_count),
        blocked,
    }))
}

/// Whether one of the two members of a direct chat has blocked the other.
pub async fn is_blocked(db: &PgPool, chat_id: ChatId) -> Result<bool> {
    let blocked: bool = sqlx::query_scalar("select exists (select 1 from members where chat_id = $1 and blocked)")
        .bind(chat_id.0)
        .fetch_one(db)
        .await?;
    Ok(blocked)
}

/// The members of a chat and its `members_seq`, in one snapshot.
pub async fn audience(db: &PgPool, chat_id: ChatId) -> Result<(u64, HashSet<UserId>)> {
    let row: Option<(i64, Vec<Uuid>)> = sqlx::query_as(
        "select members_seq, array(select user_id from members where chat_id = $1 and not removed)
         from chats where chat_id = $1",
    )
    .bind(chat_id.0)
    .fetch_optional(db)
    .await?;
    let (seq, users) = row.unwrap_or_default();
    Ok((number(seq), users.into_iter().map(UserId).collect()))
}

/// A page of the members, as shown to `reader`, by role and then by name; empty unless `reader` is a member.
pub async fn members(
    db: &PgPool,
    chat_id: ChatId,
    reader: UserId,
    query: Option<&str>,
    (offset, limit): (i64, i64),
) -> Result<Vec<Member>> {
    let rows: Vec<NamedMemberRow> = sqlx::query_as(concat!(
        "select m.user_id, m.role, m.joined_at, ",
        read_no!("own", "$5"),
        " as read_no, m.removed, m.blocked, m.seq,
             u.username, u.display_name, u.bio, u.avatar_url
         from members m join users u on u.user_id = m.user_id
         join members own on own.chat_id = m.chat_id and own.user_id = $5 and not own.removed
         where m.chat_id = $1 and not m.removed
           and ($2::text is null or u.username like $2 || '%' or lower(u.display_name) like $2 || '%')
         order by case m.role when 'owner' then 0 when 'admin' then 1 else 2 end, lower(u.display_name), u.user_id
         offset $3 limit $4"
    ))
    .bind(chat_id.0)
    .bind(query.map(like_literal))
    .bind(offset)
    .bind(limit)
    .bind(reader.0)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
