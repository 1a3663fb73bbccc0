//! Editing the composer's text field.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

/// Replaces the text from `start` to `end`, and puts the cursor after the new text. The reader can undo it.
pub fn replace(field: &web_sys::HtmlTextAreaElement, text: &str, start: u32, end: u32) {
    let _ = field.focus();
    let _ = field.set_selection_range(start, end);
    let document = document().dyn_into::<web_sys::HtmlDocument>();
    let insert = |of: web_sys::HtmlDocument| of.exec_command_with_show_ui_and_value("insertText", false, text).ok();
    if document.ok().and_then(insert) == Some(true) {
        return;
    }
    let _ = field.set_range_text_with_start_and_end_and_mode(text, start, end, "end");
    // Dispatch `input`, so that listeners treat the text as typed.
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    if let Ok(event) = web_sys::Event::new_with_event_init_dict("input", &init) {
        let _ = field.dispatch_event(&event);
    }
}

/// Shows another text. `public/boot.js` repeats typed text in `data-text`, which gives the field its height.
pub fn show(field: &web_sys::HtmlTextAreaElement, text: &str) {
    field.set_value(text);
    if let Some(place) = field.parent_element() {
        // This attribute name is always legal.
        let _ = place.set_attribute("data-text", text);
    }
}

/// Whether a key belongs to an input method, in which Enter accepts the composed word. Safari sends this Enter after
/// the end of the composition, with the key code of an input method.
pub fn is_composing(event: &leptos::ev::KeyboardEvent) -> bool {
    event.is_composing() || event.key_code() == 229
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
