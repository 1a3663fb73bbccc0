//! The publication of read marks: the first at once, the following ones together, once per second and chat.

use crate::{
    Node,
    live::{self, Frame, Keep, Published},
};
use protocol::{
    frames::ServerFrame,
    ids::{ChatId, UserId},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

const PACE: Duration = Duration::from_secs(1);

/// The chats with a publication in the last second, and the marks that have arrived since.
#[derive(Default)]
pub struct ReadMarks(Mutex<HashMap<ChatId, Waiting>>);

#[derive(Default)]
struct Waiting {
    marks: HashMap<UserId, u64>,
    members_seq: u64,
}

impl ReadMarks {
    fn lock(&self) -> MutexGuard<'_, HashMap<ChatId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes a user's read mark to the members of a chat.
pub async fn publish(node: &Node, chat_id: ChatId, user_id: UserId, no: u64, members_seq: u64) {
    let published = {
        let mut paced = node.read_marks.lock();
        let is_paced = paced.contains_key(&chat_id);
        let waiting = paced.entry(chat_id).or_default();
        waiting.marks.insert(user_id, no);
        waiting.members_seq = waiting.members_seq.max(members_seq);
        if is_paced {
            return;
        }
        let (done, published) = oneshot::channel();
        // The caller may be dropped before the second is over, so a task publishes.
        node.tasks.spawn(pace(node.clone(), chat_id, done));
        published
    };
    let _ = published.await;
}

/// Publishes the waiting marks, and each second the new ones, until there are none.
async fn pace(node: Node, chat_id: ChatId, done: oneshot::Sender<()>) {
    let mut done = Some(done);
    loop {
        let waiting = {
            let mut paced = node.read_marks.lock();
            let waiting = paced.get_mut(&chat_id).map(std::mem::take).unwrap_or_default();
            if waiting.marks.is_empty() {
                paced.remove(&chat_id);
                return;
            }
            waiting
        };
        send(&node, chat_id, waiting.members_seq, waiting.marks).await;
        if let Some(done) = done.take() {
            let _ = done.send(());
        }
        // A stopping node publishes the marks that wait without a delay.
        tokio::select! {
            () = node.shutdown.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
    }
}

async fn send(node: &Node, chat_id: ChatId, members_seq: u64, marks: HashMap<UserId, u64>) {
    // A block in the meantime must hide the marks from the other user.
    node.live.expire_audience(chat_id);
    let Ok(Some(audience)) = live::recent_audience(node, chat_id).await else { return };
    let frame = |(user_id, no)| Frame::new(Keep::IfRoom, &ServerFrame::Read { chat_id, user_id, no });
    if audience.blocked {
        for mark in marks {
            live::deliver(node, Published::for_users(vec![mark.0], frame(mark))).await;
        }
    } else {
        let members_seq = members_seq.max(audience.members_seq);
        let frames = marks.into_iter().map(frame).collect();
        live::deliver(node, Published::in_chat(chat_id, members_seq, frames)).await;
    }
}
