//! One transaction: lock the chat's row, read the named members and messages, decide each change on its own,
//! number and write the accepted ones, commit, publish in order, acknowledge.

use super::{Item, Outcome, draft::Draft};
use crate::{
    Mutant, Node, Rejection, Result,
    chat::{audience, queries, send_mine},
    infra::{clock, database},
    live::Origin,
    profiles,
};
use protocol::{
    chat::ChatKind,
    frames::ServerFrame,
    ids::{ChatId, ClientId, UserId},
};
use sqlx::{PgConnection, Postgres, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Commits a batch of changes of one chat and replies to each.
pub async fn commit(node: &Node, chat_id: ChatId, items: Vec<Item>) {
    let (tx, written) = match database::within(write(node, chat_id, &items)).await {
        Ok(written) => written,
        Err(rejection) => return refuse(items, &rejection),
    };
    if node.is(Mutant::AckBeforeCommit) {
        finish(node, items, written).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _ = tx.commit().await;
        return;
    }
    match database::within(async { Ok(tx.commit().await?) }).await {
        Ok(()) => finish(node, items, written).await,
        Err(rejection) => {
            refuse(items, &rejection);
            // The outcome of the commit is unknown: it may have happened, without a publication.
            if let Some(draft) = written.draft {
                let _ = audience(node, chat_id, draft.row.members_seq).await;
                node.live.resync(chat_id);
            }
        }
    }
}

/// Publishes the committed changes and replies to each.
async fn finish(node: &Node, items: Vec<Item>, Written { draft, outcomes, departed }: Written) {
    publish(node, draft, &items, departed).await;
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

async fn write(node: &Node, chat_id: ChatId, items: &[Item]) -> Result<(Transaction<'static, Postgres>, Written)> {
    let mut tx = database::begin(&node.db).await?;
    let nothing = |outcomes| Written { draft: None, outcomes, departed: Vec::new() };
    let Some(row) = queries::lock_chat(&mut tx, chat_id).await? else {
        return Ok((tx, nothing(items.iter().map(|_| Err(Rejection::not_found())).collect())));
    };
    let first_message = row.last_no == 0;
    let mut draft = look_up(node, &mut tx, (chat_id, row), items).await?;
    let outcomes: Vec<Result<Outcome>> = items.iter().map(|item| draft.apply(item)).collect();
    if draft.frames.is_empty() {
        return Ok((tx, nothing(outcomes)));
    }
    let opens = draft.row.kind == ChatKind::Direct && first_message && draft.row.last_no > 0;
    let both = if opens { queries::member_ids(&mut tx, chat_id).await? } else { Vec::new() };
    store(&mut tx, &draft, &both).await?;
    let departed = update_lists(&mut tx, &mut draft, &both).await?;
    Ok((tx, Written { draft: Some(draft), outcomes, departed }))
}

/// Reads the members, messages, reactions and users that the changes refer to.
async fn look_up(
    node: &Node,
    tx: &mut PgConnection,
    (chat_id, row): (ChatId, queries::ChatRow),
    items: &[Item],
) -> Result<Draft> {
    let named: BTreeSet<UserId> =
        items.iter().flat_map(|item| [Some(item.actor), item.change.named_user()]).flatten().collect();
    let sends: Vec<(UserId, ClientId)> = items.iter().filter_map(Item::send_key).collect();
    let nos: Vec<u64> = items.iter().filter_map(|item| item.change.named_message()).collect();
    let reactions: BTreeSet<_> = items.iter().filter_map(Item::reaction).collect();
    let called: BTreeSet<&str> = items.iter().flat_map(|item| item.change.mentions()).map(String::as_str).collect();
    let added: Vec<(UserId, UserId)> = items.iter().filter_map(Item::addition).collect();
    let stored = if node.is(Mutant::RetryInsertsTwice) {
        HashMap::new()
    } else {
        queries::messages_by_client_id(tx, chat_id, &sends).await?
    };
    let users = if items.iter().any(|item| item.change.named_user().is_some()) {
        let ids: Vec<UserId> = named.iter().copied().collect();
        profiles::queries::users(&mut *tx, &ids).await?
    } else {
        Vec::new()
    };
    Ok(Draft {
        chat_id,
        now: clock::now(),
        members: queries::members_named(tx, chat_id, &named).await?,
        stored,
        rows: queries::messages_named(tx, chat_id, &nos).await?,
        reacted: queries::reactions_named(tx, chat_id, &reactions).await?,
        reactions_changed: BTreeMap::new(),
        called: queries::members_called(tx, chat_id, &called).await?,
        blocks: queries::blocks_among(&mut *tx, &added).await?,
        users: users.into_iter().map(|user| (user.id, user)).collect(),
        row,
        members_changed: BTreeSet::new(),
        posted_up_to: BTreeMap::new(),
        messages: Vec::new(),
        changed: BTreeSet::new(),
        frames: Vec::new(),
        joined: BTreeSet::new(),
        departed: BTreeSet::new(),
    })
}

/// Writes the accepted changes. `both` are the members of a direct chat that gets its first message.
async fn store(tx: &mut PgConnection, draft: &Draft, both: &[UserId]) -> Result<()> {
    let chat_id = draft.chat_id;
    queries::insert_messages(tx, chat_id, &draft.messages).await?;
    let changed = draft.changed.iter().filter_map(|no| draft.rows.get(no));
    queries::update_messages(tx, chat_id, changed).await?;
    let is_deleted = |no: &u64| draft.rows.get(no).is_some_and(|row| row.deleted);
    let deleted: Vec<u64> = draft.changed.iter().copied().filter(is_deleted).collect();
    queries::write_reactions(tx, chat_id, draft.now, &draft.reactions_changed, &deleted).await?;
    let members = draft.members_changed.iter().filter_map(|id| draft.members.get(id));
    queries::upsert_members(tx, chat_id, members).await?;
    if !both.is_empty() {
        // The lock order of blocking: these rows before any row of `members`.
        queries::lock_mines(tx, both).await?;
    }
    queries::mark_posted(tx, chat_id, &draft.posted_up_to).await?;
    queries::update_chat(tx, chat_id, &draft.row).await
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

/// Fans the frames out to the members, in the order of their `seq`.
async fn publish(node: &Node, draft: Option<Draft>, items: &[Item], departed: Vec<(UserId, u64)>) {
    let Some(draft) = draft else { return };
    let chat_id = draft.chat_id;
    // Read the audience before `removed` is sent: a newer audience has no removed member, so no frame of the chat
    // follows their `removed`. Without an audience the requesting sockets still get their acks.
    let audience = audience(node, chat_id, draft.row.members_seq).await.unwrap_or_default();
    for (user_id, mine) in departed {
        node.live.drop_frames_of(chat_id, user_id);
        node.live.send_required(user_id, &ServerFrame::Removed { chat_id, mine });
    }
    let joined: Vec<UserId> = draft.joined.into_iter().collect();
    send_mine(node, chat_id, &joined).await;
    // A socket that already got `unavailable` after a time-out receives the frame, not a second reply.
    let late: HashSet<Origin> =
        items.iter().filter(|item| item.reply.is_closed()).filter_map(|item| item.origin).collect();
    for (frame, origin) in &draft.frames {
        node.live.publish(chat_id, &audience, frame, origin.filter(|origin| !late.contains(origin)));
    }
}
