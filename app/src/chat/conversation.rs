//! An open conversation: header, timeline, composer.

use super::{composer::Composer, open_chat::OpenChat, panels::Panels, timeline::Timeline, words};
use crate::{
    address::{Address, At, day},
    i18n::{t_string, use_i18n},
    live::Store,
    navigation::Navigation,
    people,
    seed::Page,
    ui::{Avatar, Icon, NotFound, Skeleton, counted, isolated, memo, outline, reactive, t},
};
use leptos::prelude::*;
use leptos_meta::Title;
use protocol::{
    chat::{ChatKind, ChatSummary},
    ids::ChatId,
    reducer::Part,
};

/// `/chats/{id}`
#[component]
pub fn ConversationPage(chat_id: ChatId) -> impl IntoView {
    page_of_chat(chat_id, |chat_id| view! { <Conversation chat_id /> }.into_any())
}

/// Shows a page of a chat when the store has the chat. Shows "not found" if there is no such chat, and `NotKept`
/// if the page is offline and the device has not stored the chat.
pub fn page_of_chat(chat_id: ChatId, page: fn(ChatId) -> AnyView) -> AnyView {
    let store = Store::current();
    let known = memo(move || store.with_chat(chat_id, |_| ()).is_some());
    let missing = memo(move || store.page.with(|page| *page == Page::Missing));
    // A chat that is removed while its page is open seldom comes back: do not wait for it.
    let last_known = StoredValue::new(None);
    let content = move || {
        if known.get() {
            last_known.set_value(store.with_chat_untracked(chat_id, |chat| chat.summary.clone()));
            page(chat_id)
        } else if let Some(chat) = last_known.get_value() {
            view! { <Removed chat /> }.into_any()
        } else if missing.get() {
            NotFound().into_any()
        } else if store.as_of.with(Option::is_some) {
            NotKept().into_any()
        } else {
            Skeleton().into_any()
        }
    };
    reactive(content).into_any()
}

/// Shown in place of a chat that the reader was removed from, or that was deleted.
#[component]
fn Removed(chat: ChatSummary) -> impl IntoView {
    let i18n = use_i18n();
    let title = words::title(i18n, &chat);
    view! {
        <Title text=move || t_string!(i18n, chat.removed) />
        <main id="main" class="pane centered">
            <h1 tabindex="-1">{t!(i18n, chat.removed)}</h1>
            <p class="text-muted" role="alert">{t!(i18n, chat.removed_hint, title = move || title.clone())}</p>
            <a class="button" href=Address::CHATS.href()>{t!(i18n, not_found.back)}</a>
        </main>
    }
    .into_any()
}

/// Shown offline for a chat that this device has not stored.
#[component]
fn NotKept() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main id="main" class="pane centered lost">
            <p class="text-muted">{t!(i18n, chat.not_kept)}</p>
            <a class="button only-narrow" href=Address::CHATS.href()>{t!(i18n, not_found.back)}</a>
        </main>
    }
    .into_any()
}

#[component]
fn Conversation(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let title = memo(move || words::title_of(i18n, store, chat_id));
    provide_context(OpenChat::new(chat_id));
    view! {
        <Title text=title />
        <main id="main" class="pane conversation" aria-label=t!(i18n, chat.conversation)>
            <header class="bar">
                <a class="icon-button only-narrow" href=Address::CHATS.href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <Header chat_id title />
                <DateForm chat_id />
                <a class="icon-button" href=Address::info(chat_id).href() aria-label=t!(i18n, chat.info) title=t!(i18n, chat.info)><Icon d=outline::INFO /></a>
            </header>
            <Timeline />
            <Composer />
            <Panels />
        </main>
    }
    .into_any()
}

/// A date field. Choosing a day goes to the day's first message.
#[component]
fn DateForm(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let navigation = Navigation::current();
    let go = move |event: leptos::ev::Event| {
        let date = event_target_value(&event);
        // While the user types a year, the field contains a year such as 0002: ignore dates before 1970.
        if let Some(day) = day(&date).filter(|day| day.0 >= 0) {
            navigation.go(Address::Chat(chat_id, At::Day(day)));
        }
    };
    view! {
        <form method="get" action=Address::chat(chat_id).href() class="date-form">
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

/// The chat's name and state, with a link to its page.
#[component]
fn Header(chat_id: ChatId, title: Memo<String>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let summary = memo(move || store.summary(chat_id));
    let href = move || {
        summary.with(|summary| match summary.as_ref().map(|summary| (summary.chat.kind, &summary.peer)) {
            Some((ChatKind::Direct, Some(peer))) => Some(Address::Person(peer.username.clone()).href()),
            Some((ChatKind::Group, _)) => Some(Address::info(chat_id).href()),
            _ => None,
        })
    };
    let peer = memo(move || {
        let id = summary.with(|summary| Some(summary.as_ref()?.peer.as_ref()?.id))?;
        store.user(id)
    });
    let typing = memo(move || {
        let who = store.read(Part::Typing(chat_id), |state| state.typing(chat_id).collect::<Vec<_>>());
        who.into_iter().map(|user| isolated(&store.name(user))).collect::<Vec<_>>().join(", ")
    });
    let members = move || summary.with(|summary| summary.as_ref().map_or(0, |summary| summary.chat.member_count));
    let is_group = move || summary.with(|summary| summary.as_ref().is_some_and(|s| s.chat.kind == ChatKind::Group));
    view! {
        <a class="header-link" href=href>
            <Avatar name=Signal::derive(move || title.get()) id=words::face(store, chat_id) />
            <span class="header-text">
                <h1 class="title" id="chat-title"><bdi>{title}</bdi></h1>
                <span class="hint" aria-live="off">
                    {reactive(move || if !typing.with(String::is_empty) && is_group() {
                        t!(i18n, chat.is_typing, who = move || typing.get()).into_any()
                    } else if !typing.with(String::is_empty) {
                        t!(i18n, chat.typing).into_any()
                    } else if is_group() {
                        counted!(i18n, groups.members_count, members(), count = members)
                    } else {
                        peer.get().map(|peer| people::seen(i18n, store.zone(), &peer)).into_any()
                    })}
                </span>
            </span>
        </a>
    }
    .into_any()
}
