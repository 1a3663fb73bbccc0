//! The statements of changes.

use super::{
    number,
    rows::{ChatRow, MemberRow, MessageRow},
    signed, uuids,
};
use crate::{Result, infra::clock};
use protocol::{
    chat::{ChatKind, Message, MessageKind},
    groups::Role,
    ids::{ChatId, ClientId, UserId},
};
use sqlx::{PgConnection, PgPool, Row as _, types::Json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
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

/// Inserts a chat and its members; false if the chat exists already.
pub async fn insert_chat(tx: &mut PgConnection, new: NewChat<'_>) -> Result<bool> {
    let now = clock::to_database(clock::now());
    let last = signed(new.members.len() as u64 + 1);
    let inserted = sqlx::query(
        "insert into chats (chat_id, kind, title, member_count, seq, row_seq, members_seq, active_at, created_at)
         values ($1, $2, $3, $4, $5, 1, $5, $6, $6) on conflict (chat_id) do nothing",
    )
    .bind(new.chat_id.0)
    .bind(new.kind.name())
    .bind(new.title)
    .bind(signed(new.members.len() as u64))
    .bind(last)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
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
    Ok(true)
}

/// Writes the first message of a group: the system message of its creation.
pub async fn insert_first_message(tx: &mut PgConnection, chat_id: ChatId, message: &Message) -> Result<()> {
    debug_assert!(message.kind == MessageKind::System);
    insert_messages(tx, chat_id, std::slice::from_ref(message)).await?;
    sqlx::query("update chats set last_no = $2, seq = $3 where chat_id = $1")
        .bind(chat_id.0)
        .bind(signed(message.no))
        .bind(signed(message.seq))
        .execute(&mut *tx)
        .await?;
    mark_posted(tx, chat_id, &BTreeMap::from([(message.sender_id, message.no)])).await
}

/// Drops the unique key of sends, for `Mutant::RetryInsertsTwice`.
#[cfg(debug_assertions)]
pub async fn allow_doubles(db: &PgPool) -> Result<()> {
    sqlx::query("alter table messages drop constraint if exists messages_chat_id_sender_id_client_id_key")
        .execute(db)
        .await?;
    Ok(())
}

/// Locks a chat's row for a change.
pub async fn lock_chat(tx: &mut PgConnection, chat_id: ChatId) -> Result<Option<ChatRow>> {
    Ok(sqlx::query_as(
        "select kind, title, description, avatar_url, member_count, last_no, seq, row_seq, members_seq, active_at
         from chats where chat_id = $1 for update",
    )
    .bind(chat_id.0)
    .fetch_optional(tx)
    .await?)
}

/// Whether a chat exists.
pub async fn chat_exists(tx: &mut PgConnection, chat_id: ChatId) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select 1 from chats where chat_id = $1)")
        .bind(chat_id.0)
        .fetch_one(tx)
        .await?)
}

pub async fn members_named(
    tx: &mut PgConnection,
    chat_id: ChatId,
    users: &BTreeSet<UserId>,
) -> Result<HashMap<UserId, MemberRow>> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "select user_id, role, joined_at, read_no, removed, blocked, seq from members
         where chat_id = $1 and user_id = any($2)",
    )
    .bind(chat_id.0)
    .bind(uuids(users))
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
}

pub async fn member_ids(tx: &mut PgConnection, chat_id: ChatId) -> Result<Vec<UserId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar("select user_id from members where chat_id = $1 and not removed")
        .bind(chat_id.0)
        .fetch_all(tx)
        .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The stored messages of these sends.
pub async fn messages_by_client_id(
    tx: &mut PgConnection,
    chat_id: ChatId,
    sends: &[(UserId, ClientId)],
) -> Result<HashMap<(UserId, ClientId), Message>> {
    if sends.is_empty() {
        return Ok(HashMap::new());
    }
    let (senders, clients): (Vec<Uuid>, Vec<Uuid>) = sends.iter().map(|(user, client)| (user.0, client.0)).unzip();
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!(),
        " from unnest($2::uuid[], $3::uuid[]) as s (sender_id, client_id)
         join messages m on m.chat_id = $1 and m.sender_id = s.sender_id and m.client_id = s.client_id"
    ))
    .bind(chat_id.0)
    .bind(senders)
    .bind(clients)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.0.sender_id, row.0.client_id), row.0)).collect())
}

pub async fn insert_messages(tx: &mut PgConnection, chat_id: ChatId, messages: &[Message]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Message) -> Uuid| messages.iter().map(of).collect::<Vec<_>>();
    sqlx::query(
        "insert into messages (chat_id, no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at,
             forwarded_from, mentions)
         select $1, n.no, n.seq, n.message_id, n.client_id, n.sender_id, n.kind, n.text, n.reply_to, n.event, n.created_at,
             n.forwarded_from, n.mentions::uuid[]
         from unnest($2::int8[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::int8[],
                     $10::jsonb[], $11::timestamptz[], $12::uuid[], $13::text[])
             as n (no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at, forwarded_from,
                 mentions)",
    )
    .bind(chat_id.0)
    .bind(messages.iter().map(|message| signed(message.no)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| signed(message.seq)).collect::<Vec<_>>())
    .bind(column(|message| message.id.0))
    .bind(column(|message| message.client_id.0))
    .bind(column(|message| message.sender_id.0))
    .bind(messages.iter().map(|message| message.kind.name()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.reply_to.map(signed)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.event.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| clock::to_database(message.created_at)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| Some(message.forwarded_from.as_ref()?.user_id?.0)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| array_text(&message.mentions)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// An array as text: PostgreSQL has no arrays of arrays with different lengths.
fn array_text(ids: &[UserId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// The existing messages among these numbers.
pub async fn messages_named(tx: &mut PgConnection, chat_id: ChatId, nos: &[u64]) -> Result<HashMap<u64, Message>> {
    if nos.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!(),
        " from messages m where m.chat_id = $1 and m.no = any($2)"
    ))
    .bind(chat_id.0)
    .bind(nos.iter().copied().map(signed).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.0.no, row.0)).collect())
}

/// Writes the columns that edits, deletions and reactions change.
pub async fn update_messages(
    tx: &mut PgConnection,
    chat_id: ChatId,
    messages: impl Iterator<Item = &Message>,
) -> Result<()> {
    let messages: Vec<&Message> = messages.collect();
    if messages.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update messages m set seq = n.seq, text = n.text, edited_at = n.edited_at, deleted = n.deleted,
             mentions = n.mentions::uuid[], reactions = n.reactions
         from unnest($2::int8[], $3::int8[], $4::text[], $5::timestamptz[], $6::bool[], $7::text[], $8::jsonb[])
             as n (no, seq, text, edited_at, deleted, mentions, reactions)
         where m.chat_id = $1 and m.no = n.no",
    )
    .bind(chat_id.0)
    .bind(messages.iter().map(|message| signed(message.no)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| signed(message.seq)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.edited_at.map(clock::to_database)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.deleted).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| array_text(&message.mentions)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| Json(&message.reactions)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// The members of a chat with one of these user names.
pub async fn members_called(
    tx: &mut PgConnection,
    chat_id: ChatId,
    names: &BTreeSet<&str>,
) -> Result<HashMap<String, UserId>> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "select u.username, u.user_id from users u
         join members m on m.chat_id = $1 and m.user_id = u.user_id and not m.removed
         where u.username = any($2)",
    )
    .bind(chat_id.0)
    .bind(names.iter().copied().collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|(name, id)| (name, UserId(id))).collect())
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

/// Moves the read marks of senders to their own last messages.
pub async fn mark_posted(tx: &mut PgConnection, chat_id: ChatId, marks: &BTreeMap<UserId, u64>) -> Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update members m set read_no = greatest(m.read_no, n.no)
         from unnest($2::uuid[], $3::int8[]) as n (user_id, no)
         where m.chat_id = $1 and m.user_id = n.user_id",
    )
    .bind(chat_id.0)
    .bind(uuids(marks.keys()))
    .bind(marks.values().copied().map(signed).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn update_chat(tx: &mut PgConnection, chat_id: ChatId, row: &ChatRow) -> Result<()> {
    sqlx::query(
        "update chats set title = $2, description = $3, member_count = $4, last_no = $5, seq = $6, row_seq = $7,
             members_seq = $8, active_at = $9
         where chat_id = $1",
    )
    .bind(chat_id.0)
    .bind(&row.title)
    .bind(&row.description)
    .bind(signed(row.member_count))
    .bind(signed(row.last_no))
    .bind(signed(row.seq))
    .bind(signed(row.row_seq))
    .bind(signed(row.members_seq))
    .bind(clock::to_database(row.active_at))
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
