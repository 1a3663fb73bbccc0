//! Messages as their readers see them. Each statement itself checks that the reader is a member: between two
//! statements, the reader may be removed, or a message edited.

use super::{number, rows::MessageRow, signed};
use crate::{Result, infra::clock};
use protocol::{
    chat::Message,
    ids::{ChatId, ClientId, UserId},
    time::Timestamp,
};
use sqlx::{FromRow as _, PgPool, Row as _};

/// A chat's `seq` and `last_no`, and some of its messages.
pub struct WindowRows {
    pub seq: u64,
    pub last_no: u64,
    /// Ascending by `no`.
    pub messages: Vec<Message>,
}

/// The messages of a range of `no`, or the newest `limit`; none unless `reader` is a member. One statement reads one
/// snapshot.
pub async fn window(
    db: &PgPool,
    reader: UserId,
    chat_id: ChatId,
    range: Option<(u64, u64)>,
    limit: u64,
) -> Result<Option<WindowRows>> {
    let rows = sqlx::query(concat!(
        "select c.seq as head, c.last_no, ",
        message_columns!(),
        " from chats c
         join members own on own.chat_id = c.chat_id and own.user_id = $2 and not own.removed
         left join messages m on m.chat_id = $1
             and m.no between coalesce($3, c.last_no - $5 + 1) and coalesce($4, c.last_no)
         where c.chat_id = $1 order by m.no"
    ))
    .bind(chat_id.0)
    .bind(reader.0)
    .bind(range.map(|(first, _)| signed(first)))
    .bind(range.map(|(_, last)| signed(last)))
    .bind(signed(limit))
    .fetch_all(db)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let (seq, last_no): (i64, i64) = (first.try_get("head")?, first.try_get("last_no")?);
    // Without a message in the range, the only row is that of the chat.
    let is_empty = first.try_get::<Option<i64>, _>("no")?.is_none();
    let messages = rows.iter().filter(|_| !is_empty).map(|row| Ok(MessageRow::from_row(row)?.0));
    Ok(Some(WindowRows {
        seq: number(seq),
        last_no: number(last_no),
        messages: messages.collect::<sqlx::Result<_>>()?,
    }))
}

/// The existing messages among these numbers, ascending; empty unless `reader` is a member.
pub async fn messages_by_no(db: &PgPool, reader: UserId, chat_id: ChatId, nos: &[u64]) -> Result<Vec<Message>> {
    if nos.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!(),
        " from messages m join members own on own.chat_id = m.chat_id and own.user_id = $3 and not own.removed
         where m.chat_id = $1 and m.no = any($2) order by m.no"
    ))
    .bind(chat_id.0)
    .bind(nos.iter().copied().map(signed).collect::<Vec<_>>())
    .bind(reader.0)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The stored messages of these sends by one sender; empty unless the sender is a member.
pub async fn messages_sent(
    db: &PgPool,
    sender: UserId,
    chat_id: ChatId,
    sends: impl Iterator<Item = ClientId>,
) -> Result<Vec<Message>> {
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!(),
        " from messages m join members own on own.chat_id = m.chat_id and own.user_id = m.sender_id and not own.removed
         where m.chat_id = $1 and m.sender_id = $2 and m.client_id = any($3)"
    ))
    .bind(chat_id.0)
    .bind(sender.0)
    .bind(sends.map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The `no` of the first message at or after a time; none unless `reader` is a member.
pub async fn no_at(db: &PgPool, reader: UserId, chat_id: ChatId, time: Timestamp) -> Result<Option<u64>> {
    let no: Option<i64> = sqlx::query_scalar(
        "select m.no from messages m join members own on own.chat_id = m.chat_id and own.user_id = $3 and not own.removed
         where m.chat_id = $1 and m.created_at >= $2 order by m.created_at, m.no limit 1",
    )
    .bind(chat_id.0)
    .bind(clock::to_database(time))
    .bind(reader.0)
    .fetch_optional(db)
    .await?;
    Ok(no.map(number))
}
