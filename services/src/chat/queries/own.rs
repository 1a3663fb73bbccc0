//! The user's own state of chats, and their blocks.

use super::{number, signed, uuids};
use crate::{Result, infra::clock, profiles::queries::UserRow};
use protocol::{
    chat::UpdateOwnState,
    ids::{ChatId, UserId},
    profiles::User,
    time::Timestamp,
};
use sqlx::{FromRow as _, PgConnection, PgExecutor, PgPool, Row as _, postgres::PgRow};
use std::collections::HashSet;
use uuid::Uuid;

/// Locks the `mine` of some users in a fixed order. A transaction that takes these numbers in several steps locks all
/// of them first: otherwise two transactions could deadlock.
pub async fn lock_mines(tx: &mut PgConnection, users: &[UserId]) -> Result<()> {
    sqlx::query("select from user_heads where user_id = any($1) order by user_id for update")
        .bind(uuids(users))
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the next `mine` of each user. The fixed lock order prevents deadlocks.
async fn next_mines(tx: &mut PgConnection, users: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    Ok(sqlx::query_as(
        "with locked as (select user_id from user_heads where user_id = any($1) order by user_id for update)
         update user_heads h set mine = h.mine + 1 from locked where h.user_id = locked.user_id
         returning h.user_id, h.mine",
    )
    .bind(users)
    .fetch_all(tx)
    .await?)
}

/// Takes the next `mine` of one user, and so locks it until the transaction ends.
pub async fn next_mine(tx: &mut PgConnection, user: &[UserId; 1]) -> Result<u64> {
    Ok(next_mines(tx, &uuids(user)).await?.first().map_or(0, |(_, mine)| number(*mine)))
}

/// Adds a chat to the lists of some users, or adds it unlisted; returns the users whose row changed.
pub async fn add_to_lists(
    tx: &mut PgConnection,
    chat_id: ChatId,
    users: &[UserId],
    listed: bool,
) -> Result<Vec<UserId>> {
    let unchanged: Vec<Uuid> = sqlx::query_scalar(
        "select user_id from user_chats where user_id = any($1) and chat_id = $2 and (listed or not $3)",
    )
    .bind(uuids(users))
    .bind(chat_id.0)
    .bind(listed)
    .fetch_all(&mut *tx)
    .await?;
    let unchanged: HashSet<Uuid> = unchanged.into_iter().collect();
    let changed: Vec<UserId> = users.iter().copied().filter(|user| !unchanged.contains(&user.0)).collect();
    if changed.is_empty() {
        return Ok(changed);
    }
    let (ids, mines): (Vec<Uuid>, Vec<i64>) = next_mines(tx, &uuids(&changed)).await?.into_iter().unzip();
    sqlx::query(
        "insert into user_chats (user_id, chat_id, listed, my_seq)
         select n.user_id, $1, $4, n.mine from unnest($2::uuid[], $3::int8[]) as n (user_id, mine)
         on conflict (user_id, chat_id) do update set listed = excluded.listed, my_seq = excluded.my_seq",
    )
    .bind(chat_id.0)
    .bind(ids)
    .bind(mines)
    .bind(listed)
    .execute(tx)
    .await?;
    Ok(changed)
}

/// Whether a chat is or ever was in the user's list.
pub async fn was_listed(tx: &mut PgConnection, chat_id: ChatId, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select 1 from user_chats where user_id = $1 and chat_id = $2)")
        .bind(user.0)
        .bind(chat_id.0)
        .fetch_one(tx)
        .await?)
}

/// Removes a chat from the lists of some users; returns each with their new `mine`.
pub async fn remove_from_lists(tx: &mut PgConnection, chat_id: ChatId, users: &[UserId]) -> Result<Vec<(UserId, u64)>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mines = next_mines(tx, &uuids(users)).await?;
    let (ids, numbers): (Vec<Uuid>, Vec<i64>) = mines.iter().copied().unzip();
    sqlx::query(
        "update user_chats u set listed = false, my_seq = n.mine
         from unnest($2::uuid[], $3::int8[]) as n (user_id, mine)
         where u.user_id = n.user_id and u.chat_id = $1",
    )
    .bind(chat_id.0)
    .bind(ids)
    .bind(numbers)
    .execute(tx)
    .await?;
    Ok(mines.into_iter().map(|(id, mine)| (UserId(id), number(mine))).collect())
}

pub async fn update_own_state(
    tx: &mut PgConnection,
    user: UserId,
    chat_id: ChatId,
    mine: u64,
    update: UpdateOwnState,
    archived_no: Option<u64>,
) -> Result<()> {
    sqlx::query(
        "update user_chats set my_seq = $3,
             muted_until = case when $4 then $5 else muted_until end,
             pinned = coalesce($6, pinned), archived = coalesce($7, archived),
             draft = case when $8 then $9 else draft end,
             marked_unread = coalesce($10, marked_unread),
             archived_no = coalesce($11, archived_no)
         where user_id = $1 and chat_id = $2",
    )
    .bind(user.0)
    .bind(chat_id.0)
    .bind(signed(mine))
    .bind(update.muted_until.is_some())
    .bind(update.muted_until.flatten().map(clock::to_database))
    .bind(update.pinned)
    .bind(update.archived)
    .bind(update.draft.is_some())
    .bind(update.draft.flatten())
    .bind(update.marked_unread)
    .bind(archived_no.map(signed))
    .execute(tx)
    .await?;
    Ok(())
}

/// The given pairs in which the first user has blocked the second.
pub async fn blocks_among(db: impl PgExecutor<'_>, pairs: &[(UserId, UserId)]) -> Result<HashSet<(UserId, UserId)>> {
    if pairs.is_empty() {
        return Ok(HashSet::new());
    }
    let (users, blocked): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().map(|(user, blocked)| (user.0, blocked.0)).unzip();
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select b.user_id, b.blocked_id from unnest($1::uuid[], $2::uuid[]) as p (user_id, blocked_id)
         join blocks b on b.user_id = p.user_id and b.blocked_id = p.blocked_id",
    )
    .bind(users)
    .bind(blocked)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(user, blocked)| (UserId(user), UserId(blocked))).collect())
}

pub async fn insert_block(tx: &mut PgConnection, user: UserId, blocked: UserId) -> Result<()> {
    sqlx::query("insert into blocks (user_id, blocked_id, created_at) values ($1, $2, $3) on conflict do nothing")
        .bind(user.0)
        .bind(blocked.0)
        .bind(clock::to_database(clock::now()))
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn delete_block(tx: &mut PgConnection, user: UserId, blocked: UserId) -> Result<()> {
    sqlx::query("delete from blocks where user_id = $1 and blocked_id = $2")
        .bind(user.0)
        .bind(blocked.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// The users whom `user` has blocked, and when; the latest block first. `after` is the last row of the page before.
pub async fn blocked_by(
    db: &PgPool,
    user: UserId,
    after: Option<(Timestamp, UserId)>,
    limit: i64,
) -> Result<Vec<(Timestamp, User)>> {
    let rows = sqlx::query(
        "select b.created_at, u.user_id, u.username, u.display_name, u.bio, u.avatar_url
         from blocks b join users u on u.user_id = b.blocked_id
         where b.user_id = $1 and ($2::timestamptz is null or (b.created_at, b.blocked_id) < ($2, $3))
         order by b.created_at desc, b.blocked_id desc limit $4",
    )
    .bind(user.0)
    .bind(after.map(|(at, _)| clock::to_database(at)))
    .bind(after.map(|(_, id)| id.0))
    .bind(limit)
    .fetch_all(db)
    .await?;
    let read = |row: &PgRow| -> sqlx::Result<_> {
        Ok((clock::from_database(row.try_get("created_at")?), UserRow::from_row(row)?.0))
    };
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}
