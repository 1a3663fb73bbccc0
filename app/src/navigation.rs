//! Which page is shown: follows the browser's address, pressed links and the back button.

use crate::address::Address;
use leptos::prelude::*;

/// The current address; none if no page has this address. All copies share one signal.
#[derive(Clone, Copy)]
pub struct Navigation(RwSignal<Option<Address>>);

impl Navigation {
    /// Begins with the address of the request; in the browser, with the address bar's.
    pub fn new(asked: &str) -> Self {
        let asked = if cfg!(feature = "hydrate") { here() } else { asked.to_owned() };
        let navigation = Self(RwSignal::new(Address::parse(&asked)));
        #[cfg(feature = "hydrate")]
        navigation.listen();
        navigation
    }

    #[must_use]
    pub fn current() -> Self {
        expect_context()
    }

    /// Reads the address, and subscribes to it.
    pub fn with<T>(self, read: impl FnOnce(Option<&Address>) -> T) -> T {
        self.0.with(|address| read(address.as_ref()))
    }

    #[must_use]
    pub fn get(self) -> Option<Address> {
        self.0.get()
    }

    #[must_use]
    pub fn get_untracked(self) -> Option<Address> {
        self.0.get_untracked()
    }

    /// Goes to a page without loading a document.
    pub fn go(self, to: Address) {
        #[cfg(feature = "hydrate")]
        self.turn_to(&to.href(), to);
        #[cfg(not(feature = "hydrate"))]
        let _ = to;
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::Navigation;
    use crate::{address::Address, ui::focus};
    use leptos::{ev, prelude::*};
    use wasm_bindgen::{JsCast as _, JsValue};
    use web_sys::{Element, HtmlAnchorElement, MouseEvent};

    /// Links that open a page of this app, not a new tab, a download or an external page.
    const LINK: &str = r#"a[href]:not([href=""], [target], [download], [rel~="external"])"#;

    impl Navigation {
        /// The listeners live as long as the page.
        pub(super) fn listen(self) {
            let _ = window_event_listener(ev::click, move |event| {
                // The browser opens other sites, and addresses that are no page.
                if let Some(url) = pressed_link(&event)
                    && let Some(address) = Address::parse(&url)
                {
                    event.prevent_default();
                    self.turn_to(&url, address);
                }
            });
            let _ = window_event_listener(ev::popstate, move |_| self.show(Address::parse(&super::here())));
        }

        pub(super) fn turn_to(self, url: &str, address: Address) {
            let fragment = window().location().hash().unwrap_or_default();
            if super::here() + &fragment != url
                && let Ok(history) = window().history()
            {
                // A path of our own is always legal.
                let _ = history.push_state_with_url(&JsValue::NULL, "", Some(url));
            }
            self.show(Some(address));
            let target = url.split_once('#').and_then(|(_, id)| document().get_element_by_id(id));
            match target {
                Some(target) => {
                    target.scroll_into_view();
                    // On another page, the focus moves when the page is complete (arrival.rs).
                    focus(&format!("form#{} :is(select, button)", target.id()));
                }
                None => window().scroll_to_with_x_and_y(0.0, 0.0),
            }
        }

        fn show(self, address: Option<Address>) {
            if self.0.with_untracked(|before| *before != address) {
                self.0.set(address);
            }
        }
    }

    /// The path, query and fragment of a pressed link to this site. None for other buttons, or with a key such as Ctrl.
    fn pressed_link(event: &MouseEvent) -> Option<String> {
        let has_key = event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key();
        if event.default_prevented() || event.button() != 0 || has_key {
            return None;
        }
        let pressed: Element = event.target()?.dyn_into().ok()?;
        let link: HtmlAnchorElement = pressed.closest(LINK).ok()??.dyn_into().ok()?;
        let url = link.href().strip_prefix(&window().location().origin().ok()?)?.to_owned();
        url.starts_with('/').then_some(url)
    }
}

/// The path and the query in the browser's bar.
pub fn here() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}
