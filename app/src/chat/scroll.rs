//! Where the reader is in a conversation. Only a stretch of the messages held is in the document; it moves
//! with the reader, who stays at a message, whatever comes in above, below or inside it.

use super::talk::{Jump, Talk};
use crate::live::{Place, Store, load_history};
use crate::ui::{effect, effect_from, memo};
use leptos::{html, prelude::*};
use protocol::{
    ids::ChatId,
    reducer::{ChatState, Part},
};
use wasm_bindgen::JsCast as _;

/// Rows in the document: at most so many, and so many more at a time.
const ROWS_MAX: u64 = 150;
const ROWS_STEP: u64 = 50;
/// Nearer to the end than this, less than a message, and new ones scroll into view.
const NEAR_END_PX: f64 = 40.0;
/// Nearer to an end of what is in the document than this, and it moves on.
const NEAR_EDGE_PX: f64 = 800.0;
/// Where one has come to a message, it stands so far below the top: what leads up to it is seen too.
const ARRIVED_PX: f64 = 96.0;

/// The stretch of messages in the document, and the newest there is.
#[derive(Clone, Copy, PartialEq, Default)]
pub struct Shown {
    pub first: u64,
    pub last: u64,
    pub last_no: u64,
}

/// Which stretch is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    /// Up to the newest message, which comes into view as it comes.
    End,
    From(u64),
}

#[derive(Clone, Copy)]
pub struct Scroll {
    store: Store,
    chat_id: ChatId,
    scroller: NodeRef<html::Div>,
    wanted: RwSignal<Wanted>,
    pub shown: Memo<Shown>,
    /// Whether what there is to see first is held: where one has come by a link, only the last message is.
    pub ready: Memo<bool>,
    /// The first message that was unread at the opening, until the reader has met it: before that nothing counts as
    /// read, though one be at the end.
    first_unread: RwSignal<Option<u64>>,
    /// Where the reader is; none at the end, where new messages are followed.
    anchor: StoredValue<Option<Place>>,
    /// Whether the end is out of sight.
    pub away: RwSignal<bool>,
    loading: StoredValue<bool>,
    /// Whether anybody has seen anything yet.
    looked: StoredValue<bool>,
    /// The message to show as the one that was meant, once it is in the document.
    meant: StoredValue<Option<u64>>,
    /// The scroll offset that `anchor` is as of.
    offset: StoredValue<i32>,
}

/// What of a chat is in the document.
fn shown(chat: &ChatState, wanted: Wanted) -> Shown {
    let last_no = chat.summary.chat.last_no;
    let around = match wanted {
        Wanted::End => last_no,
        Wanted::From(no) => no,
    };
    let Some((first, last)) = chat.known.containing(around).or_else(|| chat.known.last()) else {
        return Shown { last_no, ..Shown::default() };
    };
    match wanted {
        Wanted::End => Shown { first: first.max((last + 1).saturating_sub(ROWS_MAX - ROWS_STEP)), last, last_no },
        Wanted::From(no) => {
            let first = first.max(no.min((last + 1).saturating_sub(ROWS_STEP)));
            Shown { first, last: last.min(first + ROWS_MAX - 1), last_no }
        }
    }
}

impl Scroll {
    pub fn new(talk: Talk, scroller: NodeRef<html::Div>, first_unread: Option<u64>) -> Self {
        let Talk { store, chat_id, .. } = talk;
        let opened = store.page.with_untracked(|page| {
            let opened = page.conversation(chat_id)?;
            let (first, last) = (opened.history.items.first()?.no, opened.history.items.last()?.no);
            // A window that does not reach the newest stays where it is.
            (last < opened.history.last_no).then_some(first)
        });
        let kept = store.places.with_value(|places| places.get(&chat_id).copied()).filter(|_| opened.is_none());
        let from = opened.or_else(|| Some(kept?.no.saturating_sub(ROWS_STEP).max(1)));
        let wanted = RwSignal::new(from.map_or(Wanted::End, Wanted::From));
        let shown = memo(move || store.with_chat(chat_id, |chat| shown(chat, wanted.get())).unwrap_or_default());
        let (anchor, away) = (StoredValue::new(kept), RwSignal::new(false));
        let (loading, looked, meant) = (StoredValue::new(false), StoredValue::new(false), StoredValue::new(None));
        let Shown { first, last, .. } = shown.get_untracked();
        let first_unread = RwSignal::new(first_unread.filter(|no| *no < first || last < *no));
        let offset = StoredValue::new(0);
        let ready = memo(move || {
            let rows = shown.get();
            let held = rows.last > 0 && (rows.first == 1 || rows.last - rows.first + 1 >= ROWS_STEP);
            held || store.page.with(|page| page.conversation(chat_id).is_some())
        });
        let scroll = Self {
            store,
            chat_id,
            scroller,
            wanted,
            shown,
            first_unread,
            ready,
            anchor,
            away,
            loading,
            looked,
            meant,
            offset,
        };
        scroll.follow(talk);
        scroll
    }

    fn follow(self, talk: Talk) {
        // Whatever changes the rows, the reader stays where they are, or at the end, which counts as read.
        effect_from(move |opened: Option<bool>| {
            let unsent = self.store.read(Part::Chat(self.chat_id), |state| state.unsent(self.chat_id).count());
            let (shown, ready) = (self.shown.get(), self.ready.get());
            if ready && opened != Some(true) {
                // Where it is in the document, the reader begins there.
                self.meet((shown.first, shown.last));
                self.open();
            } else if unsent > 0 && self.wanted.get_untracked() == Wanted::End {
                self.anchor.set_value(None);
            }
            // Whoever answers has seen what there is.
            if unsent > 0 {
                self.meet((0, u64::MAX));
            }
            if opened.is_some() {
                // Once the rows are in the document, and before anybody sees them.
                leptos::task::spawn_local(async move {
                    leptos::task::tick().await;
                    self.settle();
                });
                request_animation_frame(move || self.settle());
            }
            if self.at_end(&shown) {
                self.mark_read(shown.last);
            }
            ready || opened == Some(true)
        });
        effect(move || {
            if let Some(jump) = talk.jump.get() {
                talk.jump.set(None);
                self.jump(jump);
            }
        });
        // An address of another message of this chat.
        effect_from(move |before: Option<Option<u64>>| {
            let at = self.store.page.with(|page| page.conversation(self.chat_id)?.at);
            if let (Some(before), Some(no)) = (before, at)
                && before != at
            {
                self.jump(Jump::To(no));
            }
            at
        });
        #[cfg(feature = "hydrate")]
        self.watch_size();
        let returned = window_event_listener(leptos::ev::focus, move |_| self.rested());
        on_cleanup(move || returned.remove());
    }

    /// What grows after it was drawn, as images do, does not move the reader: this comes before it is painted.
    #[cfg(feature = "hydrate")]
    fn watch_size(self) {
        use wasm_bindgen::closure::Closure;
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

    fn element(self) -> Option<web_sys::HtmlDivElement> {
        // Whoever went on at once has no timeline any more.
        self.scroller.try_get_untracked().flatten()
    }

    fn at_end(self, shown: &Shown) -> bool {
        self.looked.get_value() && self.anchor.get_value().is_none() && shown.last == shown.last_no
    }

    /// The first unread message, where the reader has not met it.
    pub fn unmet(self) -> Option<u64> {
        self.first_unread.get().filter(|_| self.ready.get())
    }

    /// These messages have come before the reader.
    fn meet(self, (first, last): (u64, u64)) {
        if self.first_unread.get_untracked().is_some_and(|no| first <= no && no <= last) {
            self.first_unread.set(None);
        }
    }

    /// The reader has come to a message without passing what is before it.
    fn land(self, no: u64) {
        let next = self.store.with_chat_untracked(self.chat_id, |chat| {
            let summary = &chat.summary;
            let next = (summary.unread > 0).then_some(summary.read_no + 1)?;
            (next < no && no < summary.chat.last_no).then_some(next)
        });
        if let Some(next) = next.flatten() {
            self.first_unread.set(Some(next));
        }
    }

    /// Nobody wants to be led to it.
    pub fn pass_unread(self) {
        self.meet((0, u64::MAX));
        self.rested();
    }

    /// The first look: where the reader was, at the message the address points to, at the first unread, else
    /// at the end.
    fn open(self) {
        request_animation_frame(move || {
            let Some(scroller) = self.element() else { return };
            self.looked.set_value(true);
            self.offset.set_value(scroller.scroll_top());
            let hash = window().location().hash().unwrap_or_default();
            let at = self.store.page.with_untracked(|page| page.conversation(self.chat_id)?.at);
            let pointed = hash.strip_prefix("#m").and_then(|no| no.parse().ok()).or(at);
            let divider = scroller.query_selector(".unread-divider").ok().flatten();
            let unread = divider.and_then(|divider| number_of(&divider.parent_element()?));
            if self.anchor.get_value().is_none() {
                let pointed = pointed.filter(|no| row(*no).is_some());
                pointed.into_iter().for_each(|no| self.land(no));
                let target = pointed.or(unread);
                self.anchor.set_value(target.map(|no| Place { no, top: ARRIVED_PX }));
            }
            self.meant.set_value(pointed);
            self.settle();
            self.scrolled();
            self.rested();
        });
    }

    /// Puts the reader back to where they are.
    fn settle(self) {
        let Some(scroller) = self.element() else { return };
        self.follow_reader(&scroller);
        let anchor = self.anchor.try_get_value().flatten();
        match anchor.and_then(|anchor| Some((anchor, article(&row(anchor.no)?)?))) {
            Some((anchor, article)) => {
                let moved =
                    article.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top() - anchor.top;
                // A half always goes the same way: else two of them would make a whole.
                let pixels = (moved + 0.5).floor() as i32;
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
            && mark(no)
        {
            self.meant.set_value(None);
        }
    }

    /// Somebody may have scrolled and the event not come yet: they must not be pulled back.
    fn follow_reader(self, scroller: &web_sys::Element) {
        let (before, now) = (self.offset.try_get_value().unwrap_or_default(), scroller.scroll_top());
        // Where there is less to scroll than there was, the browser has moved them.
        let moved_back = now < before && now >= scroller.scroll_height() - scroller.client_height() - 1;
        if now != before && !moved_back {
            self.anchor.update_value(|anchor| {
                if let Some(anchor) = anchor {
                    anchor.top -= f64::from(now - before);
                }
            });
        }
    }

    /// Somebody has scrolled: notes where they are now, and moves the stretch along.
    pub fn scrolled(self) {
        let Some(scroller) = self.element().filter(|_| self.looked.get_value()) else { return };
        let (top, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        let left = f64::from(scroller.scroll_height()) - top - height;
        let shown = self.shown.get_untracked();
        let at_end = left < NEAR_END_PX && shown.last == shown.last_no;
        let top_row = first_on_screen(&scroller);
        if let Some(top_row) = top_row {
            self.meet((top_row.no, shown.last));
        }
        let anchor = if at_end { None } else { top_row };
        self.anchor.set_value(anchor);
        self.offset.set_value(scroller.scroll_top());
        self.store.places.update_value(|places| {
            match anchor {
                Some(anchor) => places.insert(self.chat_id, anchor),
                None => places.remove(&self.chat_id),
            };
        });
        if self.away.get_untracked() == at_end {
            self.away.set(!at_end);
        }
        if at_end {
            self.wanted.set(Wanted::End);
            self.mark_read(shown.last);
        } else if top < NEAR_EDGE_PX && shown.first > 1 {
            self.earlier(shown);
        } else if left < NEAR_EDGE_PX && shown.last < shown.last_no {
            self.later(shown);
        } else if self.wanted.get_untracked() == Wanted::End && self.anchor.get_value().is_some() {
            // Who reads further up is not moved by what is new at the end.
            self.wanted.set(Wanted::From(shown.first));
        }
    }

    /// The stretch of held messages around one.
    fn held(self, no: u64) -> (u64, u64) {
        let held = self.store.with_chat_untracked(self.chat_id, |chat| chat.known.containing(no)).flatten();
        held.unwrap_or((no, no))
    }

    fn earlier(self, shown: Shown) {
        let first = shown.first;
        let back = move || Wanted::From(first.saturating_sub(ROWS_STEP).max(self.held(first).0));
        if self.held(first).0 < first { self.wanted.set(back()) } else { self.load(Some(first), None, back) }
    }

    fn later(self, shown: Shown) {
        let Shown { first, last, .. } = shown;
        // No more goes at the other end than comes at this: of few rows none, for the reader is among them.
        let on = move || Wanted::From(first.max((last + ROWS_STEP + 1).saturating_sub(ROWS_MAX)));
        if self.held(last).1 > last { self.wanted.set(on()) } else { self.load(None, Some(last), on) }
    }

    fn load(self, before: Option<u64>, after: Option<u64>, then: impl Fn() -> Wanted + 'static) {
        if self.loading.get_value() {
            return;
        }
        self.loading.set_value(true);
        leptos::task::spawn_local(async move {
            let loaded = load_history(self.chat_id, before, after, None).await;
            // Whoever went on at once has no timeline any more.
            let gone = self.loading.try_set_value(false).is_some();
            if let (Ok(history), false) = (loaded, gone) {
                self.store.add_history(self.chat_id, history);
                self.wanted.set(then());
            }
        });
    }

    /// Goes to a message, or to the end, wherever it is.
    pub fn jump(self, jump: Jump) {
        let chat_id = self.chat_id;
        let last_no = self.shown.get_untracked().last_no;
        let no = match jump {
            Jump::To(no) => no,
            Jump::Newest => last_no,
        };
        // What an answer quotes is held alone: there is more around it to be seen.
        let around = (no.saturating_sub(ROWS_STEP / 2).max(1), (no + ROWS_STEP / 2).min(last_no));
        let arrive = move || {
            if let Jump::To(no) = jump {
                self.land(no);
            }
            if let Some(scroller) = self.element() {
                self.offset.set_value(scroller.scroll_top());
            }
            self.anchor.set_value(match jump {
                Jump::To(no) => Some(Place { no, top: ARRIVED_PX }),
                Jump::Newest => None,
            });
            self.wanted.set(match jump {
                Jump::To(no) => Wanted::From(no.saturating_sub(ROWS_STEP).max(self.held(no).0)),
                Jump::Newest => Wanted::End,
            });
            self.meant.set_value(match jump {
                Jump::To(no) => Some(no),
                Jump::Newest => None,
            });
            request_animation_frame(move || {
                self.settle();
                self.scrolled();
                self.rested();
            });
        };
        if self.store.with_chat_untracked(chat_id, |chat| chat.known.covers(around.0, around.1)).unwrap_or(false) {
            return arrive();
        }
        leptos::task::spawn_local(async move {
            let at = matches!(jump, Jump::To(_)).then_some(no);
            if let Ok(history) = load_history(chat_id, None, None, at).await {
                self.store.add_history(chat_id, history);
                if self.looked.try_get_value().is_some() {
                    arrive();
                }
            }
        });
    }

    /// Nobody scrolls any more: what is on the screen to its end is read.
    pub fn rested(self) {
        let Some(scroller) = self.element().filter(|_| self.looked.get_value()) else { return };
        let shown = self.shown.get_untracked();
        if self.at_end(&shown) {
            self.mark_read(shown.last);
        } else if let Some(no) = last_on_screen(&scroller) {
            self.mark_read(no);
        }
    }

    /// Reads up to a message, if it is on a screen that somebody looks at, who has met what is unread.
    fn mark_read(self, no: u64) {
        let visible = document().has_focus().unwrap_or(false);
        let unread = self.store.with_chat_untracked(self.chat_id, |chat| {
            let summary = &chat.summary;
            summary.read_no < no || summary.marked_unread
        });
        let met = self.first_unread.get_untracked().is_none();
        if visible && met && unread.unwrap_or(false) {
            self.store.mark_read(self.chat_id, no);
        }
    }
}

/// A message's row in the document.
pub fn row(no: u64) -> Option<web_sys::Element> {
    document().get_element_by_id(&format!("m{no}"))
}

/// The number of a message by its row.
pub fn number_of(row: &web_sys::Element) -> Option<u64> {
    row.id().strip_prefix('m')?.parse().ok()
}

/// What was said, without the day and the line that may come to stand above it, or go.
fn article(row: &web_sys::Element) -> Option<web_sys::HtmlElement> {
    row.query_selector("article").ok().flatten()?.dyn_into().ok()
}

/// Gives a message the focus, which shows which it is; false while it is not there.
fn mark(no: u64) -> bool {
    let Some(article) = row(no).and_then(|row| article(&row)) else { return false };
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    article.focus_with_options(&options).is_ok()
}

/// The first row that reaches into the screen.
fn first_on_screen(scroller: &web_sys::Element) -> Option<Place> {
    let edge = scroller.get_bounding_client_rect().top();
    let (rows, first) = ending_below(scroller, edge)?;
    let row = rows.item(first)?;
    Some(Place { no: number_of(&row)?, top: article(&row)?.get_bounding_client_rect().top() - edge })
}

/// The last row whose end is on the screen.
fn last_on_screen(scroller: &web_sys::Element) -> Option<u64> {
    let (rows, below) = ending_below(scroller, scroller.get_bounding_client_rect().bottom())?;
    number_of(&rows.item(below.checked_sub(1)?)?)
}

/// The rows, and which is the first to end below a line: they stand in order, so it is looked for by halves.
fn ending_below(scroller: &web_sys::Element, line: f64) -> Option<(web_sys::HtmlCollection, u32)> {
    let rows = scroller.query_selector(".messages").ok()??.children();
    let (mut low, mut high) = (0, rows.length());
    while low < high {
        let middle = low.midpoint(high);
        if rows.item(middle)?.get_bounding_client_rect().bottom() > line + 1.0 {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some((rows, low))
}
