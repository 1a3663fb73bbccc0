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
    live::{self, Frame, Keep, Published, To},
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
    let created = queries::insert_chat(&mut tx, new).await?.is_some();
    if created {
        // The chat appears in the other user's list with its first message.
        queries::add_to_lists(&mut tx, chat_id, &[other], false).await?;
        queries::mark_blocked(&mut tx, chat_id, other, blocks.contains(&(actor.user_id, other))).await?;
    }
    let listed = queries::add_to_lists(&mut tx, chat_id, &[actor.user_id], true).await?;
    tx.commit().await?;
    if !listed.is_empty() {
        live::deliver(node, Published::mine(chat_id, vec![actor.user_id])).await;
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
    let window = match window {
        // Without a message since that time: the newest ones.
        Window::At(time) => {
            queries::no_at(&node.db, actor.user_id, chat_id, time).await?.map_or(Window::Around(NO_END), Window::Around)
        }
        other => other,
    };
    let queries::WindowRows { seq, last_no, messages: mut items } = rows(node, actor, chat_id, window, limit).await?;
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

/// Greater than any `no`.
const NO_END: u64 = i64::MAX.unsigned_abs();

/// The rows of a window. Its range is first computed as if the chat had no end; if it reaches beyond the end, the rows
/// are read again.
async fn rows(node: &Node, actor: Actor, chat_id: ChatId, window: Window, limit: u32) -> Result<queries::WindowRows> {
    let limit = u64::from(limit);
    let read = async |range| -> Result<_> {
        queries::window(&node.db, actor.user_id, chat_id, range, limit).await?.ok_or_else(Rejection::not_found)
    };
    if window == Window::Newest {
        return read(None).await;
    }
    let guess = rules::bounds(window, NO_END, limit);
    let found = read(Some(guess)).await?;
    let (first, last) = rules::bounds(window, found.last_no, limit);
    if (first, last) == (guess.0, guess.1.min(found.last_no)) { Ok(found) } else { read(Some((first, last))).await }
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
            let own = Published::for_users(vec![actor.user_id], Frame::new(Keep::IfRoom, &frame));
            live::deliver(node, own).await;
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
/// `not_found`; `unavailable` if the members are not known and the database does not respond.
pub async fn typing(node: &Node, actor: Actor, chat_id: ChatId) -> Result<()> {
    let audience = live::recent_audience(node, chat_id).await?.ok_or_else(Rejection::not_found)?;
    if !audience.members.contains(&actor.user_id) {
        return Err(Rejection::not_found());
    }
    if audience.blocked || audience.members.len() as u64 > limits::SMALL_GROUP {
        return Ok(());
    }
    let frame = Frame::new(Keep::IfPrompt, &ServerFrame::Typing { chat_id, user_id: actor.user_id });
    let to = To::Members { chat_id, members_seq: audience.members_seq, except: Some(actor.user_id) };
    live::deliver(node, Published { to, ..Published::in_chat(chat_id, 0, vec![frame]) }).await;
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
    live::deliver(node, Published::mine(chat_id, vec![actor.user_id])).await;
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
    welcome(node, actor, mine, held, limits::WELCOME_MAX).await
}

/// The newest chats for a device that holds none, at most `limit`.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn newest(node: &Node, actor: Actor, limit: u32) -> Result<Welcome> {
    welcome(node, actor, None, &Held::default(), limit).await
}

async fn welcome(node: &Node, actor: Actor, mine: Option<u64>, held: &Held, limit: u32) -> Result<Welcome> {
    // `mine` is read before the rows: a change in between is sent twice, never missed.
    let own = queries::own_head(&node.db, actor.user_id, held).await?.ok_or_else(Rejection::unauthenticated)?;
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
