//! What one socket still has to be sent: bounded, whoever reads slowly.

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

/// PROTOCOL section 5: a reader that does not keep up is never buffered beyond this.
const BYTES_MAX: usize = 1024 * 1024;

/// Why a socket is closed from our side.
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

/// What a socket's writer does next.
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
    /// Told as the queue grows shorter.
    drained: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    /// A `resync` waits in the queue; one says it all.
    resyncing: bool,
    close: Option<Close>,
}

struct Queued {
    bytes: Bytes,
    keep: Keep,
}

/// What may become of a queued frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Always,
    UntilFull,
    /// And while its reader is in the chat.
    OfChat(ChatId),
    /// The word that frames were dropped.
    Resync,
}

impl Outbound {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an answer, or what is the reader's own: never dropped.
    pub fn push_kept(&self, bytes: Bytes) {
        self.add(Queued { bytes, keep: Keep::Always });
    }

    /// Queues what catching up would bring too.
    pub fn push(&self, bytes: Bytes) {
        self.add(Queued { bytes, keep: Keep::UntilFull });
    }

    /// Queues a frame of a chat.
    pub fn push_of_chat(&self, chat_id: ChatId, bytes: Bytes) {
        self.add(Queued { bytes, keep: Keep::OfChat(chat_id) });
    }

    /// Tells the reader that something may be missing.
    pub fn resync(&self) {
        self.lock().add_resync();
        self.wake.notify_one();
    }

    /// Ends the socket once what is queued has been sent.
    pub fn close(&self, close: Close) {
        self.lock().close.get_or_insert(close);
        self.wake.notify_one();
    }

    /// Ends the socket of a session that is over: what was queued is for nobody now, but for a last word.
    pub fn revoke(&self, last: Bytes) {
        {
            let mut queue = self.lock();
            queue.frames.clear();
            queue.bytes = last.len();
            queue.frames.push_back(Queued { bytes: last, keep: Keep::Always });
            queue.close = Some(Close::SignedOut);
        }
        self.wake.notify_one();
    }

    /// Whether the socket is being ended from our side.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Whether it is being ended because its session is over.
    #[must_use]
    pub fn is_signed_out(&self) -> bool {
        self.lock().close == Some(Close::SignedOut)
    }

    /// Drops the frames of a chat that the reader may no longer see.
    pub fn drop_chat(&self, chat_id: ChatId) {
        let mut queue = self.lock();
        queue.frames.retain(|frame| frame.keep != Keep::OfChat(chat_id));
        queue.bytes = queue.frames.iter().map(|frame| frame.bytes.len()).sum();
    }

    /// Whether there is room for another large answer.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lock().bytes <= BYTES_MAX / 2
    }

    /// Waits until there is room for another large answer, or the socket ends.
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

    /// The next thing to do, once there is one. One writer at a time.
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
                    if frame.keep == Keep::Resync {
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
            queue.frames.retain(|frame| frame.keep == Keep::Always);
            queue.bytes = queue.frames.iter().map(|frame| frame.bytes.len()).sum();
            queue.resyncing = false;
            queue.add_resync();
            if frame.keep != Keep::Always {
                drop(queue);
                self.wake.notify_one();
                return;
            }
            // One answer alone is bounded where it is made.
            let alone = queue.frames.iter().all(|waiting| waiting.keep == Keep::Resync);
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
    fn add_resync(&mut self) {
        if !self.resyncing && self.close.is_none() {
            self.resyncing = true;
            let bytes = encode(None, &ServerFrame::Resync {});
            self.bytes += bytes.len();
            self.frames.push_back(Queued { bytes, keep: Keep::Resync });
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
    async fn a_slow_reader_loses_its_queue_but_not_its_answers() {
        let outbound = Outbound::default();
        let chat = ChatId::fresh();
        outbound.push_kept(kib(1));
        for _ in 0..2_000 {
            outbound.push_of_chat(chat, kib(1));
        }
        assert!(outbound.lock().bytes <= BYTES_MAX);
        let seen = drain(&outbound).await;
        assert_eq!(seen[..2], ["1 KiB", r#"{"type":"resync"}"#]);
        assert!(seen.len() < 1_030);
    }

    #[tokio::test]
    async fn answers_that_do_not_fit_end_the_socket() {
        let outbound = Outbound::default();
        for _ in 0..1_100 {
            outbound.push_kept(kib(1));
        }
        assert_eq!(outbound.next().await, Next::Close(Close::Overloaded));
    }

    #[tokio::test]
    async fn frames_of_a_chat_are_withheld_from_a_removed_member() {
        let (outbound, left, other) = (Outbound::default(), ChatId::fresh(), ChatId::fresh());
        outbound.push_of_chat(left, kib(1));
        outbound.push_of_chat(other, kib(2));
        outbound.push_kept(kib(3));
        outbound.drop_chat(left);
        assert_eq!(drain(&outbound).await, ["2 KiB", "3 KiB", "Restarting"]);
    }
}
