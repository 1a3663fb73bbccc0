//! Messages as their readers see them. Each statement itself checks that the reader is a member: between two
//! statements, the reader may be removed, or a message edited.

use super::{number, rows::MessageRow, signed};
use crate::{Result, infra::clock};
use protocol::{
    chat::Message,
    ids::{ChatId, ClientId, UserId},
    time::Timestamp,
};
use sqlx::PgPool;

/// The messages of a range of `no`, ascending; empty unless `reader` is a member.
pub async fn messages_between(
    db: &PgPool,
    reader: UserId,
    chat_id: ChatId,
    (first, last): (u64, u64),
) -> Result<Vec<Message>> {
    if first > last {
        return Ok(Vec::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!(),
        " from messages m join members own on own.chat_id = m.chat_id and own.user_id = $4 and not own.removed
         where m.chat_id = $1 and m.no between $2 and $3 order by m.no"
    ))
    .bind(chat_id.0)
    .bind(signed(first))
    .bind(signed(last))
    .bind(reader.0)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
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
