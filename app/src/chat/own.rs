//! One's own state of a chat: muted, pinned, archived, unread.

use super::api;
use crate::{
    i18n::use_i18n,
    live::{Store, now, quietly},
    ui::{For, FormError, follow, memo, t, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{chat::ChatSummary, ids::ChatId, limits};

/// What a button changes: a field of the form, its value, and the button's words.
type Change = (&'static str, String, Words);

#[component]
pub fn OwnState(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let is =
        move |what: fn(&ChatSummary) -> bool| store.with_chat(chat_id, |chat| what(&chat.summary)).unwrap_or(false);
    let muted = memo(move || store.with_chat(chat_id, |chat| chat.summary.is_muted(now(store))).unwrap_or(false));
    let (pinned, archived) = (memo(move || is(|s| s.pinned)), memo(move || is(|s| s.archived)));
    let changes = move || -> Vec<Change> {
        let mut changes = if muted.get() {
            vec![("mute", "0".to_owned(), t!(i18n, chat.unmute))]
        } else {
            vec![
                ("mute", "1".to_owned(), t!(i18n, chat.mute_hour)),
                ("mute", "8".to_owned(), t!(i18n, chat.mute_hours)),
                ("mute", limits::MUTE_FOR_EVER.to_string(), t!(i18n, chat.mute_ever)),
            ]
        };
        let toggle = |name: &'static str, is: bool, words: [Words; 2]| {
            let [on, off] = words;
            (name, (!is).to_string(), if is { off } else { on })
        };
        changes.push(toggle("pinned", pinned.get(), [t!(i18n, chat.pin), t!(i18n, chat.unpin)]));
        changes.push(toggle("archived", archived.get(), [t!(i18n, chat.archive), t!(i18n, chat.unarchive)]));
        changes.push(("marked_unread", "true".to_owned(), t!(i18n, chat.mark_unread)));
        changes
    };
    view! {
        <section class="stack">
            <h2>{follow(move || if muted.get() { t!(i18n, chat.muted) } else { t!(i18n, chat.mute) })}</h2>
            <FormError form="own_state" />
            <form method="post" action=api::OwnState::url() class="choices" on:submit=quietly(store, None)>
                <input type="hidden" name="chat_id" value=chat_id.to_string() />
                <For each=changes key=|(name, value, _)| (*name, value.clone()) let((name, value, words))>
                    <button class="button" name=name value=value>{words}</button>
                </For>
            </form>
        </section>
    }
    .into_any()
}
