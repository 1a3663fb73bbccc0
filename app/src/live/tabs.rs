//! Synchronises the settings between the tabs of this browser.

use super::Store;
use crate::{
    i18n::{Locale, use_i18n},
    navigation::Navigation,
};
use leptos::prelude::*;

/// Another tab has changed account data that the settings pages show.
const ACCOUNT: &str = "account";
const LOCALE: &str = "locale";

/// Shows a choice in this tab.
pub fn apply_choice(store: Store, name: &str, value: &str) {
    store.choices.update(|choices| {
        choices.remove(name);
        if !value.is_empty() {
            choices.insert(name.to_owned(), value.to_owned());
        }
    });
    if let Some(root) = document().document_element() {
        let attribute = format!("data-{name}");
        let _ =
            if value.is_empty() { root.remove_attribute(&attribute) } else { root.set_attribute(&attribute, value) };
    }
}

/// Shows a choice in the other tabs.
pub fn share_choice(name: &str, value: &str) {
    #[cfg(feature = "hydrate")]
    on_channel(|channel| {
        let _ = channel.post_message(&format!("{name}={value}").into());
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (name, value);
}

/// Shows a language in the other tabs.
pub fn share_locale(locale: Locale) {
    share_choice(LOCALE, locale.name());
}

/// Makes the other tabs reload the account data from the server.
pub fn share_account() {
    share_choice(ACCOUNT, "");
}

/// Applies changes from the other tabs. Renders nothing.
#[component]
pub fn OtherTabs() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    {
        let (store, i18n, navigation) = (Store::current(), use_i18n(), Navigation::current());
        let in_settings = move || navigation.get_untracked().is_some_and(|address| address.section().is_some());
        crate::ui::effect(move || {
            // A form that was sent with a page load may have changed something.
            share_account();
            on_message(move |name, value| match name {
                LOCALE => i18n.set_locale(Locale::of(value)),
                ACCOUNT if in_settings() => super::refresh(store),
                ACCOUNT => {}
                name => apply_choice(store, name, value),
            });
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (use_i18n, Navigation::current);
}

#[cfg(feature = "hydrate")]
fn on_message(act: impl Fn(&str, &str) + 'static) {
    use wasm_bindgen::{JsCast as _, closure::Closure};
    let listener = Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
        if let Some((name, value)) = event.data().as_string().unwrap_or_default().split_once('=') {
            act(name, value);
        }
    });
    on_channel(|channel| channel.set_onmessage(Some(listener.as_ref().unchecked_ref())));
    // The listener lives as long as the page.
    listener.forget();
}

/// Uses the channel of this page. There is one, because a channel does not receive its own messages.
#[cfg(feature = "hydrate")]
fn on_channel(act: impl FnOnce(&web_sys::BroadcastChannel)) {
    thread_local! {
        static CHANNEL: Option<web_sys::BroadcastChannel> = web_sys::BroadcastChannel::new("settings").ok();
    }
    CHANNEL.with(|channel| channel.as_ref().map(act));
}
