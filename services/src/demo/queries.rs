//! All SQL of `demo`.

use super::Person;
use crate::{Result, infra::clock};
use protocol::{
    ids::{ChatId, UserId},
    time::Timestamp,
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Inserts the users that do not exist yet. If another user has the user name, the new user gets the spare one.
pub async fn insert_people(tx: &mut PgConnection, people: &[Person]) -> Result<()> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.user_id.0).collect();
    sqlx::query(
        "insert into users (user_id, username, display_name, created_at)
         select n.user_id, case when u.user_id is null then n.username else n.spare_username end, n.display_name, $5
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
             as n (user_id, username, spare_username, display_name)
         left join users u on u.username = n.username and u.user_id <> n.user_id
         on conflict (user_id) do nothing",
    )
    .bind(&ids)
    .bind(people.iter().map(|person| person.username.as_str()).collect::<Vec<_>>())
    .bind(people.iter().map(|person| person.spare_username.as_str()).collect::<Vec<_>>())
    .bind(people.iter().map(|person| person.display_name.as_str()).collect::<Vec<_>>())
    .bind(clock::to_database(clock::now()))
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into user_heads (user_id) select unnest($1::uuid[]) on conflict (user_id) do nothing")
        .bind(&ids)
        .execute(tx)
        .await?;
    Ok(())
}

/// Sets when a chat was created and when all its members joined.
pub async fn backdate(tx: &mut PgConnection, chat_id: ChatId, time: Timestamp) -> Result<()> {
    let time = clock::to_database(time);
    sqlx::query("update chats set created_at = $2 where chat_id = $1")
        .bind(chat_id.0)
        .bind(time)
        .execute(&mut *tx)
        .await?;
    sqlx::query("update members set joined_at = $2 where chat_id = $1").bind(chat_id.0).bind(time).execute(tx).await?;
    Ok(())
}

pub async fn mark_read_by_all(tx: &mut PgConnection, chat_id: ChatId, no: u64) -> Result<()> {
    set_read(tx, chat_id, None, no).await
}

/// Sets the read mark of one member.
pub async fn leave_unread(tx: &mut PgConnection, chat_id: ChatId, user: UserId, no: u64) -> Result<()> {
    set_read(tx, chat_id, Some(user), no).await
}

async fn set_read(tx: &mut PgConnection, chat_id: ChatId, only: Option<UserId>, no: u64) -> Result<()> {
    sqlx::query("update members set read_no = $3 where chat_id = $1 and ($2::uuid is null or user_id = $2)")
        .bind(chat_id.0)
        .bind(only.map(|user| user.0))
        .bind(i64::try_from(no).unwrap_or(i64::MAX))
        .execute(tx)
        .await?;
    Ok(())
}
