//! The rows of chats that changed since a client's head. The statement itself checks that the reader is a member.

use super::signed;
use crate::{Result, chat::rules};
use protocol::{
    chat::{Changes, Chat, Message},
    ids::{ChatId, UserId},
    profiles::User,
};
use sqlx::PgPool;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

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
