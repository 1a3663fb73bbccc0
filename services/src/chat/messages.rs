//! Operations on messages: post, forward, react, report, edit and delete.

use super::{
    commit::{self, Change, Outcome, Reacting},
    queries, rules,
};
use crate::{Actor, Node, Rejection, Result, live::Origin};
use protocol::{
    Page,
    chat::{EditMessage, ForwardMessage, Message, MessageKind, PostMessage, Reacted},
    ids::{ChatId, ClientId},
    markdown,
    text::{MessageText, Reason},
};

/// Posts a message. The flag is false if an earlier send with the same `client_id` stored it; then the text of the
/// first send stays.
///
/// # Errors
/// `invalid_input`, `not_found`, `rate_limited`, `unavailable`.
pub async fn post_message(node: &Node, actor: Actor, chat_id: ChatId, data: PostMessage) -> Result<(Message, bool)> {
    message_of(begin_post(node, actor, chat_id, data, None)?.await?)
}

/// The message of an outcome, and whether the change wrote it.
fn message_of(outcome: Outcome) -> Result<(Message, bool)> {
    match outcome {
        Outcome::Message { message, new } => Ok((message, new)),
        _ => Err(Rejection::internal("a change of a message has the outcome of another change")),
    }
}

/// Takes the message's place in the chat's order before it returns; the future returns the outcome.
///
/// # Errors
/// The errors of `post_message`.
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

/// Messages to be posted into another chat: the `no` of each, with the `client_id` of its copy.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    pub from: ChatId,
    pub to: ChatId,
    pub sends: &'a [(u64, ClientId)],
}

/// Forwards a message into another chat, with its author. The flag is false if an earlier try posted it.
///
/// # Errors
/// `not_found` for a chat of which the actor is not a member, an unknown or a deleted message; `forbidden` for a system
/// message; the errors of `post_message`.
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

/// Forwards several messages, in their order.
///
/// # Errors
/// The errors of `forward_message`. If one message cannot be read or queued, none is posted.
pub async fn forward_messages(node: &Node, actor: Actor, forward: Forward<'_>) -> Result<Vec<(Message, bool)>> {
    let Forward { from, to, sends } = forward;
    // A retry returns the copies of an earlier try, also if their sources were deleted since.
    let posted = queries::messages_sent(&node.db, actor.user_id, to, sends.iter().map(|(_, id)| *id)).await?;
    let is_posted = |id: &ClientId| posted.iter().any(|message| message.client_id == *id);
    let unposted: Vec<(u64, ClientId)> = sends.iter().filter(|(_, id)| !is_posted(id)).copied().collect();
    let sources = readable(node, actor, from, &unposted.iter().map(|(no, _)| *no).collect::<Vec<_>>()).await?;
    let mut changes = Vec::new();
    for (no, client_id) in &unposted {
        let source = sources.iter().find(|source| source.no == *no).ok_or_else(Rejection::not_found)?;
        rules::check_kind(source)?;
        let author = source.forwarded_from.as_ref().and_then(|from| from.user_id).unwrap_or(source.sender_id);
        let text = MessageText::parse(&source.text);
        // A forwarded text mentions no user.
        let (mentions, reply_to, forwarded_from) = (Vec::new(), None, Some(author));
        changes.push(Change::Post { client_id: *client_id, text, mentions, reply_to, forwarded_from });
    }
    let outcomes = commit::submit_all(node, to, actor.user_id, changes)?.await;
    let stored = outcomes.into_iter().map(|outcome| message_of(outcome?));
    let posted = posted.into_iter().map(|message| Ok((message, false)));
    let mut all = posted.chain(stored).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|(message, _)| sends.iter().position(|(_, client_id)| *client_id == message.client_id));
    Ok(all)
}

/// Messages that the actor may forward or report: visible to the actor, not deleted, no system messages.
async fn readable(node: &Node, actor: Actor, chat_id: ChatId, nos: &[u64]) -> Result<Vec<Message>> {
    let messages = queries::messages_by_no(&node.db, actor.user_id, chat_id, nos).await?;
    if messages.len() < nos.len() || messages.iter().any(|message| message.deleted) {
        return Err(Rejection::not_found());
    }
    if messages.iter().any(|message| message.kind == MessageKind::System) {
        return Err(Rejection::forbidden("A system message cannot be forwarded or reported."));
    }
    Ok(messages)
}

/// A reaction to a message.
#[derive(Clone, Copy, Debug)]
pub struct React<'a> {
    pub no: u64,
    pub emoji: &'a str,
    pub how: Reacting,
}

/// Gives or takes back a reaction; idempotent.
///
/// # Errors
/// `invalid_input` for a text that is not an emoji, or a 21st emoji; `conflict` for a deleted message; `not_found`,
/// `forbidden`, `rate_limited`, `unavailable`.
pub async fn react(node: &Node, actor: Actor, chat_id: ChatId, react: React<'_>) -> Result<Message> {
    Ok(message_of(begin_react(node, actor, chat_id, react, None)?.await?)?.0)
}

/// Takes the reaction's place in the chat's order before it returns; the future returns the outcome.
///
/// # Errors
/// The errors of `react`.
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

/// The users who reacted to a message, the first reaction first.
///
/// # Errors
/// `not_found`; `invalid_input` for a malformed cursor or a limit out of range.
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
    let limit = rules::limit(limit)?;
    let after = cursor.map(rules::parse_reacted_cursor).transpose()?;
    let items = queries::reacted(&node.db, actor.user_id, (chat_id, no), after, i64::from(limit) + 1).await?;
    Ok(Page::cut(items, limit, rules::reacted_cursor))
}

/// Reports a message to the site's admins; a second report by the same user replaces the first.
///
/// # Errors
/// `not_found`, `forbidden`; `invalid_input` for an invalid reason.
pub async fn report_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64, reason: &str) -> Result<()> {
    let reason = Reason::parse(reason).map_err(|problem| Rejection::field("reason", problem))?;
    node.rates.changes.take(actor.user_id)?;
    let message = readable(node, actor, chat_id, &[no]).await?.pop().ok_or_else(Rejection::not_found)?;
    queries::report(&node.db, &message, actor.user_id, reason.as_str()).await
}

/// Changes the text of the actor's own message.
///
/// # Errors
/// `invalid_input`, `not_found`, `forbidden`, `conflict` with the current row, `rate_limited`, `unavailable`.
pub async fn edit_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64, data: EditMessage) -> Result<Message> {
    Ok(message_of(begin_edit(node, actor, chat_id, no, data, None)?.await?)?.0)
}

/// Takes the edit's place in the chat's order before it returns; the future returns the outcome.
///
/// # Errors
/// The errors of `edit_message`.
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

/// Deletes a message for all members; its row stays as a tombstone.
///
/// # Errors
/// `not_found`, `forbidden`, `rate_limited`, `unavailable`.
pub async fn delete_message(node: &Node, actor: Actor, chat_id: ChatId, no: u64) -> Result<Message> {
    Ok(message_of(begin_delete(node, actor, chat_id, no, None)?.await?)?.0)
}

/// Deletes several messages. A refused one does not prevent the others.
///
/// # Errors
/// The errors of `delete_message`, for the first refused message.
pub async fn delete_messages(node: &Node, actor: Actor, chat_id: ChatId, nos: &[u64]) -> Result<()> {
    let changes = nos.iter().map(|no| Change::Delete { no: *no }).collect();
    let outcomes = commit::submit_all(node, chat_id, actor.user_id, changes)?.await;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}

/// Takes the deletion's place in the chat's order before it returns; the future returns the outcome.
///
/// # Errors
/// The errors of `delete_message`.
pub fn begin_delete(
    node: &Node,
    actor: Actor,
    chat_id: ChatId,
    no: u64,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    commit::submit(node, chat_id, actor.user_id, Change::Delete { no }, origin)
}
