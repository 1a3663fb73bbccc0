//! Reactions to messages.

use super::{rows::ReactedRow, signed};
use crate::{Result, infra::clock};
use protocol::{
    chat::Reacted,
    ids::{ChatId, UserId},
    time::Timestamp,
};
use serde::Deserialize;
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One reaction of a user to a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct ReactionKey {
    pub no: u64,
    pub emoji: String,
    pub user_id: UserId,
}

/// The columns of some reactions, for binding.
pub fn columns<'a>(keys: impl Iterator<Item = &'a ReactionKey>) -> (Vec<i64>, Vec<&'a str>, Vec<Uuid>) {
    let (mut nos, mut emoji, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        nos.push(signed(key.no));
        emoji.push(key.emoji.as_str());
        users.push(key.user_id.0);
    }
    (nos, emoji, users)
}

/// Writes reactions that were given (true) or taken back (false), and deletes the reactions of deleted messages.
pub async fn write_reactions(
    tx: &mut PgConnection,
    chat_id: ChatId,
    now: Timestamp,
    changed: &BTreeMap<ReactionKey, bool>,
    deleted: &[u64],
) -> Result<()> {
    let of = |given: bool| changed.iter().filter(move |(_, is_given)| **is_given == given).map(|(key, _)| key);
    let (nos, emoji, users) = columns(of(false));
    if !nos.is_empty() || !deleted.is_empty() {
        sqlx::query(
            "delete from reactions r where r.chat_id = $1 and (r.no = any($5) or (r.no, r.emoji, r.user_id) in (
                 select n.no, n.emoji, n.user_id
                 from unnest($2::int8[], $3::text[], $4::uuid[]) as n (no, emoji, user_id)))",
        )
        .bind(chat_id.0)
        .bind(nos)
        .bind(emoji)
        .bind(users)
        .bind(deleted.iter().copied().map(signed).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    let (nos, emoji, users) = columns(of(true));
    if !nos.is_empty() {
        sqlx::query(
            "insert into reactions (chat_id, no, emoji, user_id, reacted_at)
             select $1, n.no, n.emoji, n.user_id, $5
             from unnest($2::int8[], $3::text[], $4::uuid[]) as n (no, emoji, user_id) on conflict do nothing",
        )
        .bind(chat_id.0)
        .bind(nos)
        .bind(emoji)
        .bind(users)
        .bind(clock::to_database(now))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// A page of the users who reacted to a message, the first reaction first; empty unless `reader` is a member. `after`
/// is the last reaction of the page before.
pub async fn reacted(
    db: &PgPool,
    reader: UserId,
    (chat_id, no): (ChatId, u64),
    after: Option<(Timestamp, UserId, String)>,
    limit: i64,
) -> Result<Vec<Reacted>> {
    let rows: Vec<ReactedRow> = sqlx::query_as(
        "select r.emoji, r.reacted_at, u.user_id, u.username, u.display_name, u.bio, u.avatar_url
         from reactions r join users u on u.user_id = r.user_id
         join members own on own.chat_id = r.chat_id and own.user_id = $3 and not own.removed
         where r.chat_id = $1 and r.no = $2
           and ($4::timestamptz is null or (r.reacted_at, r.user_id, r.emoji) > ($4, $5, $6))
         order by r.reacted_at, r.user_id, r.emoji limit $7",
    )
    .bind(chat_id.0)
    .bind(signed(no))
    .bind(reader.0)
    .bind(after.as_ref().map(|(at, ..)| clock::to_database(*at)))
    .bind(after.as_ref().map(|(_, user, _)| user.0))
    .bind(after.map(|(.., emoji)| emoji))
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
