//! Announces new messages of other users to screen readers, politely: messages that arrive within two seconds
//! of an announcement are announced together.

use super::{open_chat::OpenChat, words};
use crate::{
    i18n::use_i18n,
    ui::{I18n, counted, effect, isolated, memo, reactive, t},
};
use leptos::prelude::*;
use protocol::reducer::ChatState;
use std::time::Duration;

const PACE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Announcements {
    open_chat: OpenChat,
    i18n: I18n,
    /// The number of the newest message announced.
    announced: StoredValue<u64>,
    resting: RwSignal<bool>,
    /// The message of the announcement, and how many messages it is about.
    said: RwSignal<Option<u64>>,
    count: RwSignal<usize>,
}

impl Announcements {
    /// Announces new messages: at once, or when the pause after the last announcement is over.
    fn announce(self) {
        let Some(before) = self.announced.try_get_value().filter(|_| !self.resting.get_untracked()) else { return };
        let Some((no, new)) = untrack(|| self.news(before)) else { return };
        self.announced.set_value(no);
        self.resting.set(true);
        self.count.set(new);
        self.said.set(Some(no));
        let rested = move || {
            if self.resting.try_set(false).is_none() {
                self.announce();
            }
        };
        set_timeout(rested, PACE);
    }

    /// The newest message of another user after `before`, and how many there are.
    fn news(self, before: u64) -> Option<(u64, usize)> {
        let OpenChat { store, chat_id, .. } = self.open_chat;
        let me = store.me()?;
        store.with_chat(chat_id, |chat| {
            let messages = chat.messages.range(before + 1..).map(|(_, message)| message);
            let new: Vec<u64> = messages.filter(|message| message.counts_for(me)).map(|message| message.no).collect();
            Some((*new.last()?, new.len()))
        })?
    }

    /// The words of the announcement. None after the message was deleted or, when it was announced, read.
    fn words(self) -> Option<String> {
        let OpenChat { store, chat_id, .. } = self.open_chat;
        let no = self.said.get()?;
        let said = store.with_chat(chat_id, |chat| {
            let is_current = self.resting.get() || no > chat.summary.read_no;
            chat.messages.get(&no).filter(|message| is_current && !message.deleted).cloned()
        });
        said.flatten().map(|message| {
            format!("{}: {}", isolated(&store.name(message.sender_id)), words::line(self.i18n, &message))
        })
    }
}

#[component]
pub fn Announcer() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let last_no = |chat: &ChatState| chat.summary.chat.last_no;
    let (said, count, resting) = (RwSignal::new(None), RwSignal::new(0_usize), RwSignal::new(false));
    let announced = StoredValue::new(open_chat.store.with_chat_untracked(open_chat.chat_id, last_no).unwrap_or(0));
    let announcements = Announcements { open_chat, i18n, announced, resting, said, count };
    let words = memo(move || announcements.words().unwrap_or_default());
    let newest = memo(move || open_chat.store.with_chat(open_chat.chat_id, last_no).unwrap_or(0));
    effect(move || {
        newest.get();
        announcements.announce();
    });
    view! {
        <p class="sr-only" role="status" aria-live="polite">
            {reactive(move || (count.get() > 1 && !words.with(String::is_empty)).then(|| {
                view! { {count.get().to_string()}" "{counted!(i18n, chat.unread, count.get() as u64)}". " }.into_any()
            }))}
            {words}
        </p>
    }
    .into_any()
}
