//! The statements of a batch of changes of one chat, in their order: lock, read, write, and the last ones with the commit.

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

/// The users, sends, messages and reactions that the changes of a batch refer to.
#[derive(Default)]
pub struct Names<'a> {
    pub users: BTreeSet<UserId>,
    pub sends: Vec<(UserId, ClientId)>,
    pub nos: Vec<u64>,
    pub reactions: BTreeSet<ReactionKey>,
    /// User names of mentioned members.
    pub called: BTreeSet<&'a str>,
}

/// The chat's row, and the existing rows of the `Names`.
pub struct Named {
    pub row: ChatRow,
    pub members: HashMap<UserId, MemberRow>,
    pub stored: HashMap<(UserId, ClientId), Message>,
    pub messages: HashMap<u64, Message>,
    pub reacted: BTreeSet<ReactionKey>,
    pub called: HashMap<String, UserId>,
}

/// Begins a transaction that has locked the chat's row for changes. None if the chat does not exist.
///
/// # Errors
/// `unavailable` if the database does not respond, or another transaction has the lock for too long.
pub async fn begin_locked(db: &PgPool, chat_id: ChatId) -> Result<Option<Transaction>> {
    // The lock must be taken before the statement that reads begins: that statement sees what was committed before it.
    // One round trip for two statements needs the simple protocol, which has no parameters; an id is only hexadecimal.
    let lock = format!("begin; select from chats where chat_id = '{chat_id}' for update");
    let (tx, locked) = database::begin_with(db, lock).await?;
    Ok((locked == 1).then_some(tx))
}

/// Reads the rows of the names; none if the chat does not exist.
pub async fn named(tx: &mut PgConnection, chat_id: ChatId, names: &Names<'_>) -> Result<Option<Named>> {
    #[derive(Deserialize)]
    struct Called {
        username: String,
        user_id: UserId,
    }
    let (senders, clients): (Vec<Uuid>, Vec<Uuid>) = names.sends.iter().map(|(user, id)| (user.0, id.0)).unzip();
    let (nos, emoji, reacting) = reactions::columns(names.reactions.iter());
    // Each name is looked up by a sub-select of its own: a plan for any values could join the names with all rows of the
    // chat.
    let row = sqlx::query(concat!(
        "select c.kind, c.title, c.description, c.avatar_url, c.member_count, c.last_no, c.seq, c.row_seq, c.members_seq,
             c.active_at,
             array(select (select json_build_object('user_id', user_id, 'role', role, 'joined_at', ",
        time_text!("joined_at"),
        ", 'read_no', read_no, 'removed', removed, 'blocked', blocked, 'seq', seq)
                 from members where chat_id = $1 and user_id = n.id)
                 from unnest($2::uuid[]) as n (id)) as members,
             array(select (select ",
        message_json!(),
        " from messages where chat_id = $1 and sender_id = n.sender and client_id = n.client limit 1)
                 from unnest($3::uuid[], $4::uuid[]) as n (sender, client)) as stored,
             array(select (select ",
        message_json!(),
        " from messages where chat_id = $1 and no = n.message)
                 from unnest($5::int8[]) as n (message)) as messages,
             array(select (select json_build_object('no', no, 'emoji', emoji, 'user_id', user_id)
                 from reactions where chat_id = $1 and no = n.message and emoji = n.given and user_id = n.giver)
                 from unnest($6::int8[], $7::text[], $8::uuid[]) as n (message, given, giver)) as reacted,
             array(select (select json_build_object('username', u.username, 'user_id', u.user_id)
                 from users u join members m on m.chat_id = $1 and m.user_id = u.user_id and not m.removed
                 where u.username = n.name)
                 from unnest($9::text[]) as n (name)) as called
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

/// The rows that were found among those that were looked up.
fn list<T: DeserializeOwned + 'static>(row: &PgRow, column: &str) -> sqlx::Result<Vec<T>> {
    let rows: Vec<Option<Json<T>>> = row.try_get(column)?;
    Ok(rows.into_iter().flatten().map(|row| row.0).collect())
}

/// Writes new and changed messages.
pub async fn write_messages<'a>(
    tx: &mut PgConnection,
    chat_id: ChatId,
    messages: impl Iterator<Item = &'a Message>,
) -> Result<()> {
    let messages: Vec<&Message> = messages.collect();
    if messages.is_empty() {
        return Ok(());
    }
    let ids = |of: fn(&Message) -> Uuid| messages.iter().map(|message| of(message)).collect::<Vec<_>>();
    let numbers = |of: fn(&Message) -> u64| messages.iter().map(|message| signed(of(message))).collect::<Vec<_>>();
    sqlx::query(
        "insert into messages (chat_id, no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at,
             forwarded_from, mentions, edited_at, deleted, reactions)
         select $1, n.no, n.seq, n.message_id, n.client_id, n.sender_id, n.kind, n.text, n.reply_to, n.event, n.created_at,
             n.forwarded_from, string_to_array(n.mentions, ',')::uuid[], n.edited_at, n.deleted, n.reactions
         from unnest($2::int8[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::int8[],
                 $10::jsonb[], $11::timestamptz[], $12::uuid[], $13::text[], $14::timestamptz[], $15::bool[], $16::jsonb[])
             as n (no, seq, message_id, client_id, sender_id, kind, text, reply_to, event, created_at, forwarded_from,
                 mentions, edited_at, deleted, reactions)
         on conflict (chat_id, no) do update set
             seq = excluded.seq, text = excluded.text, edited_at = excluded.edited_at, deleted = excluded.deleted,
             mentions = excluded.mentions, reactions = excluded.reactions",
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
    .execute(tx)
    .await?;
    Ok(())
}

/// An array as text: PostgreSQL has no arrays of arrays with different lengths.
fn array_text(ids: &[UserId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Writes the title and the description of a chat.
pub async fn write_texts(tx: &mut PgConnection, chat_id: ChatId, row: &ChatRow) -> Result<()> {
    sqlx::query("update chats set title = $2, description = $3 where chat_id = $1")
        .bind(chat_id.0)
        .bind(&row.title)
        .bind(&row.description)
        .execute(tx)
        .await?;
    Ok(())
}

/// Moves the read marks of senders, and writes the numbers of a chat. For `Transaction::commit_with`: one round trip for
/// these statements and the commit needs the simple protocol, which has no parameters. All values are ids and numbers.
#[must_use]
pub fn last_statements(chat_id: ChatId, marks: &BTreeMap<UserId, u64>, row: &ChatRow) -> String {
    let mark = |(user, no): (&UserId, &u64)| {
        format!(
            "update members set read_no = greatest(read_no, {no}) where chat_id = '{chat_id}' and user_id = '{user}'; "
        )
    };
    let marks: String = marks.iter().map(mark).collect();
    let ChatRow { member_count, last_no, seq, row_seq, members_seq, active_at, .. } = row;
    let active_ms = active_at.0;
    format!(
        "{marks}update chats set member_count = {member_count}, last_no = {last_no}, seq = {seq}, row_seq = {row_seq},
             members_seq = {members_seq}, active_at = timestamptz 'epoch' + {active_ms} * interval '1 millisecond'
         where chat_id = '{chat_id}'"
    )
}
