use leptos::prelude::document;
use wasm_bindgen::JsCast as _;

/// Gives the first element that a selector finds the focus, where there is one.
pub fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(found) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = found.focus();
    }
}
