//! The reader's own state of a chat: muted, pinned, archived, unread.

use super::api;
use crate::{
    i18n::{texts, use_i18n},
    live::{Before, Notice, Store, Undo, quietly},
    ui::{FormError, Show, memo, reactive, t, time, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{ChatKind, ChatSummary},
    ids::ChatId,
    limits,
};

/// In milliseconds. A mute that ends after more than a year is shown without an end.
const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000;

/// A submit handler for the forms of a chat's own state. After the change, a toast offers to undo it.
pub fn changes(store: Store, chat_id: ChatId) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    move |event| {
        let change = event.submitter().and_then(|button| change(store, chat_id, &button));
        quietly(store, change)(event);
    }
}

/// The words for the change that a button makes, and the form that undoes it.
fn change(store: Store, chat_id: ChatId, button: &web_sys::HtmlElement) -> Option<Notice> {
    let (name, value) = (button.get_attribute("name")?, button.get_attribute("value")?);
    let undo = |field, before| Undo { chat_id, field, before };
    if name == "mute" {
        let until = |chat: &protocol::reducer::ChatState| {
            chat.summary.muted_until.filter(|_| store.is_muted(&chat.summary)).map_or(0, |until| until.0)
        };
        let before = store.with_chat_untracked(chat_id, until)?;
        let words = if value == "0" { texts::notices::unmuted } else { texts::notices::muted };
        return Some(Notice::Changed(words, undo("muted_until", Before::Time(before))));
    }
    let (field, [off, on]) = match name.as_str() {
        "pinned" => ("pinned", [texts::notices::unpinned, texts::notices::pinned]),
        "archived" => ("archived", [texts::notices::unarchived, texts::notices::archived]),
        "marked_unread" => ("marked_unread", [texts::notices::marked_read, texts::notices::marked_unread]),
        _ => return None,
    };
    let sets = value == "true";
    Some(Notice::Changed(if sets { on } else { off }, undo(field, Before::Mark(!sets))))
}

#[component]
pub fn OwnState(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let is = move |what: fn(&ChatSummary) -> bool| {
        memo(move || store.with_chat(chat_id, |chat| what(&chat.summary)).unwrap_or(false))
    };
    let muted_until = memo(move || {
        store.with_chat(chat_id, |chat| chat.summary.muted_until.filter(|_| store.is_muted(&chat.summary))).flatten()
    });
    let state = move || match muted_until.get() {
        None => t!(i18n, chat.mute).into_any(),
        Some(until) if until.0 - store.rendered_at > YEAR => t!(i18n, chat.muted).into_any(),
        Some(until) => t!(i18n, chat.muted_until, when = move || time::short(i18n, until, &store.zone())).into_any(),
    };
    // A user's own notes send no notifications.
    let can_be_muted = is(|summary| summary.chat.kind != ChatKind::Saved);
    let mute = move |hours: u32, words: Words| {
        view! { <button class="button" name="mute" value=hours.to_string()>{words}</button> }.into_any()
    };
    view! {
        <section class="stack">
            <FormError form="own_state" />
            <Show when=move || can_be_muted.get()>
                <h2>{reactive(state)}</h2>
                <form method="post" action=api::OwnState::url() class="choices" on:submit=changes(store, chat_id)>
                    <input type="hidden" name="chat_id" value=chat_id.to_string() />
                    {mute(1, t!(i18n, chat.mute_hour))}
                    {mute(8, t!(i18n, chat.mute_hours))}
                    {mute(limits::MUTE_FOR_EVER, t!(i18n, chat.mute_ever))}
                    <Show when=move || muted_until.get().is_some()>{mute(0, t!(i18n, chat.unmute))}</Show>
                </form>
            </Show>
            <form method="post" action=api::OwnState::url() class="choices" on:submit=changes(store, chat_id)>
                <input type="hidden" name="chat_id" value=chat_id.to_string() />
                <Toggle name="pinned" on=is(|s| s.pinned) words=[t!(i18n, chat.pin), t!(i18n, chat.unpin)] />
                <Toggle name="archived" on=is(|s| s.archived) words=[t!(i18n, chat.archive), t!(i18n, chat.unarchive)] />
                <Toggle name="marked_unread" on=is(|s| s.marked_unread) words=[t!(i18n, chat.mark_unread), t!(i18n, chat.mark_read)] />
            </form>
        </section>
    }
    .into_any()
}

/// A button that sets or removes a mark. It stays the same element, and so keeps the focus.
#[component]
fn Toggle(name: &'static str, on: Memo<bool>, words: [Words; 2]) -> impl IntoView {
    let [set, take_back] = words;
    view! {
        <button class="button" name=name value=reactive(move || (!on.get()).to_string())>
            {reactive(move || if on.get() { take_back.clone() } else { set.clone() })}
        </button>
    }
    .into_any()
}
