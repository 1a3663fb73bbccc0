//! The queue of frames to one socket: bounded, also when the client reads slowly (back-pressure).

use super::{
    published::{Frame, Keep, encode},
    sharded::lock,
};
use bytes::Bytes;
use protocol::{
    frames::{ServerFrame, close},
    ids::ChatId,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The bound of a queue (PROTOCOL section 5).
const BYTES_MAX: usize = 1024 * 1024;
/// The memory of an item beside its bytes.
const ITEM_BYTES: usize = 64;
/// The writer takes about this much at once.
const TAKEN_BYTES: usize = 64 * 1024;
/// A queue with more than this is not prompt.
const PROMPT_BYTES: usize = 16 * 1024;
/// A socket gets at most one `resync` of its chats in this time: each costs a `heads`, and the regular `heads` finds
/// the rest.
const RESYNC_EVERY: Duration = Duration::from_secs(5);
/// An empty queue keeps memory for this many frames.
const ROOM_KEPT: usize = 8;

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
    /// Bytes to write: one frame, or several back to back.
    Write(VecDeque<Bytes>),
    Close(Close),
}

/// A socket's queue.
#[derive(Default)]
pub struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
    /// Notified when frames leave the queue.
    drained: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Queued>,
    bytes: usize,
    /// Whether the queue holds a `resync`; a second one would add nothing.
    resyncing: bool,
    /// When a chat of this socket was last resynced.
    resynced: Option<Instant>,
    close: Option<Close>,
    pong: Option<Bytes>,
    /// Since the last frames were taken, the session has ended, or the queue was too full.
    interrupts: bool,
    /// Of a mutant: the frames that were taken.
    skips: Option<u32>,
}

/// One frame, or several of the same kind.
#[derive(Clone)]
pub struct Queued {
    pub bytes: Bytes,
    pub keep: Keep,
    /// The chat of the frame. A removed member does not get frames that wait.
    pub chat: Option<ChatId>,
}

impl Queued {
    #[must_use]
    pub fn of(frame: &Frame, chat: Option<ChatId>) -> Self {
        Self { bytes: frame.bytes.clone(), keep: frame.keep, chat }
    }

    #[must_use]
    pub fn reply(bytes: Bytes) -> Self {
        Self { bytes, keep: Keep::Always, chat: None }
    }

    fn cost(&self) -> usize {
        self.bytes.len() + ITEM_BYTES
    }
}

impl Outbound {
    /// `skips`: whether the writer loses frames (`Mutant::DrainSkipsFrame`).
    #[must_use]
    pub fn new(skips: bool) -> Self {
        Self { queue: Mutex::new(Queue { skips: skips.then_some(0), ..Queue::default() }), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Queues frames in their order. False if the socket closes and takes none.
    pub fn push(&self, frames: impl IntoIterator<Item = Queued>) -> bool {
        let mut queue = self.lock();
        frames.into_iter().for_each(|frame| queue.add(frame));
        let is_open = queue.close.is_none();
        drop(queue);
        self.wake.notify_one();
        is_open
    }

    /// Replies to a ping. Only the latest ping has to be answered (RFC 6455, section 5.5.3).
    pub fn pong(&self, bytes: Bytes) {
        self.lock().pong = Some(bytes);
        self.wake.notify_one();
    }

    /// Waits until the frames taken last must not be sent any more: the session has ended, or the queue is too full.
    pub async fn is_interrupted(&self) {
        while !self.lock().interrupts {
            self.wake.notified().await;
        }
    }

    /// Queues a response.
    pub fn reply(&self, bytes: Bytes) {
        self.push([Queued::reply(bytes)]);
    }

    /// Queues a `resync`, because changes of a chat may be missing. A second one within `RESYNC_EVERY` is left out.
    pub fn resync(&self) {
        let mut queue = self.lock();
        if queue.resynced.is_none_or(|last| last.elapsed() >= RESYNC_EVERY) {
            queue.resynced = Some(Instant::now());
            queue.add_resync();
        }
        drop(queue);
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
            queue.waiting.clear();
            queue.bytes = last.len() + ITEM_BYTES;
            queue.waiting.push_back(Queued::reply(last));
            queue.close = Some(Close::SignedOut);
            queue.interrupts = true;
        }
        self.wake.notify_one();
    }

    /// The socket is gone: nothing is queued any more. Nobody reads the reason of the close.
    pub fn end(&self) {
        let mut queue = self.lock();
        *queue = Queue { close: queue.close.or(Some(Close::Restarting)), ..Queue::default() };
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
        self.lock().retain(|frame| frame.chat != Some(chat_id));
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
            if let Some(next) = self.lock().take() {
                if matches!(next, Next::Write(_)) {
                    self.drained.notify_waiters();
                }
                return next;
            }
            self.wake.notified().await;
        }
    }
}

impl Queue {
    fn take(&mut self) -> Option<Next> {
        self.interrupts = false;
        if self.close == Some(Close::Overloaded) {
            return Some(Next::Close(Close::Overloaded));
        }
        let (mut taken, mut bytes) = (VecDeque::from_iter(self.pong.take()), 0);
        while bytes < TAKEN_BYTES
            && let Some(frame) = self.waiting.pop_front()
        {
            bytes += frame.cost();
            if self.is_skipped(frame.keep) {
                continue;
            }
            taken.push_back(frame.bytes);
        }
        self.bytes -= bytes;
        if taken.is_empty() {
            return self.close.map(Next::Close);
        }
        // The `resync` may be among the taken ones.
        self.resyncing = false;
        if self.waiting.is_empty() {
            self.waiting.shrink_to(ROOM_KEPT);
        }
        Some(Next::Write(taken))
    }

    /// For the mutant: whether this is the tenth frame that could be lost.
    fn is_skipped(&mut self, keep: Keep) -> bool {
        let Some(taken) = self.skips.as_mut().filter(|_| keep == Keep::IfRoom) else { return false };
        *taken += 1;
        *taken % 10 == 0
    }

    fn add(&mut self, frame: Queued) {
        if self.close.is_some() || (frame.keep == Keep::IfPrompt && self.bytes > PROMPT_BYTES) {
            return;
        }
        if self.bytes + frame.cost() > BYTES_MAX {
            self.retain(|frame| frame.keep == Keep::Always);
            self.resyncing = false;
            self.add_resync();
            if frame.keep != Keep::Always {
                return;
            }
            // A single reply may exceed the bound: its own size is limited where it is built.
            let alone = self.waiting.len() == 1;
            if !alone && self.bytes + frame.cost() > BYTES_MAX {
                self.close = Some(Close::Overloaded);
                self.interrupts = true;
                return;
            }
        }
        self.bytes += frame.cost();
        self.waiting.push_back(frame);
    }

    fn retain(&mut self, keeps: impl Fn(&Queued) -> bool) {
        self.waiting.retain(keeps);
        self.bytes = self.waiting.iter().map(Queued::cost).sum();
    }

    fn add_resync(&mut self) {
        if !self.resyncing && self.close.is_none() {
            self.resyncing = true;
            let bytes = encode(None, &ServerFrame::Resync {});
            let frame = Queued { bytes, keep: Keep::IfRoom, chat: None };
            self.bytes += frame.cost();
            self.waiting.push_back(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size in the place of the text.
    fn frame(kib: usize, keep: Keep, chat: Option<ChatId>) -> Queued {
        Queued { bytes: vec![b'x'; kib * 1024].into(), keep, chat }
    }

    async fn drain(outbound: &Outbound) -> Vec<String> {
        outbound.close(Close::Restarting);
        let mut seen = Vec::new();
        loop {
            match outbound.next().await {
                Next::Write(taken) => seen.extend(taken.iter().map(|bytes| match bytes.len() / 1024 {
                    0 => String::from_utf8_lossy(&bytes[2..]).into_owned(),
                    kib => format!("{kib} KiB"),
                })),
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
        outbound.push([frame(1, Keep::Always, None)]);
        for _ in 0..2_000 {
            outbound.push([frame(1, Keep::IfRoom, Some(ChatId::fresh()))]);
        }
        assert!(outbound.lock().bytes <= BYTES_MAX);
        let seen = drain(&outbound).await;
        assert_eq!(seen[..2], ["1 KiB", r#"{"type":"resync"}"#]);
        assert!(seen.len() < 1_030);
    }

    #[tokio::test]
    async fn a_frame_of_the_moment_does_not_wait_behind_others() {
        let outbound = Outbound::default();
        outbound.push([frame(8, Keep::IfRoom, None), frame(7, Keep::IfPrompt, None), frame(3, Keep::IfRoom, None)]);
        outbound.push([frame(1, Keep::IfPrompt, None)]);
        assert_eq!(drain(&outbound).await, ["8 KiB", "7 KiB", "3 KiB", "Restarting"]);
    }

    #[tokio::test]
    async fn replies_that_do_not_fit_close_the_socket() {
        let outbound = Outbound::default();
        for _ in 0..1_100 {
            outbound.push([frame(1, Keep::Always, None)]);
        }
        assert_eq!(outbound.next().await, Next::Close(Close::Overloaded));
    }

    #[tokio::test]
    async fn one_reply_may_exceed_the_bound() {
        let outbound = Outbound::default();
        outbound.push([frame(1, Keep::IfRoom, None), frame(1_500, Keep::Always, None)]);
        assert_eq!(drain(&outbound).await, [r#"{"type":"resync"}"#, "1500 KiB", "Restarting"]);
    }

    #[tokio::test]
    async fn frames_of_a_chat_are_dropped_for_a_removed_member() {
        let (outbound, chat, other) = (Outbound::default(), ChatId::fresh(), ChatId::fresh());
        outbound.push([frame(1, Keep::IfRoom, Some(chat)), frame(2, Keep::IfRoom, Some(other))]);
        outbound.push([frame(3, Keep::Always, None)]);
        outbound.drop_chat(chat);
        assert_eq!(drain(&outbound).await, ["2 KiB", "3 KiB", "Restarting"]);
    }

    #[tokio::test]
    async fn only_the_latest_ping_is_answered_and_small_frames_are_bounded_too() {
        let outbound = Outbound::default();
        for n in 0..10_u8 {
            outbound.pong(vec![0x8a, 1, n].into());
        }
        assert_eq!(outbound.next().await, Next::Write([Bytes::from(vec![0x8a, 1, 9])].into()));
        for _ in 0..100_000 {
            outbound.push([Queued::reply(Bytes::from_static(b"{}"))]);
        }
        assert!(outbound.lock().waiting.len() < BYTES_MAX / ITEM_BYTES);
    }

    #[tokio::test]
    async fn an_empty_queue_keeps_little_memory() {
        let outbound = Outbound::default();
        outbound.push((0..500).map(|_| frame(1, Keep::Always, None)));
        assert!(outbound.lock().waiting.capacity() >= 500);
        while !outbound.lock().waiting.is_empty() {
            assert!(matches!(outbound.next().await, Next::Write(_)));
        }
        assert!(outbound.lock().waiting.capacity() <= 2 * ROOM_KEPT);
    }
}
