//! The client's store: the reducer's state, and the subscribers to its changes. The page's data fills it, and the
//! socket updates it.

use super::{draft::Saves, notice::Notice};
use crate::{
    seed::{Page, Seed},
    ui::{Forms, time::Zone},
};
use leptos::prelude::*;
use protocol::{
    chat::{ChatSummary, History},
    ids::{ChatId, ClientId, UserId},
    profiles::User,
    reducer::{ChatState, Part, State, Touched, Unsent},
    time::Timestamp,
};
use std::collections::{BTreeMap, HashMap};

/// The state of the connection to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The page has just loaded, or has no JavaScript.
    #[default]
    Starting,
    Open,
    /// No WebSocket opens; frames travel by HTTP instead.
    Polling,
    /// Lost; the next attempt follows after a pause.
    Waiting,
}

impl Connection {
    /// Whether changes arrive.
    #[must_use]
    pub fn is_up(self) -> bool {
        self == Self::Open || self == Self::Polling
    }
}

/// The read mark of a chat, and how many times reading has removed "marked as unread" from the chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadUpTo {
    pub no: u64,
    pub unmarked: u32,
}

/// A message on the screen, and its distance from the top of the timeline, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub no: u64,
    pub top: f64,
}

/// All data that pages read. All copies refer to the same store.
#[derive(Clone, Copy)]
pub struct Store {
    state: StoredValue<State>,
    /// The readers of each part of the state.
    readers: StoredValue<HashMap<Part, ArcTrigger>>,
    /// The parts that this device has not stored yet.
    unsaved: StoredValue<Touched>,
    pub page: RwSignal<Page>,
    /// The address for which the server has sent the data of this page; empty before.
    pub loaded: StoredValue<String>,
    pub forms: RwSignal<Forms>,
    pub connection: RwSignal<Connection>,
    /// The read marks of the chats that were on the screen.
    pub read_up_to: RwSignal<HashMap<ChatId, ReadUpTo>>,
    /// The chat in which the reader typed last, and when.
    pub typed: RwSignal<Option<(ChatId, i64)>>,
    /// Increases when there is something to send.
    pub outgoing: RwSignal<u64>,
    /// Whether this tab sends the outbox that all tabs share.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends"))]
    pub may_send: RwSignal<bool>,
    /// When the last frame arrived.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser listens"))]
    pub heard: StoredValue<Timestamp>,
    /// When the data was last updated; none while the connection keeps it current.
    pub as_of: RwSignal<Option<Timestamp>>,
    /// Whether the page has another version than the server.
    pub outdated: RwSignal<bool>,
    /// The settings of this browser, by name.
    pub choices: RwSignal<BTreeMap<String, String>>,
    /// Feedback on the reader's last action.
    pub notice: RwSignal<Option<Notice>>,
    /// The messages of the open chat that the reader can see or is about to act on.
    pub shown: StoredValue<Option<(ChatId, (u64, u64))>>,
    /// Whether a welcome has completed the list of chats.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser has a connection"))]
    pub is_complete: StoredValue<bool>,
    /// Sent texts that this tab still stores as drafts, until the outbox is stored.
    pub sent_drafts: StoredValue<Vec<(ChatId, String)>>,
    /// The saves of drafts on the server.
    pub saves: StoredValue<HashMap<ChatId, Saves>>,
    /// The scroll position of each chat that is not at its end.
    pub places: StoredValue<HashMap<ChatId, Place>>,
    /// The first message of each chat that the reader had not seen when the reader's own message marked it as read.
    pub unseen: StoredValue<HashMap<ChatId, u64>>,
    /// Whether the data of this page could not be loaded. They are requested again.
    pub failed: RwSignal<bool>,
    /// The reader's time zone and day.
    pub zone: RwSignal<Zone>,
    /// The cursor of the chats that the page does not have.
    pub older_chats: StoredValue<Option<String>>,
    /// By how many milliseconds the server's clock is ahead of this device's; none before a response.
    pub server_ahead: StoredValue<Option<i64>>,
    /// Increases when a mute ends.
    pub mutes_ended: RwSignal<u32>,
    /// When the page was rendered, in milliseconds since 1970.
    pub rendered_at: i64,
}

impl Store {
    pub fn new(seed: Seed) -> Self {
        let mut state = State::default();
        state.mine = seed.mine;
        let zone = Zone::new(seed.offsets.clone(), Timestamp(seed.now));
        let (rendered_at, as_of, choices) = (seed.now, seed.as_of, seed.choices.clone());
        let older_chats = StoredValue::new(seed.older_chats.clone());
        let (page, loaded, forms) = (seed.page.clone(), seed.address.clone(), seed.forms.clone());
        absorb(&mut state, seed);
        let unsaved = state.take_touched();
        let store = Self {
            state: StoredValue::new(state),
            readers: StoredValue::default(),
            unsaved: StoredValue::new(unsaved),
            page: RwSignal::new(page),
            loaded: StoredValue::new(loaded),
            forms: RwSignal::new(forms),
            connection: RwSignal::default(),
            read_up_to: RwSignal::default(),
            typed: RwSignal::default(),
            outgoing: RwSignal::default(),
            may_send: RwSignal::default(),
            heard: StoredValue::new(as_of.unwrap_or(Timestamp(rendered_at))),
            as_of: RwSignal::new(as_of),
            outdated: RwSignal::default(),
            choices: RwSignal::new(choices),
            notice: RwSignal::default(),
            shown: StoredValue::default(),
            is_complete: StoredValue::default(),
            sent_drafts: StoredValue::default(),
            saves: StoredValue::default(),
            places: StoredValue::default(),
            unseen: StoredValue::default(),
            failed: RwSignal::default(),
            zone: RwSignal::new(zone),
            older_chats,
            server_ahead: StoredValue::default(),
            mutes_ended: RwSignal::default(),
            rendered_at,
        };
        if as_of.is_none() {
            store.set_server_time(rendered_at);
        }
        store
    }

    /// The store of this page.
    #[must_use]
    pub fn current() -> Self {
        expect_context()
    }

    /// The value of one of `choices::CHOICES`; empty for the default.
    #[must_use]
    pub fn chosen(self, name: &str) -> String {
        self.choices.with(|choices| choices.get(name).cloned().unwrap_or_default())
    }

    /// Reads one part of the state. The memo or effect that calls it runs again when that part changes.
    pub fn read<T>(self, part: Part, read: impl FnOnce(&State) -> T) -> T {
        self.track(part);
        self.read_untracked(read)
    }

    /// Like `read`, without a subscription. The work is in `read_by`, which is not generic: the compiler copies a
    /// generic function for each type of closure, and every copy makes the download larger.
    pub fn read_untracked<T>(self, read: impl FnOnce(&State) -> T) -> T {
        let (mut read, mut result) = (Some(read), None);
        self.read_by(&mut |state| result = read.take().map(|read| read(state)));
        #[expect(clippy::expect_used, reason = "the state lives as long as the page, and is read at once")]
        result.expect("the state is there")
    }

    /// Changes the state, and notifies the readers of the parts that the change touched.
    pub fn change(self, change: impl FnOnce(&mut State)) {
        let mut change = Some(change);
        self.change_by(&mut |state| {
            if let Some(change) = change.take() {
                change(state);
            }
        });
    }

    fn track(self, part: Part) {
        // Nothing changes while the server renders a page.
        if cfg!(feature = "hydrate") {
            let reader = self.readers.try_update_value(|readers| readers.entry(part).or_default().clone());
            reader.iter().for_each(ArcTrigger::track);
        }
    }

    fn read_by(self, read: &mut dyn FnMut(&State)) {
        self.state.with_value(|state| read(state));
    }

    fn change_by(self, change: &mut dyn FnMut(&mut State)) {
        let mut touched = Touched::new();
        self.state.update_value(|state| {
            change(state);
            touched = state.take_touched();
        });
        let readers = touched.iter().filter_map(|part| self.readers.with_value(|readers| readers.get(part).cloned()));
        readers.for_each(|reader| reader.notify());
        self.unsaved.update_value(|unsaved| unsaved.append(&mut touched));
    }

    /// The parts touched since the last call.
    #[cfg(feature = "hydrate")]
    pub fn take_unsaved(self) -> Touched {
        self.unsaved.try_update_value(std::mem::take).unwrap_or_default()
    }

    /// Shows the data of another page.
    #[cfg(feature = "hydrate")]
    pub fn turn_to(self, seed: Seed) {
        // Without a connection, data from the server is soon out of date too: `as_of` stays.
        if seed.as_of.is_some() || self.connection.get_untracked().is_up() {
            self.as_of.set(seed.as_of);
        }
        if seed.as_of.is_none() && seed.now > 0 {
            self.set_server_time(seed.now);
        }
        let (page, forms) = (seed.page.clone(), seed.forms.clone());
        self.loaded.set_value(seed.address.clone());
        self.change(|state| absorb(state, seed));
        self.forms.set(forms);
        self.page.set(page);
    }

    /// Applies a window of a chat's history.
    pub fn add_history(self, chat_id: ChatId, history: History) {
        self.change(|state| state.apply_history(chat_id, history));
    }

    /// Loads the chats beyond the limit of a welcome.
    #[cfg(feature = "hydrate")]
    pub fn load_rest(self, mine: u64) {
        leptos::task::spawn_local(async move {
            let mut cursor = None;
            loop {
                // After an error, the next `heads` begins again.
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

    /// Adds a message to the outbox.
    pub fn send(self, unsent: Unsent) {
        self.change(|state| state.send(unsent));
        self.typed.set(None);
        self.wake();
    }

    /// Wakes the socket, so that it sends waiting frames.
    pub fn wake(self) {
        self.outgoing.update(|n| *n += 1);
    }

    /// Marks a chat as read up to `no`. The read mark is sent with the next frames.
    pub fn mark_read(self, chat_id: ChatId, no: u64) {
        let mut was_marked = false;
        self.change(|state| was_marked = state.mark_read(chat_id, no));
        self.read_up_to.update(|marks| {
            let mark = marks.entry(chat_id).or_default();
            mark.no = no.max(mark.no);
            mark.unmarked += u32::from(was_marked);
        });
        self.wake();
    }

    /// The reader types in a chat; the other members are notified.
    pub fn type_in(self, chat_id: ChatId) {
        self.typed.set(Some((chat_id, now(self).0)));
        self.wake();
    }

    /// Reads one chat, if it is known.
    pub fn with_chat<T>(self, chat_id: ChatId, read: impl FnOnce(&ChatState) -> T) -> Option<T> {
        self.read(Part::Chat(chat_id), |state| state.chats.get(&chat_id).map(read))
    }

    /// The number, the `seq` and the text of the reader's message with this `client_id`, if it is in memory.
    #[must_use]
    pub fn stored_as(self, chat_id: ChatId, client_id: ClientId) -> Option<(u64, u64, String)> {
        let me = self.read_untracked(State::me_id)?;
        let version = |chat: &ChatState| {
            chat.sent_as(me, client_id).map(|message| (message.no, message.seq, message.text.clone()))
        };
        self.with_chat_untracked(chat_id, version).flatten()
    }

    /// Like `with_chat`, without a subscription.
    pub fn with_chat_untracked<T>(self, chat_id: ChatId, read: impl FnOnce(&ChatState) -> T) -> Option<T> {
        self.read_untracked(|state| state.chats.get(&chat_id).map(read))
    }

    /// The reader's time zone and day. The memo or effect that calls it runs again at midnight.
    #[must_use]
    pub fn zone(self) -> Zone {
        self.zone.get()
    }

    #[must_use]
    pub fn me(self) -> Option<UserId> {
        self.read(Part::Me, State::me_id)
    }

    #[cfg(feature = "hydrate")]
    pub fn me_untracked(self) -> Option<UserId> {
        self.read_untracked(State::me_id)
    }

    /// A user's row and presence, if the user is known.
    #[must_use]
    pub fn user(self, id: UserId) -> Option<User> {
        self.read(Part::User(id), |state| state.users.get(&id).cloned())
    }

    /// A user's display name; empty for an unknown user.
    #[must_use]
    pub fn name(self, id: UserId) -> String {
        self.read(Part::User(id), |state| {
            state.users.get(&id).map(|user| user.display_name.clone()).unwrap_or_default()
        })
    }

    /// A chat's row.
    #[must_use]
    pub fn summary(self, chat_id: ChatId) -> Option<ChatSummary> {
        self.with_chat(chat_id, |chat| chat.summary.clone())
    }
}

/// Applies the rows of a page.
fn absorb(state: &mut State, seed: Seed) {
    if let Some(me) = seed.me {
        state.set_me(me);
    }
    state.learn_all(seed.users);
    for summary in seed.chats {
        state.apply_summary(summary);
    }
    seed.page.apply(state);
}

/// The current time by the browser's clock; on the server, the time of the rendering.
#[must_use]
pub fn now(store: Store) -> Timestamp {
    if cfg!(feature = "hydrate") { Timestamp(js_sys::Date::now() as i64) } else { Timestamp(store.rendered_at) }
}
