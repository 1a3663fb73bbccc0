//! The operation of each client frame: the same as over REST. Changes enter their chat's queue when they arrive and are
//! acknowledged when they are committed. Other frames are parked and handled one by one, so that a socket uses one
//! connection to the database, and the next reply is built when its client has read the last one.

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use protocol::{
    chat::{EditMessage, PostMessage},
    error::{ApiError, Problem},
    frames::{ClientFrame, Held, Request, ServerFrame},
    ids::{ChatId, UserId},
    limits,
};
use serde::Deserialize;
use services::{
    Actor, Node, Rejection, Result,
    chat::{
        self, React,
        commit::{Outcome, Reacting},
    },
    infra::{database, rates::Bucket},
    live::{Origin, SocketId, Subscription, encode},
    profiles::presence,
};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Changes of one socket in progress at once.
const CHANGES_MAX: usize = 64;
/// Parked frames of one socket, and their bytes. The socket is not read while there are more.
const PARKED_MAX: usize = 64;
const PARKED_BYTES: usize = 2 * limits::FRAME_BYTES;
const FLOOD: Duration = Duration::from_secs(10);
const TYPING_EVERY: Duration = Duration::from_millis(2_900);

/// The frames of one socket in progress.
pub struct Dispatch<'a> {
    node: &'a Node,
    actor: Actor,
    socket: SocketId,
    subscription: &'a Subscription,
    rate: Bucket,
    /// The first and the last frame over the rate since the client was last within it.
    too_fast: Option<(Instant, Instant)>,
    typed: HashMap<ChatId, Instant>,
    changes: FuturesUnordered<Work>,
    parking: Parking,
    /// The parked frame in progress.
    current: Option<Parked>,
}

/// Frames that wait for earlier frames.
#[derive(Default)]
struct Parking {
    frames: VecDeque<Parked>,
    bytes: usize,
}

struct Parked {
    work: Work,
    /// The bytes of the frame.
    bytes: usize,
    /// The frame changes something, so it is completed even if the client disconnects.
    lasts: bool,
}

impl Parking {
    fn push(&mut self, parked: Parked) {
        self.bytes += parked.bytes;
        self.frames.push_back(parked);
    }

    fn pop(&mut self) -> Option<Parked> {
        let parked = self.frames.pop_front()?;
        self.bytes -= parked.bytes;
        Some(parked)
    }

    fn has_room(&self) -> bool {
        self.frames.len() < PARKED_MAX && self.bytes < PARKED_BYTES
    }
}

/// The handling of a frame; it returns the replies, which may be none.
type Work = BoxFuture<'static, Vec<Bytes>>;

impl<'a> Dispatch<'a> {
    pub fn new(node: &'a Node, actor: Actor, subscription: &'a Subscription) -> Self {
        Self {
            node,
            actor,
            socket: subscription.id,
            subscription,
            rate: node.rates.frames(),
            too_fast: None,
            typed: HashMap::new(),
            changes: FuturesUnordered::new(),
            parking: Parking::default(),
            current: None,
        }
    }

    pub fn actor(&self) -> Actor {
        self.actor
    }

    pub fn has_room(&self) -> bool {
        self.changes.len() < CHANGES_MAX && self.parking.has_room()
    }

    /// Whether the server is closing the socket.
    pub fn is_closing(&self) -> bool {
        self.subscription.outbound.is_closing()
    }

    /// Runs until one frame in progress is completed; without one it never returns.
    pub async fn progress(&mut self) {
        let outbound = &self.subscription.outbound;
        let (current, parking) = (&mut self.current, &mut self.parking);
        let current = async {
            if current.is_none() && !parking.frames.is_empty() {
                outbound.room().await;
                *current = parking.pop();
            }
            match current {
                Some(parked) => (&mut parked.work).await,
                None => std::future::pending().await,
            }
        };
        let replies = tokio::select! {
            Some(replies) = self.changes.next() => replies,
            replies = current => {
                self.current = None;
                replies
            }
        };
        replies.into_iter().for_each(|reply| self.reply(reply));
    }

    /// Completes the parked frames that change something (`lasts`), after the client has disconnected.
    pub async fn finish(self) {
        for parked in self.current.into_iter().chain(self.parking.frames).filter(|parked| parked.lasts) {
            parked.work.await;
        }
    }

    pub fn reply(&self, bytes: Bytes) {
        self.subscription.outbound.reply(bytes);
    }

    pub fn pong(&self, bytes: Bytes) {
        self.subscription.outbound.pong(bytes);
    }

    pub fn refuse(&self, reference: Option<u64>, rejection: &Rejection) {
        tracing::debug!(user.id = %self.actor.user_id, code = ?rejection.code(), "frame refused");
        self.reply(error(reference, rejection));
    }

    /// Counts a frame against the rate.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count(&mut self) -> Result<()> {
        let now = Instant::now();
        let counted = self.rate.take();
        if counted.is_ok() {
            self.too_fast = self.too_fast.filter(|(_, last)| now.duration_since(*last) < Duration::from_secs(2));
        } else {
            let since = self.too_fast.map_or(now, |(since, _)| since);
            self.too_fast = Some((since, now));
        }
        counted
    }

    /// Whether the client has exceeded the rate for ten seconds.
    pub fn is_flooding(&self) -> bool {
        self.too_fast.is_some_and(|(since, last)| last.duration_since(since) > FLOOD)
    }

    /// Begins to handle a frame of this many bytes.
    pub fn take(&mut self, Request { reference, frame }: Request, bytes: usize) {
        let (node, actor) = (self.node.clone(), self.actor);
        match frame {
            ClientFrame::Send { chat_id, client_id, text, reply_to } => {
                let data = PostMessage { client_id, text, reply_to };
                self.change(reference, |origin| chat::begin_post(&node, actor, chat_id, data, origin));
            }
            ClientFrame::Edit { chat_id, no, text, base_seq } => {
                let data = EditMessage { text, base_seq };
                self.change(reference, |origin| chat::begin_edit(&node, actor, chat_id, no, data, origin));
            }
            ClientFrame::Delete { chat_id, no } => {
                self.change(reference, |origin| chat::begin_delete(&node, actor, chat_id, no, origin));
            }
            ClientFrame::React { chat_id, no, emoji } => {
                let given = React { no, emoji: &emoji, how: Reacting::Give };
                self.change(reference, |origin| chat::begin_react(&node, actor, chat_id, given, origin));
            }
            ClientFrame::Unreact { chat_id, no, emoji } => {
                let taken = React { no, emoji: &emoji, how: Reacting::TakeBack };
                self.change(reference, |origin| chat::begin_react(&node, actor, chat_id, taken, origin));
            }
            ClientFrame::Hello { mine, chats, read } => self.park(reference, bytes, async move {
                let welcome = chat::hello(&node, actor, mine, &Held { chats, read }).await?;
                Ok(Some(ServerFrame::Welcome(welcome)))
            }),
            ClientFrame::Heads { chats, read, .. } => self.park(reference, bytes, async move {
                let heads = chat::heads(&node, actor, &Held { chats, read }).await?;
                Ok(Some(ServerFrame::Heads(heads)))
            }),
            ClientFrame::Changes { chat_id: Some(_), chats: Some(_), .. } => {
                self.refuse(reference, &Rejection::field("chats", Problem::TooMany));
            }
            ClientFrame::Changes { chat_id, after, chats } => {
                let one = chat_id.map(|id| (id, after.unwrap_or(0)));
                self.read_changes(reference, one.into_iter().chain(chats.into_iter().flatten()).collect(), bytes);
            }
            ClientFrame::Watch { user_ids } => self.watch(reference, user_ids, bytes),
            ClientFrame::Read { chat_id, no } => {
                let work = async move { chat::mark_read(&node, actor, chat_id, no).await.map(|()| None) };
                self.parking.push(Parked { work: replied(reference, work), bytes, lasts: true });
            }
            ClientFrame::Typing { chat_id } => {
                if self.may_type(chat_id) {
                    let work = async move { chat::typing(&node, actor, chat_id).await.map(|()| None) };
                    self.park(reference, bytes, work);
                }
            }
            ClientFrame::Ping => self.reply(encode(reference, &ServerFrame::Pong {})),
            // `read` in mod.rs handles it.
            ClientFrame::Auth { .. } => {}
        }
    }

    fn park<F>(&mut self, reference: Option<u64>, bytes: usize, work: F)
    where
        F: Future<Output = Result<Option<ServerFrame>>> + Send + 'static,
    {
        self.parking.push(Parked { work: replied(reference, work), bytes, lasts: false });
    }

    /// Whether a `typing` in this chat is passed on: at most one in `TYPING_EVERY`.
    fn may_type(&mut self, chat_id: ChatId) -> bool {
        let now = Instant::now();
        self.typed.retain(|_, last| now.duration_since(*last) < TYPING_EVERY);
        let may = !self.typed.contains_key(&chat_id);
        self.typed.entry(chat_id).or_insert(now);
        may
    }

    /// One query for all chats, and one reply for each.
    fn read_changes(&mut self, reference: Option<u64>, wanted: Vec<(ChatId, u64)>, bytes: usize) {
        let (node, actor) = (self.node.clone(), self.actor);
        let work = async move {
            let pages = database::within(chat::changes_of_many(&node, actor, &wanted)).await;
            let pages = pages.unwrap_or_else(|rejection| vec![Err(rejection)]);
            let reply = |page| match page {
                Ok(page) => encode(reference, &ServerFrame::Changes(page)),
                Err(rejection) => error(reference, &rejection),
            };
            pages.into_iter().map(reply).collect()
        };
        self.parking.push(Parked { work: work.boxed(), bytes, lasts: false });
    }

    /// Replies with a `presence` frame for each user.
    fn watch(&mut self, reference: Option<u64>, user_ids: Vec<UserId>, bytes: usize) {
        let (node, actor) = (self.node.clone(), self.actor);
        let origin = Origin { socket: self.socket, reference };
        self.park(
            reference,
            bytes,
            async move { presence::watch(&node, actor, origin, &user_ids).await.map(|()| None) },
        );
    }

    /// `begin` enqueues the change before the next frame is read. A committed change is acknowledged with its
    /// publication, in order.
    fn change<F>(&mut self, reference: Option<u64>, begin: impl FnOnce(Option<Origin>) -> Result<F>)
    where
        F: Future<Output = Result<Outcome>> + Send + 'static,
    {
        match begin(Some(Origin { socket: self.socket, reference })) {
            Ok(begun) => self.changes.push(
                begun
                    .map(move |outcome| match outcome {
                        Ok(Outcome::Message { message, new: false }) => {
                            vec![encode(reference, &ServerFrame::Ack { message })]
                        }
                        Ok(_) => Vec::new(),
                        Err(rejection) => vec![error(reference, &rejection)],
                    })
                    .boxed(),
            ),
            Err(rejection) => self.refuse(reference, &rejection),
        }
    }
}

/// Turns the result of an operation into replies.
fn replied(reference: Option<u64>, work: impl Future<Output = Result<Option<ServerFrame>>> + Send + 'static) -> Work {
    let replies = move |result: Result<Option<ServerFrame>>| match result {
        Ok(frame) => frame.iter().map(|frame| encode(reference, frame)).collect(),
        Err(rejection) => vec![error(reference, &rejection)],
    };
    database::within(work).map(replies).boxed()
}

pub fn error(reference: Option<u64>, rejection: &Rejection) -> Bytes {
    let ApiError { code, message, current, .. } = rejection.error.clone();
    encode(reference, &ServerFrame::Error { code, message, current })
}

/// The `ref` of a frame that cannot be parsed.
pub fn reference_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Referenced {
        #[serde(rename = "ref")]
        reference: Option<u64>,
    }
    serde_json::from_str::<Referenced>(text).ok()?.reference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_frames_are_bounded_by_number_and_by_bytes() {
        for (bytes, most) in [(10, PARKED_MAX), (limits::FRAME_BYTES, 2), (limits::FRAME_BYTES - 1, 3)] {
            let mut parking = Parking::default();
            while parking.has_room() {
                parking.push(Parked { work: std::future::ready(Vec::new()).boxed(), bytes, lasts: false });
            }
            assert_eq!(parking.frames.len(), most, "frames of {bytes} bytes");
            parking.pop();
            assert!(parking.has_room());
        }
    }
}
