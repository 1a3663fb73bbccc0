//! Keeps the reader's place in a conversation. Only a window of the messages is in the document, and the window
//! moves with the reader. While rows appear or change, the reader stays at the same message.

mod travel;

use super::{
    open_chat::{Jump, OpenChat, Writing},
    screen,
    window::{self, Shown, Spot, View, Wanted},
};
use crate::live::{Place, Store};
use crate::ui::{effect, effect_from, memo};
use leptos::{html, prelude::*};
use protocol::{
    ids::ChatId,
    reducer::{ChatState, Part},
};

/// The distance between the top edge and a message after a jump to it. The messages before it stay visible.
const ARRIVED_PX: f64 = 96.0;

#[derive(Clone, Copy)]
pub struct Scroll {
    store: Store,
    chat_id: ChatId,
    scroller: NodeRef<html::Div>,
    wanted: RwSignal<Wanted>,
    pub shown: Memo<Shown>,
    /// Whether the messages to show are loaded. Until then, the chat may have only its last message.
    pub ready: Memo<bool>,
    /// The first unread message that was not in the document at the opening, or that a jump skipped. None after it
    /// was on the screen. While it is set, no message counts as read, not even at the end.
    first_unread: RwSignal<Option<u64>>,
    /// The number of the message before the new ones, which are below a divider.
    pub divider: RwSignal<Option<u64>>,
    /// The message the reader is at; none at the end, where new messages scroll into view.
    anchor: StoredValue<Option<Place>>,
    /// Whether the end is out of sight.
    pub away: RwSignal<bool>,
    /// Whether a request for messages is under way, and whether the last one failed.
    pub loading: RwSignal<bool>,
    pub failed: RwSignal<bool>,
    /// The number of jumps: the response to a jump that is no longer the last one does not move the reader.
    jumps: StoredValue<u32>,
    /// Whether the chat was marked as unread when it was opened. A mark that the reader sets while the chat is open
    /// stays until the next opening.
    marked: StoredValue<bool>,
    /// Whether the initial scroll position is set.
    looked: StoredValue<bool>,
    /// The message to focus, once it is in the document.
    meant: StoredValue<Option<u64>>,
    /// The scroll offset at which `anchor` was measured.
    offset: StoredValue<i32>,
}

impl Scroll {
    pub fn new(open_chat: OpenChat, scroller: NodeRef<html::Div>) -> Self {
        let OpenChat { store, chat_id, .. } = open_chat;
        let first_unread = first_unseen(store, chat_id);
        let opened = opened_from(store, chat_id);
        let place = store.places.with_value(|places| places.get(&chat_id).copied()).filter(|_| opened.is_none());
        let from = opened.map(Wanted::From).or_else(|| Some(Wanted::before(place?.no, 1)));
        let wanted = RwSignal::new(from.unwrap_or(Wanted::End));
        let last = StoredValue::new(None);
        let shown = memo(move || {
            let wanted = wanted.get();
            let of = |chat: &ChatState| {
                Shown::of(&chat.known, chat.summary.chat.last_no, wanted, chat.gap().and(last.get_value()))
            };
            let shown = store.with_chat(chat_id, of).unwrap_or_default();
            last.set_value(Some(shown.last).filter(|last| wanted == Wanted::End && *last > 0));
            shown
        });
        let divider = RwSignal::new(first_unread.map(|no| no - 1));
        let first_unread = RwSignal::new(first_unread.filter(|no| !shown.get_untracked().holds(*no)));
        let ready = memo(move || {
            let is_opened = || store.page.with(|page| page.conversation(chat_id).is_some());
            shown.get().is_enough() || is_opened()
        });
        let scroll = Self {
            store,
            chat_id,
            scroller,
            wanted,
            shown,
            ready,
            first_unread,
            divider,
            anchor: StoredValue::new(place),
            away: RwSignal::new(false),
            loading: RwSignal::new(false),
            failed: RwSignal::new(false),
            jumps: StoredValue::new(0),
            marked: StoredValue::new(
                store.with_chat_untracked(chat_id, |chat| chat.summary.marked_unread) == Some(true),
            ),
            looked: StoredValue::new(false),
            meant: StoredValue::new(None),
            offset: StoredValue::new(0),
        };
        scroll.observe_rows();
        scroll.observe_unread();
        scroll.observe_jumps(open_chat);
        scroll.hold_messages(open_chat);
        #[cfg(feature = "hydrate")]
        scroll.observe_size();
        let returned = window_event_listener(leptos::ev::focus, move |_| scroll.returned());
        on_cleanup(move || returned.remove());
        scroll
    }

    /// After each change of the rows, keeps the reader in place or at the end. At the end, the messages count as
    /// read.
    fn observe_rows(self) {
        effect_from(move |was_ready: Option<bool>| {
            // Unsent messages are rows too.
            self.store.read(Part::Chat(self.chat_id), |_| ());
            let (shown, ready) = (self.shown.get(), self.ready.get());
            if ready && was_ready != Some(true) {
                // If the first unread message is in the document, `open` scrolls to it, so it counts as seen.
                self.meet((shown.first, shown.last));
                self.open();
            }
            if was_ready.is_some() {
                // After the rows are in the document, and before they are painted.
                leptos::task::spawn_local(async move {
                    leptos::task::tick().await;
                    self.settle();
                });
                request_animation_frame(move || self.settle());
            }
            if self.at_end(&shown) {
                self.mark_read(shown.last);
            }
            ready || was_ready == Some(true)
        });
    }

    /// Moves the divider above the messages that arrive while the reader does not see them.
    fn observe_unread(self) {
        let has_unread = memo(move || self.store.with_chat(self.chat_id, |chat| chat.summary.unread > 0) == Some(true));
        effect_from(move |before: Option<bool>| {
            let now = has_unread.get();
            let sees = || has_focus() && self.at_end(&self.shown.get_untracked());
            if now && before == Some(false) && self.first_unread.get_untracked().is_none() && !sees() {
                self.divider.set(self.store.with_chat_untracked(self.chat_id, |chat| chat.summary.read_no));
            }
            now
        });
        // Messages that could not be loaded are requested again when the connection is back.
        effect(move || {
            if self.store.connection.get().is_up() && self.failed.get_untracked() {
                self.retry();
            }
        });
    }

    /// Jumps to the message of a pressed button, or of a new address in this chat.
    fn observe_jumps(self, open_chat: OpenChat) {
        effect(move || {
            if let Some(jump) = open_chat.jump.get() {
                open_chat.jump.set(None);
                self.jump(jump);
            }
        });
        effect_from(move |before: Option<Option<u64>>| {
            let at = self.store.page.with(|page| page.conversation(self.chat_id)?.at);
            if let (Some(before), Some(no)) = (before, at)
                && before != at
            {
                self.jump(Jump::To(no));
            }
            at
        });
    }

    /// Tells the store which messages it must keep: the shown, selected and edited messages, and the one replied to.
    fn hold_messages(self, open_chat: OpenChat) {
        effect(move || {
            let Shown { first, last, .. } = self.shown.get();
            let about = match open_chat.writing.get() {
                Writing::Reply(no) | Writing::Edit(no) => Some(no),
                Writing::New | Writing::Unsent(_) => None,
            };
            let selected = open_chat.selected.get().unwrap_or_default();
            let all = || selected.iter().copied().chain(about).chain([first, last]);
            let span = all().min().zip(all().max()).map(|span| (self.chat_id, span));
            self.store.shown.set_value(span);
        });
        on_cleanup(move || {
            self.store.shown.try_update_value(|shown| {
                if shown.is_some_and(|(chat_id, _)| chat_id == self.chat_id) {
                    *shown = None;
                }
            });
        });
    }

    /// Keeps the reader in place when rows grow after they were drawn. The observer runs before the browser paints.
    #[cfg(feature = "hydrate")]
    fn observe_size(self) {
        use wasm_bindgen::{JsCast as _, closure::Closure};
        effect(move || {
            let Some(scroller) = self.scroller.get() else { return };
            let settle = Closure::<dyn FnMut()>::new(move || self.settle()).into_js_value();
            let Ok(observer) = web_sys::ResizeObserver::new(settle.unchecked_ref()) else { return };
            observer.observe(&scroller);
            if let Ok(Some(list)) = scroller.query_selector(".messages") {
                observer.observe(&list);
            }
            let observer = StoredValue::new_local(observer);
            on_cleanup(move || {
                observer.try_with_value(web_sys::ResizeObserver::disconnect);
            });
        });
    }

    /// The scroller; none after the reader has left the conversation.
    fn element(self) -> Option<web_sys::HtmlDivElement> {
        self.scroller.try_get_untracked().flatten()
    }

    /// Whether the rows end with the newest message, so that unsent messages are shown below them.
    pub fn shows_end(self) -> bool {
        self.wanted.get() == Wanted::End || self.shown.get().reaches_end()
    }

    fn at_end(self, shown: &Shown) -> bool {
        self.looked.get_value() && self.anchor.get_value().is_none() && shown.reaches_end()
    }

    /// The first unread message that the reader has not seen yet, if there is one.
    pub fn unmet(self) -> Option<u64> {
        self.first_unread.get().filter(|_| self.ready.get())
    }

    /// Notes that these messages were on the screen: the first unread message may be one of them.
    fn meet(self, (first, last): (u64, u64)) {
        if self.first_unread.get_untracked().is_some_and(|no| first <= no && no <= last) {
            self.first_unread.set(None);
            self.store.unseen.update_value(|unseen| _ = unseen.remove(&self.chat_id));
        }
    }

    /// Before a jump: remembers the first unread message, if the jump skips it.
    fn skip_to(self, no: u64) {
        self.skip(self.store.with_chat_untracked(self.chat_id, |chat| window::skipped(&chat.summary, no)).flatten());
    }

    fn skip(self, unread: Option<u64>) {
        if let (Some(_), None) = (unread, self.first_unread.get_untracked()) {
            self.first_unread.set(unread);
        }
    }

    /// Before the jump to a message that the reader has just sent. The server marks all messages before it as read.
    /// This device remembers the first one that the reader has not seen.
    fn skip_to_sent(self) {
        if !self.at_end(&self.shown.get_untracked()) {
            self.skip(self.store.with_chat_untracked(self.chat_id, |chat| window::unread(&chat.summary)).flatten());
        }
        let unseen = self.first_unread.get_untracked();
        self.divider.set(unseen.map(|no| no - 1));
        if let Some(no) = unseen {
            self.store.unseen.update_value(|unseen| _ = unseen.insert(self.chat_id, no));
        }
    }

    /// Dismisses the unread messages: they count as seen.
    pub fn pass_unread(self) {
        self.meet((0, u64::MAX));
        self.rested();
    }

    /// Sets the initial scroll position: the previous position, the message in the address, the first unread
    /// message, or the end.
    fn open(self) {
        request_animation_frame(move || {
            let Some(scroller) = self.element() else { return };
            self.looked.set_value(true);
            self.offset.set_value(scroller.scroll_top());
            let hash = window().location().hash().unwrap_or_default();
            let at = self.store.page.with_untracked(|page| page.conversation(self.chat_id)?.at);
            let pointed = hash.strip_prefix("#m").and_then(|no| no.parse().ok()).or(at);
            if self.anchor.get_value().is_none() {
                let pointed = pointed.filter(|no| screen::row(*no).is_some());
                pointed.into_iter().for_each(|no| self.skip_to(no));
                let target = pointed.or_else(|| screen::divided(&scroller));
                self.anchor.set_value(target.map(|no| Place { no, top: ARRIVED_PX }));
            }
            self.meant.set_value(pointed);
            self.settle();
            self.scrolled();
            self.rested();
        });
    }

    /// Scrolls back to the reader's place.
    fn settle(self) {
        let Some(scroller) = self.element() else { return };
        self.observe_reader(&scroller);
        let anchor = self.anchor.try_get_value().flatten();
        match anchor.and_then(|anchor| Some((anchor, screen::article(&screen::row(anchor.no)?)?))) {
            Some((anchor, article)) => {
                let top = article.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top();
                let pixels = window::pixels(top - anchor.top);
                if pixels != 0 {
                    scroller.set_scroll_top(scroller.scroll_top() + pixels);
                }
            }
            None if anchor.is_none() && self.wanted.get_untracked() == Wanted::End => {
                scroller.set_scroll_top(scroller.scroll_height());
            }
            None => {}
        }
        self.offset.set_value(scroller.scroll_top());
        if let Some(Some(no)) = self.meant.try_get_value()
            && screen::mark(no)
        {
            self.meant.set_value(None);
        }
    }

    /// Moves the anchor by the distance that the reader has scrolled. The scroll event may not have arrived yet.
    fn observe_reader(self, scroller: &web_sys::Element) {
        let scrolled = view(scroller).scrolled_since(self.offset.try_get_value().unwrap_or_default());
        self.anchor.update_value(|anchor| {
            if let Some(anchor) = anchor {
                anchor.top -= f64::from(scrolled);
            }
        });
    }

    /// After the reader has scrolled: remembers the new place, and moves the window.
    pub fn scrolled(self) {
        let Some(scroller) = self.element().filter(|_| self.looked.get_value()) else { return };
        let shown = self.shown.get_untracked();
        let spot = view(&scroller).spot(shown);
        let top_row = screen::first(&scroller);
        if let Some(top_row) = top_row {
            self.meet((top_row.no, shown.last));
        }
        self.stay_at(top_row.filter(|_| spot != Spot::End));
        self.offset.set_value(scroller.scroll_top());
        let is_away = spot != Spot::End;
        if self.away.get_untracked() != is_away {
            self.away.set(is_away);
        }
        match spot {
            Spot::End => {
                self.wanted.set(Wanted::End);
                self.mark_read(shown.last);
            }
            Spot::NearFirst => self.earlier(shown),
            Spot::NearLast => self.later(shown),
            // New messages at the end do not move a reader who is further up.
            Spot::Inside if self.wanted.get_untracked() == Wanted::End && top_row.is_some() => {
                self.wanted.set(Wanted::From(shown.first));
            }
            Spot::Inside => {}
        }
    }

    fn stay_at(self, anchor: Option<Place>) {
        self.anchor.set_value(anchor);
        self.store.places.update_value(|places| {
            match anchor {
                Some(anchor) => places.insert(self.chat_id, anchor),
                None => places.remove(&self.chat_id),
            };
        });
    }

    /// The reader is back in this window. Messages that the reader had seen are not new any more.
    fn returned(self) {
        if self.store.with_chat_untracked(self.chat_id, |chat| chat.summary.unread == 0) == Some(true) {
            self.divider.set(self.first_unread.get_untracked().map(|no| no - 1));
        }
        self.rested();
    }

    /// Scrolling has ended: the messages down to the last one on the screen are read.
    pub fn rested(self) {
        let Some(scroller) = self.element().filter(|_| self.looked.get_value()) else { return };
        let shown = self.shown.get_untracked();
        if self.at_end(&shown) {
            self.mark_read(shown.last);
        } else if let Some(no) = screen::last(&scroller) {
            self.mark_read(no);
        }
    }

    /// Marks the messages up to `no` as read, if the page has the focus and nothing unread was skipped.
    fn mark_read(self, no: u64) {
        let marked = self.marked.get_value();
        let reads = self.store.with_chat_untracked(self.chat_id, |chat| {
            chat.summary.read_no < no || (marked && chat.summary.marked_unread)
        });
        let met = self.first_unread.get_untracked().is_none();
        if has_focus() && met && reads == Some(true) {
            self.marked.set_value(false);
            self.store.mark_read(self.chat_id, no);
        }
    }
}

/// The first message of the page's window, if this window ends before the newest message. The timeline starts at it.
fn opened_from(store: Store, chat_id: ChatId) -> Option<u64> {
    store.page.with_untracked(|page| {
        let opened = page.conversation(chat_id)?;
        let (first, last) = (opened.history.items.first()?.no, opened.history.items.last()?.no);
        (last < opened.history.last_no).then_some(first)
    })
}

/// The first message that the reader has not seen: one before the reader's last sent message, or an unread one.
fn first_unseen(store: Store, chat_id: ChatId) -> Option<u64> {
    let unread = store.with_chat_untracked(chat_id, |chat| window::unread(&chat.summary));
    store.unseen.with_value(|unseen| unseen.get(&chat_id).copied()).or(unread.flatten())
}

fn has_focus() -> bool {
    document().has_focus().unwrap_or(false)
}

fn view(scroller: &web_sys::Element) -> View {
    View { top: scroller.scroll_top(), height: scroller.client_height(), content: scroller.scroll_height() }
}
