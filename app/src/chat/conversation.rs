//! An open conversation: header, timeline, composer.

use super::{composer::Composer, panels::Panels, talk::Talk, timeline::Timeline, words};
use crate::{
    i18n::use_i18n,
    live::Store,
    profiles,
    routes::NotFound,
    ui::{Avatar, For, Icon, counted, follow, memo, outline, t},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use protocol::{chat::ChatKind, ids::ChatId};

/// `/chats/{id}`
#[component]
pub fn ConversationPage() -> impl IntoView {
    addressed_chat(|chat_id| view! { <Conversation chat_id /> }.into_any())
}

/// A page of the chat that the address names, once it is known; of one that there is not, says so.
pub fn addressed_chat(page: fn(ChatId) -> AnyView) -> impl IntoView {
    let store = Store::current();
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("id")?.parse::<ChatId>().ok()));
    let known = memo(move || id.get().filter(|id| store.read(|state| state.chats.contains_key(id))));
    let missing = memo(move || store.page.with(|page| page.missing));
    // A chat that is taken away while one looks does not come back by waiting.
    let opened = StoredValue::new(None::<ChatId>);
    // Each chat has elements of its own: what is typed for one must never stand in another's.
    view! {
        <For each=move || known.get().into_iter().collect() key=|chat_id| *chat_id let:chat_id>
            {
                opened.set_value(Some(chat_id));
                page(chat_id)
            }
        </For>
        {follow(move || match known.get() {
            Some(_) => ().into_any(),
            None if missing.get() || opened.get_value() == id.get() => NotFound().into_any(),
            None if store.as_of.with(Option::is_some) => NotKept().into_any(),
            None => view! { <main id="main" class="pane skeleton" aria-busy="true"></main> }.into_any(),
        })}
    }
}

/// A chat that only the server has, while there is none.
#[component]
fn NotKept() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main id="main" class="pane centered">
            <p class="text-muted">{t!(i18n, chat.not_kept)}</p>
            <a class="button only-narrow" href="/chats">{t!(i18n, not_found.back)}</a>
        </main>
    }
    .into_any()
}

#[component]
fn Conversation(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let title = memo(move || store.summary(chat_id).map(|summary| words::title(i18n, &summary)).unwrap_or_default());
    provide_context(Talk::new(chat_id));
    view! {
        <Title text=title />
        <main id="main" class="pane conversation" aria-label=t!(i18n, chat.conversation)>
            <header class="bar">
                <a class="icon-button only-narrow" href="/chats" aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <Header chat_id title />
                <DateForm chat_id />
                <a class="icon-button" href=format!("/chats/{chat_id}/info") aria-label=t!(i18n, chat.info) title=t!(i18n, chat.info)><Icon d=outline::INFO /></a>
            </header>
            <Timeline />
            <Composer />
            <Panels />
        </main>
    }
    .into_any()
}

/// Goes to a day. A form that the address answers, with the browser's own calendar.
#[component]
fn DateForm(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let go = move |event: leptos::ev::Event| {
        let date = event_target_value(&event);
        // A year that is still being typed is one of long ago.
        if date.len() == 10 && *date >= *"1970" {
            let navigate = leptos_router::hooks::use_navigate();
            navigate(&format!("/chats/{chat_id}?date={date}"), Default::default());
        }
    };
    view! {
        <form method="get" action=format!("/chats/{chat_id}") class="date-form">
            <label class="icon-button" title=t!(i18n, chat.to_date)>
                <Icon d=outline::CALENDAR />
                <span class="sr-only">{t!(i18n, chat.to_date)}</span>
                <input type="date" name="date" required on:change=go />
            </label>
            <button class="button only-without-script">{t!(i18n, chat.go)}</button>
        </form>
    }
    .into_any()
}

/// Who this is with, and the way to more about them.
#[component]
fn Header(chat_id: ChatId, title: Memo<String>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let summary = memo(move || store.summary(chat_id));
    let href = move || {
        summary.with(|summary| match summary.as_ref().map(|summary| (summary.chat.kind, &summary.peer)) {
            Some((ChatKind::Direct, Some(peer))) => Some(format!("/users/@{}", peer.username)),
            Some((ChatKind::Group, _)) => Some(format!("/chats/{chat_id}/info")),
            _ => None,
        })
    };
    let peer = memo(move || {
        let id = summary.with(|summary| Some(summary.as_ref()?.peer.as_ref()?.id))?;
        store.read(|state| state.users.get(&id).cloned())
    });
    let typing = memo(move || {
        let who = store.typing.with(|typing| {
            typing.keys().filter(|(chat, _)| *chat == chat_id).map(|(_, user)| *user).collect::<Vec<_>>()
        });
        who.into_iter().map(|user| store.name(user)).collect::<Vec<_>>().join(", ")
    });
    let members = move || summary.with(|summary| summary.as_ref().map_or(0, |summary| summary.chat.member_count));
    let is_group = move || summary.with(|summary| summary.as_ref().is_some_and(|s| s.chat.kind == ChatKind::Group));
    view! {
        <a class="header-link" href=href>
            <Avatar name=Signal::derive(move || title.get()) />
            <span class="header-text">
                <h1 class="title" id="chat-title"><bdi>{title}</bdi></h1>
                <span class="hint" aria-live="off">
                    {follow(move || if !typing.with(String::is_empty) && is_group() {
                        t!(i18n, chat.is_typing, who = move || typing.get()).into_any()
                    } else if !typing.with(String::is_empty) {
                        t!(i18n, chat.typing).into_any()
                    } else if is_group() {
                        counted!(i18n, groups.members_count, members(), count = members)
                    } else {
                        peer.get().map(|peer| profiles::seen(i18n, store, &peer)).into_any()
                    })}
                </span>
            </span>
        </a>
    }
    .into_any()
}
