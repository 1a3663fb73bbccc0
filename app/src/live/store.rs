//! The client's store: the reducer's state as signals. Seeded by the page, fed by the socket.

use super::notice::Notice;
use crate::{
    seed::{Page, Seed},
    ui::{Forms, time::Zone},
};
use leptos::prelude::*;
use protocol::{
    chat::{ChatSummary, History},
    ids::{ChatId, UserId},
    reducer::{ChatState, State, Unsent},
    time::Timestamp,
};
use std::collections::{BTreeMap, HashMap};

/// How the socket is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The page has just arrived, or has no JavaScript.
    #[default]
    Starting,
    Open,
    /// Lost, and being made anew.
    Waiting,
}

/// How far a chat was read, and how often that took back its mark as unread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadUpTo {
    pub no: u64,
    pub unmarked: u32,
}

/// A message on the screen, and how far below the timeline's top it stands, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub no: u64,
    pub top: f64,
}

/// Everything pages read. Copies are the same store.
#[derive(Clone, Copy)]
pub struct Store {
    pub state: RwSignal<State>,
    pub page: RwSignal<Page>,
    /// The address whose data the server gave the page; empty until then.
    pub loaded: StoredValue<String>,
    pub forms: RwSignal<Forms>,
    pub connection: RwSignal<Connection>,
    /// Who is typing where, and until when that counts.
    pub typing: RwSignal<HashMap<(ChatId, UserId), i64>>,
    /// How far the chats on screen were read.
    pub read_up_to: RwSignal<HashMap<ChatId, ReadUpTo>>,
    /// The chat that is being typed in, and when a key was last pressed.
    pub typed: RwSignal<Option<(ChatId, i64)>>,
    /// Changes when something waits to be sent or read.
    pub outgoing: RwSignal<u64>,
    /// Whether this tab is the one that sends what waits.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends"))]
    pub may_send: RwSignal<bool>,
    /// When the server was last heard of.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser listens"))]
    pub heard: StoredValue<Timestamp>,
    /// As of when the rest is shown, while it may have changed since.
    pub as_of: RwSignal<Option<Timestamp>>,
    /// Whether the page is not of the server's version.
    pub outdated: RwSignal<bool>,
    /// What was chosen for this browser, by name.
    pub choices: RwSignal<BTreeMap<String, String>>,
    /// A word to the reader about what they did last.
    pub notice: RwSignal<Option<Notice>>,
    /// Where the reader was in chats, when that was not the end.
    pub places: StoredValue<HashMap<ChatId, Place>>,
    /// Minutes east of UTC.
    pub offset: i32,
    /// When the page was made; relative words begin from it.
    pub rendered_at: i64,
}

impl Store {
    pub fn new(seed: Seed) -> Self {
        let mut state = State::default();
        state.mine = seed.mine;
        let (offset, rendered_at, as_of, choices) = (seed.offset, seed.now, seed.as_of, seed.choices.clone());
        let (page, loaded, forms) = (seed.page.clone(), seed.address.clone(), seed.forms.clone());
        absorb(&mut state, seed);
        Self {
            state: RwSignal::new(state),
            page: RwSignal::new(page),
            loaded: StoredValue::new(loaded),
            forms: RwSignal::new(forms),
            connection: RwSignal::default(),
            typing: RwSignal::default(),
            read_up_to: RwSignal::default(),
            typed: RwSignal::default(),
            outgoing: RwSignal::default(),
            may_send: RwSignal::default(),
            heard: StoredValue::new(as_of.unwrap_or(Timestamp(rendered_at))),
            as_of: RwSignal::new(as_of),
            outdated: RwSignal::default(),
            choices: RwSignal::new(choices),
            notice: RwSignal::default(),
            places: StoredValue::default(),
            offset,
            rendered_at,
        }
    }

    /// The store of this page.
    #[must_use]
    pub fn current() -> Self {
        expect_context()
    }

    /// What was chosen of `settings::CHOICES`; empty for the usual.
    #[must_use]
    pub fn chosen(self, name: &str) -> String {
        self.choices.with(|choices| choices.get(name).cloned().unwrap_or_default())
    }

    /// Reads something of the state, and follows it. The signal's own code is one for all who read:
    /// closures are code of their own down to where they are called.
    pub fn read<T>(self, read: impl FnOnce(&State) -> T) -> T {
        once(read, |read| self.read_by(read))
    }

    /// The same, without following what changes.
    pub fn read_untracked<T>(self, read: impl FnOnce(&State) -> T) -> T {
        once(read, |read| self.read_untracked_by(read))
    }

    /// Changes the state; all who follow it are told.
    pub fn change(self, change: impl FnOnce(&mut State)) {
        let mut change = Some(change);
        self.change_by(&mut |state| {
            if let Some(change) = change.take() {
                change(state);
            }
        });
    }

    fn read_by(self, read: &mut dyn FnMut(&State)) {
        self.state.with(|state| read(state));
    }

    fn read_untracked_by(self, read: &mut dyn FnMut(&State)) {
        self.state.with_untracked(|state| read(state));
    }

    fn change_by(self, change: &mut dyn FnMut(&mut State)) {
        self.state.update(|state| change(state));
    }

    /// Takes over the data of another page.
    #[cfg(feature = "hydrate")]
    pub fn turn_to(self, seed: Seed) {
        // The server's own data is as of now, while the socket keeps it so.
        if seed.as_of.is_some() || self.connection.get_untracked() == Connection::Open {
            self.as_of.set(seed.as_of);
        }
        let (page, forms) = (seed.page.clone(), seed.forms.clone());
        self.loaded.set_value(seed.address.clone());
        self.change(|state| absorb(state, seed));
        self.forms.set(forms);
        self.page.set(page);
    }

    /// Takes in a window of a chat's history.
    pub fn add_history(self, chat_id: ChatId, history: History) {
        self.change(|state| state.apply_history(chat_id, history));
    }

    /// Takes a chat's newest window in place of the rows held, which are too far behind.
    #[cfg(feature = "hydrate")]
    pub fn start_over(self, chat_id: ChatId, history: History) {
        self.change(|state| {
            if let Some(chat) = state.chats.get_mut(&chat_id) {
                chat.forget_rows(history.seq);
            }
            state.apply_history(chat_id, history);
        });
    }

    /// Reads the chats that a welcome had no room for.
    #[cfg(feature = "hydrate")]
    pub fn load_rest(self, mine: u64) {
        leptos::task::spawn_local(async move {
            let mut cursor = None;
            loop {
                // The next `heads` begins anew what broke off.
                let Ok(page) = super::api::load_chats(cursor).await else { return };
                self.change(|state| page.items.into_iter().for_each(|chat| state.apply_summary(chat)));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            self.change(|state| state.know_all_chats(mine));
        });
    }

    /// Puts a message on its way.
    pub fn send(self, unsent: Unsent) {
        self.change(|state| state.send(unsent));
        self.typed.set(None);
        self.wake();
    }

    /// Has the socket look whether there is something to send.
    pub fn wake(self) {
        self.outgoing.update(|n| *n += 1);
    }

    /// Notes that a chat was on screen up to `no`; the mark goes out with the next frames.
    pub fn mark_read(self, chat_id: ChatId, no: u64) {
        let Some(me) = self.read_untracked(State::me_id) else { return };
        let mut was_marked = false;
        self.change(|state| {
            state.apply_read(chat_id, me, no);
            if let Some(chat) = state.chats.get_mut(&chat_id) {
                was_marked = std::mem::take(&mut chat.summary.marked_unread);
            }
        });
        self.read_up_to.update(|marks| {
            let mark = marks.entry(chat_id).or_default();
            mark.no = no.max(mark.no);
            mark.unmarked += u32::from(was_marked);
        });
        self.wake();
    }

    /// Notes that somebody types here; the others are told.
    pub fn type_in(self, chat_id: ChatId) {
        self.typed.set(Some((chat_id, now(self).0)));
        self.wake();
    }

    /// Reads something of one chat.
    pub fn with_chat<T>(self, chat_id: ChatId, read: impl FnOnce(&ChatState) -> T) -> Option<T> {
        self.read(|state| state.chats.get(&chat_id).map(read))
    }

    /// The same, without following what changes.
    pub fn with_chat_untracked<T>(self, chat_id: ChatId, read: impl FnOnce(&ChatState) -> T) -> Option<T> {
        self.read_untracked(|state| state.chats.get(&chat_id).map(read))
    }

    /// The reader's clock; its day is that of the page.
    #[must_use]
    pub fn zone(self) -> Zone {
        Zone { offset: self.offset, now: Timestamp(self.rendered_at) }
    }

    #[must_use]
    pub fn me(self) -> Option<UserId> {
        self.read(State::me_id)
    }

    #[cfg(feature = "hydrate")]
    pub fn me_untracked(self) -> Option<UserId> {
        self.read_untracked(State::me_id)
    }

    /// A person's shown name; empty for somebody unknown.
    #[must_use]
    pub fn name(self, id: UserId) -> String {
        self.read(|state| state.users.get(&id).map(|user| user.display_name.clone()).unwrap_or_default())
    }

    /// A chat's row, as of the last change heard of.
    #[must_use]
    pub fn summary(self, chat_id: ChatId) -> Option<ChatSummary> {
        self.with_chat(chat_id, |chat| chat.summary.clone())
    }
}

/// Calls a closure where it is not known, and brings back what it answered.
fn once<T>(read: impl FnOnce(&State) -> T, by: impl FnOnce(&mut dyn FnMut(&State))) -> T {
    let (mut read, mut answer) = (Some(read), None);
    by(&mut |state| answer = read.take().map(|read| read(state)));
    #[expect(clippy::expect_used, reason = "the state lives as long as the page, and is read at once")]
    answer.expect("the state is there")
}

/// Adds the rows of a page to the state.
fn absorb(state: &mut State, seed: Seed) {
    if seed.me.is_some() {
        state.me = seed.me;
    }
    state.learn_all(seed.users);
    for summary in seed.chats {
        state.apply_summary(summary);
    }
    seed.page.apply(state);
}

/// Now, by the browser's clock; on the server by the page's.
#[must_use]
pub fn now(store: Store) -> Timestamp {
    if cfg!(feature = "hydrate") { Timestamp(js_sys::Date::now() as i64) } else { Timestamp(store.rendered_at) }
}
