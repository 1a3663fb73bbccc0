//! Read marks on their way to the others: at once, then at most once a second for each chat.

use super::audience;
use crate::Node;
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

/// The chats published within the last second, and the marks that came since.
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

/// Tells a chat how far somebody has read.
pub async fn publish(node: &Node, chat_id: ChatId, user_id: UserId, no: u64, members_seq: u64) {
    let told = {
        let mut paced = node.read_marks.lock();
        let is_paced = paced.contains_key(&chat_id);
        let waiting = paced.entry(chat_id).or_default();
        waiting.marks.insert(user_id, no);
        waiting.members_seq = waiting.members_seq.max(members_seq);
        if is_paced {
            return;
        }
        let (tell, told) = oneshot::channel();
        // A task of its own, because whoever asked may go before it is done.
        node.tasks.spawn(pace(node.clone(), chat_id, tell));
        told
    };
    let _ = told.await;
}

/// Sends what waits, and every second what has come since, until nothing has.
async fn pace(node: Node, chat_id: ChatId, tell: oneshot::Sender<()>) {
    let mut tell = Some(tell);
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
        if let Some(tell) = tell.take() {
            let _ = tell.send(());
        }
        // At a restart what waits is sent once more, and at once.
        tokio::select! {
            () = node.shutdown.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
    }
}

async fn send(node: &Node, chat_id: ChatId, members_seq: u64, marks: HashMap<UserId, u64>) {
    let Some(audience) = audience(node, chat_id, members_seq).await else { return };
    for (user_id, no) in marks {
        node.live.publish(chat_id, &audience, &ServerFrame::Read { chat_id, user_id, no }, None);
    }
}
