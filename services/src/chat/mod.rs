//! Chats: lists, history, read marks, catch-up. Must not know how groups are managed: `groups` does this, with the
//! same commit queue.

pub mod blocks;
pub mod commit;
mod messages;
pub(crate) mod queries;
mod read_marks;
pub(crate) mod rules;

pub use messages::{
    Forward, React, begin_delete, begin_edit, begin_post, begin_react, delete_message, delete_messages, edit_message,
    forward_message, forward_messages, post_message, react, reacted, report_message,
};
pub use read_marks::ReadMarks;

use crate::{
    Actor, Mutant, Node, Rejection, Result,
    infra::{clock, database},
    profiles,
};
use protocol::{
    Page,
    chat::{Changes, ChatKind, ChatSummary, History, Message, MessageKind, UpdateOwnState, Window},
    error::Problem,
    frames::{Heads, Held, ServerFrame, Welcome},
    ids::{ChatId, ClientId, MessageId, UserId},
    limits,
    profiles::User,
    time::Timestamp,
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The id of a direct chat, derived from the pair of users in either order.
#[must_use]
pub fn direct_id(one: UserId, other: UserId) -> ChatId {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    ChatId(Uuid::new_v5(&low.0, high.0.as_bytes()))
}

/// The id of a user's own notes.
#[must_use]
pub fn saved_id(owner: UserId) -> ChatId {
    ChatId(Uuid::new_v5(&owner.0, b"saved"))
}

/// Creates a user's own notes, in the transaction of the registration.
pub(crate) async fn create_saved(tx: &mut PgConnection, owner: UserId) -> Result<()> {
    let chat_id = saved_id(owner);
    queries::insert_chat(
        tx,
        queries::NewChat { chat_id, kind: ChatKind::Saved, title: None, members: &[(owner, None)] },
    )
    .await?;
    queries::add_to_lists(tx, chat_id, &[owner], true).await?;
    Ok(())
}

/// Opens the direct chat with another user; each pair has one. The flag is true if the chat is new.
///
/// # Errors
/// `invalid_input` for the actor's own id; `not_found` for an unknown user, and for one who has blocked the actor.
pub async fn open_direct(node: &Node, actor: Actor, other: UserId) -> Result<(ChatSummary, bool)> {
    if other == actor.user_id {
        return Err(Rejection::field("user_id", Problem::Unknown));
    }
    node.rates.changes.take(actor.user_id)?;
    if profiles::queries::users(&node.db, &[other]).await?.is_empty() {
        return Err(Rejection::not_found());
    }
    let chat_id = direct_id(actor.user_id, other);
    let mut tx = database::begin(&node.db).await?;
    // Blocking takes the same locks, so that each sees the rows of the other.
    queries::lock_mines(&mut tx, &[actor.user_id, other]).await?;
    let both_ways = [(other, actor.user_id), (actor.user_id, other)];
    let blocks = queries::blocks_among(&mut *tx, &both_ways).await?;
    if blocks.contains(&(other, actor.user_id)) {
        return Err(Rejection::not_found());
    }
    let members = [(actor.user_id, None), (other, None)];
    let new = queries::NewChat { chat_id, kind: ChatKind::Direct, title: None, members: &members };
    let created = queries::insert_chat(&mut tx, new).await?;
    if created {
        // The chat appears in the other user's list with its first message.
        queries::add_to_lists(&mut tx, chat_id, &[other], false).await?;
        queries::mark_blocked(&mut tx, chat_id, other, blocks.contains(&(actor.user_id, other))).await?;
    }
    let listed = queries::add_to_lists(&mut tx, chat_id, &[actor.user_id], true).await?;
    tx.commit().await?;
    if !listed.is_empty() {
        send_mine(node, chat_id, &[actor.user_id]).await;
    }
    Ok((summary(node, actor, chat_id).await?, created))
}

/// A chat's summary for the actor.
///
/// # Errors
/// `not_found`, also for a chat of which the actor is not a member.
pub async fn summary(node: &Node, actor: Actor, chat_id: ChatId) -> Result<ChatSummary> {
    queries::summary(&node.db, actor.user_id, chat_id).await?.ok_or_else(Rejection::not_found)
}

/// The actor's chats, newest activity first.
///
/// # Errors
/// `invalid_input` for a malformed cursor or a limit out of range.
pub async fn list(
    node: &Node,
    actor: Actor,
    archived: Option<bool>,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<ChatSummary>> {
    let limit = rules::limit(limit)?;
    let after = cursor.map(rules::parse_cursor).transpose()?;
    let items = queries::summaries(&node.db, actor.user_id, archived, after, i64::from(limit) + 1).await?;
    Ok(Page::cut(items, limit, cursor_after))
}

/// The cursor of the list after this chat.
#[must_use]
pub fn cursor_after(last: &ChatSummary) -> String {
    rules::cursor(last.active_at, last.chat.id)
}

/// A window of the history. The chat's head is read before the rows, so the rows may be newer than the head.
///
/// # Errors
/// `not_found`; `invalid_input` for a limit above 100.
pub async fn history(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    window: Window,
    limit: Option<u32>,
) -> Result<History> {
    let limit = rules::limit(limit)?;
    let (seq, last_no) = queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let window = match window {
        Window::At(time) => {
            let no = queries::no_at(&node.db, actor.user_id, chat_id, time).await?;
            Window::Around(no.unwrap_or(last_no))
        }
        other => other,
    };
    let (first, last) = rules::bounds(window, last_no, u64::from(limit));
    let mut items = queries::messages_between(&node.db, actor.user_id, chat_id, (first, last)).await?;
    // `no` is dense, so no rows means that the actor was removed in between.
    if first <= last && items.is_empty() {
        return Err(Rejection::not_found());
    }
    if node.is(Mutant::OrderByTime) {
        items.sort_by_key(|message| (message.created_at.0 / 1_000, message.sender_id));
    }
    let quoted: BTreeSet<u64> = items.iter().filter_map(|message| message.reply_to).collect();
    let quoted: Vec<u64> = quoted.into_iter().collect();
    let replies = queries::messages_by_no(&node.db, actor.user_id, chat_id, &quoted).await?;
    let users = users_of(node, items.iter().chain(&replies).flat_map(Message::people)).await?;
    let next = items.last().filter(|message| message.no < last_no).map(|message| message.no.to_string());
    Ok(History { items, next, replies, users, seq, last_no })
}

/// Messages by their `no`, for quotes.
///
/// # Errors
/// `not_found`.
pub async fn quoted(node: &Node, actor: Actor, chat_id: ChatId, nos: &[u64]) -> Result<History> {
    let (seq, last_no) = queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let replies = queries::messages_by_no(&node.db, actor.user_id, chat_id, nos).await?;
    let users = users_of(node, replies.iter().flat_map(Message::people)).await?;
    Ok(History { items: Vec::new(), next: None, replies, users, seq, last_no })
}

/// Moves the actor's read mark forward, at most to the last message, and removes the mark "unread".
///
/// # Errors
/// `not_found`.
pub async fn mark_read(node: &Node, actor: Actor, chat_id: ChatId, no: u64) -> Result<()> {
    let (marked_unread, moved) = queries::mark_read(&node.db, chat_id, actor.user_id, no).await?;
    match moved {
        Some(marked) if marked.member_count <= limits::SMALL_GROUP => {
            read_marks::publish(node, chat_id, actor.user_id, marked.read_no, marked.members_seq).await;
        }
        Some(marked) => {
            let frame = ServerFrame::Read { chat_id, user_id: actor.user_id, no: marked.read_no };
            node.live.send_to(&[actor.user_id], &frame);
        }
        // The mark was as far already, or the actor is not a member.
        None => {
            queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
        }
    }
    if marked_unread {
        let update = UpdateOwnState { marked_unread: Some(false), ..UpdateOwnState::default() };
        update_own_state(node, actor, chat_id, update).await?;
    }
    Ok(())
}

/// Notifies the other members that the actor is typing. Groups above 100 members have no `typing`. Never stored.
///
/// # Errors
/// `not_found`.
pub async fn typing(node: &Node, actor: Actor, chat_id: ChatId) -> Result<()> {
    let row = queries::typing(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    if row.blocked || row.member_count > limits::SMALL_GROUP {
        return Ok(());
    }
    let Some(audience) = audience(node, chat_id, row.members_seq).await else { return Ok(()) };
    let frame = ServerFrame::Typing { chat_id, user_id: actor.user_id };
    node.live.publish_except(actor.user_id, chat_id, &audience, &frame);
    Ok(())
}

/// The rows of a chat changed after `after`, in one snapshot.
///
/// # Errors
/// `not_found`, `invalid_input` for a limit above 100.
pub async fn changes(node: &Node, actor: Actor, chat_id: ChatId, after: u64, limit: Option<u32>) -> Result<Changes> {
    let limit = rules::limit(limit.or(Some(limits::CHANGES_MAX)))?;
    changes_of(node, actor, &[(chat_id, after)], limit).await?.pop().ok_or_else(Rejection::not_found)
}

/// Like `changes`, for several chats in one query. A chat of which the actor is not a member becomes a `not_found` at
/// the end of the list, so that the other chats catch up.
///
/// # Errors
/// `invalid_input` for no chat, or more than 50.
pub async fn changes_of_many(node: &Node, actor: Actor, wanted: &[(ChatId, u64)]) -> Result<Vec<Result<Changes>>> {
    if wanted.is_empty() || wanted.len() > limits::CHANGES_CHATS_MAX {
        let problem = if wanted.is_empty() { Problem::Required } else { Problem::TooLong };
        return Err(Rejection::field("chats", problem));
    }
    let pages = changes_of(node, actor, wanted, rules::changes_limit(wanted.len())).await?;
    let missing = wanted.len() - pages.len();
    let refusals = std::iter::repeat_with(|| Err(Rejection::not_found())).take(missing);
    Ok(pages.into_iter().map(Ok).chain(refusals).collect())
}

async fn changes_of(node: &Node, actor: Actor, wanted: &[(ChatId, u64)], limit: u32) -> Result<Vec<Changes>> {
    let mut pages = queries::changes(&node.db, actor.user_id, wanted, limit).await?;
    if node.is(Mutant::ReplayDropsLastPage) {
        pages.iter_mut().filter(|page| !page.more).for_each(|page| page.messages.clear());
    }
    Ok(pages)
}

/// Changes the actor's own state of a chat and notifies the actor's devices. An update that changes nothing sends no
/// frame and takes no `mine`.
///
/// # Errors
/// `not_found`; `invalid_input` for an invalid draft.
pub async fn update_own_state(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    mut update: UpdateOwnState,
) -> Result<ChatSummary> {
    update.draft = update.draft.map(rules::draft).transpose()?;
    node.rates.changes.take(actor.user_id)?;
    let mut tx = database::begin(&node.db).await?;
    // Taking the number locks the user's row: two devices of one user must not overwrite each other's changes.
    let mine = queries::next_mine(&mut tx, &[actor.user_id]).await?;
    let before = queries::summary(&mut *tx, actor.user_id, chat_id).await?.ok_or_else(Rejection::not_found)?;
    if rules::changes_nothing(&update, &before) {
        // The rollback gives the number back.
        return Ok(before);
    }
    if update.muted_until.is_some() {
        // A message un-archives the chat; muting it afterwards does not archive it again.
        update.archived.get_or_insert(before.archived);
    }
    let archives = update.archived == Some(true) && (!before.archived || update.muted_until.is_some());
    let archived_no = archives.then_some(before.chat.last_no);
    queries::update_own_state(&mut tx, actor.user_id, chat_id, mine, update, archived_no).await?;
    tx.commit().await?;
    send_mine(node, chat_id, &[actor.user_id]).await;
    summary(node, actor, chat_id).await
}

/// The end of a mute of this many hours from now; none for 0.
#[must_use]
pub fn muted_for(hours: u32) -> Option<Timestamp> {
    let ms = i64::from(hours.min(limits::MUTE_FOR_EVER)) * 60 * 60 * 1_000;
    (hours > 0).then(|| Timestamp(clock::now().0 + ms))
}

/// The changes of the actor's chats since the numbers that a device holds.
///
/// # Errors
/// `invalid_input` for more than 500 chats.
pub async fn hello(node: &Node, actor: Actor, mine: Option<u64>, held: &Held) -> Result<Welcome> {
    check_held(held)?;
    // `mine` is read before the rows: a change in between is sent twice, never missed.
    let own = queries::own_head(&node.db, actor.user_id, held).await?.ok_or_else(Rejection::unauthenticated)?;
    let limit = limits::WELCOME_MAX;
    let mut chats = queries::summaries_changed(&node.db, actor.user_id, mine, held, i64::from(limit) + 1).await?;
    let count = chats.len();
    let fitting = rules::fitting(chats.iter().map(|(chat, named)| rules::summary_weight(chat, named)), 1);
    chats.truncate(fitting.min(limit as usize));
    let more = chats.len() < count;
    let (chats, named): (Vec<ChatSummary>, Vec<Vec<User>>) = chats.into_iter().unzip();
    let peers = chats.iter().filter_map(|chat| chat.peer.clone());
    let users: BTreeMap<UserId, User> = named.into_iter().flatten().chain(peers).map(|user| (user.id, user)).collect();
    let users = users.into_values().collect();
    Ok(Welcome { user: own.me, mine: own.mine, chats, gone: own.gone, more, users })
}

/// The heads of the chats that differ from those a device holds.
///
/// # Errors
/// `invalid_input` for more than 500 chats.
pub async fn heads(node: &Node, actor: Actor, held: &Held) -> Result<Heads> {
    check_held(held)?;
    queries::heads(&node.db, actor.user_id, held).await
}

fn check_held(held: &Held) -> Result<()> {
    let most = held.chats.len().max(held.read.len());
    if most > limits::HEADS_MAX { Err(Rejection::field("chats", Problem::TooLong)) } else { Ok(()) }
}

/// The users with these ids, each once.
async fn users_of(node: &Node, ids: impl Iterator<Item = UserId>) -> Result<Vec<User>> {
    let ids: BTreeSet<UserId> = ids.collect();
    profiles::queries::users(&node.db, &ids.into_iter().collect::<Vec<_>>()).await
}

/// The members of a chat as of `members_seq` or later. None when the node has no sockets, or the database is
/// unavailable: then the sockets of the members last known get a `resync`.
pub(crate) async fn audience(
    node: &Node,
    chat_id: ChatId,
    members_seq: u64,
) -> Option<std::sync::Arc<std::collections::HashSet<UserId>>> {
    if node.live.is_idle() {
        return None;
    }
    let members_seq = if node.is(Mutant::StaleMembers) { 0 } else { members_seq };
    if let Some(known) = node.live.audience(chat_id, members_seq) {
        return Some(known);
    }
    match database::within(queries::audience(&node.db, chat_id)).await {
        Ok((seq, users)) => Some(node.live.set_audience(chat_id, seq, users)),
        Err(error) => {
            tracing::warn!(cause = %error, chat.id = %chat_id, "members could not be read; sockets resync");
            node.live.resync(chat_id);
            None
        }
    }
}

/// Sends users their own summary of a chat, if they are connected to this node.
pub(crate) async fn send_mine(node: &Node, chat_id: ChatId, users: &[UserId]) {
    let connected = node.live.connected(users);
    if connected.is_empty() {
        return;
    }
    let rows = async {
        let rows = queries::summaries_of(&node.db, &connected, chat_id).await?;
        // A list shows the sender of the last message by name.
        let last_messages = rows.iter().filter_map(|(_, chat)| chat.last_message.as_ref());
        let users = users_of(node, last_messages.flat_map(Message::people)).await?;
        Ok::<_, Rejection>((rows, users))
    };
    match database::within(rows).await {
        Ok((rows, users)) => {
            for (user, chat) in rows {
                node.live.send_required(user, &ServerFrame::Mine { mine: chat.my_seq, chat, users: users.clone() });
            }
        }
        Err(error) => tracing::warn!(cause = %error, "`mine` frames were not sent; the next heads repairs it"),
    }
}

/// A message of the present time without content: a system message until the caller sets another kind.
pub(crate) fn empty_message(chat_id: ChatId, (no, seq): (u64, u64), sender_id: UserId) -> Message {
    Message {
        chat_id,
        no,
        seq,
        id: MessageId::fresh(),
        client_id: ClientId::fresh(),
        sender_id,
        kind: MessageKind::System,
        text: String::new(),
        reply_to: None,
        forwarded_from: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        mentions: Vec::new(),
        event: None,
        created_at: clock::now(),
        edited_at: None,
        deleted: false,
    }
}
