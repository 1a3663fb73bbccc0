//! The list of chats.

use super::{
    account::Account,
    chat_menu::ChatMenu,
    gestures::{closest, has_key},
    words,
};
use crate::{
    address::{Address, CURSOR, FILTER, Filter, Section},
    i18n::{t_string, use_i18n},
    live::{Connection, Store},
    navigation::Navigation,
    part,
    ui::{Avatar, For, I18n, Icon, Show, counted, memo, outline, reactive, t, time},
};
use leptos::prelude::*;
use protocol::{
    chat::{ChatEvent, ChatKind, ChatSummary},
    ids::ChatId,
    reducer::Part,
    time::Timestamp,
};
use wasm_bindgen::JsCast as _;

#[component]
pub fn ChatList() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let navigation = Navigation::current();
    let filter = RwSignal::new(match navigation.get_untracked() {
        Some(Address::Chats(filter)) => filter,
        _ => Filter::All,
    });
    let query = RwSignal::new(String::new());
    let listed = StoredValue::new((filter.get_untracked(), Vec::<ChatId>::new()));
    let ids = memo(move || {
        let filter = filter.get();
        if query.with(|query| !query.trim().is_empty()) {
            let called = query.with(|query| words::chats_called(i18n, store, query));
            return called.into_iter().map(|(id, _)| id).collect();
        }
        let open = navigation.with(|address| address.and_then(Address::chat_id));
        // An open chat keeps its row: reading it must not remove it from the unread chats.
        let stays = listed.with_value(|(of, ids)| open.filter(|id| *of == filter && ids.contains(id)));
        let ids = store.read(Part::Chats, |state| {
            let shown = |summary: &ChatSummary| shows(filter, summary) || Some(summary.chat.id) == stays;
            let chats = state.newest_chats().filter(|chat| shown(&chat.summary));
            chats.map(|chat| chat.summary.chat.id).collect::<Vec<_>>()
        });
        listed.set_value((filter, ids.clone()));
        ids
    });
    let menu = RwSignal::new(None::<ChatId>);
    let part = part::Part::current();
    let open_menu = move |event: leptos::ev::MouseEvent| {
        let Some(row) = closest(event.target(), "li").and_then(|row| row.query_selector("a").ok().flatten()) else {
            return;
        };
        event.prevent_default();
        // The closed menu returns the focus to the row.
        let _ = row.unchecked_ref::<web_sys::HtmlElement>().focus();
        let address = row.get_attribute("href").and_then(|href| Address::parse(&href));
        menu.set(address.and_then(|address| address.chat_id()));
    };
    view! {
        <nav class="list-pane" aria-label=t!(i18n, chat.chats)>
            <header class="bar">
                <img class="mark" src="/icon.svg" alt="" />
                <h2 class="title">{t!(i18n, chat.chats)}</h2>
                <ConnectionState />
                <a class="icon-button" href=Address::Settings(Section::Index).href() aria-label=t!(i18n, settings.title) title=t!(i18n, settings.title)>
                    <Icon d=outline::GEAR />
                </a>
                <a class="icon-button" href=Address::NEW_CHAT.href() aria-label=t!(i18n, chat.new_chat) title=t!(i18n, chat.new_chat)>
                    <Icon d=outline::NEW />
                </a>
                <Account />
            </header>
            <form method="get" action=Address::NEW_CHAT.href() role="search" aria-label=t!(i18n, chat.find) class="list-search">
                <Icon d=outline::SEARCH />
                <input type="search" name="q" class="input" maxlength="64" autocomplete="off" spellcheck="false"
                    aria-label=t!(i18n, chat.find) placeholder=t!(i18n, chat.find)
                    on:input=move |event| query.set(event_target_value(&event)) />
            </form>
            <Filters filter />
            <ul class="chat-list" on:contextmenu=open_menu on:click=move |event| if has_menu(&event) { open_menu(event) }>
                <For each=move || ids.get() key=|id| *id let:id>
                    <ChatRow id />
                </For>
            </ul>
            // A new user has no chat but the saved messages.
            <Show when=move || query.with(|query| !query.trim().is_empty()) || (filter.get() == Filter::All && ids.with(|ids| ids.len() == 1))>
                <a class="find-people" href=reactive(move || Address::NewChat { query: query.get() }.href())>
                    <Icon d=outline::PEOPLE />{t!(i18n, chat.find_people)}
                </a>
            </Show>
            <Show when=move || ids.with(Vec::is_empty)>
                <p class="empty-list text-muted">{reactive(move || if query.with(|query| query.trim().is_empty()) { t!(i18n, chat.nothing_here) } else { t!(i18n, chat.nothing_found) })}</p>
            </Show>
            {store.older_chats.get_value().map(|cursor| view! {
                <form method="get" action=Address::CHATS.href() class="centered-line only-without-script">
                    <input type="hidden" name=FILTER value=filter.get_untracked().name() />
                    <button class="button" name=CURSOR value=cursor>{t!(i18n, more)}</button>
                </form>
            })}
            {reactive(move || menu.get().filter(|_| part.ready()).map(|id| lazy_chat_menu(id, menu)))}
        </nav>
    }
    .into_any()
}

#[inline(never)]
fn lazy_chat_menu(id: ChatId, menu: RwSignal<Option<ChatId>>) -> AnyView {
    view! { <ChatMenu id close=Callback::new(move |()| menu.set(None)) /> }.into_any()
}

/// Whether a press is on the button of a row's menu.
fn has_menu(event: &leptos::ev::MouseEvent) -> bool {
    !has_key(event) && closest(event.target(), "[data-do]").is_some()
}

fn shows(filter: Filter, summary: &ChatSummary) -> bool {
    match filter {
        Filter::All => !summary.archived,
        Filter::Unread => !summary.archived && (summary.unread > 0 || summary.marked_unread),
        Filter::Groups => !summary.archived && summary.chat.kind == ChatKind::Group,
        Filter::Archived => summary.archived,
    }
}

#[component]
fn Filters(filter: RwSignal<Filter>) -> impl IntoView {
    let i18n = use_i18n();
    let choice = move |of: Filter, words: crate::ui::words::Words| {
        let choose = move |event: leptos::ev::MouseEvent| {
            if !has_key(&event) {
                event.prevent_default();
                filter.set(of);
            }
        };
        view! { <a href=Address::Chats(of).href() aria-current=reactive(move || (filter.get() == of).then_some("true")) on:click=choose>{words}</a> }
            .into_any()
    };
    view! {
        <div class="filters" role="group" aria-label=t!(i18n, chat.filter)>
            {choice(Filter::All, t!(i18n, chat.all))}
            {choice(Filter::Unread, t!(i18n, chat.only_unread))}
            {choice(Filter::Groups, t!(i18n, chat.only_groups))}
            {choice(Filter::Archived, t!(i18n, chat.only_archived))}
        </div>
    }
    .into_any()
}

/// Shows a notice while the connection is lost.
#[component]
fn ConnectionState() -> impl IntoView {
    let i18n = use_i18n();
    let connection = Store::current().connection;
    view! {
        <span role="status" class="connection" data-connection=move || match connection.get() {
            Connection::Starting => "starting",
            Connection::Open => "open",
            Connection::Polling => "polling",
            Connection::Waiting => "waiting",
        }>
            {reactive(move || (connection.get() == Connection::Waiting).then_some(t!(i18n, chat.connecting)))}
        </span>
    }
    .into_any()
}

/// The content of a row. The row is rendered again only when this content changes.
#[derive(Clone, PartialEq)]
struct Row {
    title: String,
    preview: Preview,
    time: Timestamp,
    summary: ChatSummary,
}

/// The last message or event of a chat.
#[derive(Clone, PartialEq)]
enum Preview {
    Text(String),
    Event(ChatEvent),
}

#[component]
fn ChatRow(id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let navigation = Navigation::current();
    let current = memo(move || navigation.with(|address| address.and_then(Address::chat_id) == Some(id)));
    let row = memo(move || row_of(i18n, store, id, current.get()));
    let typing = memo(move || store.read(Part::Typing(id), |state| state.typing(id).next().is_some()));
    let is = move |what: fn(&ChatSummary) -> bool| row.with(|row| row.as_ref().is_some_and(|row| what(&row.summary)));
    let muted = Signal::derive(move || row.with(|row| row.as_ref().is_some_and(|row| store.is_muted(&row.summary))));
    let online = move || {
        let peer = row.with(|row| row.as_ref().and_then(|row| Some(row.summary.peer.as_ref()?.id)));
        peer.and_then(|id| store.user(id)).is_some_and(|user| user.online == Some(true))
    };
    let title = Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.title.clone()).unwrap_or_default()));
    view! {
        <li>
            <a class="chat-row" href=Address::chat(id).href() aria-current=reactive(move || current.get().then_some("page"))>
                <span class="avatar-place" class:online=reactive(online)>
                    <Avatar name=title id=words::face(store, id) />
                    {reactive(move || online().then(|| view! { <span class="sr-only">{t!(i18n, profiles.online)}" "</span> }))}
                </span>
                <span class="chat-row-text">
                    <span class="chat-row-line">
                        <bdi class="chat-row-title">{title}</bdi>
                        <Sign shown=muted d=outline::MUTED words=t!(i18n, chat.muted) />
                        <Sign shown=Signal::derive(move || is(|summary| summary.pinned)) d=outline::PIN words=t!(i18n, chat.pinned) />
                        <span class="hint">
                            {reactive(move || row.with(|row| row.as_ref().map(|row| time::short(i18n, row.time, &store.zone()))))}
                        </span>
                    </span>
                    <span class="chat-row-line">
                        <span class="chat-row-preview">
                            {reactive(move || match row.with(|row| row.as_ref().map(|row| row.preview.clone())) {
                                _ if typing.get() => t!(i18n, chat.typing).into_any(),
                                Some(Preview::Text(text)) => text.into_any(),
                                Some(Preview::Event(event)) => words::event(i18n, store, &event),
                                None => ().into_any(),
                            })}
                        </span>
                        <Badges row muted />
                    </span>
                </span>
            </a>
            <div class="row-icons">
                <a class="icon-button" data-do="menu" href=Address::info(id).href() aria-label=t!(i18n, chat.chat_actions) title=t!(i18n, chat.chat_actions)><Icon d=outline::MORE /></a>
            </div>
        </li>
    }
    .into_any()
}

/// The content of a chat's row. `open`: whether this chat is the open chat.
fn row_of(i18n: I18n, store: Store, id: ChatId, open: bool) -> Option<Row> {
    store.read(Part::Chat(id), |state| {
        let chat = state.chats.get(&id)?;
        let preview = match (state.unsent(id).next_back(), chat.last_message()) {
            (Some(unsent), _) => {
                let refused = unsent.refused.is_some();
                let who = if refused { t_string!(i18n, chat.not_sent) } else { t_string!(i18n, chat.you) };
                Preview::Text(format!("{who}: {}", words::one_line(&unsent.text)))
            }
            // The draft of the open chat is in its composer.
            _ if chat.summary.draft.is_some() && !open => {
                let draft = words::one_line(chat.summary.draft.as_deref().unwrap_or_default());
                Preview::Text(format!("{}: {draft}", t_string!(i18n, chat.draft)))
            }
            (None, Some(message)) => match &message.event {
                Some(event) => Preview::Event(event.clone()),
                None => Preview::Text(words::preview(i18n, store, &chat.summary, message)),
            },
            (None, None) => Preview::Text(t_string!(i18n, chat.no_messages).to_owned()),
        };
        let title = words::title(i18n, &chat.summary);
        Some(Row { title, preview, time: state.active_at(chat), summary: chat.summary.clone() })
    })
}

/// The unread state of a chat: a mention, a mark, a number.
#[component]
fn Badges(row: Memo<Option<Row>>, muted: Signal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let unread = move || row.with(|row| row.as_ref().map_or(0, |row| row.summary.unread));
    let is = move |what: fn(&ChatSummary) -> bool| row.with(|row| row.as_ref().is_some_and(|row| what(&row.summary)));
    view! {
        <Show when=move || is(|summary| summary.mentions_unread > 0)>
            <span class="badge unread">"@"<span class="sr-only">" " {t!(i18n, chat.mentioned)}</span></span>
        </Show>
        <Show when=move || is(|summary| summary.unread == 0 && summary.marked_unread)>
            <span class="badge unread" class:quiet=muted><span class="sr-only">{t!(i18n, chat.marked)}</span></span>
        </Show>
        <Show when=move || { unread() > 0 }>
            <span class="badge unread" class:quiet=muted>
                {reactive(move || if unread() > 999 { "999+".to_owned() } else { unread().to_string() })}
                <span class="sr-only">" " {reactive(move || counted!(i18n, chat.unread, unread().into()))}</span>
            </span>
        </Show>
    }
    .into_any()
}

/// A small icon beside a chat's name, with words for screen readers.
#[component]
fn Sign(shown: Signal<bool>, d: &'static str, words: crate::ui::words::Words) -> impl IntoView {
    view! {
        <Show when=shown>
            <span class="sign"><Icon d /><span class="sr-only">{words.clone()}</span></span>
        </Show>
    }
    .into_any()
}
