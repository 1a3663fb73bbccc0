//! The messages of a conversation, oldest first.

use super::{api, words};
use crate::{
    i18n::{t_string, use_i18n},
    live::Store,
    ui::{Icon, Show, colour, outline, t, time},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{ChatKind, Message, MessageKind},
    ids::{ChatId, UserId},
    reducer::{ChatState, Unsent},
};
use std::sync::Arc;

/// Nearer to the end than this, less than a message, and new ones scroll into view.
const NEAR_END_PX: i32 = 40;
/// Nearer to the beginning than this, and older messages are loaded.
const NEAR_BEGINNING_PX: i32 = 120;

/// One row as it is drawn. Equal rows are not drawn again.
#[derive(Clone, PartialEq)]
struct Row {
    message: Arc<Message>,
    own: bool,
    /// The first of its sender's in this minute.
    leads: bool,
    /// The first of its day.
    opens_day: bool,
    /// The first that was unread when the page was opened.
    opens_unread: bool,
    named: bool,
}

/// Which messages stand in the timeline, and what lies around them.
#[derive(Clone, PartialEq, Default)]
struct Shown {
    first: u64,
    last: u64,
    last_no: u64,
}

/// The held messages around the one the page was opened at; without one, up to the newest.
fn shown(chat: &ChatState, anchor: Option<u64>) -> Shown {
    let last_no = chat.summary.chat.last_no;
    let held = chat.known.containing(anchor.unwrap_or(last_no)).or_else(|| chat.known.last());
    held.map_or(Shown { last_no, ..Shown::default() }, |(first, last)| Shown { first, last, last_no })
}

fn rows(chat: &ChatState, shown: &Shown, me: Option<UserId>, offset: i32, unread: Option<(u64, u64)>) -> Vec<Row> {
    let mut before: Option<Arc<Message>> = None;
    let group = chat.summary.chat.kind == ChatKind::Group;
    let mut unread_opened = false;
    let range = chat.messages.range(shown.first..=shown.last.max(shown.first));
    let row = |message: &Arc<Message>| {
        let (day, minute) = (message.created_at.local_day(offset), message.created_at.0 / 60_000);
        let follows = before.as_ref().is_some_and(|before| {
            before.sender_id == message.sender_id
                && before.kind != MessageKind::System
                && before.created_at.0 / 60_000 == minute
        });
        let opens_day = before.as_ref().is_none_or(|before| before.created_at.local_day(offset) != day);
        let own = Some(message.sender_id) == me;
        let opens_unread = !unread_opened
            && unread.is_some_and(|(read_no, last_no)| message.no > read_no && message.no <= last_no)
            && me.is_some_and(|me| message.counts_for(me));
        unread_opened |= opens_unread;
        before = Some(message.clone());
        let leads = !follows || opens_day || opens_unread;
        Row { message: message.clone(), own, leads, opens_day, opens_unread, named: group && !own && leads }
    };
    range.map(|(_, message)| message).map(row).collect()
}

#[component]
pub fn Timeline(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let scroller = NodeRef::<html::Div>::new();
    let opened = Memo::new(move |_| {
        store.page.with(|page| {
            let opened = page.opened.as_ref().filter(|opened| opened.chat_id == chat_id)?;
            let last = opened.history.items.last().map(|message| message.no);
            // A window that does not reach the newest stays where it is.
            let anchor = last.filter(|last| *last < opened.history.last_no);
            Some((anchor, opened.at))
        })
    });
    let anchor = Memo::new(move |_| opened.get().and_then(|(anchor, _)| anchor));
    // As of the opening: what arrives while one looks is not marked as new.
    let unread = store.state.with_untracked(|state| {
        state.chats.get(&chat_id).map(|chat| (chat.summary.read_no, chat.summary.chat.last_no))
    });
    let shown = Memo::new(move |_| store.with_chat(chat_id, |chat| shown(chat, anchor.get())).unwrap_or_default());
    let rows = Memo::new(move |_| {
        store.with_chat(chat_id, |chat| rows(chat, &shown.get(), store.me(), store.offset, unread)).unwrap_or_default()
    });
    let unsent = Memo::new(move |_| store.state.with(|state| state.unsent(chat_id).cloned().collect::<Vec<_>>()));
    let has_older = Memo::new(move |_| shown.with(|shown| shown.first > 1));
    let has_newer = Memo::new(move |_| shown.with(|shown| shown.last < shown.last_no));
    let read_by_others =
        Memo::new(move |_| store.with_chat(chat_id, |chat| chat.summary.read_by_others_no).unwrap_or(0));
    let follow = Follow::new(store, chat_id, scroller, shown);
    let older = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        follow.load_older();
    };
    view! {
        <div class="timeline" node_ref=scroller on:scroll=move |_| follow.scrolled() tabindex="0" role="log"
            aria-label=t!(i18n, chat.messages) aria-live="off">
            <Show when=move || has_older.get()>
                <p class="centered-line">
                    <a class="button" href=move || format!("/chats/{chat_id}?before={}", shown.with(|shown| shown.first)) on:click=older>
                        {t!(i18n, chat.older)}
                    </a>
                </p>
            </Show>
            <ol class="messages">
                <For each=move || rows.get() key=|row| (row.message.no, row.message.seq, row.leads, row.opens_day, row.opens_unread) let:row>
                    <MessageRow row read_by_others />
                </For>
            </ol>
            <ol class="messages" class:empty=move || unsent.with(Vec::is_empty)>
                <For each=move || unsent.get() key=|unsent| (unsent.client_id, unsent.refused.is_some()) let:unsent>
                    <UnsentRow unsent />
                </For>
            </ol>
            <Show when=move || has_newer.get()>
                <p class="centered-line">
                    <a class="button" href=move || format!("/chats/{chat_id}?after={}", shown.with(|shown| shown.last))>{t!(i18n, chat.newer)}</a>
                    <a class="button" href=format!("/chats/{chat_id}") rel="external">{t!(i18n, chat.newest)}</a>
                </p>
            </Show>
            <Show when=move || rows.with(Vec::is_empty) && unsent.with(Vec::is_empty)>
                <p class="centered-line text-muted">{t!(i18n, chat.empty)}</p>
            </Show>
        </div>
        <Show when=move || follow.away.get()>
            <button class="icon-button to-newest" on:click=move |_| follow.to_end() aria-label=t!(i18n, chat.newest)>
                <Icon d=outline::DOWN />
            </button>
        </Show>
        <Announcer chat_id rows=rows />
    }
    .into_any()
}

#[component]
fn MessageRow(row: Row, read_by_others: Memo<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let Row { message, own, leads, opens_day, opens_unread, named } = row;
    let (sender, no, sent) = (message.sender_id, message.no, message.created_at);
    let day = opens_day.then(|| view! { <p class="day">{move || time::date(i18n, sent, store.offset)}</p> });
    let divider = opens_unread.then(|| view! { <p class="unread-divider">{t!(i18n, chat.new_messages)}</p> });
    let body = if let Some(event) = message.event.clone() {
        view! { <article class="event"><p dir="auto">{move || words::event(i18n, store, &event)}</p></article> }
            .into_any()
    } else {
        let text = message.text.clone();
        let deleted = message.deleted;
        let state = move || {
            if read_by_others.get() >= no {
                (outline::TICKS, t_string!(i18n, chat.read))
            } else {
                (outline::TICK, t_string!(i18n, chat.sent))
            }
        };
        view! {
            <article class="bubble" class:own=own class:leads=leads>
                <p class="author" class:sr-only=!named><bdi class=move || colour(&store.name(sender))>{move || store.name(sender)}</bdi></p>
                {if deleted {
                    view! { <p class="text text-muted italic">{t!(i18n, chat.deleted)}</p> }.into_any()
                } else {
                    view! { <p class="text" dir="auto">{text}</p> }.into_any()
                }}
                <p class="meta">
                    <time::Clock time=sent />
                    {own.then(|| view! {
                        <span class="state">{move || view! { <Icon d=state().0 /><span class="sr-only">{state().1}</span> }}</span>
                    })}
                </p>
            </article>
        }.into_any()
    };
    view! { <li id=format!("m{no}") class="message">{day}{divider}{body}</li> }.into_any()
}

/// A message on its way, or refused.
#[component]
fn UnsentRow(unsent: Unsent) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let client_id = unsent.client_id;
    let retry = move |_| {
        store.state.update(|state| state.set_refused(client_id, None));
        store.wake();
    };
    let discard = move |_| store.state.update(|state| state.discard(client_id));
    view! {
        <li class="message">
            <article class="bubble own leads" class:refused=unsent.refused.is_some()>
                <p class="author sr-only">{t!(i18n, chat.you)}</p>
                <p class="text" dir="auto">{unsent.text.clone()}</p>
                <p class="meta">
                    {if unsent.refused.is_some() {
                        view! {
                            <span class="state problem"><Icon d=outline::ALERT />{t!(i18n, chat.not_sent)}</span>
                            <button class="link" on:click=retry>{t!(i18n, chat.retry)}</button>
                            <button class="link" on:click=discard>{t!(i18n, chat.delete)}</button>
                        }.into_any()
                    } else {
                        view! { <span class="state"><Icon d=outline::CLOCK /><span class="sr-only">{t!(i18n, chat.sending)}</span></span> }.into_any()
                    }}
                </p>
            </article>
        </li>
    }
    .into_any()
}

/// Tells screen readers of new messages, politely and not in a flood.
#[component]
fn Announcer(chat_id: ChatId, rows: Memo<Vec<Row>>) -> impl IntoView {
    let store = Store::current();
    let said = RwSignal::new(String::new());
    Effect::new(move |before: Option<(ChatId, u64, i64)>| {
        let newest = rows.with(|rows| rows.last().cloned());
        let no = newest.as_ref().map_or(0, |row| row.message.no);
        let now = crate::live::now(store).0;
        let Some((_, last, at)) = before else { return (chat_id, no, 0) };
        if no <= last || now - at < 2_000 {
            return (chat_id, last.max(no), at);
        }
        if let Some(row) = newest.filter(|row| !row.own && row.message.event.is_none()) {
            said.set(format!("{}: {}", store.name(row.message.sender_id), row.message.text));
        }
        (chat_id, no, now)
    });
    view! { <p class="sr-only" role="status" aria-live="polite">{said}</p> }.into_any()
}

/// Keeps the newest message in view while the reader is at the end, and loads more at the top.
#[derive(Clone, Copy)]
struct Follow {
    store: Store,
    chat_id: ChatId,
    scroller: NodeRef<html::Div>,
    shown: Memo<Shown>,
    at_end: StoredValue<bool>,
    away: RwSignal<bool>,
    loading: StoredValue<bool>,
}

impl Follow {
    fn new(store: Store, chat_id: ChatId, scroller: NodeRef<html::Div>, shown: Memo<Shown>) -> Self {
        let follow = Self {
            store,
            chat_id,
            scroller,
            shown,
            // Nobody has seen the end before the first look.
            at_end: StoredValue::new(false),
            away: RwSignal::new(false),
            loading: StoredValue::new(false),
        };
        // Whatever changes the rows, the end stays in view for whoever is there, and counts as read.
        Effect::new(move |opened: Option<bool>| {
            let count = store.state.with(|state| state.unsent(chat_id).count());
            let shown = shown.get();
            if opened.is_none() {
                follow.open();
            } else if follow.at_end.get_value() || count > 0 {
                request_animation_frame(move || follow.to_end());
            }
            if follow.at_end.get_value() {
                follow.mark_read(&shown);
            }
            true
        });
        let returned = window_event_listener(leptos::ev::focus, move |_| {
            if follow.at_end.get_value() {
                follow.mark_read(&follow.shown.get_untracked());
            }
        });
        on_cleanup(move || returned.remove());
        follow
    }

    /// The first look: at the message the address points to, at the first unread, else at the end.
    fn open(self) {
        request_animation_frame(move || {
            // Whoever went back at once has no timeline any more.
            let Some(scroller) = self.scroller.try_get_untracked().flatten() else { return };
            let hash = window().location().hash().unwrap_or_default();
            let pointed = (hash.len() > 2).then(|| document().get_element_by_id(&hash[1..])).flatten();
            let divider = scroller.query_selector(".unread-divider").ok().flatten();
            match pointed.or(divider) {
                Some(target) => target.scroll_into_view_with_bool(true),
                None => self.to_end(),
            }
            self.scrolled();
        });
    }

    fn to_end(self) {
        if let Some(scroller) = self.scroller.try_get_untracked().flatten() {
            scroller.set_scroll_top(scroller.scroll_height());
            self.scrolled();
        }
    }

    fn scrolled(self) {
        let Some(scroller) = self.scroller.try_get_untracked().flatten() else { return };
        let left = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
        let at_end = left < NEAR_END_PX;
        self.at_end.set_value(at_end);
        if self.away.get_untracked() == at_end {
            self.away.set(!at_end);
        }
        if at_end {
            self.mark_read(&self.shown.get_untracked());
        }
        if scroller.scroll_top() < NEAR_BEGINNING_PX {
            self.load_older();
        }
    }

    /// Reads up to the newest message, if it is on a screen that somebody looks at.
    fn mark_read(self, shown: &Shown) {
        let visible = document().has_focus().unwrap_or(false);
        let (chat_id, last) = (self.chat_id, shown.last);
        let read_no = self.store.state.with_untracked(|state| state.chats.get(&chat_id).map(|c| c.summary.read_no));
        if visible && last == shown.last_no && read_no.is_some_and(|read_no| read_no < last) {
            self.store.mark_read(chat_id, last);
        }
    }

    /// Adds the messages before those shown, without a jump of those on the screen.
    fn load_older(self) {
        let first = self.shown.with_untracked(|shown| shown.first);
        if first <= 1 || self.loading.get_value() {
            return;
        }
        self.loading.set_value(true);
        leptos::task::spawn_local(async move {
            let loaded = api::load_history(self.chat_id, Some(first), None).await;
            let Some(scroller) = self.scroller.try_get_untracked().flatten() else { return };
            let below = scroller.scroll_height() - scroller.scroll_top();
            if let Ok(history) = loaded {
                self.store.add_history(self.chat_id, history);
            }
            request_animation_frame(move || {
                if let Some(scroller) = self.scroller.try_get_untracked().flatten() {
                    scroller.set_scroll_top(scroller.scroll_height() - below);
                }
                self.loading.set_value(false);
            });
        });
    }
}

/// The form that marks a chat as read where nothing else can.
#[component]
pub fn MarkReadForm(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let last_no = store.with_chat(chat_id, |chat| chat.summary.chat.last_no).unwrap_or(0);
    view! {
        <form method="post" action=api::MarkRead::url() class="only-without-script">
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="no" value=last_no.to_string() />
            <button class="button">{t!(i18n, chat.mark_read)}</button>
        </form>
    }
    .into_any()
}
