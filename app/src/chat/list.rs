//! The list of chats.

use super::words;
use crate::{
    i18n::{t_string, use_i18n},
    live::{Connection, Store},
    ui::{Avatar, Icon, Show, counted, outline, t, time},
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use protocol::{
    chat::{ChatEvent, ChatSummary},
    ids::ChatId,
    time::Timestamp,
};

#[component]
pub fn ChatList() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let ids = Memo::new(move |_| {
        store.state.with(|state| state.newest_chats().map(|chat| chat.summary.chat.id).collect::<Vec<_>>())
    });
    view! {
        <nav class="list-pane" aria-label=t!(i18n, chat.chats)>
            <header class="bar">
                <h2 class="title">{t!(i18n, chat.chats)}</h2>
                <ConnectionState />
                <a class="icon-button" href="/settings/profile" aria-label=t!(i18n, settings.title) title=t!(i18n, settings.title)>
                    <Icon d=outline::SLIDERS />
                </a>
                <a class="icon-button" href="/new" aria-label=t!(i18n, chat.new_chat) title=t!(i18n, chat.new_chat)>
                    <Icon d=outline::NEW />
                </a>
            </header>
            <ul class="chat-list">
                <For each=move || ids.get() key=|id| *id let:id>
                    <ChatRow id />
                </For>
            </ul>
        </nav>
    }
    .into_any()
}

/// Says when the connection is lost, and nothing while all is well.
#[component]
fn ConnectionState() -> impl IntoView {
    let i18n = use_i18n();
    let connection = Store::current().connection;
    view! {
        <span role="status" class="connection" data-connection=move || match connection.get() {
            Connection::Starting => "starting",
            Connection::Open => "open",
            Connection::Waiting => "waiting",
        }>
            {move || (connection.get() == Connection::Waiting).then_some(t!(i18n, chat.connecting))}
        </span>
    }
    .into_any()
}

/// What a row shows; compared, so that a row is drawn again only when it differs.
#[derive(Clone, PartialEq)]
struct Row {
    title: String,
    preview: Preview,
    time: Timestamp,
    summary: ChatSummary,
}

/// The last thing said or done in a chat.
#[derive(Clone, PartialEq)]
enum Preview {
    Text(String),
    Event(ChatEvent),
}

#[component]
fn ChatRow(id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let location = use_location();
    let href = format!("/chats/{id}");
    let current = {
        let href = href.clone();
        Memo::new(move |_| location.pathname.with(|path| path.starts_with(&href)))
    };
    let row = Memo::new(move |_| {
        store.state.with(|state| {
            let chat = state.chats.get(&id)?;
            let preview = match (state.unsent(id).next_back(), chat.last_message()) {
                (Some(unsent), _) => {
                    Preview::Text(format!("{}: {}", t_string!(i18n, chat.you), unsent.text.replace('\n', " ")))
                }
                (None, Some(message)) => match &message.event {
                    Some(event) => Preview::Event(event.clone()),
                    None => Preview::Text(words::preview(i18n, store, &chat.summary, message)),
                },
                (None, None) => Preview::Text(String::new()),
            };
            let title = words::title(i18n, &chat.summary);
            Some(Row { title, preview, time: state.active_at(chat), summary: chat.summary.clone() })
        })
    });
    let typing = Memo::new(move |_| store.typing.with(|typing| typing.keys().any(|(chat, _)| *chat == id)));
    let unread = move || row.with(|row| row.as_ref().map_or(0, |row| row.summary.unread));
    let title = Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.title.clone()).unwrap_or_default()));
    view! {
        <li>
            <a class="chat-row" href=href aria-current=move || current.get().then_some("page")>
                <Avatar name=title />
                <span class="chat-row-text">
                    <span class="chat-row-line">
                        <bdi class="chat-row-title">{title}</bdi>
                        <span class="hint">
                            {move || row.with(|row| row.as_ref().map(|row| time::short(i18n, row.time, store)))}
                        </span>
                    </span>
                    <span class="chat-row-line">
                        <span class="chat-row-preview" dir="auto">
                            {move || match row.with(|row| row.as_ref().map(|row| row.preview.clone())) {
                                _ if typing.get() => t!(i18n, chat.typing).into_any(),
                                Some(Preview::Text(text)) => text.into_any(),
                                Some(Preview::Event(event)) => words::event(i18n, store, &event),
                                None => ().into_any(),
                            }}
                        </span>
                        <Show when=move || { unread() > 0 }>
                            <span class="badge unread">
                                {move || if unread() > 999 { "999+".to_owned() } else { unread().to_string() }}
                                <span class="sr-only">" " {move || counted!(i18n, chat.unread, unread().into())}</span>
                            </span>
                        </Show>
                    </span>
                </span>
            </a>
        </li>
    }
    .into_any()
}
