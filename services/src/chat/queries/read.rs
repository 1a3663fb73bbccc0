//! The statements of readers. Each checks in itself that the reader is a member: between two statements the reader
//! may be removed, and a message edited.

use super::{
    number,
    rows::{self, HeadRow, MessageRow, SummaryRow},
    signed, uuids,
};
use crate::{
    Result,
    chat::rules,
    infra::clock,
    profiles::queries::{MeRow, like_literal},
};
use protocol::{
    chat::{Changes, Chat, ChatSummary, Message},
    frames::{Head, Heads, Held},
    groups::Member,
    ids::{ChatId, ClientId, UserId},
    profiles::{Me, User},
    time::Timestamp,
};
use sqlx::{FromRow as _, PgExecutor, PgPool, Row as _, postgres::PgRow, types::Json};
use std::collections::{HashMap, HashSet};
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

/// A `User` of table `u`, as JSON.
macro_rules! user_json {
    () => {
        "json_build_object('id', u.user_id, 'username', u.username, 'display_name', u.display_name, 'bio', u.bio,
             'avatar_url', u.avatar_url)"
    };
}

/// The ids of all users in a message, as an array: sender, users of the event, author of a forwarded text, mentioned
/// users, users of reactions.
macro_rules! people_of {
    ($m:literal) => {
        concat!(
            "array[",
            $m,
            ".sender_id, (",
            $m,
            ".event->>'actor_id')::uuid, (",
            $m,
            ".event->>'user_id')::uuid, ",
            $m,
            ".forwarded_from] || ",
            $m,
            ".mentions || array(
                 select (jsonb_path_query(",
            $m,
            ".reactions, '$[*].by[*]') #>> '{}')::uuid)"
        )
    };
}

/// A time as JSON text.
macro_rules! time_text {
    ($column:literal) => {
        concat!("to_char(", $column, " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
    };
}

/// A `Message`, as JSON.
macro_rules! message_json {
    () => {
        concat!(
            "json_build_object('chat_id', chat_id, 'no', no, 'seq', seq, 'id', message_id, 'client_id', client_id,
                 'sender_id', sender_id, 'kind', kind, 'text', text, 'reply_to', reply_to, 'attachments', '[]'::json,
                 'reactions', reactions, 'mentions', to_json(mentions), 'event', event,
                 'forwarded_from', case when forwarded_from is not null
                     then json_build_object('user_id', forwarded_from, 'name', null) end,
                 'created_at', ",
            time_text!("created_at"),
            ", 'edited_at', ",
            time_text!("edited_at"),
            ", 'deleted', deleted)"
        )
    };
}

/// Whether a chat is archived: no message came after it was archived, or the chat was muted when the last one came.
macro_rules! is_archived {
    () => {
        "(own.archived and (c.last_no <= own.archived_no or coalesce(c.active_at < own.muted_until, false)))"
    };
}

/// The read mark of a member `m`, as shown to the reader with the row `$own`. After a block in a direct chat both
/// are shown the mark of the time of the block.
macro_rules! read_no {
    ($own:literal, $reader:literal) => {
        concat!(
            "case when m.user_id <> ",
            $reader,
            " and (",
            $own,
            ".blocked or m.blocked) then ",
            $own,
            ".others_read_no else m.read_no end"
        )
    };
}

/// The number of unread messages, at most 1000: the distance in `no` minus the system messages and tombstones (index
/// `messages_uncounted`). Posting moves the mark, so no own message follows it. The window is 2,000 messages; if it has
/// too few countable ones and more follow, their rows are counted.
macro_rules! unread {
    () => {
        "(select case
                 when w.counted >= 1000 or c.last_no - m.read_no <= 2000 then least(w.counted, 1000)
                 else (select count(*) from (
                     select 1 from messages n where n.chat_id = c.chat_id and n.no > m.read_no
                       and not (n.deleted or n.kind = 'system') limit 1000) as countable) end
             from (
                 select greatest(least(c.last_no - m.read_no, 2000), 0) - count(*) as counted
                 from messages n where n.chat_id = c.chat_id and n.no > m.read_no and n.no <= m.read_no + 2000
                   and (n.deleted or n.kind = 'system')) as w)"
    };
}

/// How many messages after the reader's mark mention the reader, at most 1000.
macro_rules! mentions_unread {
    ($reader:literal) => {
        concat!(
            "(select count(*) from (
                 select 1 from messages n where n.chat_id = c.chat_id and n.no > m.read_no and n.mentions <> '{}'
                   and ",
            $reader,
            " = any(n.mentions) and n.sender_id <> ",
            $reader,
            " and not n.deleted
                 limit 1000) as counted)"
        )
    };
}

/// `ChatSummary` rows. `$own` filters the rows of `user_chats`; `$rest` filters, orders and limits the result; `$more`
/// are further columns.
macro_rules! summaries {
    ($own:literal, $rest:expr) => {
        summaries!("", $own, $rest)
    };
    ($more:expr, $own:literal, $rest:expr) => {
        concat!(
            "with own as materialized (
                 select user_id, chat_id, my_seq, muted_until, pinned, archived, archived_no, draft, marked_unread
                 from user_chats where ", $own, ")
             select own.user_id as reader_id, c.chat_id, c.kind, c.title, c.description, c.avatar_url, c.last_no, c.member_count, c.seq,
                 c.active_at, own.my_seq, own.muted_until, own.pinned, own.archived_no, own.draft, own.marked_unread,
                 ", is_archived!(), " as archived,
                 m.role, m.read_no,
                 ", unread!(), " as unread, ", mentions_unread!("own.user_id"), " as mentions_unread,
                 case when m.blocked or p.blocked then m.others_read_no when c.member_count <= 100 then (
                     select coalesce(max(o.read_no), 0) from members o
                     where o.chat_id = c.chat_id and o.user_id <> own.user_id and not o.removed) else 0 end as read_by_others_no,
                 u.user_id, u.username, u.display_name, u.bio, u.avatar_url as peer_avatar_url,
                 l.no, l.seq as message_seq, l.message_id, l.client_id, l.sender_id, l.kind as message_kind, l.text,
                 l.reply_to, l.event, l.created_at, l.edited_at, l.deleted, l.mentions, l.forwarded_from,
                 l.reactions", $more, "
             from own
             join chats c on c.chat_id = own.chat_id
             join members m on m.chat_id = c.chat_id and m.user_id = own.user_id and not m.removed
             left join messages l on l.chat_id = c.chat_id and l.no = c.last_no
             left join members p on c.kind = 'direct' and p.chat_id = c.chat_id and p.user_id <> own.user_id
             left join users u on u.user_id = p.user_id ",
            $rest
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

/// One statement: the user's `mine`, and the heads of the held chats that differ.
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
        unread!(),
        " end as unread,
             case when d.differs then ",
        mentions_unread!("$1"),
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

/// A chat's `seq` and `last_no`; none unless `user` is a member.
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

/// The receivers of a member's `typing`.
pub struct TypingRow {
    pub members_seq: u64,
    pub member_count: u64,
    /// In a direct chat: one of the two has blocked the other.
    pub blocked: bool,
}

/// None unless `user` is a member.
pub async fn typing(db: &PgPool, chat_id: ChatId, user: UserId) -> Result<Option<TypingRow>> {
    let row: Option<(i64, i64, bool)> = sqlx::query_as(
        "select c.members_seq, c.member_count, c.kind = 'direct' and exists (
             select 1 from members b where b.chat_id = $1 and b.blocked)
         from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(members_seq, member_count, blocked)| TypingRow {
        members_seq: number(members_seq),
        member_count: number(member_count),
        blocked,
    }))
}

/// The members of a chat and its `members_seq`, in one snapshot.
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

/// The `no` of the first message at or after a time.
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

/// A page of changes of each chat by `seq`, limited by rows and by bytes. One statement reads one snapshot. Chats of
/// which the reader is not a member are missing.
pub async fn changes(db: &PgPool, user: UserId, wanted: &[(ChatId, u64)], limit: u32) -> Result<Vec<Changes>> {
    let mut pages: HashMap<ChatId, Changes> = HashMap::new();
    let mut users: HashMap<UserId, User> = HashMap::new();
    for (part, chat_id, row) in &changed_rows(db, user, wanted, limit).await? {
        let Some(chat_id) = chat_id.map(ChatId) else {
            let user: User = parse(row)?;
            users.insert(user.id, user);
            continue;
        };
        let page = pages.entry(chat_id).or_insert_with(|| Changes {
            chat_id,
            messages: Vec::new(),
            members: Vec::new(),
            chat: None,
            seq: 0,
            more: false,
            users: Vec::new(),
        });
        match part.as_str() {
            "chat" => page.chat = Some(parse(row)?),
            "head" => page.seq = parse(row)?,
            "message" => page.messages.push(parse(row)?),
            _ => page.members.push(parse(row)?),
        }
    }
    let found = wanted.iter().filter_map(|(chat_id, after)| Some((pages.remove(chat_id)?, *after)));
    Ok(found.map(|(page, after)| cut(page, after, (limit, wanted.len()), &users)).collect())
}

/// A row of any type: the type (`chat`, `head`, `message`, `member`, `user`), its chat, and the row as JSON.
type ChangedRow = (String, Option<Uuid>, String);

/// For each chat: its row, its head, and messages and members, one more than `limit` to show that there are more.
async fn changed_rows(
    db: &PgPool,
    user: UserId,
    wanted: &[(ChatId, u64)],
    limit: u32,
) -> sqlx::Result<Vec<ChangedRow>> {
    sqlx::query_as(concat!(
        "with wanted as materialized (
             select w.chat_id, w.after, c.kind, c.title, c.description, c.avatar_url, c.member_count, c.last_no, c.seq,
                 c.row_seq, own.blocked, own.others_read_no
             from unnest($2::uuid[], $3::int8[]) as w (chat_id, after)
             join chats c on c.chat_id = w.chat_id
             join members own on own.chat_id = w.chat_id and own.user_id = $1 and not own.removed),
         said as materialized (
             select m.* from wanted w cross join lateral (
                 select ",
        message_columns!(),
        " from messages m
                 where m.chat_id = w.chat_id and m.seq > w.after order by m.seq limit $4) as m),
         came as materialized (
             select m.* from wanted w cross join lateral (
                 select m.chat_id, m.user_id, m.role, m.joined_at, ",
        read_no!("w", "$1"),
        " as read_no, m.removed, m.seq from members m
                 where m.chat_id = w.chat_id and m.seq > w.after order by m.seq limit $4) as m)
         select 'chat', chat_id, json_build_object('id', chat_id, 'kind', kind, 'title', title,
             'description', description, 'avatar_url', avatar_url, 'last_no', last_no, 'member_count', member_count,
             'seq', row_seq)::text from wanted
         union all
         select 'head', chat_id, seq::text from wanted
         union all
         select 'message', chat_id, ",
        message_json!(),
        "::text from said
         union all
         select 'member', m.chat_id, json_build_object('user', ",
        user_json!(),
        ", 'role', m.role,
             'joined_at', ",
        time_text!("m.joined_at"),
        ", 'read_no', m.read_no, 'removed', m.removed, 'seq', m.seq)::text
             from came m join users u on u.user_id = m.user_id
         union all
         select 'user', null, ",
        user_json!(),
        "::text from users u where u.user_id in (
             select unnest(",
        people_of!("m"),
        ") from said m)"
    ))
    .bind(user.0)
    .bind(wanted.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, after)| signed(*after)).collect::<Vec<_>>())
    .bind(i64::from(limit) + 1)
    .fetch_all(db)
    .await
}

fn parse<T: serde::de::DeserializeOwned>(row: &str) -> sqlx::Result<T> {
    serde_json::from_str(row).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Cuts a page to `limit` rows and to its share of the bytes of several replies; adds the users in its rows.
fn cut(mut page: Changes, after: u64, (limit, replies): (u32, usize), users: &HashMap<UserId, User>) -> Changes {
    page.chat = page.chat.filter(|row| row.seq > after);
    page.messages.sort_unstable_by_key(|message| message.seq);
    page.members.sort_unstable_by_key(|member| member.seq);
    let mut weighed = HashSet::new();
    let mut weight = |message: &Message| -> usize {
        let new = message.people().filter(|id| weighed.insert(*id)).filter_map(|id| users.get(&id));
        rules::message_weight(message) + new.map(rules::person_weight).sum::<usize>()
    };
    let mut rows: Vec<(u64, usize)> = page.messages.iter().map(|message| (message.seq, weight(message))).collect();
    rows.extend(page.members.iter().map(|member| (member.seq, rules::person_weight(&member.user))));
    rows.extend(page.chat.iter().map(|row: &Chat| (row.seq, row.description.len())));
    rows.sort_unstable();
    let fitting = rules::fitting(rows.iter().map(|(_, bytes)| *bytes), replies).min(limit as usize);
    if let (true, Some(&(last, _))) = (rows.len() > fitting, rows.get(fitting.saturating_sub(1))) {
        page.messages.retain(|message| message.seq <= last);
        page.members.retain(|member| member.seq <= last);
        page.chat = page.chat.filter(|row| row.seq <= last);
        (page.seq, page.more) = (last, true);
    }
    let named: HashSet<UserId> = page.messages.iter().flat_map(Message::people).collect();
    let mut people: HashMap<UserId, User> =
        named.iter().filter_map(|id| users.get(id)).map(|user| (user.id, user.clone())).collect();
    people.extend(page.members.iter().map(|member| (member.user.id, member.user.clone())));
    page.users = people.into_values().collect();
    page
}

/// A page of the members, as shown to `reader`, by role and then by name; empty unless `reader` is a member.
pub async fn members(
    db: &PgPool,
    chat_id: ChatId,
    reader: UserId,
    query: Option<&str>,
    (offset, limit): (i64, i64),
) -> Result<Vec<Member>> {
    let rows: Vec<rows::NamedMemberRow> = sqlx::query_as(concat!(
        "select m.user_id, m.role, m.joined_at, ",
        read_no!("own", "$5"),
        " as read_no, m.removed, m.blocked, m.seq,
             u.username, u.display_name, u.bio, u.avatar_url
         from members m join users u on u.user_id = m.user_id
         join members own on own.chat_id = m.chat_id and own.user_id = $5 and not own.removed
         where m.chat_id = $1 and not m.removed
           and ($2::text is null or u.username like $2 || '%' or lower(u.display_name) like $2 || '%')
         order by case m.role when 'owner' then 0 when 'admin' then 1 else 2 end, lower(u.display_name), u.user_id
         offset $3 limit $4"
    ))
    .bind(chat_id.0)
    .bind(query.map(like_literal))
    .bind(offset)
    .bind(limit)
    .bind(reader.0)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
