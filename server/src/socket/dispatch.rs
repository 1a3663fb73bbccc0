//! What each client frame does: the same operations as REST. Sends take their place in their chat's
//! order when they arrive; the rest is answered as it is ready.

use axum::body::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use protocol::{
    chat::PostMessage,
    error::Problem,
    frames::{ClientFrame, Request, ServerFrame},
    ids::ChatId,
    limits,
};
use serde::Deserialize;
use services::{
    Actor, Infra, Rejection, Result, chat,
    chat::commit::Outcome,
    infra::rates::Bucket,
    live::{Origin, SocketId, Subscription, encode},
};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Frames of one socket under way at once.
const UNDER_WAY_MAX: usize = 64;
const FLOOD: Duration = Duration::from_secs(10);
const TYPING_EVERY: Duration = Duration::from_millis(2_900);

/// A socket's frames on their way through the services.
pub struct Dispatch<'a> {
    infra: &'a Infra,
    actor: Actor,
    socket: SocketId,
    subscription: &'a Subscription,
    rate: Bucket,
    /// Since when frames come too fast, and the last that did.
    too_fast: Option<(Instant, Instant)>,
    typed: HashMap<ChatId, Instant>,
    under_way: FuturesUnordered<BoxFuture<'static, Vec<Bytes>>>,
}

impl<'a> Dispatch<'a> {
    pub fn new(infra: &'a Infra, actor: Actor, subscription: &'a Subscription) -> Self {
        Self {
            infra,
            actor,
            socket: subscription.id,
            subscription,
            rate: infra.rates.frames(),
            too_fast: None,
            typed: HashMap::new(),
            under_way: FuturesUnordered::new(),
        }
    }

    pub fn actor(&self) -> Actor {
        self.actor
    }

    pub fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY_MAX
    }

    /// Whether the socket is being ended from our side.
    pub fn is_closing(&self) -> bool {
        self.subscription.outbound.is_closing()
    }

    /// Answers one frame that is done; waits for ever while none is under way.
    pub async fn progress(&mut self) {
        if self.under_way.is_empty() {
            std::future::pending::<()>().await;
        }
        if let Some(answers) = self.under_way.next().await {
            answers.into_iter().for_each(|answer| self.answer(answer));
        }
    }

    pub fn answer(&self, bytes: Bytes) {
        self.subscription.outbound.push_kept(bytes);
    }

    pub fn refuse(&self, reference: Option<u64>, rejection: &Rejection) {
        self.answer(error(reference, rejection));
    }

    pub fn is_within_rate(&mut self) -> bool {
        let now = Instant::now();
        if self.rate.take() {
            self.too_fast = self.too_fast.filter(|(_, last)| now.duration_since(*last) < Duration::from_secs(2));
            return true;
        }
        let since = self.too_fast.map_or(now, |(since, _)| since);
        self.too_fast = Some((since, now));
        false
    }

    /// Whether frames have come too fast for ten seconds.
    pub fn is_flooding(&self) -> bool {
        self.too_fast.is_some_and(|(since, last)| last.duration_since(since) > FLOOD)
    }

    /// Begins what a frame asks for.
    pub fn take(&mut self, Request { reference, frame }: Request) {
        let (infra, actor) = (self.infra.clone(), self.actor);
        let work: BoxFuture<'static, Result<Vec<ServerFrame>>> = match frame {
            ClientFrame::Send { chat_id, client_id, text, reply_to } => {
                return self.send(reference, chat_id, PostMessage { client_id, text, reply_to });
            }
            ClientFrame::Typing { chat_id } => {
                let now = Instant::now();
                if self.typed.get(&chat_id).is_some_and(|last| now.duration_since(*last) < TYPING_EVERY) {
                    return;
                }
                self.typed.retain(|_, last| now.duration_since(*last) < TYPING_EVERY);
                self.typed.insert(chat_id, now);
                async move { chat::typing(&infra, actor, chat_id).await.map(|()| Vec::new()) }.boxed()
            }
            ClientFrame::Hello { mine, chats } => async move {
                chat::hello(&infra, actor, mine, &chats).await.map(|welcome| vec![ServerFrame::Welcome(welcome)])
            }
            .boxed(),
            ClientFrame::Heads { chats, .. } => {
                async move { chat::heads(&infra, actor, &chats).await.map(|heads| vec![ServerFrame::Heads(heads)]) }
                    .boxed()
            }
            ClientFrame::Changes { chat_id, after, chats } => {
                let mut wanted: Vec<(ChatId, u64)> = chats.into_iter().flatten().collect();
                wanted.extend(chat_id.map(|chat_id| (chat_id, after.unwrap_or(0))));
                changes(infra, actor, wanted).boxed()
            }
            ClientFrame::Read { chat_id, no } => {
                async move { chat::mark_read(&infra, actor, chat_id, no).await.map(|()| Vec::new()) }.boxed()
            }
            ClientFrame::Ping => return self.answer(encode(reference, &ServerFrame::Pong {})),
            // The socket itself signs in.
            ClientFrame::Auth { .. } => return,
        };
        self.under_way.push(
            work.map(move |result| match result {
                Ok(frames) => frames.iter().map(|frame| encode(reference, frame)).collect(),
                Err(rejection) => vec![error(reference, &rejection)],
            })
            .boxed(),
        );
    }

    /// The place in the chat's order is taken here, before the next frame is read. A message stored now
    /// is acknowledged with its publication, in order.
    fn send(&mut self, reference: Option<u64>, chat_id: ChatId, data: PostMessage) {
        let origin = Origin { socket: self.socket, reference };
        match chat::begin_post(self.infra, self.actor, chat_id, data, Some(origin)) {
            Ok(posted) => self.under_way.push(
                posted
                    .map(move |outcome| match outcome {
                        Ok(Outcome::Posted { message, new: false }) => {
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

async fn changes(infra: Infra, actor: Actor, wanted: Vec<(ChatId, u64)>) -> Result<Vec<ServerFrame>> {
    if wanted.is_empty() || wanted.len() > limits::CHANGES_CHATS_MAX {
        let problem = if wanted.is_empty() { Problem::Required } else { Problem::TooLong };
        return Err(Rejection::field("chats", problem));
    }
    let mut frames = Vec::with_capacity(wanted.len());
    for (chat_id, after) in wanted {
        // A chat that is no longer one's own must not keep the others from catching up.
        let changes = chat::changes(&infra, actor, chat_id, after, None).await;
        frames.push(changes.map_or_else(|rejection| error_frame(&rejection), ServerFrame::Changes));
    }
    Ok(frames)
}

pub fn error(reference: Option<u64>, rejection: &Rejection) -> Bytes {
    encode(reference, &error_frame(rejection))
}

fn error_frame(rejection: &Rejection) -> ServerFrame {
    ServerFrame::Error { code: rejection.code(), message: rejection.0.message.clone() }
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
