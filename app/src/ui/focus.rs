use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

/// Gives the first element that a selector finds the focus, where there is one.
pub fn focus(selector: &str) {
    if let Some(found) = find(selector) {
        let _ = found.focus();
    }
}

/// Gives the page that was navigated to the focus, and so has it told: its field where there are keys to type
/// with, else its heading. What already has the focus in it keeps it.
pub fn focus_page() {
    let in_page = document().active_element().is_some_and(|active| active.closest("main").ok().flatten().is_some());
    // A field would bring up the keyboard of a phone, over half of what one came to read.
    let has_keys = window().match_media("(hover: hover)").ok().flatten().is_some_and(|media| media.matches());
    let field = || has_keys.then(|| find("main .composer-input, main [type=search]")).flatten();
    let heading = |selector: &str| {
        let found = find(selector)?;
        found.set_tab_index(-1);
        Some(found)
    };
    let of_page = || field().or_else(|| heading("main h1")).is_some_and(|found| takes_focus(&found));
    // On a phone the page of no chat is hidden behind the list of all.
    let of_list = || heading(".list-pane h2").is_some_and(|found| takes_focus(&found));
    let _ = in_page || of_page() || of_list();
}

fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}

fn takes_focus(element: &HtmlElement) -> bool {
    let _ = element.focus();
    document().active_element().is_some_and(|active| active == **element)
}
