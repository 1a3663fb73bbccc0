//! The messages of a conversation, oldest first.

use super::{
    api,
    message::{MessageRow, Place, Row, UnsentRow},
    scroll::{self, Scroll, Shown},
    talk::{Jump, Talk, Writing},
    words,
};
use crate::{
    address::{Address, At},
    i18n::use_i18n,
    live::{Connection, Notice, Store, load_quoted},
    ui::{For, I18n, Icon, Show, counted, effect, focus, follow, memo, outline, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{ChatSummary, Message, MessageKind},
    error::ErrorCode,
    ids::{ChatId, UserId},
    limits,
    reducer::{ChatState, Part, Unsent},
};
use std::{sync::Arc, time::Duration};
use wasm_bindgen::JsCast as _;

/// What was unread when the conversation was opened: more than `read_no`, at most `last_no`.
#[derive(Clone, Copy)]
struct Unread {
    read_no: u64,
    last_no: u64,
}

impl Unread {
    fn of(chat: &ChatState) -> Self {
        let ChatSummary { read_no, chat, .. } = &chat.summary;
        Self { read_no: *read_no, last_no: chat.last_no }
    }

    /// The first of it, where that can be told from the messages held.
    fn first(self, chat: &ChatState, me: UserId) -> Option<u64> {
        let next = self.read_no + 1;
        let (_, held) = chat.known.containing(next).filter(|_| next <= self.last_no)?;
        let mut messages = chat.messages.range(next..=self.last_no.min(held));
        messages.find(|(_, message)| message.counts_for(me)).map(|(no, _)| *no)
    }
}

fn rows(chat: &ChatState, shown: Shown, me: Option<UserId>, offset: i32, unread: Option<Unread>) -> Vec<Row> {
    let mut before: Option<Arc<Message>> = None;
    let first_unread = unread.and_then(|unread| unread.first(chat, me?));
    let range = chat.messages.range(shown.first..=shown.last.max(shown.first));
    let row = |message: &Arc<Message>| {
        let (day, minute) = (message.created_at.local_day(offset), message.created_at.0 / 60_000);
        let follows = before.as_ref().is_some_and(|before| {
            before.sender_id == message.sender_id
                && before.kind != MessageKind::System
                && before.created_at.0 / 60_000 == minute
        });
        let opens_day = before.as_ref().is_none_or(|before| before.created_at.local_day(offset) != day);
        let opens_unread = first_unread == Some(message.no);
        before = Some(message.clone());
        let place = Place { leads: !follows || opens_day || opens_unread, opens_day, opens_unread };
        Row { message: message.clone(), place }
    };
    range.map(|(_, message)| message).map(row).collect()
}

/// An answer, come just now or still being written, may quote what is not held: that is fetched, and nothing
/// around it, which would change what is in the document.
fn bring_quoted(talk: Talk, reader: Scroll, rows: Memo<Vec<Row>>, unsent: Memo<Vec<Unsent>>) {
    let Talk { store, chat_id, .. } = talk;
    let unheld = memo(move || {
        let shows_quote = |row: &&Row| !row.message.deleted;
        let mut nos: Vec<u64> =
            rows.with(|rows| rows.iter().filter(shows_quote).filter_map(|row| row.message.reply_to).collect());
        nos.extend(unsent.get().iter().filter_map(|unsent| unsent.reply_to));
        if let Writing::Reply(no) = talk.writing.get() {
            nos.push(no);
        }
        store.with_chat(chat_id, |chat| nos.retain(|no| !chat.messages.contains_key(no)));
        nos.truncate(limits::HISTORY_MAX as usize);
        nos.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
    });
    effect(move || {
        let nos = unheld.get();
        if nos.is_empty() || !reader.ready.get() || store.connection.get() != Connection::Open {
            return;
        }
        leptos::task::spawn_local(async move {
            if let Ok(quoted) = load_quoted(chat_id, nos).await {
                store.add_history(chat_id, quoted);
            }
        });
    });
}

#[component]
pub fn Timeline() -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let Talk { store, chat_id, .. } = talk;
    let scroller = NodeRef::<html::Div>::new();
    // As of the opening: what arrives while one looks is not marked as new.
    let unread = store.with_chat_untracked(chat_id, Unread::of);
    let is_unread = store.with_chat_untracked(chat_id, |chat| chat.summary.unread > 0) == Some(true);
    let first_unread = unread.filter(|_| is_unread).map(|unread| unread.read_no + 1);
    let reader = Scroll::new(talk, scroller, first_unread);
    let shown = reader.shown;
    let rows = memo(move || {
        store.with_chat(chat_id, |chat| rows(chat, shown.get(), store.me(), store.offset, unread)).unwrap_or_default()
    });
    let unsent =
        memo(move || store.read(Part::Chat(chat_id), |state| state.unsent(chat_id).cloned().collect::<Vec<_>>()));
    bring_quoted(talk, reader, rows, unsent);
    let has_older = memo(move || shown.get().first > 1);
    let has_newer = memo(move || shown.get().last < shown.get().last_no);
    let read_by_others = memo(move || store.with_chat(chat_id, |chat| chat.summary.read_by_others_no).unwrap_or(0));
    let unread_count = memo(move || store.with_chat(chat_id, |chat| chat.summary.unread).unwrap_or(0));
    view! {
        <div class="timeline-place">
        <div class="timeline" node_ref=scroller tabindex="0" role="log" aria-label=t!(i18n, chat.messages) aria-live="off"
            on:scroll=move |_| reader.scrolled()
            on:scrollend=move |_| reader.rested()
            on:click=move |event| clicked(talk, &event)
            on:mouseover=move |event| hovered(talk, event.target())
            on:mouseleave=move |_| hovered(talk, None)
            on:keydown=move |event| pressed(talk, &event)>
            <Show when=move || has_older.get()>
                <p class="centered-line only-without-script">
                    <a class="button" href=follow(move || Address::Chat(chat_id, At::Before(shown.get().first)).href())>{t!(i18n, chat.older)}</a>
                </p>
            </Show>
            <ol class="messages">
                <For each=move || rows.get() key=|row| row.message.no let:row>
                    <MessageRow message=row.message rows read_by_others />
                </For>
            </ol>
            <ol class="messages unsent" class:empty=follow(move || unsent.with(Vec::is_empty))>
                <For each=move || unsent.get() key=|unsent| (unsent.client_id, unsent.refused.is_some()) let:unsent>
                    <UnsentRow unsent />
                </For>
            </ol>
            <Show when=move || has_newer.get()>
                <p class="centered-line only-without-script">
                    <a class="button" href=follow(move || Address::Chat(chat_id, At::After(shown.get().last)).href())>{t!(i18n, chat.newer)}</a>
                    <a class="button" href=Address::chat(chat_id).href() rel="external">{t!(i18n, chat.newest)}</a>
                </p>
            </Show>
            <Show when=move || rows.with(Vec::is_empty) && unsent.with(Vec::is_empty)>
                <p class="centered-line text-muted">{t!(i18n, chat.empty)}</p>
            </Show>
        </div>
        <ToUnread reader unread=unread_count />
        <ToNewest away=reader.away unread=unread_count />
        </div>
        <Announcer />
    }
    .into_any()
}

/// The way to the first unread message, until the reader has met it, or nobody wants it.
#[component]
fn ToUnread(reader: Scroll, unread: Memo<u32>) -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let no = move || reader.unmet().unwrap_or(1);
    let go = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        talk.jump.set(Some(Jump::To(untrack(no))));
    };
    view! {
        <Show when=move || reader.unmet().is_some()>
            <div class="to-unread">
                <a class="button" href=follow(move || Address::message(talk.chat_id, no()).href()) on:click=go>
                    {t!(i18n, chat.first_unread)}<span class="badge unread">{unread}</span>
                </a>
                <button class="icon-button only-with-script" aria-label=t!(i18n, chat.mark_read) title=t!(i18n, chat.mark_read)
                    on:click=move |_| reader.pass_unread()><Icon d=outline::CLOSE /></button>
            </div>
        </Show>
    }
    .into_any()
}

/// The way to the newest message, and how many there are to read.
#[component]
fn ToNewest(away: RwSignal<bool>, unread: Memo<u32>) -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let go = move |_| {
        talk.jump.set(Some(Jump::Newest));
        // The button goes; where it leads has the focus.
        focus(".timeline");
    };
    view! {
        <Show when=move || away.get()>
            <button class="icon-button to-newest" on:click=go aria-label=t!(i18n, chat.newest)>
                <Icon d=outline::DOWN />
                <Show when=move || { unread.get() > 0 }><span class="badge unread">{unread}</span></Show>
            </button>
        </Show>
    }
    .into_any()
}

/// The element among those around a target that is of this selector.
fn closest(target: Option<web_sys::EventTarget>, selector: &str) -> Option<web_sys::Element> {
    target?.dyn_into::<web_sys::Element>().ok()?.closest(selector).ok().flatten()
}

/// One listener for all rows: what is pressed says what it does (`data-do`) and to which message.
fn clicked(talk: Talk, event: &leptos::ev::MouseEvent) {
    let row = closest(event.target(), ".message").and_then(|row| scroll::number_of(&row));
    if talk.selected.with_untracked(Option::is_some) {
        event.prevent_default();
        row.into_iter().for_each(|no| talk.toggle(no));
        return;
    }
    let Some(pressed) = closest(event.target(), "[data-do]") else { return };
    let name = pressed.get_attribute("data-do").unwrap_or_default();
    let no = pressed.get_attribute("data-no").and_then(|no| no.parse().ok()).or(row);
    event.prevent_default();
    match (name.as_str(), no) {
        ("code", _) => {
            let code = pressed.parent_element().and_then(|block| block.query_selector("code").ok().flatten());
            copy(talk.store, &code.and_then(|code| code.text_content()).unwrap_or_default());
        }
        ("copy", Some(no)) => {
            copy(talk.store, &talk.message(no).map(|message| message.text.clone()).unwrap_or_default())
        }
        ("link", Some(no)) => {
            let origin = window().location().origin().unwrap_or_default();
            copy(talk.store, &(origin + &Address::message(talk.chat_id, no).href()));
        }
        ("menu", Some(no)) => {
            talk.menu.set(Some(no));
            request_animation_frame(move || focus_in_row(no, ".row-actions button"));
        }
        (name, Some(no)) => {
            // What comes up gives the focus back to the message, because its buttons go.
            focus_in_row(no, "article");
            talk.act(name, no);
        }
        _ => {}
    }
}

fn copy(store: Store, text: &str) {
    #[cfg(feature = "hydrate")]
    {
        let copied = window().navigator().clipboard().write_text(text);
        leptos::task::spawn_local(async move {
            let copied = wasm_bindgen_futures::JsFuture::from(copied).await;
            store.notice.set(Some(copied.map_or(Notice::Failed(ErrorCode::Forbidden), |_| Notice::Copied)));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, text, Notice::Copied, ErrorCode::Forbidden);
}

/// The pointer is over a message, or has left them all. Rows that move under a pointer which rests take no menu
/// from whoever is in it by keys.
fn hovered(talk: Talk, target: Option<web_sys::EventTarget>) {
    let in_menu = document().active_element().is_some_and(|at| at.closest(".actions").ok().flatten().is_some());
    let left = target.is_none();
    let no = closest(target, ".message").and_then(|row| scroll::number_of(&row));
    if (no.is_some() || left) && talk.menu.get_untracked() != no && !in_menu {
        talk.menu.set(no);
    }
}

fn focus_in_row(no: u64, selector: &str) {
    focus(&format!("#m{no} {selector}"));
}

/// The arrow keys walk from message to message; Enter goes to what can be done with it, Escape back.
fn pressed(talk: Talk, event: &leptos::ev::KeyboardEvent) {
    let row = closest(event.target(), ".message");
    let in_article = closest(event.target(), "article, .timeline").is_some_and(|of| Some(of.into()) == event.target());
    let step = |row: &web_sys::Element, back: bool| {
        if back { row.previous_element_sibling() } else { row.next_element_sibling() }
    };
    let key = event.key();
    match (key.as_str(), row) {
        ("ArrowUp" | "ArrowDown" | "Home" | "End", row) if in_article => {
            let list = || document().query_selector(".timeline .messages").ok().flatten();
            let target = match (key.as_str(), row) {
                ("ArrowUp", Some(row)) => step(&row, true),
                ("ArrowDown", Some(row)) => step(&row, false),
                ("Home" | "End", _) => {
                    event.prevent_default();
                    let last_no = talk.store.with_chat_untracked(talk.chat_id, |chat| chat.summary.chat.last_no);
                    return talk.jump.set(Some(Jump::To(if key == "Home" { 1 } else { last_no.unwrap_or(1) })));
                }
                _ => list().and_then(|list| list.last_element_child()),
            };
            if let Some(no) = target.as_ref().and_then(scroll::number_of) {
                event.prevent_default();
                focus_in_row(no, "article");
                talk.menu.set(None);
            }
        }
        ("Enter" | "ContextMenu", Some(row)) if in_article => {
            let Some(no) = scroll::number_of(&row) else { return };
            event.prevent_default();
            talk.menu.set(Some(no));
            request_animation_frame(move || focus_in_row(no, ".row-actions button"));
        }
        (" ", Some(row)) if in_article && talk.selected.with_untracked(Option::is_some) => {
            event.prevent_default();
            scroll::number_of(&row).into_iter().for_each(|no| talk.toggle(no));
        }
        ("Escape", Some(row)) => {
            talk.menu.set(None);
            talk.selected.set(None);
            if let Some(no) = scroll::number_of(&row).filter(|_| !in_article) {
                focus_in_row(no, "article");
            } else {
                focus(".composer-input");
            }
        }
        _ => {}
    }
}

/// Tells screen readers of what others write from now on, politely and not in a flood: what comes within
/// two seconds of the last word is told together.
#[derive(Clone, Copy)]
struct Announcements {
    talk: Talk,
    i18n: I18n,
    /// Up to which message all is told.
    told: StoredValue<u64>,
    resting: StoredValue<bool>,
    /// What is said now, and how many messages it is about.
    said: RwSignal<String>,
    count: RwSignal<usize>,
}

impl Announcements {
    const PACE: Duration = Duration::from_secs(2);

    /// Says what is new, unless something was said just now; then, once that has rested.
    fn say(self) {
        let Some(before) = self.told.try_get_value().filter(|_| !self.resting.get_value()) else { return };
        let Some((no, new, words)) = untrack(|| self.news(before)) else { return };
        self.told.set_value(no);
        self.resting.set_value(true);
        self.count.set(new);
        self.said.set(words);
        let rested = move || {
            if self.resting.try_set_value(false).is_none() {
                self.say();
            }
        };
        set_timeout(rested, Self::PACE);
    }

    /// The newest message of others' after `before`, how many there are, and its words.
    fn news(self, before: u64) -> Option<(u64, usize, String)> {
        let Talk { store, chat_id, .. } = self.talk;
        let me = store.me()?;
        let (last, count) = store.with_chat(chat_id, |chat| {
            let messages = chat.messages.range(before + 1..).map(|(_, message)| message);
            let new: Vec<_> = messages.filter(|message| message.counts_for(me)).collect();
            Some((Arc::clone(new.last()?), new.len()))
        })??;
        Some((last.no, count, format!("{}: {}", store.name(last.sender_id), words::line(self.i18n, &last))))
    }
}

#[component]
fn Announcer() -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let last_no = |chat: &ChatState| chat.summary.chat.last_no;
    let (said, count) = (RwSignal::new(String::new()), RwSignal::new(0_usize));
    let told = StoredValue::new(talk.store.with_chat_untracked(talk.chat_id, last_no).unwrap_or(0));
    let announcements = Announcements { talk, i18n, told, resting: StoredValue::new(false), said, count };
    let newest = memo(move || talk.store.with_chat(talk.chat_id, last_no).unwrap_or(0));
    effect(move || {
        newest.get();
        announcements.say();
    });
    view! {
        <p class="sr-only" role="status" aria-live="polite">
            {follow(move || (count.get() > 1).then(|| {
                view! { {count.get().to_string()}" "{counted!(i18n, chat.unread, count.get() as u64)}". " }.into_any()
            }))}
            {said}
        </p>
    }
    .into_any()
}

/// The form that marks a chat as read where nothing else can.
#[component]
pub fn MarkReadForm(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let chat = store.with_chat(chat_id, |chat| (chat.summary.chat.last_no, chat.summary.unread));
    let (last_no, unread) = chat.unwrap_or_default();
    (unread > 0)
        .then(|| {
            view! {
                <form method="post" action=api::MarkRead::url() class="only-without-script">
                    <input type="hidden" name="chat_id" value=chat_id.to_string() />
                    <input type="hidden" name="no" value=last_no.to_string() />
                    <button class="button">{t!(i18n, chat.mark_read)}</button>
                </form>
            }
        })
        .into_any()
}
