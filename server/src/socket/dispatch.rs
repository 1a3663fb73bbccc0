//! What each client frame does: the same operations as REST. Changes take their place in their chat's
//! order when they arrive and are answered as they are ready; the rest is done one by one, in order, so
//! that a socket holds one connection to the database and its answers never outrun its reader.

use axum::body::Bytes;
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

/// Changes by one socket under way at once, and other frames that wait.
const CHANGES_MAX: usize = 64;
const WAITING_MAX: usize = 64;
const FLOOD: Duration = Duration::from_secs(10);
const TYPING_EVERY: Duration = Duration::from_millis(2_900);

/// A socket's frames on their way through the services.
pub struct Dispatch<'a> {
    node: &'a Node,
    actor: Actor,
    socket: SocketId,
    subscription: &'a Subscription,
    rate: Bucket,
    /// Since when frames come too fast, and the last that did.
    too_fast: Option<(Instant, Instant)>,
    typed: HashMap<ChatId, Instant>,
    changes: FuturesUnordered<Work>,
    waiting: VecDeque<Waiting>,
    /// The first of those that waited.
    current: Option<Waiting>,
}

/// A frame that waits for those before it.
struct Waiting {
    work: Work,
    /// It changes something, and is done though its sender has gone.
    lasts: bool,
}

/// What a frame asks for, by its answers; some frames have none.
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
            waiting: VecDeque::new(),
            current: None,
        }
    }

    pub fn actor(&self) -> Actor {
        self.actor
    }

    pub fn has_room(&self) -> bool {
        self.changes.len() < CHANGES_MAX && self.waiting.len() < WAITING_MAX
    }

    /// Whether the socket is being ended from our side.
    pub fn is_closing(&self) -> bool {
        self.subscription.outbound.is_closing()
    }

    /// Goes on with what was begun, until one frame is done; waits for ever while there is none.
    pub async fn progress(&mut self) {
        let outbound = &self.subscription.outbound;
        let (current, waiting) = (&mut self.current, &mut self.waiting);
        let current = async {
            if current.is_none() && !waiting.is_empty() {
                outbound.room().await;
                *current = waiting.pop_front();
            }
            match current {
                Some(waiting) => (&mut waiting.work).await,
                None => std::future::pending().await,
            }
        };
        let answers = tokio::select! {
            Some(answers) = self.changes.next() => answers,
            answers = current => {
                self.current = None;
                answers
            }
        };
        answers.into_iter().for_each(|answer| self.answer(answer));
    }

    /// Does what was taken in and lasts, when the peer has gone.
    pub async fn finish(self) {
        for waiting in self.current.into_iter().chain(self.waiting).filter(|waiting| waiting.lasts) {
            waiting.work.await;
        }
    }

    pub fn answer(&self, bytes: Bytes) {
        self.subscription.outbound.push_kept(bytes);
    }

    pub fn refuse(&self, reference: Option<u64>, rejection: &Rejection) {
        tracing::debug!(user.id = %self.actor.user_id, code = ?rejection.code(), "frame refused");
        self.answer(error(reference, rejection));
    }

    /// Counts a frame.
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

    /// Whether frames have come too fast for ten seconds.
    pub fn is_flooding(&self) -> bool {
        self.too_fast.is_some_and(|(since, last)| last.duration_since(since) > FLOOD)
    }

    /// Begins what a frame asks for.
    pub fn take(&mut self, Request { reference, frame }: Request) {
        let (node, actor) = (self.node.clone(), self.actor);
        let lasts = matches!(frame, ClientFrame::Read { .. });
        let work: BoxFuture<'static, Result<Option<ServerFrame>>> = match frame {
            ClientFrame::Send { chat_id, client_id, text, reply_to } => {
                let data = PostMessage { client_id, text, reply_to };
                return self.change(reference, |origin| chat::begin_post(&node, actor, chat_id, data, origin));
            }
            ClientFrame::Edit { chat_id, no, text, base_seq } => {
                let data = EditMessage { text, base_seq };
                return self.change(reference, |origin| chat::begin_edit(&node, actor, chat_id, no, data, origin));
            }
            ClientFrame::Delete { chat_id, no } => {
                return self.change(reference, |origin| chat::begin_delete(&node, actor, chat_id, no, origin));
            }
            ClientFrame::React { chat_id, no, emoji } => {
                let given = React { no, emoji: &emoji, how: Reacting::Give };
                return self.change(reference, |origin| chat::begin_react(&node, actor, chat_id, given, origin));
            }
            ClientFrame::Unreact { chat_id, no, emoji } => {
                let taken = React { no, emoji: &emoji, how: Reacting::TakeBack };
                return self.change(reference, |origin| chat::begin_react(&node, actor, chat_id, taken, origin));
            }
            ClientFrame::Watch { user_ids } => return self.watch(reference, user_ids),
            ClientFrame::Typing { chat_id } => {
                let now = Instant::now();
                if self.typed.get(&chat_id).is_some_and(|last| now.duration_since(*last) < TYPING_EVERY) {
                    return;
                }
                self.typed.retain(|_, last| now.duration_since(*last) < TYPING_EVERY);
                self.typed.insert(chat_id, now);
                async move { chat::typing(&node, actor, chat_id).await.map(|()| None) }.boxed()
            }
            ClientFrame::Hello { mine, chats, read } => async move {
                let held = Held { chats, read };
                chat::hello(&node, actor, mine, &held).await.map(|welcome| Some(ServerFrame::Welcome(welcome)))
            }
            .boxed(),
            ClientFrame::Heads { chats, read, .. } => async move {
                let held = Held { chats, read };
                chat::heads(&node, actor, &held).await.map(|heads| Some(ServerFrame::Heads(heads)))
            }
            .boxed(),
            ClientFrame::Changes { chat_id, after, chats } => {
                let wanted = match (chat_id, chats) {
                    (Some(_), Some(_)) => {
                        return self.refuse(reference, &Rejection::field("chats", Problem::TooMany));
                    }
                    (one, many) => one.map(|id| (id, after.unwrap_or(0))).into_iter().chain(many.into_iter().flatten()),
                };
                return self.read_changes(reference, wanted.collect());
            }
            ClientFrame::Read { chat_id, no } => {
                async move { chat::mark_read(&node, actor, chat_id, no).await.map(|()| None) }.boxed()
            }
            ClientFrame::Ping => return self.answer(encode(reference, &ServerFrame::Pong {})),
            // The socket itself signs in.
            ClientFrame::Auth { .. } => return,
        };
        let work = answered(reference, work);
        self.waiting.push_back(Waiting { work, lasts });
    }

    /// One query for all, and one answer for each chat: one that is no longer one's own must not keep the
    /// others from catching up.
    fn read_changes(&mut self, reference: Option<u64>, wanted: Vec<(ChatId, u64)>) {
        if wanted.is_empty() || wanted.len() > limits::CHANGES_CHATS_MAX {
            let problem = if wanted.is_empty() { Problem::Required } else { Problem::TooLong };
            return self.refuse(reference, &Rejection::field("chats", problem));
        }
        let (node, actor) = (self.node.clone(), self.actor);
        let work = async move {
            let pages = match database::within(chat::changes_of_many(&node, actor, &wanted)).await {
                Ok(pages) => pages,
                Err(rejection) => return vec![error(reference, &rejection)],
            };
            let missing = wanted.len() - pages.len();
            let answers = pages.into_iter().map(|page| encode(reference, &ServerFrame::Changes(page)));
            let refusal = || error(reference, &Rejection::not_found());
            answers.chain(std::iter::repeat_with(refusal).take(missing)).collect()
        };
        self.waiting.push_back(Waiting { work: work.boxed(), lasts: false });
    }

    /// Answers with a `presence` frame for each person.
    fn watch(&mut self, reference: Option<u64>, user_ids: Vec<UserId>) {
        if user_ids.len() > limits::WATCHED_MAX {
            return self.refuse(reference, &Rejection::field("user_ids", Problem::TooLong));
        }
        let (node, actor) = (self.node.clone(), self.actor);
        let origin = Origin { socket: self.socket, reference };
        let work = async move { presence::watch(&node, actor, origin, &user_ids).await.map(|()| None) };
        self.waiting.push_back(Waiting { work: answered(reference, work), lasts: false });
    }

    /// The place in the chat's order is taken here, before the next frame is read. What is written is
    /// acknowledged with its publication, in order.
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

/// What answers a frame, once its work is done.
fn answered(reference: Option<u64>, work: impl Future<Output = Result<Option<ServerFrame>>> + Send + 'static) -> Work {
    let answer = move |result: Result<Option<ServerFrame>>| match result {
        Ok(frame) => frame.iter().map(|frame| encode(reference, frame)).collect(),
        Err(rejection) => vec![error(reference, &rejection)],
    };
    database::within(work).map(answer).boxed()
}

pub fn error(reference: Option<u64>, rejection: &Rejection) -> Bytes {
    let ApiError { code, message, current, .. } = rejection.error.clone();
    encode(reference, &ServerFrame::Error { code, message, current })
}

/// The `ref` of a frame that is otherwise not understood.
pub fn reference_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Referenced {
        #[serde(rename = "ref")]
        reference: Option<u64>,
    }
    serde_json::from_str::<Referenced>(text).ok()?.reference
}
