//! The part of the front end that a browser loads at its first use. `scripts/split` moves into it all code that the rest
//! reaches only through functions called `lazy_…`. They are called when `Part::ready` returns true.

use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use wasm_bindgen::prelude::*;

/// Whether the part is loaded. On the server it always is.
#[derive(Clone, Copy)]
pub struct Part(RwSignal<bool>);

impl Part {
    /// Provides it to the views below. A page that begins with a view of the part is hydrated after the part is loaded.
    pub fn provide() {
        let is_loaded = !cfg!(feature = "hydrate")
            || document().document_element().is_some_and(|root| root.has_attribute("data-part"));
        provide_context(Self(RwSignal::new(is_loaded)));
    }

    #[must_use]
    pub fn current() -> Self {
        expect_context()
    }

    /// Returns whether the part is loaded. If not, loads it; then the views that asked are rendered again.
    #[must_use]
    pub fn ready(self) -> bool {
        #[cfg(feature = "hydrate")]
        if !self.0.get_untracked() {
            leptos::task::spawn_local(async move {
                if load_part().await.is_err() {
                    // The server has another version: load the page from it.
                    let _ = window().location().reload();
                } else if !self.0.get_untracked() {
                    self.0.set(true);
                }
            });
        }
        self.0.get()
    }

    /// Subscribes to the arrival of the part.
    pub fn track(self) {
        self.0.track();
    }
}

#[cfg(feature = "hydrate")]
#[wasm_bindgen]
extern "C" {
    /// Loads the part once (public/boot.js). Fails if the server has no part of this version.
    #[wasm_bindgen(js_name = loadPart, catch)]
    pub async fn load_part() -> Result<(), JsValue>;
}
