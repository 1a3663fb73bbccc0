//! If the page and the server have different versions, the page offers to reload, and reloads itself when hidden.

use super::Store;
use crate::{
    i18n::use_i18n,
    ui::{Show, t},
};
use leptos::prelude::*;

/// The offer to reload.
#[component]
pub fn NewVersion() -> impl IntoView {
    let i18n = use_i18n();
    let outdated = Store::current().outdated;
    view! {
        <Show when=move || outdated.get()>
            <p role="status" class="new-version">
                {t!(i18n, new_version.ready)}" "
                <a class="button" href="" rel="external">{t!(i18n, new_version.reload)}</a>
            </p>
        </Show>
    }
    .into_any()
}

/// Compares the server's version, as `ready` gives it, with the page's.
#[cfg(feature = "hydrate")]
pub fn compare(store: Store, server: &str) {
    let page = document().document_element().and_then(|root| root.get_attribute("data-version"));
    let outdated = page.as_deref().unwrap_or(env!("CARGO_PKG_VERSION")) != server;
    if store.outdated.get_untracked() != outdated {
        store.outdated.set(outdated);
    }
}

/// Reloads the page if the server has another version, and the page is hidden, has no unsent message, no changed field,
/// and no begun action.
#[cfg(feature = "hydrate")]
pub fn reload_unseen(store: Store) {
    if !store.outdated.get_untracked()
        || !document().hidden()
        || store.read_untracked(|state| !state.outbox.is_empty())
        || document().query_selector(BEGUN).is_ok_and(|begun| begun.is_some())
        || is_typed_in()
    {
        return;
    }
    // Limit the reloads: during a rolling upgrade, the new page may again meet a node of another version.
    let (Ok(Some(storage)), now) = (window().session_storage(), js_sys::Date::now() as u64) else { return };
    let last = storage.get_item("reloaded").ok().flatten().and_then(|last| last.parse::<u64>().ok());
    if last.is_none_or(|last| now.saturating_sub(last) > RELOAD_EVERY_MS)
        && storage.set_item("reloaded", &now.to_string()).is_ok()
    {
        let _ = window().location().reload();
    }
}

/// An open dialog, selected messages, a reply.
#[cfg(feature = "hydrate")]
const BEGUN: &str = "dialog[open], .message.selected, .composer .quote";
#[cfg(feature = "hydrate")]
const RELOAD_EVERY_MS: u64 = 600_000;

/// Whether a field differs from its initial value.
#[cfg(feature = "hydrate")]
fn is_typed_in() -> bool {
    use wasm_bindgen::JsCast as _;
    let Ok(fields) = document().query_selector_all("input, textarea") else { return false };
    let mut fields = (0..fields.length()).filter_map(|at| fields.item(at));
    fields.any(|field| match field.dyn_into::<web_sys::HtmlInputElement>() {
        Ok(input) => input.value() != input.default_value() || input.checked() != input.default_checked(),
        Err(field) => field
            .dyn_into::<web_sys::HtmlTextAreaElement>()
            .is_ok_and(|area| area.default_value().is_ok_and(|before| before != area.value())),
    })
}
