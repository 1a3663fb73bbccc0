//! The queue of frames to one socket: bounded, also when the client reads slowly (back-pressure).

use super::encode;
use bytes::Bytes;
use protocol::{
    frames::{ServerFrame, close},
    ids::ChatId,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The bound of a queue (PROTOCOL section 5).
const BYTES_MAX: usize = 1024 * 1024;

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    SignedOut,
    Restarting,
    Overloaded,
    TooFast,
}

impl Close {
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::SignedOut => close::SIGNED_OUT,
            Self::Restarting => close::RESTARTING,
            Self::Overloaded => close::OVERLOADED,
            Self::TooFast => close::TOO_FAST,
        }
    }
}

/// The next action of a socket's writer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Frame(Bytes),
    Close(Close),
}

/// A socket's queue.
#[derive(Default)]
pub struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
    /// Notified when a frame leaves the queue.
    drained: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    /// Whether the queue holds a `resync`; a second one would add nothing.
    resyncing: bool,
    close: Option<Close>,
}

struct Queued {
    bytes: Bytes,
    class: Class,
}

/// Which frames an overflow drops: all but the required ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Required,
    Droppable,
    /// Droppable, and dropped when the user is removed from the chat.
    OfChat(ChatId),
    /// Notifies the client that frames were dropped.
    Resync,
}

impl Outbound {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a reply or a frame of the user's own state: an overflow does not drop it.
    pub fn push_required(&self, bytes: Bytes) {
        self.add(Queued { bytes, class: Class::Required });
    }

    /// Queues a frame with content that catch-up repeats: an overflow drops it.
    pub fn push(&self, bytes: Bytes) {
        self.add(Queued { bytes, class: Class::Droppable });
    }

    /// Queues a frame of a chat.
    pub fn push_of_chat(&self, chat_id: ChatId, bytes: Bytes) {
        self.add(Queued { bytes, class: Class::OfChat(chat_id) });
    }

    /// Queues a `resync`: changes may be missing.
    pub fn resync(&self) {
        self.lock().add_resync();
        self.wake.notify_one();
    }

    /// Closes the socket after the queued frames; `Overloaded` closes it before them.
    pub fn close(&self, close: Close) {
        self.lock().close.get_or_insert(close);
        self.wake.notify_one();
    }

    /// Closes the socket of an ended session: drops the queued frames and sends only `last`.
    pub fn revoke(&self, last: Bytes) {
        {
            let mut queue = self.lock();
            queue.frames.clear();
            queue.bytes = last.len();
            queue.frames.push_back(Queued { bytes: last, class: Class::Required });
            queue.close = Some(Close::SignedOut);
        }
        self.wake.notify_one();
    }

    /// Whether the server is closing the socket.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Whether the server is closing the socket because its session ended.
    #[must_use]
    pub fn is_signed_out(&self) -> bool {
        self.lock().close == Some(Close::SignedOut)
    }

    /// Drops the queued frames of a chat.
    pub fn drop_chat(&self, chat_id: ChatId) {
        self.lock().retain(|class| class != Class::OfChat(chat_id));
    }

    /// Whether there is room for another large reply.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lock().bytes <= BYTES_MAX / 2
    }

    /// Waits until there is room for another large reply, or the socket closes.
    pub async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            let mut drained = std::pin::pin!(drained);
            drained.as_mut().enable();
            if self.has_room() || self.is_closing() {
                return;
            }
            drained.await;
        }
    }

    /// Waits for the next action. A queue has one writer.
    pub async fn next(&self) -> Next {
        loop {
            {
                let mut queue = self.lock();
                if queue.close == Some(Close::Overloaded) {
                    return Next::Close(Close::Overloaded);
                }
                if let Some(frame) = queue.frames.pop_front() {
                    queue.bytes -= frame.bytes.len();
                    self.drained.notify_waiters();
                    if frame.class == Class::Resync {
                        queue.resyncing = false;
                    }
                    return Next::Frame(frame.bytes);
                }
                if let Some(close) = queue.close {
                    return Next::Close(close);
                }
            }
            self.wake.notified().await;
        }
    }

    fn add(&self, frame: Queued) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        if queue.bytes + frame.bytes.len() > BYTES_MAX {
            queue.retain(|class| class == Class::Required);
            queue.resyncing = false;
            queue.add_resync();
            if frame.class != Class::Required {
                drop(queue);
                self.wake.notify_one();
                return;
            }
            // A single reply may exceed the bound: its own size is limited where it is built.
            let alone = queue.frames.iter().all(|waiting| waiting.class == Class::Resync);
            if !alone && queue.bytes + frame.bytes.len() > BYTES_MAX {
                queue.close = Some(Close::Overloaded);
                drop(queue);
                self.wake.notify_one();
                return;
            }
        }
        queue.bytes += frame.bytes.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.wake.notify_one();
    }
}

impl Queue {
    fn retain(&mut self, keeps: impl Fn(Class) -> bool) {
        self.frames.retain(|frame| keeps(frame.class));
        self.bytes = self.frames.iter().map(|frame| frame.bytes.len()).sum();
    }

    fn add_resync(&mut self) {
        if !self.resyncing && self.close.is_none() {
            self.resyncing = true;
            let bytes = encode(None, &ServerFrame::Resync {});
            self.bytes += bytes.len();
            self.frames.push_back(Queued { bytes, class: Class::Resync });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kib(n: usize) -> Bytes {
        vec![b'x'; n * 1024].into()
    }

    async fn drain(outbound: &Outbound) -> Vec<String> {
        outbound.close(Close::Restarting);
        let mut seen = Vec::new();
        loop {
            match outbound.next().await {
                Next::Frame(bytes) if bytes.len() > 100 => seen.push(format!("{} KiB", bytes.len() / 1024)),
                Next::Frame(bytes) => seen.push(String::from_utf8_lossy(&bytes).into_owned()),
                Next::Close(close) => {
                    seen.push(format!("{close:?}"));
                    return seen;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_slow_reader_loses_its_queue_but_not_its_replies() {
        let outbound = Outbound::default();
        let chat = ChatId::fresh();
        outbound.push_required(kib(1));
        for _ in 0..2_000 {
            outbound.push_of_chat(chat, kib(1));
        }
        assert!(outbound.lock().bytes <= BYTES_MAX);
        let seen = drain(&outbound).await;
        assert_eq!(seen[..2], ["1 KiB", r#"{"type":"resync"}"#]);
        assert!(seen.len() < 1_030);
    }

    #[tokio::test]
    async fn replies_that_do_not_fit_close_the_socket() {
        let outbound = Outbound::default();
        for _ in 0..1_100 {
            outbound.push_required(kib(1));
        }
        assert_eq!(outbound.next().await, Next::Close(Close::Overloaded));
    }

    #[tokio::test]
    async fn frames_of_a_chat_are_dropped_for_a_removed_member() {
        let (outbound, chat, other) = (Outbound::default(), ChatId::fresh(), ChatId::fresh());
        outbound.push_of_chat(chat, kib(1));
        outbound.push_of_chat(other, kib(2));
        outbound.push_required(kib(3));
        outbound.drop_chat(chat);
        assert_eq!(drain(&outbound).await, ["2 KiB", "3 KiB", "Restarting"]);
    }
}
