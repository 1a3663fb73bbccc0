use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

/// Where one writes on a page that is for writing.
pub const WRITING: &str = ".composer-input, form[action='/new'] [type=search]";

/// Gives the first element that a selector finds the focus, where there is one.
pub fn focus(selector: &str) {
    if let Some(found) = find(selector) {
        let _ = found.focus();
    }
}

/// Gives the focus to the page one has come to, which so is told: to where one writes, else to its heading.
/// Answers whether that is settled; it is not as long as the page is on its way.
pub fn focus_page() -> bool {
    let active = document().active_element();
    let busy = active.is_some_and(|active| active.matches("main *, input, textarea, dialog *").unwrap_or(false));
    // Whoever does something else by now goes on with it.
    if busy {
        return true;
    }
    if find("main[aria-busy]").is_some() {
        return false;
    }
    // A field would bring up the keyboard of a phone, over half of what one came to read.
    let has_pointer = window().match_media("(hover: hover)").ok().flatten().is_some_and(|media| media.matches());
    let field = if has_pointer { find(WRITING) } else { None };
    let target = field.or_else(|| {
        let heading = find(".shows-list .list-pane h2, main h1")?;
        heading.set_tab_index(-1);
        Some(heading)
    });
    if let Some(target) = target {
        let _ = target.focus();
    }
    true
}

fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}
