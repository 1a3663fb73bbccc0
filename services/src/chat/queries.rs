//! All SQL of `chat`, and of the commit that `groups` shares.

mod rows;

pub use rows::{ChatRow, MemberRow};
use rows::{HeadRow, MessageRow, OwnRow, SummaryRow};

use crate::{Result, infra::clock, profiles::queries::MeRow};
use protocol::{
    chat::{Changes, Chat, ChatKind, ChatSummary, Message, MessageKind, UpdateOwnState},
    frames::{Head, Heads},
    groups::{Member, Role},
    ids::{ChatId, ClientId, UserId},
    profiles::Me,
    time::Timestamp,
};
use sqlx::{FromRow as _, PgConnection, PgPool, Row as _};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

pub struct NewChat<'a> {
    pub chat_id: ChatId,
    pub kind: ChatKind,
    pub title: Option<&'a str>,
    pub members: &'a [(UserId, Option<Role>)],
}

/// A person's own number, the chats they named that are not theirs, and themselves.
pub struct OwnHead {
    pub me: Me,
    pub mine: u64,
    pub gone: Vec<ChatId>,
}

/// What a read mark moved.
pub struct Marked {
    pub read_no: u64,
    pub members_seq: u64,
    pub member_count: u64,
}

/// PostgreSQL counts with signs; ours never need the sign.
pub(super) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uuids<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<Uuid> {
    ids.into_iter().map(|id| id.0).collect()
}

fn named(held: &HashMap<ChatId, u64>) -> (Vec<Uuid>, Vec<i64>) {
    held.iter().map(|(id, seq)| (id.0, signed(*seq))).unzip()
}

macro_rules! message_columns {
    ($table:literal) => {
        concat!(
            $table,
            ".chat_id, ",
            $table,
            ".no, ",
            $table,
            ".seq, ",
            $table,
            ".message_id, ",
            $table,
            ".client_id, ",
            $table,
            ".sender_id, ",
            $table,
            ".kind, ",
            $table,
            ".text, ",
            $table,
            ".reply_to, ",
            $table,
            ".event, ",
            $table,
            ".created_at, ",
            $table,
            ".edited_at, ",
            $table,
            ".deleted"
        )
    };
}

/// The summaries of `$1`'s chats. `$chosen` narrows `own`, their rows; `$rest` filters, orders and cuts.
macro_rules! summaries {
    ($chosen:literal, $rest:literal) => {
        concat!(
            "with own as materialized (
                 select chat_id, my_seq, muted_until, pinned, archived, draft, marked_unread
                 from user_chats where user_id = $1 ", $chosen, ")
             select c.chat_id, c.kind, c.title, c.description, c.avatar_url, c.last_no, c.member_count, c.seq,
                 c.active_at, own.my_seq, own.muted_until, own.pinned, own.archived, own.draft, own.marked_unread,
                 m.role, m.read_no,
                 (select count(*) from (
                     select 1 from messages n where n.chat_id = c.chat_id and n.no > m.read_no
                       and n.sender_id <> $1 and n.kind <> 'system' and not n.deleted limit 1000) as counted) as unread,
                 case when c.member_count <= 100 then (
                     select coalesce(max(o.read_no), 0) from members o
                     where o.chat_id = c.chat_id and o.user_id <> $1 and not o.removed) else 0 end as read_by_others_no,
                 u.user_id, u.username, u.display_name, u.bio, u.avatar_url as peer_avatar_url,
                 l.no, l.seq as message_seq, l.message_id, l.client_id, l.sender_id, l.kind as message_kind, l.text,
                 l.reply_to, l.event, l.created_at, l.edited_at, l.deleted
             from own
             join chats c on c.chat_id = own.chat_id
             join members m on m.chat_id = c.chat_id and m.user_id = $1 and not m.removed
             left join messages l on l.chat_id = c.chat_id and l.no = c.last_no
             left join members p on c.kind = 'direct' and p.chat_id = c.chat_id and p.user_id <> $1
             left join users u on u.user_id = p.user_id ",
            $rest
        )
    };
}

/// False when the chat was there already.
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
    let roles: Vec<Option<&str>> = new.members.iter().map(|(_, role)| role.map(Role::name)).collect();
    // The chat's row is change 1; each member's is the next.
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

/// Takes the next number of each person's own changes. In one order for all, so that two commits
/// never wait for each other.
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

/// The next number of one person's own changes.
pub async fn next_mine(tx: &mut PgConnection, user: &[UserId; 1]) -> Result<u64> {
    Ok(next_mines(tx, &uuids(user)).await?.first().map_or(0, |(_, mine)| number(*mine)))
}

/// Puts a chat into people's lists, or notes it there unseen; answers for whom that was news.
pub async fn list_for(tx: &mut PgConnection, chat_id: ChatId, users: &[UserId], listed: bool) -> Result<Vec<UserId>> {
    let listed_already: Vec<Uuid> = sqlx::query_scalar(
        "select user_id from user_chats where user_id = any($1) and chat_id = $2 and (listed or not $3)",
    )
    .bind(uuids(users))
    .bind(chat_id.0)
    .bind(listed)
    .fetch_all(&mut *tx)
    .await?;
    let news: Vec<UserId> = users.iter().copied().filter(|user| !listed_already.contains(&user.0)).collect();
    if news.is_empty() {
        return Ok(news);
    }
    let (ids, mines): (Vec<Uuid>, Vec<i64>) = next_mines(tx, &uuids(&news)).await?.into_iter().unzip();
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
    Ok(news)
}

/// Whether a chat is, or ever was, in somebody's list.
pub async fn was_listed(tx: &mut PgConnection, chat_id: ChatId, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select 1 from user_chats where user_id = $1 and chat_id = $2)")
        .bind(user.0)
        .bind(chat_id.0)
        .fetch_one(tx)
        .await?)
}

/// Takes a chat out of people's lists; answers the number of that change for each.
pub async fn unlist_for(tx: &mut PgConnection, chat_id: ChatId, users: &[UserId]) -> Result<Vec<(UserId, u64)>> {
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

/// Locks a chat for a change.
pub async fn lock_chat(tx: &mut PgConnection, chat_id: ChatId) -> Result<Option<ChatRow>> {
    Ok(sqlx::query_as(
        "select kind, title, description, avatar_url, member_count, last_no, seq, row_seq, members_seq, active_at
         from chats where chat_id = $1 for update",
    )
    .bind(chat_id.0)
    .fetch_optional(tx)
    .await?)
}

pub async fn members_named(
    tx: &mut PgConnection,
    chat_id: ChatId,
    users: &BTreeSet<UserId>,
) -> Result<HashMap<UserId, MemberRow>> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "select user_id, role, joined_at, read_no, removed, seq from members
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

/// The messages that earlier tries of these sends stored.
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
        message_columns!("m"),
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
        "insert into messages (chat_id, no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at)
         select $1, n.no, n.seq, n.message_id, n.client_id, n.sender_id, n.kind, n.text, n.reply_to, n.event, n.created_at
         from unnest($2::int8[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::int8[],
                     $10::jsonb[], $11::timestamptz[])
             as n (no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at)",
    )
    .bind(chat_id.0)
    .bind(messages.iter().map(|message| signed(message.no)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| signed(message.seq)).collect::<Vec<_>>())
    .bind(column(|message| message.id.0))
    .bind(column(|message| message.client_id.0))
    .bind(column(|message| message.sender_id.0))
    .bind(messages.iter().map(|message| rows::kind_name(message.kind)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.reply_to.map(signed)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.event.as_ref().map(sqlx::types::Json)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| clock::to_database(message.created_at)).collect::<Vec<_>>())
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
    .bind(members.iter().map(|member| member.role.map(Role::name)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| clock::to_database(member.joined_at)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| signed(member.read_no)).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.removed).collect::<Vec<_>>())
    .bind(members.iter().map(|member| signed(member.seq)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Posting reads up to one's own message.
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

/// Deletes a group with all that is its own; people's rows of it stay, unlisted.
pub async fn delete_chat(tx: &mut PgConnection, chat_id: ChatId) -> Result<()> {
    sqlx::query("delete from messages where chat_id = $1").bind(chat_id.0).execute(&mut *tx).await?;
    sqlx::query("delete from members where chat_id = $1").bind(chat_id.0).execute(&mut *tx).await?;
    sqlx::query("delete from chats where chat_id = $1").bind(chat_id.0).execute(tx).await?;
    Ok(())
}

pub async fn summary(db: &PgPool, user: UserId, chat_id: ChatId) -> Result<Option<ChatSummary>> {
    let row: Option<SummaryRow> =
        sqlx::query_as(summaries!("and chat_id = $2", "")).bind(user.0).bind(chat_id.0).fetch_optional(db).await?;
    Ok(row.map(|row| row.0))
}

/// Listed chats by newest activity, from beyond `after`.
pub async fn summaries(
    db: &PgPool,
    user: UserId,
    archived: Option<bool>,
    after: Option<(Timestamp, ChatId)>,
    limit: i64,
) -> Result<Vec<ChatSummary>> {
    let rows: Vec<SummaryRow> = sqlx::query_as(summaries!(
        "and listed and ($2::bool is null or archived = $2)",
        "where $3::timestamptz is null or (c.active_at, c.chat_id) < ($3, $4)
         order by c.active_at desc, c.chat_id desc limit $5"
    ))
    .bind(user.0)
    .bind(archived)
    .bind(after.map(|(time, _)| clock::to_database(time)))
    .bind(after.map(|(_, id)| id.0))
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Listed chats whose own row is newer than `mine`, or whose head is not the one held.
pub async fn summaries_changed(
    db: &PgPool,
    user: UserId,
    mine: Option<u64>,
    held: &HashMap<ChatId, u64>,
    limit: i64,
) -> Result<Vec<ChatSummary>> {
    let (chats, seqs) = named(held);
    let rows: Vec<SummaryRow> = sqlx::query_as(summaries!(
        "and listed",
        "left join unnest($3::uuid[], $4::int8[]) as held (chat_id, seq) on held.chat_id = c.chat_id
         where $2::int8 is null or own.my_seq > $2 or held.seq is distinct from c.seq
         order by c.active_at desc, c.chat_id desc limit $5"
    ))
    .bind(user.0)
    .bind(mine.map(signed))
    .bind(chats)
    .bind(seqs)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn own_head(db: &PgPool, user: UserId, held: &HashMap<ChatId, u64>) -> Result<Option<OwnHead>> {
    let (chats, _) = named(held);
    let row = sqlx::query(
        "select u.user_id, u.username, u.display_name, u.bio, u.avatar_url, u.email, u.locale, u.theme, u.time_zone,
             u.last_seen, h.mine,
             array(select held.chat_id from unnest($2::uuid[]) as held (chat_id) where not exists (
                 select 1 from user_chats c where c.user_id = $1 and c.chat_id = held.chat_id and c.listed)) as gone
         from users u join user_heads h on h.user_id = u.user_id where u.user_id = $1",
    )
    .bind(user.0)
    .bind(chats)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let gone: Vec<Uuid> = row.try_get("gone")?;
    Ok(Some(OwnHead {
        me: MeRow::from_row(&row)?.0,
        mine: number(row.try_get("mine")?),
        gone: gone.into_iter().map(ChatId).collect(),
    }))
}

/// One query: the person's number, and each named chat's head where it differs.
pub async fn heads(db: &PgPool, user: UserId, held: &HashMap<ChatId, u64>) -> Result<Heads> {
    let (chats, seqs) = named(held);
    let rows: Vec<HeadRow> = sqlx::query_as(
        "with own as materialized (select chat_id from user_chats where user_id = $1 and listed),
             held as materialized (select h.chat_id, h.seq from unnest($2::uuid[], $3::int8[]) as h (chat_id, seq))
         select coalesce((select mine from user_heads where user_id = $1), 0) as mine, held.chat_id,
             c.seq, m.read_no, held.seq is distinct from c.seq as differs,
             case when held.seq is distinct from c.seq then (select count(*) from (
                 select 1 from messages n where n.chat_id = c.chat_id and n.no > m.read_no
                   and n.sender_id <> $1 and n.kind <> 'system' and not n.deleted limit 1000) as counted) end as unread
         from (select 1) as one
         left join held on true
         left join own on own.chat_id = held.chat_id
         left join chats c on c.chat_id = own.chat_id
         left join members m on m.chat_id = c.chat_id and m.user_id = $1 and not m.removed",
    )
    .bind(user.0)
    .bind(chats)
    .bind(seqs)
    .fetch_all(db)
    .await?;
    let mut heads = Heads { mine: 0, chats: HashMap::new(), gone: Vec::new() };
    for row in rows {
        heads.mine = number(row.mine);
        let Some(chat_id) = row.chat_id.map(ChatId) else { continue };
        match (row.seq, row.read_no) {
            (Some(seq), Some(read_no)) if row.differs => {
                let unread = u32::try_from(row.unread.unwrap_or(0)).unwrap_or(u32::MAX);
                let head = Head { seq: number(seq), read_no: number(read_no), unread, mentions_unread: 0 };
                heads.chats.insert(chat_id, head);
            }
            (Some(_), Some(_)) => {}
            _ => heads.gone.push(chat_id),
        }
    }
    Ok(heads)
}

/// A chat's head and last message, for a member.
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

pub async fn members_seq_for(db: &PgPool, chat_id: ChatId, user: UserId) -> Result<Option<u64>> {
    let seq: Option<i64> = sqlx::query_scalar(
        "select c.members_seq from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(db)
    .await?;
    Ok(seq.map(number))
}

/// Who is in a chat, and the change as of which that is so, read together.
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

pub async fn messages_between(db: &PgPool, chat_id: ChatId, first: u64, last: u64) -> Result<Vec<Message>> {
    if first > last {
        return Ok(Vec::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!("m"),
        " from messages m where m.chat_id = $1 and m.no between $2 and $3 order by m.no"
    ))
    .bind(chat_id.0)
    .bind(signed(first))
    .bind(signed(last))
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn messages_by_no(db: &PgPool, chat_id: ChatId, nos: &[u64]) -> Result<Vec<Message>> {
    if nos.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!("m"),
        " from messages m where m.chat_id = $1 and m.no = any($2) order by m.no"
    ))
    .bind(chat_id.0)
    .bind(nos.iter().copied().map(signed).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The first message at or after a time.
pub async fn no_at(db: &PgPool, chat_id: ChatId, time: Timestamp) -> Result<Option<u64>> {
    let no: Option<i64> = sqlx::query_scalar(
        "select no from messages where chat_id = $1 and created_at >= $2 order by created_at, no limit 1",
    )
    .bind(chat_id.0)
    .bind(clock::to_database(time))
    .fetch_optional(db)
    .await?;
    Ok(no.map(number))
}

/// None where the mark did not move: it stands further, or the chat is not the reader's.
pub async fn mark_read(db: &PgPool, chat_id: ChatId, user: UserId, no: u64) -> Result<Option<Marked>> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as(
        "update members m set read_no = least($3, c.last_no)
         from chats c
         where m.chat_id = $1 and m.user_id = $2 and not m.removed and c.chat_id = m.chat_id
           and m.read_no < least($3, c.last_no)
         returning m.read_no, c.members_seq, c.member_count",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .bind(signed(no))
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(read_no, members_seq, member_count)| Marked {
        read_no: number(read_no),
        members_seq: number(members_seq),
        member_count: number(member_count),
    }))
}

pub async fn update_own_state(
    tx: &mut PgConnection,
    user: UserId,
    chat_id: ChatId,
    mine: u64,
    update: UpdateOwnState,
) -> Result<()> {
    sqlx::query(
        "update user_chats set my_seq = $3,
             muted_until = case when $4 then $5 else muted_until end,
             pinned = coalesce($6, pinned), archived = coalesce($7, archived),
             draft = case when $8 then $9 else draft end,
             marked_unread = coalesce($10, marked_unread)
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
    .execute(tx)
    .await?;
    Ok(())
}

/// A page of changes by `seq`, in one snapshot; none for somebody who is not in the chat.
pub async fn changes(db: &PgPool, chat_id: ChatId, user: UserId, after: u64, limit: u32) -> Result<Option<Changes>> {
    let mut tx = db.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let own: Option<OwnRow> = sqlx::query_as(
        "select c.kind, c.title, c.description, c.avatar_url, c.member_count, c.last_no, c.seq, c.row_seq,
             c.members_seq, c.active_at
         from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(OwnRow(chat)) = own else { return Ok(None) };
    let most = i64::from(limit) + 1;
    let messages: Vec<MessageRow> = sqlx::query_as(concat!(
        "select ",
        message_columns!("m"),
        " from messages m where m.chat_id = $1 and m.seq > $2 order by m.seq limit $3"
    ))
    .bind(chat_id.0)
    .bind(signed(after))
    .bind(most)
    .fetch_all(&mut *tx)
    .await?;
    let members = members_after(&mut tx, chat_id, after, most).await?;
    tx.commit().await?;

    let mut page = Changes {
        chat_id,
        messages: messages.into_iter().map(|row| row.0).collect(),
        members,
        chat: (chat.row_seq > after).then(|| chat.to_chat(chat_id)),
        seq: chat.seq,
        more: false,
        users: Vec::new(),
    };
    let mut seqs: Vec<u64> = page.messages.iter().map(|message| message.seq).collect();
    seqs.extend(page.members.iter().map(|member| member.seq));
    seqs.extend(page.chat.iter().map(|row: &Chat| row.seq));
    seqs.sort_unstable();
    if let (true, Some(&last)) = (seqs.len() > limit as usize, seqs.get(limit as usize - 1)) {
        page.messages.retain(|message| message.seq <= last);
        page.members.retain(|member| member.seq <= last);
        page.chat = page.chat.filter(|row| row.seq <= last);
        (page.seq, page.more) = (last, true);
    }
    Ok(Some(page))
}

async fn members_after(tx: &mut PgConnection, chat_id: ChatId, after: u64, most: i64) -> Result<Vec<Member>> {
    let rows: Vec<rows::NamedMemberRow> = sqlx::query_as(
        "select m.user_id, m.role, m.joined_at, m.read_no, m.removed, m.seq,
             u.username, u.display_name, u.bio, u.avatar_url
         from members m join users u on u.user_id = m.user_id
         where m.chat_id = $1 and m.seq > $2 order by m.seq limit $3",
    )
    .bind(chat_id.0)
    .bind(signed(after))
    .bind(most)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A page of the members who are in the chat: by power, then by name, from beyond `offset`.
pub async fn members(
    db: &PgPool,
    chat_id: ChatId,
    query: Option<&str>,
    offset: i64,
    limit: i64,
) -> Result<Vec<Member>> {
    let prefix = query.map(|query| query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let rows: Vec<rows::NamedMemberRow> = sqlx::query_as(
        "select m.user_id, m.role, m.joined_at, m.read_no, m.removed, m.seq,
             u.username, u.display_name, u.bio, u.avatar_url
         from members m join users u on u.user_id = m.user_id
         where m.chat_id = $1 and not m.removed
           and ($2::text is null or u.username like $2 || '%' or lower(u.display_name) like $2 || '%')
         order by case m.role when 'owner' then 0 when 'admin' then 1 else 2 end, lower(u.display_name), u.user_id
         offset $3 limit $4",
    )
    .bind(chat_id.0)
    .bind(prefix)
    .bind(offset)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The first row of a group: a system message that tells who made it.
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
