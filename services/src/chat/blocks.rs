//! Blocks between users.

use super::{direct_id, queries, rules};
use crate::{
    Actor, Node, Rejection, Result,
    infra::database::{self, Transaction},
    profiles::{self, presence},
};
use protocol::{Page, error::Problem, ids::UserId, profiles::User};

/// Blocks a user. The blocked user cannot open a direct chat with the actor, write to it, or add the actor to a group.
/// The two users do not see each other's presence.
///
/// # Errors
/// `not_found` for an unknown user, `invalid_input` for the actor's own id.
pub async fn block(node: &Node, actor: Actor, user_id: UserId) -> Result<()> {
    if user_id == actor.user_id {
        return Err(Rejection::field("user_id", Problem::Unknown));
    }
    if profiles::queries::users(&node.db, &[user_id]).await?.is_empty() {
        return Err(Rejection::not_found());
    }
    node.rates.changes.take(actor.user_id)?;
    let _privacy = presence::PrivacyChange::of(node, &[actor.user_id, user_id]);
    let mut tx = begin(node, actor, user_id).await?;
    queries::insert_block(&mut tx, actor.user_id, user_id).await?;
    finish(node, tx, actor, (user_id, true)).await
}

/// Removes a block. Does nothing if there is no block.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn unblock(node: &Node, actor: Actor, user_id: UserId) -> Result<()> {
    node.rates.changes.take(actor.user_id)?;
    if !has_blocked(node, actor, user_id).await? {
        return Ok(());
    }
    let _privacy = presence::PrivacyChange::of(node, &[actor.user_id, user_id]);
    let mut tx = begin(node, actor, user_id).await?;
    queries::delete_block(&mut tx, actor.user_id, user_id).await?;
    finish(node, tx, actor, (user_id, false)).await
}

/// Stores in the direct chat whether the actor has blocked the user.
async fn finish(node: &Node, mut tx: Transaction, actor: Actor, (user_id, blocked): (UserId, bool)) -> Result<()> {
    let chat_id = direct_id(actor.user_id, user_id);
    queries::mark_blocked(&mut tx, chat_id, user_id, blocked).await?;
    tx.commit().await?;
    node.live.expire_audience(chat_id);
    Ok(())
}

/// Begins a change of a block. Locks the direct chat for commits, and the `mine` rows for `open_direct`. So a commit or
/// `open_direct` either ends before the change of the block, or sees it.
async fn begin(node: &Node, actor: Actor, user_id: UserId) -> Result<Transaction> {
    let chat_id = direct_id(actor.user_id, user_id);
    loop {
        let mut tx = database::begin(&node.db).await?;
        let is_locked = queries::lock_chat(&mut tx, chat_id).await?;
        queries::lock_mines(&mut tx, &[actor.user_id, user_id]).await?;
        // If the chat was created in the meantime, begin again: a commit locks the chat before the `mine` rows.
        if is_locked || !queries::chat_exists(&mut tx, chat_id).await? {
            return Ok(tx);
        }
    }
}

/// Whether the actor has blocked a user.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn has_blocked(node: &Node, actor: Actor, user_id: UserId) -> Result<bool> {
    Ok(!queries::blocks_among(&node.db, &[(actor.user_id, user_id)]).await?.is_empty())
}

/// A page of the users whom the actor has blocked, the latest block first.
///
/// # Errors
/// `invalid_input` for a malformed cursor or a limit out of range.
pub async fn list(node: &Node, actor: Actor, cursor: Option<&str>, limit: Option<u32>) -> Result<Page<User>> {
    let limit = rules::limit(limit)?;
    let after = cursor.map(rules::parse_cursor).transpose()?;
    let items = queries::blocked_by(&node.db, actor.user_id, after, i64::from(limit) + 1).await?;
    Ok(Page::cut(items, limit, |(at, last)| rules::cursor(*at, last.id)).map(|(_, user)| user))
}
