//! Begins the live part once the page is hydrated, and fetches the data of pages navigated to.

use super::Store;
use crate::{Refusal, Seed, seed::Page};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// Reads the data of a page, as the server would render it.
#[server(prefix = "/fn", endpoint = "load")]
pub async fn load(address: String) -> Result<Option<Seed>, Refusal> {
    use crate::server_context as context;
    let request = context::request()?;
    let parts = expect_context::<http::request::Parts>();
    match context::answer(context::load(&request, &parts, &address).await)? {
        context::Loaded::Page { seed, .. } => Ok(Some(*seed)),
        context::Loaded::Redirect(_) => Ok(None),
    }
}

/// Connects the store to the server. Renders nothing.
#[component]
pub fn Connect() -> impl IntoView {
    let store = Store::current();
    let location = use_location();
    // Effects run in the browser alone, after hydration.
    let address = Memo::new(move |_| format!("{}{}", location.pathname.get(), with_mark(&location.search.get())));
    Effect::new(move |before: Option<String>| {
        let wanted = address.get();
        if before.is_some_and(|before| before != wanted) {
            let wanted = wanted.clone();
            store.page.set(Page::default());
            leptos::task::spawn_local(async move {
                let loaded = load(wanted.clone()).await;
                // Whoever has gone on meanwhile wants another page.
                if address.get_untracked() != wanted {
                    return;
                }
                match loaded {
                    Ok(Some(seed)) => store.turn_to(seed),
                    // Signed out, or something only a whole page can tell.
                    Ok(None) => {
                        let _ = window().location().set_href(&wanted);
                    }
                    Err(_) => {}
                }
            });
        }
        wanted
    });
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if store.state.with_untracked(|state| state.me.is_some()) {
            super::socket::start(store);
        }
        super::socket::remember_zone();
    });
}

fn with_mark(search: &str) -> String {
    if search.is_empty() || search.starts_with('?') { search.to_owned() } else { format!("?{search}") }
}
