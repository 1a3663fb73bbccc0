//! All SQL of `profiles`.

use crate::{
    Result,
    infra::{clock, database},
};
use protocol::{
    ids::UserId,
    profiles::{LastSeen, Me, User},
    time::Timestamp,
};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row as _, postgres::PgRow};
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

pub struct Update {
    pub display_name: Option<String>,
    pub bio: Option<String>,
    pub email: Option<String>,
    pub locale: Option<String>,
    pub theme: Option<String>,
    pub time_zone: Option<String>,
    pub last_seen: Option<LastSeen>,
}

/// A `User` without presence.
pub struct UserRow(pub User);

impl FromRow<'_, PgRow> for UserRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(User {
            id: UserId(row.try_get("user_id")?),
            username: row.try_get("username")?,
            display_name: row.try_get("display_name")?,
            bio: row.try_get("bio")?,
            avatar_url: row.try_get("avatar_url")?,
            online: None,
            last_seen_at: None,
        }))
    }
}

pub struct MeRow(pub Me);

impl FromRow<'_, PgRow> for MeRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(Me {
            user: UserRow::from_row(row)?.0,
            email: row.try_get("email")?,
            locale: row.try_get("locale")?,
            theme: row.try_get("theme")?,
            time_zone: row.try_get("time_zone")?,
            last_seen: LastSeen::named(row.try_get("last_seen")?),
        }))
    }
}

pub async fn me(db: impl PgExecutor<'_>, user_id: UserId) -> Result<Option<Me>> {
    let row: Option<MeRow> = sqlx::query_as(
        "select user_id, username, display_name, bio, avatar_url, email, locale, theme, time_zone, last_seen
         from users where user_id = $1",
    )
    .bind(user_id.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.0))
}

/// Locks a user's own row. Not the row in `users`: Citus would lock that whole table.
pub async fn lock_user(tx: &mut PgConnection, user_id: UserId) -> Result<()> {
    sqlx::query("select from user_heads where user_id = $1 for update").bind(user_id.0).execute(tx).await?;
    Ok(())
}

/// Absent fields stay; an empty text clears an optional field.
pub async fn update_me(tx: &mut PgConnection, user_id: UserId, update: Update) -> Result<Option<Me>> {
    let row: Option<MeRow> = sqlx::query_as(
        "update users set
             former_name = case when $2 <> display_name then display_name else former_name end,
             renamed_at = case when $2 <> display_name then $9 else renamed_at end,
             display_name = coalesce($2, display_name),
             bio = coalesce($3, bio),
             email = nullif(coalesce($4, email), ''),
             locale = nullif(coalesce($5, locale), ''),
             theme = nullif(coalesce($6, theme), ''),
             time_zone = nullif(coalesce($7, time_zone), ''),
             last_seen = coalesce($8, last_seen)
         where user_id = $1
         returning user_id, username, display_name, bio, avatar_url, email, locale, theme, time_zone, last_seen",
    )
    .bind(user_id.0)
    .bind(update.display_name)
    .bind(update.bio)
    .bind(update.email)
    .bind(update.locale)
    .bind(update.theme)
    .bind(update.time_zone)
    .bind(update.last_seen.as_ref().map(LastSeen::name))
    .bind(clock::to_database(clock::now()))
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| row.0))
}

pub async fn users(db: impl PgExecutor<'_>, ids: &[UserId]) -> Result<Vec<User>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<UserRow> = sqlx::query_as(
        "select user_id, username, display_name, bio, avatar_url from users where user_id = any($1) order by user_id",
    )
    .bind(ids)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn by_username(db: &PgPool, username: &str) -> Result<Option<User>> {
    let row: Option<UserRow> =
        sqlx::query_as("select user_id, username, display_name, bio, avatar_url from users where username = $1")
            .bind(username)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| row.0))
}

/// Escapes the wildcards of `like`.
pub fn like_literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Users with a user name, or a word in the display name, that begins with `query`, which is folded. User names that
/// begin with it come first, the shortest first. `after` is the last user name of the page before.
pub async fn beginning_with(db: &PgPool, query: &str, after: Option<&str>, limit: i64) -> Result<Vec<User>> {
    let rows: Vec<UserRow> = sqlx::query_as(
        "select user_id, username, display_name, bio, avatar_url from users
         where (username like $1 || '%' or folded like $1 || '%' or folded like '% ' || $1 || '%')
           and ($2::text is null or (username not like $1 || '%', length(username), username)
               > ($2 not like $1 || '%', length($2), $2))
         order by username not like $1 || '%', length(username), username
         limit $3",
    )
    .bind(like_literal(query))
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Users with names similar to `query`, which is folded; the most similar first.
pub async fn similar_to(db: &PgPool, query: &str, limit: i64) -> Result<Vec<User>> {
    let mut tx = database::begin(db).await?;
    // A name of five letters with two of them swapped still shares two of its six trigrams.
    sqlx::query("set local pg_trgm.word_similarity_threshold = 0.3").execute(&mut *tx).await?;
    let rows: Vec<UserRow> = sqlx::query_as(
        "select user_id, username, display_name, bio, avatar_url from users
         where $1 <% username or $1 <% folded
         order by greatest(word_similarity($1, username), word_similarity($1, folded)) desc, username
         limit $2",
    )
    .bind(query)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Saves that these users were last seen now.
pub async fn mark_seen(db: &PgPool, users: &[UserId]) -> Result<()> {
    sqlx::query(
        "insert into presence (user_id, last_seen_at) select n.user_id, $2 from unnest($1::uuid[]) as n (user_id)
         on conflict (user_id) do update set last_seen_at = greatest(presence.last_seen_at, excluded.last_seen_at)",
    )
    .bind(users.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind(clock::to_database(clock::now()))
    .execute(db)
    .await?;
    Ok(())
}

/// The pairs of a user among these and the peer in a direct chat of theirs.
pub async fn direct_peers(db: &PgPool, users: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select own.user_id, m.user_id from user_chats own
         join chats c on c.chat_id = own.chat_id and c.kind = 'direct'
         join members m on m.chat_id = own.chat_id and m.user_id <> own.user_id
         where own.user_id = any($1)",
    )
    .bind(users.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(user, peer)| (UserId(user), UserId(peer))).collect())
}

/// The pairs of a user and a viewer among these whose viewer has permission to see the user's presence, with the time
/// the user was last seen.
pub async fn visible(db: &PgPool, pairs: &[(UserId, UserId)]) -> Result<HashMap<(UserId, UserId), Option<Timestamp>>> {
    if pairs.is_empty() {
        return Ok(HashMap::new());
    }
    let (users, viewers): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().map(|(user, viewer)| (user.0, viewer.0)).unzip();
    let rows: Vec<(Uuid, Uuid, Option<OffsetDateTime>)> = sqlx::query_as(
        "select p.user_id, p.viewer_id, s.last_seen_at
         from unnest($1::uuid[], $2::uuid[]) as p (user_id, viewer_id)
         join users u on u.user_id = p.user_id
         left join presence s on s.user_id = p.user_id
         where (p.user_id = p.viewer_id or u.last_seen = 'everyone' or (u.last_seen = 'shared' and exists (
                 select 1 from user_chats own
                 join members m on m.chat_id = own.chat_id and m.user_id = p.viewer_id and not m.removed
                 where own.user_id = p.user_id and own.listed)))
           and not exists (select 1 from blocks b where b.user_id = p.user_id and b.blocked_id = p.viewer_id)
           and not exists (select 1 from blocks b where b.user_id = p.viewer_id and b.blocked_id = p.user_id)",
    )
    .bind(users)
    .bind(viewers)
    .fetch_all(db)
    .await?;
    let row = |(user, viewer, at): (Uuid, Uuid, Option<OffsetDateTime>)| {
        ((UserId(user), UserId(viewer)), at.map(clock::from_database))
    };
    Ok(rows.into_iter().map(row).collect())
}

/// The users who share a chat of at most 100 members with `user_id`, and `user_id`.
pub async fn acquaintances(db: &PgPool, user_id: UserId) -> Result<Vec<UserId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "with own as materialized (select chat_id from user_chats where user_id = $1 and listed)
         select distinct m.user_id from own
         join chats c on c.chat_id = own.chat_id and c.member_count <= 100
         join members m on m.chat_id = own.chat_id and not m.removed",
    )
    .bind(user_id.0)
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
