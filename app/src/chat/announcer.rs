//! Announces new messages of other users to screen readers, politely: messages that arrive within two seconds
//! of an announcement are announced together.

use super::{open_chat::OpenChat, words};
use crate::{
    i18n::use_i18n,
    ui::{I18n, counted, effect, memo, reactive, t},
};
use leptos::prelude::*;
use protocol::reducer::ChatState;
use std::{sync::Arc, time::Duration};

const PACE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Announcements {
    open_chat: OpenChat,
    i18n: I18n,
    /// The number of the newest message announced.
    announced: StoredValue<u64>,
    resting: StoredValue<bool>,
    /// The announcement, and how many messages it is about.
    words: RwSignal<String>,
    count: RwSignal<usize>,
}

impl Announcements {
    /// Announces new messages: at once, or when the pause after the last announcement is over.
    fn announce(self) {
        let Some(before) = self.announced.try_get_value().filter(|_| !self.resting.get_value()) else { return };
        let Some((no, new, words)) = untrack(|| self.news(before)) else { return };
        self.announced.set_value(no);
        self.resting.set_value(true);
        self.count.set(new);
        self.words.set(words);
        let rested = move || {
            if self.resting.try_set_value(false).is_none() {
                self.announce();
            }
        };
        set_timeout(rested, PACE);
    }

    /// The newest message of another user after `before`, how many there are, and its words.
    fn news(self, before: u64) -> Option<(u64, usize, String)> {
        let OpenChat { store, chat_id, .. } = self.open_chat;
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
pub fn Announcer() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let last_no = |chat: &ChatState| chat.summary.chat.last_no;
    let (words, count) = (RwSignal::new(String::new()), RwSignal::new(0_usize));
    let announced = StoredValue::new(open_chat.store.with_chat_untracked(open_chat.chat_id, last_no).unwrap_or(0));
    let announcements = Announcements { open_chat, i18n, announced, resting: StoredValue::new(false), words, count };
    let newest = memo(move || open_chat.store.with_chat(open_chat.chat_id, last_no).unwrap_or(0));
    effect(move || {
        newest.get();
        announcements.announce();
    });
    view! {
        <p class="sr-only" role="status" aria-live="polite">
            {reactive(move || (count.get() > 1).then(|| {
                view! { {count.get().to_string()}" "{counted!(i18n, chat.unread, count.get() as u64)}". " }.into_any()
            }))}
            {words}
        </p>
    }
    .into_any()
}
