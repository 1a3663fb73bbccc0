//! The list of a user's chats: summaries, unread counts and heads.

use super::{
    number,
    rows::{HeadRow, SummaryRow},
    signed, uuids,
};
use crate::{Result, infra::clock, profiles::queries::MeRow};
use protocol::{
    chat::ChatSummary,
    frames::{Head, Heads, Held},
    ids::{ChatId, UserId},
    profiles::{Me, User},
    time::Timestamp,
};
use sqlx::{FromRow as _, PgExecutor, PgPool, Row as _, postgres::PgRow, types::Json};
use std::collections::HashMap;
use uuid::Uuid;

/// The user, their `mine`, and the chats that the device named and that are not in the user's list.
pub struct OwnHead {
    pub me: Me,
    pub mine: u64,
    pub gone: Vec<ChatId>,
}

/// The columns of the chats that a device holds, for binding: id, head, and the read mark that it knows.
fn named(held: &Held) -> (Vec<Uuid>, Vec<i64>, Vec<Option<i64>>) {
    let (mut ids, mut seqs, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for (id, seq) in &held.chats {
        ids.push(id.0);
        seqs.push(signed(*seq));
        reads.push(held.read.get(id).copied().map(signed));
    }
    (ids, seqs, reads)
}

/// Whether a chat is archived: no message came after it was archived, or the chat was muted when the last one came.
macro_rules! is_archived {
    () => {
        "(own.archived and (c.last_no <= own.archived_no or coalesce(c.active_at < own.muted_until, false)))"
    };
}

/// The number of unread messages, at most 1000: the distance in `no` minus the system messages and tombstones (index
/// `messages_uncounted`). Posting moves the mark, so no own message follows it. The window is 2,000 messages; if it has
/// too few countable ones and more follow, their rows are counted.
macro_rules! unread {
    ($read_no:literal) => {
        concat!(
            "(select case
                 when w.counted >= 1000 or c.last_no - ",
            $read_no,
            " <= 2000 then least(w.counted, 1000)
                 else (select count(*) from (
                     select 1 from messages n where n.chat_id = c.chat_id and n.no > ",
            $read_no,
            "
                       and not (n.deleted or n.kind = 'system') limit 1000) as countable) end
             from (
                 select greatest(least(c.last_no - ",
            $read_no,
            ", 2000), 0) - count(*) as counted
                 from messages n where n.chat_id = c.chat_id and n.no > ",
            $read_no,
            " and n.no <= ",
            $read_no,
            " + 2000
                   and (n.deleted or n.kind = 'system')) as w)"
        )
    };
}

/// How many messages after the reader's mark mention the reader, at most 1000.
macro_rules! mentions_unread {
    ($reader:literal, $read_no:literal) => {
        concat!(
            "(select count(*) from (
                 select 1 from messages n where n.chat_id = c.chat_id and n.no > ",
            $read_no,
            " and n.mentions <> '{}'
                   and ",
            $reader,
            " = any(n.mentions) and n.sender_id <> ",
            $reader,
            " and not n.deleted
                 limit 1000) as counted)"
        )
    };
}

/// `ChatSummary` rows. `$own` filters the rows of `user_chats`; `$page` filters, orders and limits the chats, before
/// their details are read; `$more` are further columns.
macro_rules! summaries {
    ($own:literal, $page:expr) => {
        summaries!("", $own, $page)
    };
    ($more:expr, $own:literal, $page:expr) => {
        concat!(
            "with own as materialized (
                 select user_id, chat_id, my_seq, muted_until, pinned, archived, archived_no, draft, marked_unread
                 from user_chats where ", $own, "),
             page as materialized (
                 select own.user_id as reader_id, c.chat_id, c.kind, c.title, c.description, c.avatar_url, c.last_no,
                     c.member_count, c.seq, c.active_at, own.my_seq, own.muted_until, own.pinned, own.archived_no, own.draft,
                     own.marked_unread, ", is_archived!(), " as archived, m.role, m.read_no, m.blocked, m.others_read_no
                 from own
                 join chats c on c.chat_id = own.chat_id
                 join members m on m.chat_id = c.chat_id and m.user_id = own.user_id and not m.removed ",
            $page, ")
             select c.*, ", unread!("c.read_no"), " as unread, ", mentions_unread!("c.reader_id", "c.read_no"), " as mentions_unread,
                 case when c.blocked or p.blocked then c.others_read_no when c.member_count <= 100 then (
                     select coalesce(max(o.read_no), 0) from members o
                     where o.chat_id = c.chat_id and o.user_id <> c.reader_id and not o.removed) else 0 end as read_by_others_no,
                 u.user_id, u.username, u.display_name, u.bio, u.avatar_url as peer_avatar_url,
                 l.no, l.seq as message_seq, l.message_id, l.client_id, l.sender_id, l.kind as message_kind, l.text,
                 l.reply_to, l.event, l.created_at, l.edited_at, l.deleted, l.mentions, l.forwarded_from,
                 l.reactions", $more, "
             from page c
             left join messages l on l.chat_id = c.chat_id and l.no = c.last_no
             left join lateral (
                 select p.user_id, p.blocked from members p
                 where c.kind = 'direct' and p.chat_id = c.chat_id and p.user_id <> c.reader_id limit 1) as p on true
             left join users u on u.user_id = p.user_id
             order by c.active_at desc, c.chat_id desc"
        )
    };
}

pub async fn summary(db: impl PgExecutor<'_>, user: UserId, chat_id: ChatId) -> Result<Option<ChatSummary>> {
    let row: Option<SummaryRow> = sqlx::query_as(summaries!("user_id = $1 and chat_id = $2", ""))
        .bind(user.0)
        .bind(chat_id.0)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| row.0))
}

/// The summaries of one chat for some users, without those who are not members.
pub async fn summaries_of(db: &PgPool, users: &[UserId], chat_id: ChatId) -> Result<Vec<(UserId, ChatSummary)>> {
    let rows = sqlx::query(summaries!("user_id = any($1) and chat_id = $2", ""))
        .bind(uuids(users))
        .bind(chat_id.0)
        .fetch_all(db)
        .await?;
    let read =
        |row| -> sqlx::Result<_> { Ok((UserId(PgRow::try_get(row, "reader_id")?), SummaryRow::from_row(row)?.0)) };
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}

/// Listed chats, newest activity first, after the cursor `after`.
pub async fn summaries(
    db: &PgPool,
    user: UserId,
    archived: Option<bool>,
    after: Option<(Timestamp, ChatId)>,
    limit: i64,
) -> Result<Vec<ChatSummary>> {
    let rows: Vec<SummaryRow> = sqlx::query_as(summaries!(
        "",
        "user_id = $1 and listed",
        concat!(
            "where ($2::bool is null or ",
            is_archived!(),
            " = $2) and ($3::timestamptz is null or (c.active_at, c.chat_id) < ($3, $4))
             order by c.active_at desc, c.chat_id desc limit $5"
        )
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

/// Listed chats whose `my_seq` is newer than `mine`, whose head differs from the held one, or whose read mark moved;
/// each with the users in its last message.
pub async fn summaries_changed(
    db: &PgPool,
    user: UserId,
    mine: Option<u64>,
    held: &Held,
    limit: i64,
) -> Result<Vec<(ChatSummary, Vec<User>)>> {
    let (chats, seqs, reads) = named(held);
    let rows = sqlx::query(summaries!(
        concat!(
            ", (select json_agg(",
            user_json!(),
            ") from users u where u.user_id = any(",
            people_of!("l"),
            ")) as named"
        ),
        "user_id = $1 and listed",
        "left join unnest($3::uuid[], $4::int8[], $5::int8[]) as held (chat_id, seq, read_no)
             on held.chat_id = c.chat_id
         where $2::int8 is null or own.my_seq > $2 or held.seq is distinct from c.seq or m.read_no > held.read_no
         order by c.active_at desc, c.chat_id desc limit $6"
    ))
    .bind(user.0)
    .bind(mine.map(signed))
    .bind(chats)
    .bind(seqs)
    .bind(reads)
    .bind(limit)
    .fetch_all(db)
    .await?;
    let read = |row: &PgRow| -> sqlx::Result<_> {
        let named: Option<Json<Vec<User>>> = row.try_get("named")?;
        Ok((SummaryRow::from_row(row)?.0, named.map(|named| named.0).unwrap_or_default()))
    };
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}

pub async fn own_head(db: &PgPool, user: UserId, held: &Held) -> Result<Option<OwnHead>> {
    let (chats, ..) = named(held);
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

/// Reads, in one statement, the user's `mine` and the heads of the held chats that differ.
pub async fn heads(db: &PgPool, user: UserId, held: &Held) -> Result<Heads> {
    let (chats, seqs, reads) = named(held);
    let rows: Vec<HeadRow> = sqlx::query_as(concat!(
        "with own as materialized (select chat_id from user_chats where user_id = $1 and listed),
             held as materialized (
                 select h.chat_id, h.seq, h.read_no
                 from unnest($2::uuid[], $3::int8[], $4::int8[]) as h (chat_id, seq, read_no))
         select coalesce((select mine from user_heads where user_id = $1), 0) as mine, held.chat_id,
             c.seq, c.last_no, m.read_no, d.differs,
             case when d.differs then ",
        unread!("m.read_no"),
        " end as unread,
             case when d.differs then ",
        mentions_unread!("$1", "m.read_no"),
        " end as mentions_unread
         from (select 1) as one
         left join held on true
         left join own on own.chat_id = held.chat_id
         left join chats c on c.chat_id = own.chat_id
         left join members m on m.chat_id = c.chat_id and m.user_id = $1 and not m.removed
         cross join lateral (
             select held.seq is distinct from c.seq or coalesce(m.read_no > held.read_no, false) as differs) as d"
    ))
    .bind(user.0)
    .bind(chats)
    .bind(seqs)
    .bind(reads)
    .fetch_all(db)
    .await?;
    let mut heads = Heads { mine: 0, chats: HashMap::new(), gone: Vec::new() };
    for row in rows {
        heads.mine = number(row.mine);
        let Some(chat_id) = row.chat_id.map(ChatId) else { continue };
        match (row.seq, row.read_no) {
            (Some(seq), Some(read_no)) if row.differs => {
                let count = |counted: Option<i64>| u32::try_from(counted.unwrap_or(0)).unwrap_or(u32::MAX);
                let (unread, mentions_unread) = (count(row.unread), count(row.mentions_unread));
                let last_no = number(row.last_no.unwrap_or(0));
                let head = Head { seq: number(seq), last_no, read_no: number(read_no), unread, mentions_unread };
                heads.chats.insert(chat_id, head);
            }
            (Some(_), Some(_)) => {}
            _ => heads.gone.push(chat_id),
        }
    }
    Ok(heads)
}
