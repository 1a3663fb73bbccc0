//! One transaction: lock the chat's row, read the named members and messages, decide each change on its own, number and
//! write the accepted ones, commit, publish in order, acknowledge. It takes four round trips to the database, for one send
//! and for a full batch of sends.

use super::{Change, Item, Outcome, draft::Draft};
use crate::{
    Mutant, Node, Rejection, Result,
    chat::queries,
    infra::{
        clock,
        database::{self, Transaction},
    },
    live::{self, Frame, Origin, Published},
    profiles,
};
use protocol::{
    chat::ChatKind,
    ids::{ChatId, UserId},
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Commits a batch of changes of one chat and replies to each.
pub async fn commit(node: &Node, chat_id: ChatId, items: Vec<Item>) {
    let (tx, written) = match database::within(write(node, chat_id, &items)).await {
        Ok(Some(written)) => written,
        Ok(None) => return refuse(items, &Rejection::not_found()),
        Err(rejection) => return refuse(items, &rejection),
    };
    let row_and_marks = |draft: &Draft| queries::last_statements(chat_id, &draft.posted_up_to, &draft.row);
    let last = written.draft.as_ref().map(row_and_marks).unwrap_or_default();
    if node.is(Mutant::AckBeforeCommit) {
        finish(node, items, written).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _ = tx.commit_with(&last).await;
        return;
    }
    match database::within(async { Ok(tx.commit_with(&last).await?) }).await {
        Ok(()) => finish(node, items, written).await,
        Err(rejection) => {
            refuse(items, &rejection);
            // The outcome of the commit is unknown: it may have happened, without a publication.
            if let Some(draft) = written.draft {
                live::resync(node, chat_id, draft.row.members_seq).await;
            }
        }
    }
}

/// Publishes the committed changes and replies to each.
async fn finish(node: &Node, items: Vec<Item>, Written { draft, outcomes, departed }: Written) {
    if let Some(draft) = draft {
        live::deliver(node, published(draft, &items, departed)).await;
    }
    for (item, outcome) in items.into_iter().zip(outcomes) {
        // The caller may have stopped waiting.
        let _ = item.reply.send(outcome);
    }
}

fn refuse(items: Vec<Item>, rejection: &Rejection) {
    for item in items {
        let _ = item.reply.send(Err(rejection.clone()));
    }
}

/// The result of the transaction, before its commit.
struct Written {
    /// None if no change was accepted.
    draft: Option<Draft>,
    outcomes: Vec<Result<Outcome>>,
    /// The members who left or were removed, each with their new `mine`.
    departed: Vec<(UserId, u64)>,
}

/// Writes all but the numbers of the chat and the read marks. None if the chat does not exist.
async fn write(node: &Node, chat_id: ChatId, items: &[Item]) -> Result<Option<(Transaction, Written)>> {
    let Some(mut tx) = queries::begin_locked(&node.db, chat_id).await? else { return Ok(None) };
    let Some(mut draft) = look_up(node, &mut tx, chat_id, items).await? else { return Ok(None) };
    let first_message = draft.row.last_no == 0;
    let outcomes: Vec<Result<Outcome>> = items.iter().map(|item| draft.apply(item)).collect();
    if draft.frames.is_empty() {
        return Ok(Some((tx, Written { draft: None, outcomes, departed: Vec::new() })));
    }
    let opens = draft.row.kind == ChatKind::Direct && first_message && draft.row.last_no > 0;
    let both = if opens { queries::member_ids(&mut tx, chat_id).await? } else { Vec::new() };
    store(&mut tx, &draft, &both).await?;
    let departed = update_lists(&mut tx, &mut draft, &both).await?;
    Ok(Some((tx, Written { draft: Some(draft), outcomes, departed })))
}

/// Reads the members, messages, reactions and users that the changes refer to. None if the chat does not exist.
async fn look_up(node: &Node, tx: &mut PgConnection, chat_id: ChatId, items: &[Item]) -> Result<Option<Draft>> {
    let changes = || items.iter().map(|item| &item.change);
    let names = queries::Names {
        users: items.iter().flat_map(|item| [Some(item.actor), item.change.named_user()]).flatten().collect(),
        sends: items.iter().filter_map(Item::send_key).collect(),
        nos: changes().filter_map(Change::named_message).collect(),
        reactions: items.iter().filter_map(Item::reaction).collect(),
        called: changes().flat_map(Change::mentions).map(String::as_str).collect(),
    };
    let Some(mut named) = queries::named(tx, chat_id, &names).await? else { return Ok(None) };
    if node.is(Mutant::RetryInsertsTwice) {
        named.stored.clear();
    }
    let users = if changes().any(|change| change.named_user().is_some()) {
        let ids: Vec<UserId> = names.users.iter().copied().collect();
        profiles::queries::users(&mut *tx, &ids).await?
    } else {
        Vec::new()
    };
    let added: Vec<(UserId, UserId)> = items.iter().filter_map(Item::addition).collect();
    Ok(Some(Draft {
        chat_id,
        now: clock::now(),
        row: named.row,
        members: named.members,
        stored: named.stored,
        rows: named.messages,
        reacted: named.reacted,
        called: named.called,
        blocks: queries::blocks_among(&mut *tx, &added).await?,
        users: users.into_iter().map(|user| (user.id, user)).collect(),
        reactions_changed: BTreeMap::new(),
        has_new_texts: false,
        members_changed: BTreeSet::new(),
        posted_up_to: BTreeMap::new(),
        written: BTreeSet::new(),
        frames: Vec::new(),
        joined: BTreeSet::new(),
        departed: BTreeSet::new(),
    }))
}

/// Writes the accepted changes. `both` are the members of a direct chat that gets its first message.
async fn store(tx: &mut PgConnection, draft: &Draft, both: &[UserId]) -> Result<()> {
    let chat_id = draft.chat_id;
    let is_deleted = |no: &u64| draft.rows.get(no).is_some_and(|row| row.deleted);
    let deleted: Vec<u64> = draft.written.iter().copied().filter(is_deleted).collect();
    queries::write_reactions(tx, chat_id, draft.now, &draft.reactions_changed, &deleted).await?;
    let members = draft.members_changed.iter().filter_map(|id| draft.members.get(id));
    queries::upsert_members(tx, chat_id, members).await?;
    if !both.is_empty() {
        // The lock order of blocking: these rows before any row of `members`.
        queries::lock_mines(tx, both).await?;
    }
    if draft.has_new_texts {
        queries::write_texts(tx, chat_id, &draft.row).await?;
    }
    queries::write_messages(tx, chat_id, draft.written.iter().filter_map(|no| draft.rows.get(no))).await
}

/// Adds the chat to the lists of joined members and removes it from those of departed ones; returns the departed
/// with their new `mine`.
async fn update_lists(tx: &mut PgConnection, draft: &mut Draft, both: &[UserId]) -> Result<Vec<(UserId, u64)>> {
    let chat_id = draft.chat_id;
    if !draft.joined.is_empty() && !draft.departed.is_empty() {
        let moved: Vec<UserId> = draft.joined.union(&draft.departed).copied().collect();
        queries::lock_mines(tx, &moved).await?;
    }
    if !both.is_empty() {
        draft.joined.extend(queries::add_to_lists(tx, chat_id, both, true).await?);
    } else if !draft.joined.is_empty() {
        let joined: Vec<UserId> = draft.joined.iter().copied().collect();
        queries::add_to_lists(tx, chat_id, &joined, true).await?;
    }
    let departed: Vec<UserId> = draft.departed.iter().copied().collect();
    queries::remove_from_lists(tx, chat_id, &departed).await
}

/// The frames of the changes, and the users who joined or departed.
fn published(draft: Draft, items: &[Item], departed: Vec<(UserId, u64)>) -> Published {
    // A socket that already got `unavailable` after a time-out receives the frame, not a second reply.
    let late: HashSet<Origin> =
        items.iter().filter(|item| item.reply.is_closed()).filter_map(|item| item.origin).collect();
    let in_time = |origin: &Origin| !late.contains(origin);
    let frames = draft.frames.iter().map(|(frame, origin)| Frame::change(frame, origin.filter(in_time))).collect();
    let mine = draft.joined.into_iter().collect();
    Published { mine, departed, ..Published::in_chat(draft.chat_id, draft.row.members_seq, frames) }
}
