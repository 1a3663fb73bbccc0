//! One transaction: lock the chat's row, look up who and what is named, decide each change on its own,
//! number and write what remains, commit, publish in order, acknowledge.

use super::{Item, Outcome, draft::Draft};
use crate::{
    Mutant, Node, Rejection, Result,
    chat::{audience, queries, tell_mine},
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

/// Commits some changes of one chat and answers each.
pub async fn commit(node: &Node, chat_id: ChatId, items: Vec<Item>) {
    let written = match database::within(write(node, chat_id, &items)).await {
        Ok(written) => written,
        Err(rejection) => return refuse(items, &rejection),
    };
    let Written { tx, draft, outcomes, left } = written;
    if node.is(Mutant::AckBeforeCommit) {
        tell(node, items, draft, outcomes, left).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _ = tx.commit().await;
        return;
    }
    match database::within(async { Ok(tx.commit().await?) }).await {
        Ok(()) => tell(node, items, draft, outcomes, left).await,
        Err(rejection) => {
            // It may be committed all the same, and then nobody was told.
            node.live.resync_all();
            refuse(items, &rejection);
        }
    }
}

/// Publishes what was written, and answers each.
async fn tell(
    node: &Node,
    items: Vec<Item>,
    draft: Option<Draft>,
    outcomes: Vec<Result<Outcome>>,
    left: Vec<(UserId, u64)>,
) {
    publish(node, draft, &items, left).await;
    for (item, outcome) in items.into_iter().zip(outcomes) {
        // Whoever asked may have gone; the change stands.
        let _ = item.answer.send(outcome);
    }
}

fn refuse(items: Vec<Item>, rejection: &Rejection) {
    for item in items {
        let _ = item.answer.send(Err(rejection.clone()));
    }
}

/// What is written and not committed yet.
struct Written {
    tx: Transaction<'static, Postgres>,
    /// None where nothing was changed.
    draft: Option<Draft>,
    outcomes: Vec<Result<Outcome>>,
    /// Who is out of the chat now, and their own change's number.
    left: Vec<(UserId, u64)>,
}

async fn write(node: &Node, chat_id: ChatId, items: &[Item]) -> Result<Written> {
    let mut tx = database::begin(&node.db).await?;
    let Some(row) = queries::lock_chat(&mut tx, chat_id).await? else {
        let outcomes = items.iter().map(|_| Err(Rejection::not_found())).collect();
        return Ok(Written { tx, draft: None, outcomes, left: Vec::new() });
    };
    let first_message = row.last_no == 0;
    let mut draft = look_up(node, &mut tx, (chat_id, row), items).await?;
    let outcomes: Vec<Result<Outcome>> = items.iter().map(|item| draft.apply(item)).collect();
    if draft.frames.is_empty() {
        return Ok(Written { tx, draft: None, outcomes, left: Vec::new() });
    }
    let opens = draft.row.kind == ChatKind::Direct && first_message && draft.row.last_no > 0;
    let both = if opens { queries::member_ids(&mut tx, chat_id).await? } else { Vec::new() };
    store(&mut tx, &draft, &both).await?;
    let left = list(&mut tx, &mut draft, &both).await?;
    Ok(Written { tx, draft: Some(draft), outcomes, left })
}

/// The chat as it stands, and whoever and whatever the changes name.
async fn look_up(
    node: &Node,
    tx: &mut PgConnection,
    (chat_id, row): (ChatId, queries::ChatRow),
    items: &[Item],
) -> Result<Draft> {
    let named: BTreeSet<UserId> =
        items.iter().flat_map(|item| [Some(item.actor), item.change.names()]).flatten().collect();
    let sends: Vec<(UserId, ClientId)> = items.iter().filter_map(Item::send_key).collect();
    let nos: Vec<u64> = items.iter().filter_map(|item| item.change.names_message()).collect();
    let reactions: BTreeSet<_> = items.iter().filter_map(Item::reaction).collect();
    let called: BTreeSet<&str> = items.iter().flat_map(|item| item.change.mentions()).map(String::as_str).collect();
    let added: Vec<(UserId, UserId)> = items.iter().filter_map(Item::addition).collect();
    let stored = if node.is(Mutant::RetryInsertsTwice) {
        HashMap::new()
    } else {
        queries::messages_by_client_id(tx, chat_id, &sends).await?
    };
    let users = if items.iter().any(|item| item.change.names().is_some()) {
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
        left: BTreeSet::new(),
    })
}

/// Writes what was decided. `both` are the people of a direct chat whose first message this is.
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
        // Before any member's row, as blocking takes them.
        queries::lock_mines(tx, both).await?;
    }
    queries::mark_posted(tx, chat_id, &draft.posted_up_to).await?;
    queries::update_chat(tx, chat_id, &draft.row).await
}

/// Puts the chat into the lists of those who came, and out of those of who left; answers these with their
/// own change's number.
async fn list(tx: &mut PgConnection, draft: &mut Draft, both: &[UserId]) -> Result<Vec<(UserId, u64)>> {
    let chat_id = draft.chat_id;
    if !draft.joined.is_empty() && !draft.left.is_empty() {
        let moved: Vec<UserId> = draft.joined.union(&draft.left).copied().collect();
        queries::lock_mines(tx, &moved).await?;
    }
    if !both.is_empty() {
        draft.joined.extend(queries::list_for(tx, chat_id, both, true).await?);
    } else if !draft.joined.is_empty() {
        let joined: Vec<UserId> = draft.joined.iter().copied().collect();
        queries::list_for(tx, chat_id, &joined, true).await?;
    }
    let left: Vec<UserId> = draft.left.iter().copied().collect();
    queries::unlist_for(tx, chat_id, &left).await
}

/// Tells the chat, in the order of the changes.
async fn publish(node: &Node, draft: Option<Draft>, items: &[Item], left: Vec<(UserId, u64)>) {
    let Some(draft) = draft else { return };
    let chat_id = draft.chat_id;
    // Without an audience the sockets that asked still get their answers. It comes first: whoever was
    // removed is in no newer one, so nothing of the chat follows their `removed`.
    let audience = audience(node, chat_id, draft.row.members_seq).await.unwrap_or_default();
    for (user_id, mine) in left {
        node.live.withhold(chat_id, user_id);
        node.live.tell_own(user_id, &ServerFrame::Removed { chat_id, mine });
    }
    let joined: Vec<UserId> = draft.joined.into_iter().collect();
    tell_mine(node, chat_id, &joined).await;
    // Whoever waited too long was answered already: their copy is the frame that all get.
    let late: HashSet<Origin> =
        items.iter().filter(|item| item.answer.is_closed()).filter_map(|item| item.origin).collect();
    for (frame, origin) in &draft.frames {
        node.live.publish(chat_id, &audience, frame, origin.filter(|origin| !late.contains(origin)));
    }
}
