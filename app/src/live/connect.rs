//! Starts the connection once the page is hydrated, and loads the data of each page that is navigated to.

#[cfg(feature = "hydrate")]
use super::Store;
#[cfg(feature = "hydrate")]
use crate::{address::Address, seed::Page};
#[cfg(feature = "hydrate")]
use crate::{
    navigation::Navigation,
    ui::{Forms, effect, effect_from, memo},
};
use crate::{refusal::Refusal, seed::Seed};
use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use protocol::ids::ChatId;

/// The pause before a page that failed to load is requested again.
#[cfg(feature = "hydrate")]
const AGAIN_MS: u32 = 2_000;

/// The data of the page that the browser navigates to; none if the address redirects.
#[server(prefix = "/fn", endpoint = "load")]
pub async fn load(address: String) -> Result<Option<Seed>, Refusal> {
    use crate::server_context as context;
    let request = context::request()?;
    let parts = expect_context::<http::request::Parts>();
    match context::answer(context::load_next(&request, &parts.headers, &address).await)? {
        context::Loaded::Page { seed, .. } => Ok(Some(*seed)),
        context::Loaded::Redirect(_) => Ok(None),
    }
}

/// Connects the store to the server. Renders nothing.
#[component]
pub fn Connect() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run(Store::current());
}

/// Starts the effects. They run only after hydration.
#[cfg(feature = "hydrate")]
fn run(store: Store) {
    let navigation = Navigation::current();
    let address = memo(move || navigation.with(|address| address.map(Address::href).unwrap_or_default()));
    effect_from(move |before: Option<String>| {
        let wanted = address.get();
        if before.is_some_and(|before| before != wanted) {
            store.failed.set(false);
            store.page.set(Page::Loading);
            store.loaded.set_value(String::new());
            store.forms.set(Forms::default());
            leptos::task::spawn_local(turn(store, address));
        }
        wanted
    });
    // A chat that the reader was removed from, and added to again, has lost most of its messages from memory: load it.
    let chat = memo(move || navigation.with(|address| address.and_then(Address::chat_id)));
    let lost = StoredValue::new(None);
    effect_from(move |before: Option<(Option<ChatId>, bool)>| {
        let now = (chat.get(), chat.get().is_some_and(|chat_id| store.with_chat(chat_id, |_| ()).is_some()));
        match now {
            (Some(chat_id), false) if before == Some((Some(chat_id), true)) => lost.set_value(Some(chat_id)),
            (Some(chat_id), true) if lost.get_value() == Some(chat_id) => {
                lost.set_value(None);
                store.page.set(Page::Loading);
                store.loaded.set_value(String::new());
                leptos::task::spawn_local(turn(store, address));
            }
            _ => {}
        }
        now
    });
    // After a reconnect, load the page that could not be loaded before.
    effect(move || {
        if store.connection.get().is_up() && store.loaded.with_value(String::is_empty) {
            leptos::task::spawn_local(turn(store, address));
        }
    });
    effect(move || super::begin(store));
}

/// Loads this page's data again, and shows them if this page is still open.
#[cfg(feature = "hydrate")]
pub fn refresh(store: Store) {
    let address = store.loaded.get_value();
    leptos::task::spawn_local(async move {
        let loaded = load(address.clone()).await;
        // Keep a rejected form and its problems on the page, and never show another user's data.
        if let Ok(Some(seed)) = loaded
            && store.loaded.get_value() == address
            && store.forms.with_untracked(|forms| forms.refused.is_none())
            && is_mine(store, &seed)
        {
            store.turn_to(seed);
        }
    });
}

/// Whether the data belong to this page's user. Another user may have signed in with this browser.
#[cfg(feature = "hydrate")]
fn is_mine(store: Store, seed: &Seed) -> bool {
    seed.me.as_ref().map(|me| me.user.id) == store.me_untracked()
}

/// Loads the page of an address and shows it. If the request fails, shows the data that this device stored.
#[cfg(feature = "hydrate")]
async fn turn(store: Store, address: Memo<String>) {
    let wanted = address.get_untracked();
    let is_wanted = || address.with_untracked(|address| *address == wanted);
    loop {
        let loaded = load(wanted.clone()).await;
        // The reader has gone to another page.
        if !is_wanted() {
            return;
        }
        match loaded {
            Ok(Some(seed)) if is_mine(store, &seed) => {
                store.failed.set(false);
                return store.turn_to(seed);
            }
            // The user has signed out, another user has signed in, or the address redirects: load a new document.
            Ok(_) => {
                let _ = window().location().set_href(&wanted);
                return;
            }
            // This version of the page may be unable to read the data.
            Err(_) if store.outdated.get_untracked() => {
                let _ = window().location().set_href(&wanted);
                return;
            }
            Err(_) => {}
        }
        let Seed { page, as_of, .. } = super::offline_page(Address::parse(&wanted).as_ref()).await;
        if is_wanted() {
            store.turn_to(Seed { page, as_of, ..Seed::default() });
        }
        if !store.connection.get_untracked().is_up() {
            return;
        }
        store.failed.set(true);
        gloo_timers::future::TimeoutFuture::new(AGAIN_MS).await;
    }
}
