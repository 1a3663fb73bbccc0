//! The focus after a navigation.

use crate::{
    address::Address,
    live::Store,
    navigation::Navigation,
    part::Part,
    seed::Page,
    ui::{effect_from, find, matches_media, once_drawn},
};
use leptos::prelude::*;

/// The text field that gets the focus: a composer or a search.
pub const WRITING: &str = ".composer-input, .finder [type=search]";

/// After each navigation, moves the focus into the new page, for keyboard users. A document that follows a form of this
/// server, as "Message" on a profile, gets the focus in its text field. Renders nothing.
#[component]
pub fn Arrival() -> impl IntoView {
    let navigation = Navigation::current();
    let (page, part) = (Store::current().page, Part::current());
    let coming = StoredValue::new(false);
    effect_from(move |before: Option<Option<Address>>| {
        let now = navigation.get();
        match before {
            Some(before) if before != now => coming.set_value(true),
            None if follows_a_form() && !is_busy() => once_drawn(|| {
                let _ = field().map(|field| field.focus());
            }),
            _ => {}
        }
        // A page that is still loading can be focused when its data and its code arrive.
        page.track();
        part.track();
        once_drawn(move || {
            if coming.get_value() && focus_page(page) {
                coming.set_value(false);
            }
        });
        now
    });
}

/// Whether the browser has loaded the document from a page of this server. Links do not load a document.
fn follows_a_form() -> bool {
    let origin = window().location().origin().unwrap_or_default();
    document().referrer().starts_with(&format!("{origin}/"))
}

/// The page's text field. On a phone a focused field opens the keyboard, which covers half of the page.
fn field() -> Option<web_sys::HtmlElement> {
    if matches_media("(hover: hover)") { find(WRITING) } else { None }
}

/// Whether the user has already moved the focus to an element of the page.
fn is_busy() -> bool {
    let active = document().active_element();
    active.is_some_and(|active| active.matches("main *, input, textarea, dialog *").unwrap_or(false))
}

/// An element of the form that the fragment of the address names.
fn in_linked_form(element: &str) -> Option<web_sys::HtmlElement> {
    let fragment = window().location().hash().ok().filter(|fragment| !fragment.is_empty())?;
    find(&format!("form{fragment} {element}"))
}

/// Focuses the form in the address, else the page's text field, else its heading, so that screen readers announce it.
/// Returns false while the page is still loading.
fn focus_page(page: RwSignal<Page>) -> bool {
    if is_busy() {
        return true;
    }
    let is_loading = page.with_untracked(|page| *page == Page::Loading);
    // The fields of a form need the data of the page.
    if find("main[aria-busy]").is_some() || (is_loading && in_linked_form("button").is_some()) {
        return false;
    }
    let target = in_linked_form(":is(select, button)").or_else(field).or_else(|| {
        let heading = find(".shows-list .list-pane h2, main h1")?;
        heading.set_tab_index(-1);
        Some(heading)
    });
    if let Some(target) = target {
        let _ = target.focus();
    }
    true
}
