//! Whom one does not want to hear from.

use super::{direct_id, queries};
use crate::{
    Actor, Node, Rejection, Result,
    infra::database,
    profiles::{self, presence},
};
use protocol::{error::Problem, ids::UserId, profiles::User};
use sqlx::{Postgres, Transaction};

/// Blocks somebody: they can neither open nor write to a direct chat with the actor, nor add them to a
/// group, and neither sees the other's presence.
///
/// # Errors
/// `not_found` for nobody, `invalid_input` for oneself.
pub async fn block(node: &Node, actor: Actor, user_id: UserId) -> Result<()> {
    if user_id == actor.user_id {
        return Err(Rejection::field("user_id", Problem::Unknown));
    }
    if profiles::queries::users(&node.db, &[user_id]).await?.is_empty() {
        return Err(Rejection::not_found());
    }
    node.rates.changes.take(actor.user_id)?;
    let _choice = presence::Choice::of(node, &[actor.user_id, user_id]);
    let mut tx = begin(node, actor, user_id).await?;
    queries::insert_block(&mut tx, actor.user_id, user_id).await?;
    queries::mark_blocked(&mut tx, direct_id(actor.user_id, user_id), user_id, true).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets somebody write again.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn unblock(node: &Node, actor: Actor, user_id: UserId) -> Result<()> {
    node.rates.changes.take(actor.user_id)?;
    let _choice = presence::Choice::of(node, &[actor.user_id, user_id]);
    let mut tx = begin(node, actor, user_id).await?;
    queries::delete_block(&mut tx, actor.user_id, user_id).await?;
    queries::mark_blocked(&mut tx, direct_id(actor.user_id, user_id), user_id, false).await?;
    tx.commit().await?;
    Ok(())
}

/// Begins a change of a block. What is being written in the direct chat comes before it or after it, as does
/// opening that chat.
async fn begin(node: &Node, actor: Actor, user_id: UserId) -> Result<Transaction<'static, Postgres>> {
    let mut tx = database::begin(&node.db).await?;
    queries::lock_chat(&mut tx, direct_id(actor.user_id, user_id)).await?;
    queries::lock_mines(&mut tx, &[actor.user_id, user_id]).await?;
    Ok(tx)
}

/// Whether the actor has blocked somebody.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn has_blocked(node: &Node, actor: Actor, user_id: UserId) -> Result<bool> {
    Ok(!queries::blocks_among(&node.db, &[(actor.user_id, user_id)]).await?.is_empty())
}

/// Whom the actor has blocked, the latest first.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn list(node: &Node, actor: Actor) -> Result<Vec<User>> {
    queries::blocked_by(&node.db, actor.user_id).await
}
