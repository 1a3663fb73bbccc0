//! The frames of one connection, a socket or a series of polls: which frames this device sends, and what it does
//! with those that arrive (PROTOCOL section 5, "The client's rule").

use super::{
    ReadUpTo, Store,
    browser::now,
    offline::{self, Wipe},
    version,
};
use crate::{address::Address, navigation::here, seed::Page};
use leptos::prelude::*;
use protocol::{
    error::ErrorCode,
    frames::{ClientFrame, Reply, Request, ServerFrame},
    ids::{ChatId, ClientId, UserId},
    limits,
    reducer::{Need, State, Unsent},
    time::Timestamp,
};
use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet},
};

/// The interval at which a connection checks for gaps, silence and heads.
pub const TICK_MS: u32 = 300;
/// A connection without a frame for so long is dead.
pub const SILENCE_MS: f64 = 30_000.0;
/// The shortest and the longest rest before a new try.
pub const BACKOFF_MS: (f64, f64) = (500.0, 30_000.0);
/// The pause before a refused page of changes is requested again, or a refused read mark is sent again.
const REFUSED_MS: f64 = 2_000.0;
const HEADS_EVERY_MS: f64 = 20_000.0;
const WATCH_EVERY_MS: f64 = 2_000.0;
const WATCH_AGAIN_MS: f64 = 300_000.0;
const TYPING_MS: i64 = 5_000;
const TYPING_EVERY_MS: f64 = 3_000.0;

/// A requested page of changes.
struct Filling {
    reference: u64,
    after: u64,
    since: f64,
}

/// One connection, from its opening to its end.
pub struct Session {
    store: Store,
    out: Vec<Request>,
    next_ref: u64,
    /// Sends without a response yet, by their `ref`; at most one per chat.
    sends: HashMap<u64, (ChatId, ClientId)>,
    /// Requested pages of changes; at most one per chat.
    filling: HashMap<ChatId, Filling>,
    /// The `ref` of the `hello` without a response.
    greeting: Option<u64>,
    /// Chats whose newest window is being loaded, and since when.
    starting_over: HashMap<ChatId, f64>,
    /// Chats in back-off after a refused send: when to try again, and the length of the pause.
    resting: HashMap<ChatId, (f64, f64)>,
    /// Chats with missing changes, and since when. Most gaps close without a request, when a late frame arrives.
    gaps: HashMap<ChatId, f64>,
    /// The read marks that were sent, each with its `ref`.
    marked: HashMap<ChatId, (ReadUpTo, u64)>,
    /// After a refused read mark: when to send it again.
    marks_rest_until: f64,
    welcomed: bool,
    typing_sent: f64,
    heads_sent: f64,
    /// The users whose presence this socket receives, and the address of the profile page, if one is open.
    watched: Option<(Vec<UserId>, Option<String>)>,
    /// The `ref` of the last `watch`, and when it was sent.
    watching: (u64, f64),
    looked_around: f64,
}

impl Session {
    pub fn new(store: Store) -> Self {
        Self {
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
            marks_rest_until: 0.0,
            welcomed: false,
            typing_sent: 0.0,
            heads_sent: now(),
            watched: None,
            watching: (0, 0.0),
            looked_around: 0.0,
        }
    }

    fn request(&mut self, frame: ClientFrame) -> u64 {
        let reference = self.next_ref;
        self.next_ref += 1;
        self.out.push(Request { reference: Some(reference), frame });
        reference
    }

    fn send(&mut self, frame: ClientFrame) {
        self.out.push(Request { reference: None, frame });
    }

    /// Takes the frames to send.
    pub fn take_out(&mut self) -> Vec<String> {
        self.out.drain(..).filter_map(|request| serde_json::to_string(&request).ok()).collect()
    }

    /// Handles one frame. Returns false when the connection is to end.
    pub fn take(&mut self, Reply { reference, frame }: Reply) -> bool {
        let store = self.store;
        if let Some(send) = reference.and_then(|reference| self.sends.remove(&reference)) {
            self.answered(send, &frame);
        }
        if reference.is_some() && reference == self.greeting {
            self.greeting = None;
            // Nothing works without a welcome: try another socket after a pause.
            if matches!(frame, ServerFrame::Error { .. }) {
                return false;
            }
        }
        match frame {
            // Another user has signed in in this browser: this page shows the data of the previous user.
            ServerFrame::Ready { user_id, .. } if store.read_untracked(State::me_id) != Some(user_id) => {
                let _ = window().location().reload();
                return false;
            }
            ServerFrame::Ready { version, .. } => {
                version::compare(store, &version);
                if !self.welcomed {
                    self.hello();
                }
            }
            ServerFrame::Changes(page) => {
                let after = self.filling.remove(&page.chat_id).map_or(u64::MAX, |filling| filling.after);
                store.change(|state| state.apply_changes(after, page));
            }
            ServerFrame::Typing { chat_id, user_id } => {
                let until = Timestamp(now() as i64 + TYPING_MS);
                store.change(|state| state.set_typing(chat_id, user_id, until));
            }
            ServerFrame::Error { code: ErrorCode::Unauthenticated, .. } => {
                end(Wipe::Rows);
                return false;
            }
            ServerFrame::Error { code, .. } => {
                // Requested again later.
                let refused =
                    self.marked.iter().find(|(_, (_, sent))| reference == Some(*sent)).map(|(chat_id, _)| *chat_id);
                if let Some(chat_id) = refused.filter(|_| code != ErrorCode::NotFound) {
                    self.marked.remove(&chat_id);
                    self.marks_rest_until = now() + REFUSED_MS;
                }
                if reference == Some(self.watching.0) {
                    self.watched = None;
                }
                let refused = self.filling.values_mut().filter(|filling| Some(filling.reference) == reference);
                refused.for_each(|filling| filling.since = now() - SILENCE_MS + REFUSED_MS);
            }
            frame => return self.apply(frame),
        }
        true
    }

    /// Applies a frame, and sends the request that the reducer needs next. Returns false when the session has ended.
    fn apply(&mut self, frame: ServerFrame) -> bool {
        let store = self.store;
        if let ServerFrame::Welcome(_) = &frame {
            self.welcomed = true;
            store.as_of.set(None);
        }
        if matches!(frame, ServerFrame::Resync {}) {
            store.change(State::forget_presence);
            self.watched = None;
        }
        self.note_read(&frame);
        let stranger = self.names_a_stranger(&frame);
        let mut need = Need::Nothing;
        store.change(|state| need = state.apply(frame));
        if self.welcomed && need == Need::Nothing {
            store.is_complete.set_value(true);
        }
        if let Some((chat_id, after)) = stranger {
            self.fill(BTreeMap::from([(chat_id, after)]));
        }
        match need {
            Need::Nothing => {}
            Need::Heads => self.heads(),
            Need::Hello => self.hello(),
            Need::Rest { mine } => store.load_rest(mine),
            Need::SignIn => {
                // Another device has ended this session on purpose.
                end(Wipe::Everything);
                return false;
            }
        }
        true
    }

    /// Forgets the read marks that the server confirms: the next socket must not send them again, because the
    /// chat may have been marked as unread since.
    fn note_read(&self, frame: &ServerFrame) {
        let marks = self.store.read_up_to;
        let me = self.store.me_untracked();
        let arrived = |chat_id, no: u64, marked: bool| {
            let is_told = |read: &ReadUpTo| read.no <= no && !marked;
            if marks.with_untracked(|marks| marks.get(&chat_id).is_some_and(is_told)) {
                marks.update_untracked(|marks| {
                    marks.remove(&chat_id);
                });
            }
        };
        match frame {
            ServerFrame::Read { chat_id, user_id, no } if Some(*user_id) == me => {
                // A `read` frame does not remove the mark "unread": a `mine` frame confirms its removal.
                let unmarks = marks.with_untracked(|marks| marks.get(chat_id).is_some_and(|read| read.unmarked > 0));
                arrived(*chat_id, *no, unmarks);
            }
            ServerFrame::Mine { chat, .. } => arrived(chat.chat.id, chat.read_no, chat.marked_unread),
            ServerFrame::Welcome(welcome) => {
                welcome.chats.iter().for_each(|chat| arrived(chat.chat.id, chat.read_no, chat.marked_unread));
            }
            _ => {}
        }
    }

    /// The `seq` before a message that names an unknown user: the page of changes after it contains the user's row.
    fn names_a_stranger(&self, frame: &ServerFrame) -> Option<(ChatId, u64)> {
        let ServerFrame::Message { chat_id, seq, message } = frame else { return None };
        let unknown = self.store.read_untracked(|state| message.people().any(|id| !state.users.contains_key(&id)));
        unknown.then(|| (*chat_id, seq.saturating_sub(1)))
    }

    /// Requests the changes of several chats, each after a number, in one frame.
    fn fill(&mut self, mut gaps: BTreeMap<ChatId, u64>) {
        let since = now();
        self.filling.retain(|_, filling| since - filling.since < SILENCE_MS);
        gaps.retain(|chat_id, _| !self.filling.contains_key(chat_id));
        if gaps.is_empty() {
            return;
        }
        let frame = ClientFrame::Changes { chat_id: None, after: None, chats: Some(gaps.clone()) };
        let reference = self.request(frame);
        let filling = gaps.into_iter().map(|(chat_id, after)| (chat_id, Filling { reference, after, since }));
        self.filling.extend(filling);
    }

    pub fn hello(&mut self) {
        if self.greeting.is_some() {
            return;
        }
        let frame = self.store.read_untracked(|state| state.hello());
        self.greeting = Some(self.request(frame));
    }

    pub fn heads(&mut self) {
        self.heads_sent = now();
        let frame = self.store.read_untracked(|state| state.heads());
        self.request(frame);
    }

    /// Handles the response to a send: the message is stored, must be sent again, or is refused.
    fn answered(&mut self, (chat_id, client_id): (ChatId, ClientId), frame: &ServerFrame) {
        let rested = self.resting.remove(&chat_id);
        let ServerFrame::Error { code, .. } = frame else { return };
        if matches!(code, ErrorCode::Unavailable | ErrorCode::RateLimited | ErrorCode::Internal) {
            let rest = rested.map_or(BACKOFF_MS.0, |(_, rest)| (rest * 2.0).min(BACKOFF_MS.1));
            self.resting.insert(chat_id, (now() + rest, rest));
        } else {
            self.store.change(|state| state.set_refused(client_id, Some(*code)));
        }
    }

    /// Sends waiting messages (one per chat at a time, the oldest first), read marks and typing.
    pub fn flush_outbox(&mut self) {
        if !self.welcomed {
            return;
        }
        if self.store.may_send.get_untracked() {
            self.send_messages();
        }
        self.mark_read();
        self.send_typing();
    }

    fn send_messages(&mut self) {
        let now = now();
        let resting = self.resting.iter().filter(|(_, (until, _))| *until > now).map(|(chat_id, _)| *chat_id);
        let mut busy: HashSet<ChatId> = self.sends.values().map(|(chat_id, _)| *chat_id).chain(resting).collect();
        let waiting: Vec<Unsent> = self.store.read_untracked(|state| {
            let waiting = state.outbox.iter().filter(|unsent| unsent.refused.is_none());
            waiting.filter(|unsent| busy.insert(unsent.chat_id)).cloned().collect()
        });
        for Unsent { chat_id, client_id, text, reply_to, .. } in waiting {
            let reference = self.request(ClientFrame::Send { chat_id, client_id, text, reply_to });
            self.sends.insert(reference, (chat_id, client_id));
        }
    }

    /// Sends the read marks of the chats that were on the screen.
    fn mark_read(&mut self) {
        if now() < self.marks_rest_until {
            return;
        }
        for (chat_id, read) in self.store.read_up_to.get_untracked() {
            if self.marked.get(&chat_id).is_none_or(|(marked, _)| *marked < read) {
                let sent = self.request(ClientFrame::Read { chat_id, no: read.no });
                self.marked.insert(chat_id, (read, sent));
            }
        }
    }

    /// Sends a `typing` frame while the reader types, at most once in three seconds.
    fn send_typing(&mut self) {
        let Some((chat_id, at)) = self.store.typed.get_untracked() else { return };
        if now() - self.typing_sent > TYPING_EVERY_MS && at as f64 > self.typing_sent {
            self.typing_sent = now();
            self.send(ClientFrame::Typing { chat_id });
        }
    }

    /// The periodic work: heads, presence, memory, gaps, and typing that has ended.
    pub fn look_around(&mut self) {
        if !self.welcomed {
            return;
        }
        version::reload_unseen(self.store);
        let now = now();
        if now - self.heads_sent > HEADS_EVERY_MS {
            self.heads();
        }
        self.watch(now);
        self.store.free_messages();
        let open: Vec<(ChatId, u64, u64)> = self.store.read_untracked(|state| {
            let gaps = state.chats.iter().filter_map(|(id, chat)| Some((*id, chat.gap()?, chat.latest)));
            gaps.collect()
        });
        self.gaps.retain(|id, _| open.iter().any(|(open, ..)| open == id));
        self.starting_over.retain(|id, _| open.iter().any(|(open, ..)| open == id));
        let mut gaps = BTreeMap::new();
        for (chat_id, head, latest) in open {
            let since = *self.gaps.entry(chat_id).or_insert(now);
            if now - since < f64::from(TICK_MS) {
                continue;
            }
            if latest - head > limits::CATCH_UP_MAX {
                self.start_over(chat_id);
            } else if gaps.len() < limits::CHANGES_CHATS_MAX {
                gaps.insert(chat_id, head);
            }
        }
        self.fill(gaps);
        self.store.change(|state| state.expire_typing(Timestamp(now as i64)));
    }

    /// Subscribes to the presence of chat partners and of the user whose profile is open. Another profile renews
    /// the subscription, because the page's data may be older than a frame. It is also renewed every few minutes,
    /// because permission depends on the groups that two users share.
    fn watch(&mut self, now: f64) {
        if now - self.looked_around < WATCH_EVERY_MS {
            return;
        }
        self.looked_around = now;
        let shown = self.store.page.with_untracked(|page| match page {
            Page::Person(person) => Some(person.user.id),
            _ => None,
        });
        let address = shown.map(|_| self.store.loaded.get_value());
        let mut users: Vec<UserId> = self.store.read_untracked(|state| {
            let peers = state.newest_chats().filter_map(|chat| Some(chat.summary.peer.as_ref()?.id));
            shown.into_iter().chain(peers).take(limits::WATCHED_MAX).collect()
        });
        users.sort_unstable();
        users.dedup();
        let watched = Some((users, address));
        if watched != self.watched || now - self.watching.1 > WATCH_AGAIN_MS {
            let user_ids = watched.iter().flat_map(|(users, _)| users.clone()).collect();
            self.watching = (self.request(ClientFrame::Watch { user_ids }), now);
            self.watched = watched;
        }
    }

    /// For a chat that is too far behind: replaces the messages in memory by the newest window.
    fn start_over(&mut self, chat_id: ChatId) {
        let since = now();
        if self.starting_over.get(&chat_id).is_some_and(|before| since - before < SILENCE_MS) {
            return;
        }
        self.starting_over.insert(chat_id, since);
        let store = self.store;
        leptos::task::spawn_local(async move {
            let Ok(newest) = super::api::load_history(chat_id, None, None, None).await else { return };
            // A reader who is further up keeps the messages around.
            let place = store.places.with_value(|places| places.get(&chat_id).map(|place| place.no));
            let first = newest.items.first().map_or(0, |message| message.no);
            let around = match place.filter(|no| *no < first) {
                Some(no) => super::api::load_history(chat_id, None, None, Some(no)).await.ok(),
                None => None,
            };
            store.change(|state| {
                state.start_over(chat_id, newest);
                around.into_iter().for_each(|around| state.apply_history(chat_id, around));
            });
        });
    }
}

thread_local! {
    /// Whether the page is being left because its session ends.
    static LEAVING: Cell<bool> = const { Cell::new(false) };
}

/// The page is being left because its session ends. Returns false if this was known.
pub fn leave() -> bool {
    !LEAVING.replace(true)
}

/// This session has ended: goes to the sign-in page, and from there back to this page. The sign-in page deletes the
/// unsent messages too, unless the session merely expired.
pub fn end(wipe: Wipe) {
    if leave() {
        let next = Address::parse(&here()).and_then(Address::into_next);
        leptos::task::spawn_local(async move {
            offline::wipe(wipe).await;
            let _ = window().location().set_href(&Address::Login(next).href());
        });
    }
}
