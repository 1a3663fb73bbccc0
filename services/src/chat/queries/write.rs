//! The statements of changes.

use super::{
    number,
    rows::{ChatRow, MemberRow},
    signed, uuids,
};
use crate::{Result, infra::clock};
use protocol::{
    chat::{ChatKind, Message},
    groups::Role,
    ids::{ChatId, UserId},
};
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

pub struct NewChat<'a> {
    pub chat_id: ChatId,
    pub kind: ChatKind,
    pub title: Option<&'a str>,
    pub members: &'a [(UserId, Option<Role>)],
}

/// A read mark that moved.
pub struct Marked {
    pub read_no: u64,
    pub members_seq: u64,
    pub member_count: u64,
}

/// Inserts a chat and its members; returns its row, or none if the chat exists already.
pub async fn insert_chat(tx: &mut PgConnection, new: NewChat<'_>) -> Result<Option<ChatRow>> {
    let created_at = clock::now();
    let now = clock::to_database(created_at);
    let (member_count, last) = (new.members.len() as u64, new.members.len() as u64 + 1);
    let inserted = sqlx::query(
        "insert into chats (chat_id, kind, title, member_count, seq, row_seq, members_seq, active_at, created_at)
         values ($1, $2, $3, $4, $5, 1, $5, $6, $6) on conflict (chat_id) do nothing",
    )
    .bind(new.chat_id.0)
    .bind(new.kind.name())
    .bind(new.title)
    .bind(signed(member_count))
    .bind(signed(last))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    let ids = uuids(new.members.iter().map(|(id, _)| id));
    let roles: Vec<Option<&str>> = new.members.iter().map(|(_, role)| role.as_ref().map(Role::name)).collect();
    // The chat's row is change 1; the rows of the members are the next changes.
    sqlx::query(
        "insert into members (chat_id, user_id, role, joined_at, seq)
         select $1, m.user_id, m.role, $4, m.place + 1
         from unnest($2::uuid[], $3::text[]) with ordinality as m (user_id, role, place)",
    )
    .bind(new.chat_id.0)
    .bind(ids)
    .bind(roles)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(Some(ChatRow {
        kind: new.kind,
        title: new.title.map(str::to_owned),
        description: String::new(),
        avatar_url: None,
        member_count,
        last_no: 0,
        seq: last,
        row_seq: 1,
        members_seq: last,
        active_at: created_at,
    }))
}

/// Drops the unique key of sends, for `Mutant::RetryInsertsTwice`.
#[cfg(debug_assertions)]
pub async fn allow_doubles(db: &PgPool) -> Result<()> {
    sqlx::query("alter table messages drop constraint if exists messages_chat_id_sender_id_client_id_key")
        .execute(db)
        .await?;
    Ok(())
}

/// Locks a chat's row for a change; false if the chat does not exist.
pub async fn lock_chat(tx: &mut PgConnection, chat_id: ChatId) -> Result<bool> {
    let locked = sqlx::query("select from chats where chat_id = $1 for update").bind(chat_id.0).execute(tx).await?;
    Ok(locked.rows_affected() == 1)
}

/// Whether a chat exists.
pub async fn chat_exists(tx: &mut PgConnection, chat_id: ChatId) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select 1 from chats where chat_id = $1)")
        .bind(chat_id.0)
        .fetch_one(tx)
        .await?)
}

pub async fn member_ids(tx: &mut PgConnection, chat_id: ChatId) -> Result<Vec<UserId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar("select user_id from members where chat_id = $1 and not removed")
        .bind(chat_id.0)
        .fetch_all(tx)
        .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Stores a report of a message for the admins; a second report by the same user replaces the first.
pub async fn report(db: &PgPool, message: &Message, reporter: UserId, reason: &str) -> Result<()> {
    sqlx::query(
        "insert into reports (chat_id, no, reporter_id, sender_id, text, reason, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (chat_id, no, reporter_id) do update
             set text = excluded.text, reason = excluded.reason, created_at = excluded.created_at",
    )
    .bind(message.chat_id.0)
    .bind(signed(message.no))
    .bind(reporter.0)
    .bind(message.sender_id.0)
    .bind(&message.text)
    .bind(reason)
    .bind(clock::to_database(clock::now()))
    .execute(db)
    .await?;
    Ok(())
}

/// Stores in a direct chat whether the other member has blocked `user`. The first block freezes the read marks that
/// the two members see of each other.
pub async fn mark_blocked(tx: &mut PgConnection, chat_id: ChatId, user: UserId, blocked: bool) -> Result<()> {
    sqlx::query(
        "update members m set blocked = case when m.user_id = $2 then $3 else m.blocked end,
             others_read_no = case when m.blocked or o.blocked then m.others_read_no else o.read_no end
         from members o
         where m.chat_id = $1 and o.chat_id = $1 and o.user_id <> m.user_id
           and (case when m.user_id = $2 then m.blocked else o.blocked end) <> $3",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .bind(blocked)
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn upsert_members(
    tx: &mut PgConnection,
    chat_id: ChatId,
    members: impl Iterator<Item = &MemberRow>,
) -> Result<()> {
    let members: Vec<&MemberRow> = members.collect();
    if members.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into members (chat_id, user_id, role, joined_at, read_no, removed, seq)
         select $1, n.user_id, n.role, n.joined_at, n.read_no, n.removed, n.seq
         from unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::int8[], $6::bool[], $7::int8[])
             as n (user_id, role, joined_at, read_no, removed, seq)
         on conflict (chat_id, user_id) do update set
             role = excluded.role, joined_at = excluded.joined_at, read_no = greatest(members.read_no, excluded.read_no),
             removed = excluded.removed, seq = excluded.seq",
    )
    .bind(chat_id.0)
    .bind(uuids(members.iter().map(|member| &member.user_id)))
    .bind(members.iter().map(|member| member.role.as_ref().map(Role::name)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| clock::to_database(member.joined_at)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| signed(member.read_no)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.removed).collect::<Vec<_>>())
    .bind(members.iter().map(|member| signed(member.seq)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes a group with its messages, reactions and members. The rows in `user_chats` stay, unlisted.
pub async fn delete_chat(tx: &mut PgConnection, chat_id: ChatId) -> Result<()> {
    sqlx::query("delete from messages where chat_id = $1").bind(chat_id.0).execute(&mut *tx).await?;
    sqlx::query("delete from reactions where chat_id = $1").bind(chat_id.0).execute(&mut *tx).await?;
    sqlx::query("delete from members where chat_id = $1").bind(chat_id.0).execute(&mut *tx).await?;
    sqlx::query("delete from chats where chat_id = $1").bind(chat_id.0).execute(tx).await?;
    Ok(())
}

/// Moves a read mark forward. Returns whether the user had marked the chat as unread, and the moved mark: none if the
/// mark was already at `no` or beyond, or if the user is not a member.
pub async fn mark_read(db: &PgPool, chat_id: ChatId, user: UserId, no: u64) -> Result<(bool, Option<Marked>)> {
    let row = sqlx::query(
        "with moved as (
             update members m set read_no = least($3, c.last_no)
             from chats c
             where m.chat_id = $1 and m.user_id = $2 and not m.removed and c.chat_id = m.chat_id
               and m.read_no < least($3, c.last_no)
             returning m.read_no, c.members_seq, c.member_count)
         select coalesce((select marked_unread from user_chats where user_id = $2 and chat_id = $1), false) as marked_unread,
             moved.read_no, moved.members_seq, moved.member_count
         from (select 1) as one left join moved on true",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .bind(signed(no))
    .fetch_one(db)
    .await?;
    let read_no: Option<i64> = row.try_get("read_no")?;
    let moved = match read_no {
        Some(read_no) => Some(Marked {
            read_no: number(read_no),
            members_seq: number(row.try_get("members_seq")?),
            member_count: number(row.try_get("member_count")?),
        }),
        None => None,
    };
    Ok((row.try_get("marked_unread")?, moved))
}
