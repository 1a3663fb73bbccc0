//! A batch of changes of one chat: a transaction of one statement that reads and one that writes.

use super::{
    reactions::{self, ReactionKey},
    rows::{ChatRow, MemberRow},
    signed, uuids,
};
use crate::{
    Result,
    infra::{
        clock,
        database::{self, Transaction},
    },
};
use protocol::{
    chat::Message,
    ids::{ChatId, ClientId, UserId},
};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::{FromRow as _, PgConnection, PgPool, Row as _, postgres::PgRow, types::Json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// What the changes of a batch name.
#[derive(Default)]
pub struct Names<'a> {
    pub users: BTreeSet<UserId>,
    pub sends: Vec<(UserId, ClientId)>,
    pub nos: Vec<u64>,
    pub reactions: BTreeSet<ReactionKey>,
    /// User names of mentioned members.
    pub called: BTreeSet<&'a str>,
}

/// The chat's row, and the existing rows among those that a batch names.
pub struct Named {
    pub row: ChatRow,
    pub members: HashMap<UserId, MemberRow>,
    pub stored: HashMap<(UserId, ClientId), Message>,
    pub messages: HashMap<u64, Message>,
    pub reacted: BTreeSet<ReactionKey>,
    pub called: HashMap<String, UserId>,
}

/// Begins a transaction that has locked the chat's row for changes.
///
/// # Errors
/// `unavailable` if the database does not respond, or another transaction has the lock for too long.
pub async fn begin_locked(db: &PgPool, chat_id: ChatId) -> Result<Transaction> {
    // The lock must be taken before the statement that reads begins: that statement sees what was committed before it.
    Ok(database::begin_with(db, format!("begin; select from chats where chat_id = '{chat_id}' for update")).await?)
}

/// Reads what a batch names; none if the chat does not exist.
pub async fn named(tx: &mut PgConnection, chat_id: ChatId, names: &Names<'_>) -> Result<Option<Named>> {
    #[derive(Deserialize)]
    struct Called {
        username: String,
        user_id: UserId,
    }
    let (senders, clients): (Vec<Uuid>, Vec<Uuid>) = names.sends.iter().map(|(user, id)| (user.0, id.0)).unzip();
    let (nos, emoji, reacting) = reactions::columns(names.reactions.iter());
    let row = sqlx::query(concat!(
        "select c.kind, c.title, c.description, c.avatar_url, c.member_count, c.last_no, c.seq, c.row_seq, c.members_seq,
             c.active_at,
             (select json_agg(json_build_object('user_id', user_id, 'role', role, 'joined_at', ",
        time_text!("joined_at"),
        ", 'read_no', read_no, 'removed', removed, 'blocked', blocked, 'seq', seq))
                 from members where chat_id = $1 and user_id = any($2)) as members,
             (select json_agg(",
        message_json!(),
        ") from messages join unnest($3::uuid[], $4::uuid[]) as s (sender, client) on sender_id = sender and client_id = client
                 where chat_id = $1) as stored,
             (select json_agg(",
        message_json!(),
        ") from messages where chat_id = $1 and no = any($5)) as messages,
             (select json_agg(json_build_object('no', r.no, 'emoji', r.emoji, 'user_id', r.user_id))
                 from reactions r join unnest($6::int8[], $7::text[], $8::uuid[]) as n (no, emoji, user_id)
                     on r.no = n.no and r.emoji = n.emoji and r.user_id = n.user_id
                 where r.chat_id = $1) as reacted,
             (select json_agg(json_build_object('username', u.username, 'user_id', u.user_id))
                 from members m join users u on u.user_id = m.user_id
                 where m.chat_id = $1 and not m.removed and u.username = any($9)) as called
         from chats c where c.chat_id = $1"
    ))
    .bind(chat_id.0)
    .bind(uuids(&names.users))
    .bind(senders)
    .bind(clients)
    .bind(names.nos.iter().copied().map(signed).collect::<Vec<_>>())
    .bind(nos)
    .bind(emoji)
    .bind(reacting)
    .bind(names.called.iter().copied().collect::<Vec<_>>())
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let members: Vec<MemberRow> = list(&row, "members")?;
    let stored: Vec<Message> = list(&row, "stored")?;
    let messages: Vec<Message> = list(&row, "messages")?;
    let reacted: Vec<ReactionKey> = list(&row, "reacted")?;
    let called: Vec<Called> = list(&row, "called")?;
    Ok(Some(Named {
        row: ChatRow::from_row(&row)?,
        members: members.into_iter().map(|member| (member.user_id, member)).collect(),
        stored: stored.into_iter().map(|message| ((message.sender_id, message.client_id), message)).collect(),
        messages: messages.into_iter().map(|message| (message.no, message)).collect(),
        reacted: reacted.into_iter().collect(),
        called: called.into_iter().map(|called| (called.username, called.user_id)).collect(),
    }))
}

fn list<T: DeserializeOwned>(row: &PgRow, column: &str) -> sqlx::Result<Vec<T>> {
    let rows: Option<Json<Vec<T>>> = row.try_get(column)?;
    Ok(rows.map(|rows| rows.0).unwrap_or_default())
}

/// Writes new and changed messages, moves the read marks of senders, and writes the chat's row.
pub async fn write<'a>(
    tx: &mut PgConnection,
    chat_id: ChatId,
    messages: impl Iterator<Item = &'a Message>,
    marks: &BTreeMap<UserId, u64>,
    row: &ChatRow,
) -> Result<()> {
    let messages: Vec<&Message> = messages.collect();
    let ids = |of: fn(&Message) -> Uuid| messages.iter().map(|message| of(message)).collect::<Vec<_>>();
    let numbers = |of: fn(&Message) -> u64| messages.iter().map(|message| signed(of(message))).collect::<Vec<_>>();
    sqlx::query(
        "with written as (
             insert into messages (chat_id, no, seq, message_id, client_id, sender_id, kind, text, reply_to, event,
                 created_at, forwarded_from, mentions, edited_at, deleted, reactions)
             select $1, n.no, n.seq, n.message_id, n.client_id, n.sender_id, n.kind, n.text, n.reply_to, n.event,
                 n.created_at, n.forwarded_from, string_to_array(n.mentions, ',')::uuid[], n.edited_at, n.deleted, n.reactions
             from unnest($2::int8[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::int8[],
                     $10::jsonb[], $11::timestamptz[], $12::uuid[], $13::text[], $14::timestamptz[], $15::bool[], $16::jsonb[])
                 as n (no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at, forwarded_from,
                     mentions, edited_at, deleted, reactions)
             on conflict (chat_id, no) do update set
                 seq = excluded.seq, text = excluded.text, edited_at = excluded.edited_at, deleted = excluded.deleted,
                 mentions = excluded.mentions, reactions = excluded.reactions),
         marked as (
             update members m set read_no = greatest(m.read_no, n.no)
             from unnest($17::uuid[], $18::int8[]) as n (user_id, no)
             where m.chat_id = $1 and m.user_id = n.user_id)
         update chats set title = $19, description = $20, member_count = $21, last_no = $22, seq = $23, row_seq = $24,
             members_seq = $25, active_at = $26
         where chat_id = $1",
    )
    .bind(chat_id.0)
    .bind(numbers(|message| message.no))
    .bind(numbers(|message| message.seq))
    .bind(ids(|message| message.id.0))
    .bind(ids(|message| message.client_id.0))
    .bind(ids(|message| message.sender_id.0))
    .bind(messages.iter().map(|message| message.kind.name()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.reply_to.map(signed)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.event.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| clock::to_database(message.created_at)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| Some(message.forwarded_from.as_ref()?.user_id?.0)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| array_text(&message.mentions)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.edited_at.map(clock::to_database)).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| message.deleted).collect::<Vec<_>>())
    .bind(messages.iter().map(|message| Json(&message.reactions)).collect::<Vec<_>>())
    .bind(uuids(marks.keys()))
    .bind(marks.values().copied().map(signed).collect::<Vec<_>>())
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

/// An array as text: PostgreSQL has no arrays of arrays with different lengths.
fn array_text(ids: &[UserId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
