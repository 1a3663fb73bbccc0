//! The messages of a conversation, oldest first.

use super::{
    api,
    message::{MessageRow, Place, Row, UnsentRow},
    scroll::{self, Scroll, Shown},
    talk::{Jump, Talk},
    words,
};
use crate::{
    i18n::use_i18n,
    live::{Notice, Store},
    ui::{For, Icon, Show, effect_from, follow, memo, outline, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{Message, MessageKind},
    ids::{ChatId, UserId},
    reducer::ChatState,
};
use std::sync::Arc;
use wasm_bindgen::JsCast as _;

fn rows(chat: &ChatState, shown: Shown, me: Option<UserId>, offset: i32, unread: Option<(u64, u64)>) -> Vec<Row> {
    let mut before: Option<Arc<Message>> = None;
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
        let opens_unread = !unread_opened
            && unread.is_some_and(|(read_no, last_no)| message.no > read_no && message.no <= last_no)
            && me.is_some_and(|me| message.counts_for(me));
        unread_opened |= opens_unread;
        before = Some(message.clone());
        let place = Place { leads: !follows || opens_day || opens_unread, opens_day, opens_unread };
        Row { message: message.clone(), place }
    };
    range.map(|(_, message)| message).map(row).collect()
}

#[component]
pub fn Timeline() -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let Talk { store, chat_id, .. } = talk;
    let scroller = NodeRef::<html::Div>::new();
    // As of the opening: what arrives while one looks is not marked as new.
    let unread = store.read_untracked(|state| {
        state.chats.get(&chat_id).map(|chat| (chat.summary.read_no, chat.summary.chat.last_no))
    });
    let reader = Scroll::new(talk, scroller);
    let shown = reader.shown;
    let rows = memo(move || {
        store.with_chat(chat_id, |chat| rows(chat, shown.get(), store.me(), store.offset, unread)).unwrap_or_default()
    });
    let unsent = memo(move || store.read(|state| state.unsent(chat_id).cloned().collect::<Vec<_>>()));
    let has_older = memo(move || shown.get().first > 1);
    let has_newer = memo(move || shown.get().last < shown.get().last_no);
    let read_by_others = memo(move || store.with_chat(chat_id, |chat| chat.summary.read_by_others_no).unwrap_or(0));
    let key = |row: &Row| (row.message.no, row.message.edited_at, row.message.deleted);
    view! {
        <div class="timeline-place">
        <div class="timeline" node_ref=scroller tabindex="0" role="log" aria-label=t!(i18n, chat.messages) aria-live="off"
            on:scroll=move |_| reader.scrolled()
            on:click=move |event| clicked(talk, &event)
            on:mouseover=move |event| hovered(talk, event.target())
            on:mouseleave=move |_| talk.menu.set(None)
            on:keydown=move |event| pressed(talk, &event)>
            <Show when=move || has_older.get()>
                <p class="centered-line only-without-script">
                    <a class="button" href=follow(move || format!("/chats/{chat_id}?before={}", shown.get().first))>{t!(i18n, chat.older)}</a>
                </p>
            </Show>
            <ol class="messages">
                <For each=move || rows.get() key=key let:row>
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
                    <a class="button" href=follow(move || format!("/chats/{chat_id}?after={}", shown.get().last))>{t!(i18n, chat.newer)}</a>
                    <a class="button" href=format!("/chats/{chat_id}") rel="external">{t!(i18n, chat.newest)}</a>
                </p>
            </Show>
            <Show when=move || rows.with(Vec::is_empty) && unsent.with(Vec::is_empty)>
                <p class="centered-line text-muted">{t!(i18n, chat.empty)}</p>
            </Show>
        </div>
        <ToNewest away=reader.away />
        </div>
        <Announcer chat_id rows=rows />
    }
    .into_any()
}

/// The way to the newest message, and how many there are to read.
#[component]
fn ToNewest(away: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let unread = memo(move || talk.store.with_chat(talk.chat_id, |chat| chat.summary.unread).unwrap_or(0));
    view! {
        <Show when=move || away.get()>
            <button class="icon-button to-newest" on:click=move |_| talk.jump.set(Some(Jump::Newest)) aria-label=t!(i18n, chat.newest)>
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
            copy(talk.store, &format!("{origin}/chats/{}?at={no}#m{no}", talk.chat_id));
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
            if wasm_bindgen_futures::JsFuture::from(copied).await.is_ok() {
                store.notice.set(Some(Notice::Copied));
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, text, Notice::Copied);
}

fn hovered(talk: Talk, target: Option<web_sys::EventTarget>) {
    let no = closest(target, ".message").and_then(|row| scroll::number_of(&row));
    if no.is_some() && talk.menu.get_untracked() != no {
        talk.menu.set(no);
    }
}

fn focus_in_row(no: u64, selector: &str) {
    let found = scroll::row(no).and_then(|row| row.query_selector(selector).ok().flatten());
    if let Some(found) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = found.focus();
    }
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
                ("Home", _) => list().and_then(|list| list.first_element_child()),
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
                super::composer::focus();
            }
        }
        _ => {}
    }
}

/// Tells screen readers of new messages, politely and not in a flood.
#[component]
fn Announcer(chat_id: ChatId, rows: Memo<Vec<Row>>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let said = RwSignal::new(String::new());
    effect_from(move |before: Option<(ChatId, u64, i64)>| {
        let newest = rows.with(|rows| rows.last().cloned());
        let no = newest.as_ref().map_or(0, |row| row.message.no);
        let now = crate::live::now(store).0;
        let Some((_, last, at)) = before else { return (chat_id, no, 0) };
        if no <= last || now - at < 2_000 {
            return (chat_id, last.max(no), at);
        }
        let me = store.me();
        if let Some(row) = newest.filter(|row| Some(row.message.sender_id) != me && row.message.event.is_none()) {
            said.set(format!("{}: {}", store.name(row.message.sender_id), words::line(i18n, &row.message)));
        }
        (chat_id, no, now)
    });
    view! { <p class="sr-only" role="status" aria-live="polite">{said}</p> }.into_any()
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
