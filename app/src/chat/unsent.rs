//! The messages that the server has not stored: in the timeline, and those of chats that the reader has lost.

use super::{
    gestures::copy,
    message::{Quote, Text},
    open_chat::{OpenChat, Writing},
};
use crate::{
    i18n::use_i18n,
    live::Store,
    ui::{For, Icon, Show, memo, outline, t, words::Words},
};
use leptos::prelude::*;
use protocol::{
    error::ErrorCode,
    reducer::{Part, Unsent},
};

/// A message that waits, or that the server has refused.
#[component]
pub fn UnsentRow(unsent: Unsent) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let store = open_chat.store;
    let Unsent { client_id, refused, .. } = unsent;
    let retry = move || {
        store.change(|state| state.set_refused(client_id, None));
        store.wake();
    };
    let edit = move || open_chat.writing.set(Writing::Unsent(client_id));
    let why = (refused == Some(ErrorCode::Forbidden)).then(|| view! { ": "{t!(i18n, chat.may_not_write)} });
    // A message that is sent at once needs no actions: they would move its text.
    let stays = memo(move || refused.is_some() || !store.connection.get().is_up());
    let text = unsent.text.clone();
    view! {
        <li class="message">
            <article class="bubble own leads" class:refused=refused.is_some()>
                <p class="author sr-only">{t!(i18n, chat.you)}</p>
                <div class="said"><Text text=unsent.text />
                <p class="meta">
                    {if refused.is_some() {
                        view! {
                            <span class="state problem"><Icon d=outline::ALERT />{t!(i18n, chat.not_sent)}{why}</span>
                            {action(t!(i18n, chat.retry), retry)}
                        }.into_any()
                    } else {
                        view! { <span class="state"><Icon d=outline::CLOCK /><span class="sr-only">{t!(i18n, chat.sending)}</span></span> }.into_any()
                    }}
                    <Show when=move || stays.get()>
                        {action(t!(i18n, chat.edit), edit)}
                        <Kept store text=text.clone() discard=move || store.change(|state| state.discard(client_id)) />
                    </Show>
                </p></div>
                {unsent.reply_to.map(|reply_to| view! { <Quote reply_to /> })}
            </article>
        </li>
    }
    .into_any()
}

/// The messages of chats that the reader was removed from, or that no longer exist.
#[component]
pub fn Lost() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let lost = memo(move || {
        store.read(Part::Chats, |_| ());
        store.read(Part::Outbox, |state| {
            let is_lost = |unsent: &&Unsent| unsent.refused.is_some() && !state.chats.contains_key(&unsent.chat_id);
            state.outbox.iter().filter(is_lost).cloned().collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || !lost.with(Vec::is_empty)>
            <section class="lost-messages" aria-label=t!(i18n, chat.not_sent)>
                <p role="status">{t!(i18n, chat.lost)}</p>
                <For each=move || lost.get() key=|unsent| unsent.client_id let:unsent>
                    <p class="lost-text" dir="auto">{unsent.text.clone()}</p>
                    <p><Kept store text=unsent.text discard=move || store.change(|state| state.discard(unsent.client_id)) /></p>
                </For>
            </section>
        </Show>
    }
    .into_any()
}

/// The actions of every text that is kept on this device alone.
#[component]
fn Kept(store: Store, text: String, discard: impl Fn() + Send + Sync + 'static) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <button class="link" data-do="copy" on:click=move |_| copy(store, &text)>{t!(i18n, chat.copy)}</button>
        {action(t!(i18n, chat.delete), discard)}
    }
    .into_any()
}

fn action(words: Words, act: impl Fn() + Send + Sync + 'static) -> AnyView {
    view! { <button class="link" on:click=move |_| act()>{words}</button> }.into_any()
}
