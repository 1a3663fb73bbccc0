//! What is done with messages: posted, forwarded, reacted to, reported, edited and deleted.

use super::{
    commit::{self, Change, Outcome, Reacting},
    queries, rules,
};
use crate::{Actor, Node, Rejection, Result, live::Origin};
use protocol::{
    Page,
    chat::{EditMessage, ForwardMessage, Message, MessageKind, PostMessage, Reacted},
    ids::{ChatId, ClientId, UserId},
    markdown,
    text::{MessageText, Reason},
};
use std::collections::HashMap;

/// Stores a message and tells everybody in the chat. The flag tells whether it was stored now, or by
/// an earlier try with the same `client_id`, whose text then stands.
///
/// # Errors
/// `invalid_input`, `not_found`, `rate_limited`, `unavailable`.
pub async fn post_message(node: &Node, actor: Actor, chat_id: ChatId, data: PostMessage) -> Result<(Message, bool)> {
    message_of(begin_post(node, actor, chat_id, data, None)?.await?)
}

/// The message that a change wrote or found, and whether it wrote it.
fn message_of(outcome: Outcome) -> Result<(Message, bool)> {
    match outcome {
        Outcome::Message { message, new } => Ok((message, new)),
        _ => Err(Rejection::internal("a message's change ended as something else")),
    }
}

/// Takes a message's place in the chat's order now, and answers what becomes of it later.
///
/// # Errors
/// As `post_message`.
pub fn begin_post(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    data: PostMessage,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    let PostMessage { client_id, text, reply_to } = data;
    let text = MessageText::parse(&text);
    let mentions = text.as_ref().map_or_else(|_| Vec::new(), |text| markdown::mentions(text.as_str()));
    let change = Change::Post { client_id, text, mentions, reply_to, forwarded_from: None };
    commit::submit(node, chat_id, actor.user_id, change, origin)
}

/// Messages to be posted into another chat, each by a name of its own.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    pub from: ChatId,
    pub to: ChatId,
    pub sends: &'a [(u64, ClientId)],
}

/// Posts somebody's words into another chat, as theirs. The flag tells whether they were posted now.
///
/// # Errors
/// `not_found` for a message or a chat that is not the actor's, or a message that is deleted; `forbidden`
/// for what tells of events; as `post_message`.
pub async fn forward_message(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    no: u64,
    to: ForwardMessage,
) -> Result<(Message, bool)> {
    let forward = Forward { from: chat_id, to: to.chat_id, sends: &[(no, to.client_id)] };
    forward_messages(node, actor, forward).await?.pop().ok_or_else(|| Rejection::internal("nothing was forwarded"))
}

/// The same for several, in their order.
///
/// # Errors
/// As `forward_message`; what cannot be read, or not be posted now, keeps all from being posted.
pub async fn forward_messages(node: &Node, actor: Actor, forward: Forward<'_>) -> Result<Vec<(Message, bool)>> {
    let Forward { from, to, sends } = forward;
    // What an earlier try has posted stands, whatever became of its source.
    let posted = posted_before(node, actor, to, sends).await?;
    let left: Vec<u64> = sends.iter().filter(|(_, id)| !posted.contains_key(id)).map(|(no, _)| *no).collect();
    let sources = readable(node, actor, from, &left).await?;
    let mut changes = Vec::new();
    for (no, client_id) in sends.iter().filter(|(_, id)| !posted.contains_key(id)) {
        let source = sources.iter().find(|source| source.no == *no).ok_or_else(Rejection::not_found)?;
        let author = source.forwarded_from.as_ref().and_then(|from| from.user_id).unwrap_or(source.sender_id);
        let text = MessageText::parse(&source.text);
        // What is forwarded mentions nobody anew.
        let (mentions, reply_to, forwarded_from) = (Vec::new(), None, Some(author));
        changes.push(Change::Post { client_id: *client_id, text, mentions, reply_to, forwarded_from });
    }
    let outcomes = commit::submit_all(node, to, actor.user_id, changes)?.await;
    let stored = outcomes.into_iter().map(|outcome| message_of(outcome?));
    let mut all = posted.into_values().map(|message| Ok((message, false))).chain(stored).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|(message, _)| sends.iter().position(|(_, client_id)| *client_id == message.client_id));
    Ok(all)
}

/// What earlier tries of these sends have posted, where the actor still is.
async fn posted_before(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    sends: &[(u64, ClientId)],
) -> Result<HashMap<ClientId, Message>> {
    queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let names: Vec<(UserId, ClientId)> = sends.iter().map(|(_, client_id)| (actor.user_id, *client_id)).collect();
    let mut connection = node.db.acquire().await?;
    let posted = queries::messages_by_client_id(&mut connection, chat_id, &names).await?;
    Ok(posted.into_iter().map(|((_, client_id), message)| (client_id, message)).collect())
}

/// Messages that their reader may do something with: all are theirs to see, said by somebody and not deleted.
async fn readable(node: &Node, actor: Actor, chat_id: ChatId, nos: &[u64]) -> Result<Vec<Message>> {
    if nos.is_empty() {
        return Ok(Vec::new());
    }
    queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let messages = queries::messages_by_no(&node.db, chat_id, nos).await?;
    if messages.len() < nos.len() || messages.iter().any(|message| message.deleted) {
        return Err(Rejection::not_found());
    }
    if messages.iter().any(|message| message.kind == MessageKind::System) {
        return Err(Rejection::forbidden("Nobody said this."));
    }
    Ok(messages)
}

/// An emoji for a message.
#[derive(Clone, Copy, Debug)]
pub struct React<'a> {
    pub no: u64,
    pub emoji: &'a str,
    pub how: Reacting,
}

/// Reacts to a message with an emoji, or takes that back; twice is once.
///
/// # Errors
/// `invalid_input` for what is no emoji, or a twenty-first kind; `not_found`, `forbidden`, `conflict` for a
/// deleted message, `rate_limited`, `unavailable`.
pub async fn react(node: &Node, actor: Actor, chat_id: ChatId, react: React<'_>) -> Result<Message> {
    Ok(message_of(begin_react(node, actor, chat_id, react, None)?.await?)?.0)
}

/// Takes a reaction's place in the chat's order now, and answers what becomes of it later.
///
/// # Errors
/// As `react`.
pub fn begin_react(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    React { no, emoji, how }: React<'_>,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    let emoji = rules::emoji(emoji)?;
    commit::submit(node, chat_id, actor.user_id, Change::React { no, emoji, how }, origin)
}

/// Who reacted to a message, in order of time.
///
/// # Errors
/// `not_found`, `invalid_input` for a cursor or a limit that is none.
pub async fn reacted(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    no: u64,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Reacted>> {
    let (_, last_no) = queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    if no == 0 || no > last_no {
        return Err(Rejection::not_found());
    }
    let (offset, limit) = (rules::parse_offset(cursor)?, i64::from(rules::limit(limit)?));
    let items = queries::reacted(&node.db, chat_id, no, offset, limit + 1).await?;
    Ok(rules::page_of(items, offset, limit))
}

/// Tells the site's admins of a message; once more replaces what was said before.
///
/// # Errors
/// `not_found`, `invalid_input` for a reason that is none.
pub async fn report_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64, reason: &str) -> Result<()> {
    let reason = Reason::parse(reason).map_err(|problem| Rejection::field("reason", problem))?;
    node.rates.changes.take(actor.user_id)?;
    let message = readable(node, actor, chat_id, &[no]).await?.pop().ok_or_else(Rejection::not_found)?;
    queries::report(&node.db, &message, actor.user_id, reason.as_str()).await
}

/// Changes the text of one's own message.
///
/// # Errors
/// `invalid_input`, `not_found`, `forbidden`, `conflict` with the newest row, `rate_limited`,
/// `unavailable`.
pub async fn edit_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64, data: EditMessage) -> Result<Message> {
    Ok(message_of(begin_edit(node, actor, chat_id, no, data, None)?.await?)?.0)
}

/// Takes an edit's place in the chat's order now, and answers what becomes of it later.
///
/// # Errors
/// As `edit_message`.
pub fn begin_edit(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    no: u64,
    data: EditMessage,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    let text = MessageText::parse(&data.text).map_err(|problem| Rejection::field("text", problem))?;
    let mentions = markdown::mentions(text.as_str());
    let change = Change::Edit { no, text, mentions, base_seq: data.base_seq };
    commit::submit(node, chat_id, actor.user_id, change, origin)
}

/// Deletes a message for everybody; its row stays, empty.
///
/// # Errors
/// `not_found`, `forbidden`, `rate_limited`, `unavailable`.
pub async fn delete_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64) -> Result<Message> {
    Ok(message_of(begin_delete(node, actor, chat_id, no, None)?.await?)?.0)
}

/// Deletes several at once; what may not be deleted stays, and keeps no other.
///
/// # Errors
/// As `delete_message`, of the first that is refused.
pub async fn delete_messages(node: &Node, actor: Actor, chat_id: ChatId, nos: &[u64]) -> Result<()> {
    let changes = nos.iter().map(|no| Change::Delete { no: *no }).collect();
    let outcomes = commit::submit_all(node, chat_id, actor.user_id, changes)?.await;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}

/// Takes a deletion's place in the chat's order now, and answers what becomes of it later.
///
/// # Errors
/// As `delete_message`.
pub fn begin_delete(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    no: u64,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    commit::submit(node, chat_id, actor.user_id, Change::Delete { no }, origin)
}
