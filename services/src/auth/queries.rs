//! All SQL of `auth`.

use super::Device;
use crate::{
    Actor, Result,
    infra::{clock, tokens},
};
use protocol::{
    auth::Session,
    ids::{SessionId, UserId},
};
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

pub struct NewUser<'a> {
    pub user_id: UserId,
    pub username: &'a str,
    pub display_name: &'a str,
    pub email: Option<&'a str>,
}

fn now() -> OffsetDateTime {
    clock::to_database(clock::now())
}

/// Inserts a user; false if the name is taken.
pub async fn insert_user(tx: &mut PgConnection, new: NewUser<'_>, hash: &str) -> Result<bool> {
    let inserted = sqlx::query(
        "insert into users (user_id, username, display_name, email, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (username) do nothing",
    )
    .bind(new.user_id.0)
    .bind(new.username)
    .bind(new.display_name)
    .bind(new.email)
    .bind(hash)
    .bind(now())
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("insert into user_heads (user_id) values ($1)").bind(new.user_id.0).execute(tx).await?;
    Ok(true)
}

/// The user with this name, and the hash of the password; no hash if the user cannot sign in.
pub async fn password_of(db: &PgPool, username: &str) -> Result<Option<(UserId, Option<String>)>> {
    let row: Option<(Uuid, Option<String>)> =
        sqlx::query_as("select user_id, password_hash from users where username = $1")
            .bind(username)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(user_id, hash)| (UserId(user_id), hash)))
}

pub async fn set_password(tx: &mut PgConnection, user_id: UserId, hash: &str) -> Result<()> {
    sqlx::query("update users set password_hash = $2 where user_id = $1")
        .bind(user_id.0)
        .bind(hash)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether the stored hash is still this one. Locks the row until the transaction ends.
pub async fn lock_password(tx: &mut PgConnection, user_id: UserId, hash: &str) -> Result<bool> {
    let still: Option<bool> =
        sqlx::query_scalar("select password_hash = $2 from users where user_id = $1 for no key update")
            .bind(user_id.0)
            .bind(hash)
            .fetch_optional(tx)
            .await?
            .flatten();
    Ok(still == Some(true))
}

pub async fn set_admin(db: &PgPool, user_id: UserId) -> sqlx::Result<()> {
    sqlx::query("update users set is_admin = true where user_id = $1").bind(user_id.0).execute(db).await.map(drop)
}

/// Inserts a session and ends the least recently used sessions beyond `most`; returns the ended sessions.
pub async fn insert_session(tx: &mut PgConnection, actor: Actor, device: &Device, most: i64) -> Result<Vec<SessionId>> {
    let (now, life) = (now(), tokens::SESSION_LIFE);
    sqlx::query(
        "insert into sessions (user_id, session_id, device, ip, created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, $5, $5, $6)",
    )
    .bind(actor.user_id.0)
    .bind(actor.session_id.0)
    .bind(&device.name)
    .bind(device.address.to_string())
    .bind(now)
    .bind(now + life)
    .execute(&mut *tx)
    .await?;
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "update sessions set revoked_at = $3
         where user_id = $1 and revoked_at is null and session_id not in (
             select session_id from sessions where user_id = $1 and revoked_at is null and expires_at > $3
             order by last_used_at desc, session_id desc limit $2)
         returning session_id",
    )
    .bind(actor.user_id.0)
    .bind(most)
    .bind(now)
    .fetch_all(tx)
    .await?;
    Ok(ended.into_iter().map(SessionId).collect())
}

/// Whether a session is live; stores the time of its use, at most once a minute.
pub async fn touch_session(db: &PgPool, actor: Actor) -> sqlx::Result<bool> {
    let now = now();
    sqlx::query_scalar(
        "with live as (
             select last_used_at from sessions
             where user_id = $1 and session_id = $2 and revoked_at is null and expires_at > $3),
         touched as (
             update sessions set last_used_at = $3
             where user_id = $1 and session_id = $2 and exists (select 1 from live where last_used_at < $4))
         select exists (select 1 from live)",
    )
    .bind(actor.user_id.0)
    .bind(actor.session_id.0)
    .bind(now)
    .bind(now - time::Duration::MINUTE)
    .fetch_one(db)
    .await
}

/// Whether a session was ended before it expired.
pub async fn is_revoked(db: &PgPool, actor: Actor) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from sessions where user_id = $1 and session_id = $2 and revoked_at is not null)",
    )
    .bind(actor.user_id.0)
    .bind(actor.session_id.0)
    .fetch_one(db)
    .await
}

/// Deletes at most `limit` sessions that ended at least `SESSION_LIFE` ago; returns how many.
pub async fn delete_ended_sessions(db: &PgPool, limit: usize) -> Result<usize> {
    let long_ago = now() - tokens::SESSION_LIFE;
    let ended: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select user_id, session_id from sessions where coalesce(revoked_at, expires_at) < $1
         order by coalesce(revoked_at, expires_at) limit $2",
    )
    .bind(long_ago)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(db)
    .await?;
    let (users, sessions): (Vec<Uuid>, Vec<Uuid>) = ended.into_iter().unzip();
    sqlx::query(
        "delete from sessions
         where user_id = any($1) and session_id = any($2) and coalesce(revoked_at, expires_at) < $3",
    )
    .bind(&users)
    .bind(sessions)
    .bind(long_ago)
    .execute(db)
    .await?;
    Ok(users.len())
}

/// Deletes at most `limit` refresh tokens that are no longer needed; returns how many. An unused token
/// that is older than `SESSION_LIFE` belongs to an ended session. A used token is kept for `SESSION_LIFE`, to detect
/// a second use.
pub async fn delete_refresh_tokens(db: &PgPool, limit: usize) -> Result<usize> {
    let long_ago = now() - tokens::SESSION_LIFE;
    let useless: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
        "select user_id, token_hash from refresh_tokens where coalesce(used_at, created_at) < $1
         order by coalesce(used_at, created_at) limit $2",
    )
    .bind(long_ago)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(db)
    .await?;
    let (users, hashes): (Vec<Uuid>, Vec<Vec<u8>>) = useless.into_iter().unzip();
    sqlx::query(
        "delete from refresh_tokens
         where user_id = any($1) and token_hash = any($2) and coalesce(used_at, created_at) < $3",
    )
    .bind(&users)
    .bind(hashes)
    .bind(long_ago)
    .execute(db)
    .await?;
    Ok(users.len())
}

pub async fn extend_session(db: &PgPool, actor: Actor) -> Result<()> {
    sqlx::query("update sessions set expires_at = $3 where user_id = $1 and session_id = $2")
        .bind(actor.user_id.0)
        .bind(actor.session_id.0)
        .bind(now() + tokens::SESSION_LIFE)
        .execute(db)
        .await?;
    Ok(())
}

/// Ends the sessions of a user: all, the one session `only`, or all except `but`. Returns the ended sessions.
pub async fn end_sessions(
    db: impl PgExecutor<'_>,
    user_id: UserId,
    only: Option<SessionId>,
    but: Option<SessionId>,
) -> Result<Vec<SessionId>> {
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "update sessions set revoked_at = $4
         where user_id = $1 and revoked_at is null
           and ($2::uuid is null or session_id = $2) and ($3::uuid is null or session_id <> $3)
         returning session_id",
    )
    .bind(user_id.0)
    .bind(only.map(|id| id.0))
    .bind(but.map(|id| id.0))
    .bind(now())
    .fetch_all(db)
    .await?;
    Ok(ended.into_iter().map(SessionId).collect())
}

/// The given sessions that are no longer live.
pub async fn ended_among(db: &PgPool, open: &[Actor]) -> sqlx::Result<Vec<Actor>> {
    let (users, sessions): (Vec<Uuid>, Vec<Uuid>) =
        open.iter().map(|actor| (actor.user_id.0, actor.session_id.0)).unzip();
    let ended: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select o.user_id, o.session_id from unnest($1::uuid[], $2::uuid[]) as o (user_id, session_id)
         where not exists (
             select 1 from sessions s where s.user_id = o.user_id and s.session_id = o.session_id
               and s.revoked_at is null and s.expires_at > $3)",
    )
    .bind(users)
    .bind(sessions)
    .bind(now())
    .fetch_all(db)
    .await?;
    let actor = |(user_id, session_id)| Actor { user_id: UserId(user_id), session_id: SessionId(session_id) };
    Ok(ended.into_iter().map(actor).collect())
}

pub async fn sessions(db: &PgPool, actor: Actor) -> Result<Vec<Session>> {
    let rows: Vec<(Uuid, String, String, OffsetDateTime, OffsetDateTime)> = sqlx::query_as(
        "select session_id, device, ip, created_at, last_used_at from sessions
         where user_id = $1 and revoked_at is null and expires_at > $2
         order by last_used_at desc, session_id desc",
    )
    .bind(actor.user_id.0)
    .bind(now())
    .fetch_all(db)
    .await?;
    let session = |(id, device, ip, created_at, last_used_at)| Session {
        id: SessionId(id),
        device,
        ip,
        created_at: clock::from_database(created_at),
        last_used_at: clock::from_database(last_used_at),
        current: SessionId(id) == actor.session_id,
    };
    Ok(rows.into_iter().map(session).collect())
}

pub async fn insert_refresh_token(tx: &mut PgConnection, actor: Actor, hash: &[u8]) -> Result<()> {
    sqlx::query("insert into refresh_tokens (user_id, token_hash, session_id, created_at) values ($1, $2, $3, $4)")
        .bind(actor.user_id.0)
        .bind(hash)
        .bind(actor.session_id.0)
        .bind(now())
        .execute(tx)
        .await?;
    Ok(())
}

/// Marks a token as used and extends its session. `None` if the token is unknown or used, or its session has ended.
/// Only one concurrent call succeeds.
pub async fn redeem_refresh_token(tx: &mut PgConnection, user_id: UserId, hash: &[u8]) -> Result<Option<SessionId>> {
    let now = now();
    let session: Option<Uuid> = sqlx::query_scalar(
        "with redeemed as (
             update refresh_tokens set used_at = $3
             where user_id = $1 and token_hash = $2 and used_at is null returning session_id)
         update sessions s set last_used_at = $3, expires_at = $4
         from redeemed r
         where s.user_id = $1 and s.session_id = r.session_id and s.revoked_at is null and s.expires_at > $3
         returning s.session_id",
    )
    .bind(user_id.0)
    .bind(hash)
    .bind(now)
    .bind(now + tokens::SESSION_LIFE)
    .fetch_optional(tx)
    .await?;
    Ok(session.map(SessionId))
}

pub async fn session_of_refresh_token(db: &PgPool, user_id: UserId, hash: &[u8]) -> Result<Option<SessionId>> {
    let session: Option<Uuid> =
        sqlx::query_scalar("select session_id from refresh_tokens where user_id = $1 and token_hash = $2")
            .bind(user_id.0)
            .bind(hash)
            .fetch_optional(db)
            .await?;
    Ok(session.map(SessionId))
}
