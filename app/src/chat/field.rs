//! Editing the composer's text field.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

/// Replaces the text from `start` to `end`, and puts the cursor after the new text.
pub fn replace(field: &web_sys::HtmlTextAreaElement, text: &str, start: u32, end: u32) {
    let _ = field.set_range_text_with_start_and_end_and_mode(text, start, end, "end");
    let _ = field.focus();
    // Dispatch `input`, so that listeners treat the text as typed.
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    if let Ok(event) = web_sys::Event::new_with_event_init_dict("input", &init) {
        let _ = field.dispatch_event(&event);
    }
}

/// The composer of the open page.
fn field() -> Option<web_sys::HtmlTextAreaElement> {
    document().query_selector(".composer-input").ok().flatten()?.dyn_into().ok()
}

/// Replaces the selected text of the composer.
pub fn insert(text: &str) {
    let Some(field) = field() else { return };
    let place = |at: Result<Option<u32>, _>| at.ok().flatten().unwrap_or(0);
    replace(&field, text, place(field.selection_start()), place(field.selection_end()));
}
