//! Chats: the list, a conversation, its composer.

mod api;
mod composer;
mod conversation;
mod list;
mod timeline;
mod words;

use crate::{
    i18n::{t_string, use_i18n},
    ui::t,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Outlet, hooks::use_location};

pub use api::OpenDirect;
#[cfg(feature = "hydrate")]
pub use api::{load_chats, load_history};
pub use conversation::{ConversationPage, addressed_chat};
pub use words::title;

/// The list beside whatever is open; on a phone one of the two.
#[component]
pub fn Workspace() -> impl IntoView {
    let location = use_location();
    let is_list = Memo::new(move |_| location.pathname.with(|path| path.trim_end_matches('/') == "/chats"));
    view! {
        <div class="workspace" class:shows-list=is_list>
            <list::ChatList />
            <Outlet />
        </div>
    }
    .into_any()
}

/// What stands where no chat is open.
#[component]
pub fn NothingOpen() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, chat.chats) />
        <main id="main" class="pane centered only-wide">
            <h1 class="sr-only">{t!(i18n, chat.chats)}</h1>
            <p class="text-muted">{t!(i18n, chat.choose)}</p>
            <a class="button primary" href="/new">{t!(i18n, chat.new_chat)}</a>
        </main>
    }
    .into_any()
}
