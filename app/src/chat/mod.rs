//! Chats: the list, a conversation, its composer.

mod account;
mod announcer;
pub mod api;
mod arrivals;
mod chat_menu;
mod complete;
mod composer;
mod conversation;
mod drafts;
mod emoji;
mod field;
mod gestures;
mod keys;
mod list;
mod menu;
mod message;
mod open_chat;
mod own;
pub mod page;
mod panels;
mod rows;
mod screen;
mod scroll;
mod timeline;
mod unsent;
mod window;
mod words;

use crate::{
    address::Address,
    i18n::{t_string, use_i18n},
    live::{Connection, OtherTabs, Store, Toast},
    navigation::Navigation,
    ui::{Show, memo, t, time},
};
use leptos::prelude::*;
use leptos_meta::Title;

pub use arrivals::unread;
pub use conversation::{ConversationPage, page_of_chat};
#[cfg(feature = "ssr")]
pub use open_chat::Panel;
pub use own::OwnState;
pub use words::{face, title_of};

/// The chat list next to the open page. A phone shows only one of them.
#[component]
pub fn Workspace(children: Children) -> impl IntoView {
    let navigation = Navigation::current();
    let is_list = memo(move || navigation.with(|address| matches!(address, Some(Address::Chats(_)))));
    let store = Store::current();
    // There is no connection, and this device has not stored the data of any user.
    if store.me().is_none() && store.loaded.with_value(String::is_empty) {
        return Offline().into_any();
    }
    view! {
        <div class="screen">
            <AsOf />
            <unsent::Lost />
            <div class="workspace" class:shows-list=is_list>
                <list::ChatList />
                {children()}
            </div>
            <arrivals::Arrivals />
            <keys::Keys />
            <OtherTabs />
            <Toast />
        </div>
    }
    .into_any()
}

/// The page for a visitor who is not signed in and cannot sign in, because there is no connection.
#[component]
fn Offline() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, offline.title) />
        <main id="main" class="pane centered lost">
            <h1>{t!(i18n, offline.title)}</h1>
            <p class="text-muted">{t!(i18n, offline.hint)}</p>
            <a class="button" href="" rel="external">{t!(i18n, offline.again)}</a>
        </main>
    }
    .into_any()
}

/// Says how old the data is while there is no connection, that messages come late while the page polls, and that the
/// page's data could not be loaded.
#[component]
fn AsOf() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let known = move || store.as_of.get().unwrap_or_default();
    let when = move || time::short(i18n, known(), &store.zone());
    view! {
        <Show when=move || store.as_of.get().is_some()>
            <p class="as-of" role="status">{t!(i18n, chat.as_of, when = when)}</p>
        </Show>
        <Show when=move || store.connection.get() == Connection::Polling>
            <p class="as-of" role="status">{t!(i18n, chat.polling)}</p>
        </Show>
        <Show when=move || store.failed.get() && store.connection.get().is_up()>
            <p class="as-of" role="status">{t!(i18n, chat.trying_again)}</p>
        </Show>
    }
    .into_any()
}

/// The page without an open chat.
#[component]
pub fn NothingOpen() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, chat.chats) />
        <main id="main" class="pane centered">
            <h1 class="sr-only">{t!(i18n, chat.chats)}</h1>
            <p class="text-muted">{t!(i18n, chat.choose)}</p>
            <a class="button primary" href=Address::NEW_CHAT.href()>{t!(i18n, chat.new_chat)}</a>
        </main>
    }
    .into_any()
}
