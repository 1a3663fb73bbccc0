//! How changes of a chat are committed: one queue for each chat and node, one transaction for each batch
//! (ARCHITECTURE.md).
//!
//! A transaction costs one fsync, for any number of changes. So a busy chat commits in batches, and a single
//! message does not wait for others.

mod batch;
mod draft;

use crate::{Node, Rejection, Result, chat::queries, live::Origin};
use futures::{FutureExt as _, future::join_all};
use protocol::{
    chat::Message,
    error::Problem,
    groups::{Member, Role},
    ids::{ChatId, ClientId, UserId},
    text::{MessageText, Title},
};
use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// Changes that may wait in the queue of one chat; more are refused with `unavailable`.
const WAITING_MAX: usize = 4_096;

/// How long a caller waits for the outcome of its change.
const REPLY_WITHIN: Duration = Duration::from_secs(2);

/// A requested change of a chat.
#[derive(Clone, Debug)]
pub enum Change {
    Post {
        client_id: ClientId,
        /// The commit refuses an invalid text, unless this send repeats a stored one.
        text: std::result::Result<MessageText, Problem>,
        /// The user names in the text.
        mentions: Vec<String>,
        reply_to: Option<u64>,
        /// The author of the forwarded text.
        forwarded_from: Option<UserId>,
    },
    Edit {
        no: u64,
        text: MessageText,
        mentions: Vec<String>,
        /// The `seq` of the row that the client edited.
        base_seq: Option<u64>,
    },
    Delete {
        no: u64,
    },
    /// An emoji in its canonical form.
    React {
        no: u64,
        emoji: String,
        how: Reacting,
    },
    AddMember(UserId),
    /// Removes a member. With their own id, the actor leaves.
    RemoveMember(UserId),
    ChangeRole {
        user_id: UserId,
        role: Role,
    },
    UpdateGroup {
        title: Option<Title>,
        description: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reacting {
    Give,
    TakeBack,
    /// For a page that does not know whether its user has reacted: a row names only the first users.
    Toggle,
}

/// The result of a committed change.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The current row of the message; `new` if this change wrote it.
    Message {
        message: Message,
        new: bool,
    },
    Added {
        member: Member,
        new: bool,
    },
    Done,
}

/// A change in the queue.
struct Item {
    actor: UserId,
    change: Change,
    origin: Option<Origin>,
    reply: oneshot::Sender<Result<Outcome>>,
}

impl Item {
    fn of(actor: UserId, change: Change, origin: Option<Origin>) -> (Self, oneshot::Receiver<Result<Outcome>>) {
        let (reply, outcome) = oneshot::channel();
        (Self { actor, change, origin, reply }, outcome)
    }

    fn send_key(&self) -> Option<(UserId, ClientId)> {
        match &self.change {
            Change::Post { client_id, .. } => Some((self.actor, *client_id)),
            _ => None,
        }
    }

    fn reaction(&self) -> Option<queries::ReactionKey> {
        let Change::React { no, emoji, .. } = &self.change else { return None };
        Some(queries::ReactionKey { no: *no, emoji: emoji.clone(), user_id: self.actor })
    }

    /// The added user and the actor.
    fn addition(&self) -> Option<(UserId, UserId)> {
        let Change::AddMember(user_id) = &self.change else { return None };
        Some((*user_id, self.actor))
    }
}

impl Change {
    /// The user whose membership or role changes; none for other changes.
    fn named_user(&self) -> Option<UserId> {
        match self {
            Self::AddMember(user_id) | Self::RemoveMember(user_id) | Self::ChangeRole { user_id, .. } => Some(*user_id),
            Self::Post { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::React { .. }
            | Self::UpdateGroup { .. } => None,
        }
    }

    /// The user names in its text.
    fn mentions(&self) -> &[String] {
        match self {
            Self::Post { mentions, .. } | Self::Edit { mentions, .. } => mentions,
            _ => &[],
        }
    }

    /// Whether the change shows something new to the other members. A blocked user may not make such a change.
    fn writes(&self) -> bool {
        match self {
            Self::React { how, .. } => *how != Reacting::TakeBack,
            _ => matches!(self, Self::Post { .. } | Self::Edit { .. }),
        }
    }

    /// The `no` of the message that it changes.
    fn named_message(&self) -> Option<u64> {
        match self {
            Self::Edit { no, .. } | Self::Delete { no } | Self::React { no, .. } => Some(*no),
            _ => None,
        }
    }
}

/// The queues of this node. A chat has a queue while changes wait in it.
pub struct Queues {
    batch: usize,
    by_chat: Mutex<HashMap<ChatId, VecDeque<Item>>>,
}

impl Queues {
    #[must_use]
    pub fn new(batch: usize) -> Self {
        Self { batch, by_chat: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChatId, VecDeque<Item>>> {
        self.by_chat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a change to the chat's queue before it returns. The future returns the outcome after the commit.
///
/// # Errors
/// `rate_limited`; `unavailable` when the queue is full or the node stops. The future: the refusals of the chat's
/// rules, `unavailable`.
pub fn submit(
    node: &Node,
    chat_id: ChatId,
    actor: UserId,
    change: Change,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    node.rates.changes.take(actor)?;
    let (item, outcome) = Item::of(actor, change, origin);
    enqueue(node, chat_id, vec![item])?;
    Ok(in_time(outcome))
}

/// Appends several changes to the chat's queue, all or none.
///
/// # Errors
/// The errors of `submit`.
pub fn submit_all(
    node: &Node,
    chat_id: ChatId,
    actor: UserId,
    changes: Vec<Change>,
) -> Result<impl Future<Output = Vec<Result<Outcome>>> + use<>> {
    node.rates.changes.take_many(actor, changes.len())?;
    let items = changes.into_iter().map(|change| Item::of(actor, change, None));
    let (items, outcomes): (Vec<Item>, Vec<_>) = items.unzip();
    enqueue(node, chat_id, items)?;
    Ok(join_all(outcomes.into_iter().map(in_time)))
}

fn enqueue(node: &Node, chat_id: ChatId, items: Vec<Item>) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let mut queues = node.queues.lock();
    if node.shutdown.is_cancelled() {
        return Err(Rejection::unavailable());
    }
    match queues.get_mut(&chat_id) {
        Some(waiting) if waiting.len() + items.len() > WAITING_MAX => return Err(Rejection::unavailable()),
        Some(waiting) => waiting.extend(items),
        None => {
            queues.insert(chat_id, items.into());
            node.tasks.spawn(drain(node.clone(), chat_id));
        }
    }
    Ok(())
}

/// Waits for an outcome. After the time-out the client retries; the queued change is committed nevertheless.
async fn in_time(outcome: oneshot::Receiver<Result<Outcome>>) -> Result<Outcome> {
    match timeout(REPLY_WITHIN, outcome).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Err(Rejection::unavailable()),
    }
}

/// Commits batches until the queue is empty, also while the node stops: accepted changes are finished.
async fn drain(node: Node, chat_id: ChatId) {
    loop {
        let items: Vec<Item> = {
            let mut queues = node.queues.lock();
            let Some(waiting) = queues.get_mut(&chat_id) else { return };
            if waiting.is_empty() {
                queues.remove(&chat_id);
                return;
            }
            let count = waiting.len().min(node.queues.batch);
            waiting.drain(..count).collect()
        };
        // A panic in one batch must not end the queue. The callers in this batch get `unavailable`.
        if AssertUnwindSafe(batch::commit(&node, chat_id, items)).catch_unwind().await.is_err() {
            tracing::error!(chat.id = %chat_id, "a batch panicked");
        }
    }
}
