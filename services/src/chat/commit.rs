//! How a change of a chat is committed: one queue for each chat and node, one transaction for all
//! that waits (ARCHITECTURE.md).
//!
//! A transaction costs an fsync however many changes it carries, so a hot chat commits in batches,
//! and a lone message waits for nobody.

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

/// Changes of one chat that may wait; more are refused politely.
const WAITING_MAX: usize = 4_096;

/// How long a change is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Something done to a chat.
#[derive(Clone, Debug)]
pub enum Change {
    Post {
        client_id: ClientId,
        /// Or what is wrong with it, which does not matter where this send was stored before.
        text: std::result::Result<MessageText, Problem>,
        /// The user names in it.
        mentions: Vec<String>,
        reply_to: Option<u64>,
        /// Whose words it forwards.
        forwarded_from: Option<UserId>,
    },
    Edit {
        no: u64,
        text: MessageText,
        mentions: Vec<String>,
        /// The `seq` of the row that was edited.
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
    /// Oneself: leaving.
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
    /// Whichever of these it is: for who cannot see it, because rows name only the first who reacted.
    Toggle,
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A message as it stands now; `new` where this change wrote it.
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
    answer: oneshot::Sender<Result<Outcome>>,
}

impl Item {
    fn of(actor: UserId, change: Change, origin: Option<Origin>) -> (Self, oneshot::Receiver<Result<Outcome>>) {
        let (answer, answered) = oneshot::channel();
        (Self { actor, change, origin, answer }, answered)
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

    /// Who is added, and by whom.
    fn addition(&self) -> Option<(UserId, UserId)> {
        let Change::AddMember(user_id) = &self.change else { return None };
        Some((*user_id, self.actor))
    }
}

impl Change {
    /// The other person a change is about.
    fn names(&self) -> Option<UserId> {
        match self {
            Self::AddMember(user_id) | Self::RemoveMember(user_id) | Self::ChangeRole { user_id, .. } => Some(*user_id),
            Self::Post { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::React { .. }
            | Self::UpdateGroup { .. } => None,
        }
    }

    /// The user names that its text mentions.
    fn mentions(&self) -> &[String] {
        match self {
            Self::Post { mentions, .. } | Self::Edit { mentions, .. } => mentions,
            _ => &[],
        }
    }

    /// Whether it puts something before the others' eyes, which somebody they have blocked may not.
    fn writes(&self) -> bool {
        match self {
            Self::React { how, .. } => *how != Reacting::TakeBack,
            _ => matches!(self, Self::Post { .. } | Self::Edit { .. }),
        }
    }

    /// The message a change is about.
    fn names_message(&self) -> Option<u64> {
        match self {
            Self::Edit { no, .. } | Self::Delete { no } | Self::React { no, .. } => Some(*no),
            _ => None,
        }
    }
}

/// The queues of this node. A chat has one while changes of it wait.
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

/// Takes a place in the chat's order before it returns; the future answers once it is committed.
///
/// # Errors
/// `rate_limited`, `unavailable` when too many wait or the node is stopping; the future, what the chat's
/// rules refuse.
pub fn submit(
    node: &Node,
    chat_id: ChatId,
    actor: UserId,
    change: Change,
    origin: Option<Origin>,
) -> Result<impl Future<Output = Result<Outcome>> + use<>> {
    node.rates.changes.take(actor)?;
    let (item, answered) = Item::of(actor, change, origin);
    enqueue(node, chat_id, vec![item])?;
    Ok(answer(answered))
}

/// The same for several changes, which take their places together or not at all.
///
/// # Errors
/// As `submit`.
pub fn submit_all(
    node: &Node,
    chat_id: ChatId,
    actor: UserId,
    changes: Vec<Change>,
) -> Result<impl Future<Output = Vec<Result<Outcome>>> + use<>> {
    node.rates.changes.take_many(actor, changes.len())?;
    let items = changes.into_iter().map(|change| Item::of(actor, change, None));
    let (items, answered): (Vec<Item>, Vec<_>) = items.unzip();
    enqueue(node, chat_id, items)?;
    Ok(join_all(answered.into_iter().map(answer)))
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

/// Whoever waits longer is told so and tries again; what was accepted is committed all the same.
async fn answer(answered: oneshot::Receiver<Result<Outcome>>) -> Result<Outcome> {
    match timeout(ANSWER_WITHIN, answered).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Err(Rejection::unavailable()),
    }
}

/// Commits what waits until nothing does. What was accepted is finished even while the node stops.
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
        // A panic in one batch must not end the queue for those behind it; those in it hear `unavailable`.
        if AssertUnwindSafe(batch::commit(&node, chat_id, items)).catch_unwind().await.is_err() {
            tracing::error!(chat.id = %chat_id, "a batch panicked");
        }
    }
}
