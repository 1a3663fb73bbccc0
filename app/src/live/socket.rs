//! The browser's end of the WebSocket: one task that keeps a socket open, feeds the reducer, fills
//! gaps and empties the outbox (PROTOCOL section 5, "The client's rule").

use super::{Connection, Store};
use futures::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    channel::mpsc,
    future::{Either, select},
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{
    error::ErrorCode,
    frames::{ClientFrame, Reply, Request, SUBPROTOCOL, ServerFrame, close},
    ids::{ChatId, ClientId},
    limits,
    reducer::Need,
};
use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    pin::pin,
    rc::Rc,
};
use wasm_bindgen::{JsCast as _, closure::Closure};

/// How often something is looked at: gaps, silence, heads.
const TICK_MS: u32 = 300;
const HEADS_EVERY_MS: f64 = 20_000.0;
const SILENCE_MS: f64 = 30_000.0;
const TYPING_MS: i64 = 5_000;
const TYPING_EVERY_MS: f64 = 3_000.0;
const BACKOFF_MS: (f64, f64) = (500.0, 30_000.0);

/// Starts the task that lives as long as the page.
pub fn start(store: Store) {
    let (wake, mut woken) = mpsc::unbounded::<()>();
    for event in ["online", "focus"] {
        let wake = wake.clone();
        listen(event, move || {
            let _ = wake.unbounded_send(());
        });
    }
    // The network has gone: what is open is dead, whatever the socket says. Told once, because a server
    // on this machine is reached all the same.
    let gone = Rc::new(Cell::new(false));
    let (told, wake_gone) = (gone.clone(), wake.clone());
    listen("offline", move || {
        told.set(true);
        let _ = wake_gone.unbounded_send(());
    });
    Effect::new(move |_| {
        store.outgoing.track();
        let _ = wake.unbounded_send(());
    });
    leptos::task::spawn_local(async move {
        let mut failures = 0;
        loop {
            gone.set(false);
            let opened = Session::run(store, &mut woken, &gone).await;
            failures = if opened { 0 } else { failures + 1 };
            store.connection.set(Connection::Waiting);
            // Full jitter, so that a restarted server is not met by everybody at once.
            let most = (BACKOFF_MS.0 * f64::from(1 << failures.min(6))).min(BACKOFF_MS.1);
            let wait = TimeoutFuture::new((js_sys::Math::random() * most) as u32 + 50);
            drain(&mut woken);
            select(wait, woken.next()).await;
        }
    });
}

/// Lets the server render times in the reader's zone from the next page on.
pub fn remember_zone() {
    let east = -js_sys::Date::new_0().get_timezone_offset() as i32;
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        let _ = document.set_cookie(&format!("tz={east}; path=/; max-age=31536000; samesite=lax"));
    }
}

fn listen(event: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    let _ = window().add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    // It lives as long as the page.
    handler.forget();
}

fn drain(woken: &mut mpsc::UnboundedReceiver<()>) {
    while woken.next().now_or_never().flatten().is_some() {}
}

fn now() -> f64 {
    js_sys::Date::now()
}

/// A page of changes that was asked for.
struct Filling {
    chat_id: ChatId,
    after: u64,
    since: f64,
}

/// One socket, from its opening to its end.
struct Session {
    store: Store,
    out: Vec<ClientFrame>,
    next_ref: u64,
    /// Sends under way by the `ref` of their answer; one a chat at a time.
    sends: HashMap<u64, (ChatId, ClientId)>,
    /// Pages of changes asked for, by the `ref` of their answer; one a chat at a time.
    filling: HashMap<u64, Filling>,
    /// The `hello` that is not answered yet.
    greeting: Option<u64>,
    /// Chats whose newest window is being read, and since when.
    starting_over: HashMap<ChatId, f64>,
    /// Chats whose last send could not be taken: when to try again, and how long that was waited for.
    resting: HashMap<ChatId, (f64, f64)>,
    /// Gaps seen, and since when; most close by themselves.
    gaps: HashMap<ChatId, f64>,
    marked: HashMap<ChatId, u64>,
    welcomed: bool,
    typing_told: f64,
    heads_sent: f64,
    refs: Vec<(usize, u64)>,
}

impl Session {
    /// Answers whether the socket ever opened.
    async fn run(store: Store, woken: &mut mpsc::UnboundedReceiver<()>, gone: &Cell<bool>) -> bool {
        let location = window().location();
        let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss" } else { "ws" };
        let url = format!("{scheme}://{}/ws", location.host().unwrap_or_default());
        let Ok(socket) = WebSocket::open_with_protocol(&url, SUBPROTOCOL) else { return false };
        let (mut sink, mut stream) = socket.split();
        let mut session = Self {
            store,
            out: Vec::new(),
            next_ref: 1,
            sends: HashMap::new(),
            filling: HashMap::new(),
            greeting: None,
            starting_over: HashMap::new(),
            resting: HashMap::new(),
            gaps: HashMap::new(),
            marked: HashMap::new(),
            welcomed: false,
            typing_told: 0.0,
            heads_sent: now(),
            refs: Vec::new(),
        };
        let mut heard = now();
        let mut opened = false;
        loop {
            for text in session.take_out() {
                if sink.send(Message::Text(text)).await.is_err() {
                    return opened;
                }
            }
            let event = {
                let tick = TimeoutFuture::new(TICK_MS);
                let frame = pin!(stream.next());
                let wake = pin!(woken.next());
                match select(frame, select(wake, tick)).await {
                    Either::Left((frame, _)) => Some(frame),
                    Either::Right(_) => None,
                }
            };
            match event {
                Some(Some(Ok(Message::Text(text)))) => {
                    (heard, opened) = (now(), true);
                    let Ok(reply) = Reply::parse(&text) else { continue };
                    if !session.take(reply) {
                        return opened;
                    }
                }
                Some(Some(Ok(Message::Bytes(_)))) => {}
                Some(Some(Err(WebSocketError::ConnectionClose(closed)))) if closed.code == close::SIGNED_OUT => {
                    return sign_in();
                }
                Some(Some(Err(_)) | None) => return opened,
                // A laptop that slept wakes up to a socket that is dead but open.
                None if now() - heard > SILENCE_MS || gone.get() => return opened,
                None => session.look_around(),
            }
            session.flush_outbox();
        }
    }

    fn ask(&mut self, frame: ClientFrame) -> u64 {
        let reference = self.next_ref;
        self.next_ref += 1;
        self.refs.push((self.out.len(), reference));
        self.out.push(frame);
        reference
    }

    fn take_out(&mut self) -> Vec<String> {
        let refs: HashMap<usize, u64> = self.refs.drain(..).collect();
        let frames = self.out.drain(..).enumerate();
        let request = |(place, frame)| Request { reference: refs.get(&place).copied(), frame };
        frames.filter_map(|entry| serde_json::to_string(&request(entry)).ok()).collect()
    }

    /// Applies one frame; false when the session has ended.
    fn take(&mut self, Reply { reference, frame }: Reply) -> bool {
        let store = self.store;
        if let Some(send) = reference.and_then(|reference| self.sends.remove(&reference)) {
            self.answered(send, &frame);
        }
        if reference.is_some() && reference == self.greeting {
            self.greeting = None;
            // Without a welcome there is nothing to go on from: another socket, after a while.
            if matches!(frame, ServerFrame::Error { .. }) {
                return false;
            }
        }
        let filled = reference.and_then(|reference| self.filling.remove(&reference));
        match frame {
            ServerFrame::Ready { .. } => {
                store.connection.set(Connection::Open);
                self.hello();
            }
            ServerFrame::Changes(page) => {
                let after = filled.map_or(u64::MAX, |filled| filled.after);
                store.state.update(|state| state.apply_changes(after, page));
            }
            ServerFrame::Typing { chat_id, user_id } => {
                let until = now() as i64 + TYPING_MS;
                store.typing.update(|typing| {
                    typing.insert((chat_id, user_id), until);
                });
            }
            ServerFrame::Error { code: ErrorCode::Unauthenticated, .. } => return sign_in(),
            frame => {
                if let ServerFrame::Welcome(_) = &frame {
                    self.welcomed = true;
                }
                if let ServerFrame::Message { message, .. } = &frame {
                    let key = (message.chat_id, message.sender_id);
                    if store.typing.with_untracked(|typing| typing.contains_key(&key)) {
                        store.typing.update(|typing| {
                            typing.remove(&key);
                        });
                    }
                }
                let stranger = self.names_a_stranger(&frame);
                let mut need = Need::Nothing;
                store.state.update(|state| need = state.apply(frame));
                if let Some((chat_id, after)) = stranger {
                    self.fill(chat_id, after);
                }
                match need {
                    Need::Nothing => {}
                    Need::Heads => self.heads(),
                    Need::Hello => self.hello(),
                    Need::Rest { mine } => store.load_rest(mine),
                    Need::SignIn => return sign_in(),
                }
            }
        }
        true
    }

    /// The change of a message that names somebody unknown: a page of changes from before it brings them.
    fn names_a_stranger(&self, frame: &ServerFrame) -> Option<(ChatId, u64)> {
        let ServerFrame::Message { chat_id, seq, message } = frame else { return None };
        let unknown =
            self.store.state.with_untracked(|state| message.people().any(|id| !state.users.contains_key(&id)));
        unknown.then(|| (*chat_id, seq.saturating_sub(1)))
    }

    fn fill(&mut self, chat_id: ChatId, after: u64) {
        let since = now();
        self.filling.retain(|_, filling| since - filling.since < SILENCE_MS);
        if self.filling.values().any(|filling| filling.chat_id == chat_id) {
            return;
        }
        let reference = self.ask(ClientFrame::Changes { chat_id: Some(chat_id), after: Some(after), chats: None });
        self.filling.insert(reference, Filling { chat_id, after, since });
    }

    fn hello(&mut self) {
        if self.greeting.is_some() {
            return;
        }
        let state = self.store.state;
        let frame = state.with_untracked(|state| ClientFrame::Hello { mine: Some(state.mine), chats: state.heads() });
        self.greeting = Some(self.ask(frame));
    }

    fn heads(&mut self) {
        self.heads_sent = now();
        let frame =
            self.store.state.with_untracked(|state| ClientFrame::Heads { mine: state.mine, chats: state.heads() });
        self.ask(frame);
    }

    /// A send was answered: stored, to be tried again, or refused for good.
    fn answered(&mut self, (chat_id, client_id): (ChatId, ClientId), frame: &ServerFrame) {
        let rested = self.resting.remove(&chat_id);
        let ServerFrame::Error { code, .. } = frame else { return };
        if matches!(code, ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::Internal) {
            let rest = rested.map_or(BACKOFF_MS.0, |(_, rest)| (rest * 2.0).min(BACKOFF_MS.1));
            self.resting.insert(chat_id, (now() + rest, rest));
        } else {
            self.store.state.update(|state| state.set_refused(chat_id, client_id, Some(*code)));
        }
    }

    /// Sends what waits: of each chat the oldest, and the next once that is answered.
    fn flush_outbox(&mut self) {
        if !self.welcomed {
            return;
        }
        let now = now();
        let resting = self.resting.iter().filter(|(_, (until, _))| *until > now).map(|(chat_id, _)| *chat_id);
        let busy: HashSet<ChatId> = self.sends.values().map(|(chat_id, _)| *chat_id).chain(resting).collect();
        let waiting: Vec<_> = self.store.state.with_untracked(|state| {
            let chats = state.chats.iter().filter(|(id, _)| !busy.contains(id));
            chats
                .filter_map(|(id, chat)| Some((*id, chat.outbox.iter().find(|u| u.refused.is_none())?.clone())))
                .collect()
        });
        for (chat_id, unsent) in waiting {
            let client_id = unsent.client_id;
            let frame = ClientFrame::Send { chat_id, client_id, text: unsent.text, reply_to: unsent.reply_to };
            let reference = self.ask(frame);
            self.sends.insert(reference, (chat_id, client_id));
        }
        self.mark_read();
        self.tell_typing();
    }

    /// Tells how far the chats on screen were read.
    fn mark_read(&mut self) {
        for (chat_id, no) in self.store.read_up_to.get_untracked() {
            if self.marked.get(&chat_id).is_none_or(|marked| *marked < no) {
                self.marked.insert(chat_id, no);
                self.out.push(ClientFrame::Read { chat_id, no });
            }
        }
    }

    /// Tells the others that somebody types, at most once in three seconds.
    fn tell_typing(&mut self) {
        let Some((chat_id, at)) = self.store.typed.get_untracked() else { return };
        if now() - self.typing_told > TYPING_EVERY_MS && at as f64 > self.typing_told {
            self.typing_told = now();
            self.out.push(ClientFrame::Typing { chat_id });
        }
    }

    /// What time alone brings about.
    fn look_around(&mut self) {
        if !self.welcomed {
            return;
        }
        let now = now();
        if now - self.heads_sent > HEADS_EVERY_MS {
            self.heads();
        }
        let open: Vec<(ChatId, u64, u64)> = self.store.state.with_untracked(|state| {
            let gaps = state.chats.iter().filter_map(|(id, chat)| Some((*id, chat.gap()?, chat.latest)));
            gaps.collect()
        });
        self.gaps.retain(|id, _| open.iter().any(|(open, ..)| open == id));
        self.starting_over.retain(|id, _| open.iter().any(|(open, ..)| open == id));
        for (chat_id, head, latest) in open {
            let since = *self.gaps.entry(chat_id).or_insert(now);
            if now - since < f64::from(TICK_MS) {
                continue;
            }
            if latest - head > limits::CATCH_UP_MAX {
                self.start_over(chat_id);
            } else {
                self.fill(chat_id, head);
            }
        }
        let overdue = |until: &i64| *until <= now as i64;
        if self.store.typing.with_untracked(|typing| typing.values().any(overdue)) {
            self.store.typing.update(|typing| typing.retain(|_, until| !overdue(until)));
        }
    }

    /// Too far behind: the newest window is read afresh, and replaces the rows held.
    fn start_over(&mut self, chat_id: ChatId) {
        let since = now();
        if self.starting_over.get(&chat_id).is_some_and(|before| since - before < SILENCE_MS) {
            return;
        }
        self.starting_over.insert(chat_id, since);
        let store = self.store;
        leptos::task::spawn_local(async move {
            if let Ok(history) = crate::chat::load_history(chat_id, None, None).await {
                store.start_over(chat_id, history);
            }
        });
    }
}

/// This session has ended: the server's own page says what to do.
fn sign_in() -> bool {
    let _ = window().location().set_href("/login");
    false
}
