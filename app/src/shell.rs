//! The document around the pages, and how the browser takes it over.

use crate::{App, Seed};
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// The document. The server renders it once a page; theme and language are on it before any script runs.
pub fn shell(options: LeptosOptions, seed: &Seed) -> impl IntoView + use<> {
    let (lang, theme) = (seed.locale.clone(), seed.theme.clone());
    let address = seed.page.refused.as_ref().map(|_| seed.page.address.clone());
    let crashed = if lang == "ru" {
        ("Что-то сломалось.", "Обновить страницу")
    } else {
        ("Something broke.", "Reload")
    };
    view! {
        <!DOCTYPE html>
        <html lang=lang data-theme=theme data-address=address>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                <meta name="color-scheme" content="light dark" />
                <link rel="stylesheet" href="/pkg/messenger.css" />
                <link rel="icon" href="/icon.svg" type="image/svg+xml" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
                // Shown by the style sheet once a crash has marked the document.
                <div class="crashed" role="alert">
                    <p>{crashed.0}</p>
                    <a class="button" href="">{crashed.1}</a>
                </div>
            </body>
        </html>
    }
}

/// Takes over what the server rendered, and says so on the document.
#[cfg(feature = "hydrate")]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        leptos::logging::error!("{panic}");
        mark("crashed");
    }));
    keep_address();
    hydrate_body(App);
    mark("hydrated");
}

/// A refused form is answered at its action's address, with the page of another.
#[cfg(feature = "hydrate")]
fn keep_address() {
    let address = document().document_element().and_then(|root| root.get_attribute("data-address"));
    if let (Some(address), Ok(history)) = (address, window().history()) {
        // A path of our own is always a legal address.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
    }
}

#[cfg(feature = "hydrate")]
fn mark(what: &str) {
    if let Some(root) = document().document_element() {
        // An attribute of a fixed name is always legal.
        let _ = root.set_attribute(&format!("data-{what}"), "");
    }
}
