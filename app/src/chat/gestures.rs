//! The pointer and the keyboard in the timeline. One listener serves all rows. The pressed element names its action
//! in `data-do`, and the message in `data-no` if it is not the message of the row.

use super::{
    open_chat::{Jump, OpenChat},
    screen,
};
use crate::{
    address::Address,
    live::{Notice, Store},
    ui::focus,
};
use leptos::prelude::*;
use protocol::error::ErrorCode;
use wasm_bindgen::JsCast as _;

/// The innermost element around a target that matches a selector.
pub fn closest(target: Option<web_sys::EventTarget>, selector: &str) -> Option<web_sys::Element> {
    target?.dyn_into::<web_sys::Element>().ok()?.closest(selector).ok().flatten()
}

fn focus_message(no: u64) {
    focus(&format!("#m{no} article"));
}

pub fn clicked(open_chat: OpenChat, event: &leptos::ev::MouseEvent) {
    if has_key(event) {
        return;
    }
    let row = closest(event.target(), ".message").and_then(|row| screen::number_of(&row));
    if open_chat.selected.with_untracked(Option::is_some) {
        event.prevent_default();
        row.into_iter().for_each(|no| open_chat.toggle(no));
        return;
    }
    let Some(pressed) = closest(event.target(), "[data-do]") else { return };
    let name = pressed.get_attribute("data-do").unwrap_or_default();
    let no = pressed.get_attribute("data-no").and_then(|no| no.parse().ok()).or(row);
    event.prevent_default();
    // Before the action, so that its dialog or the composer can take the focus.
    if let Some(menu) =
        closest(event.target(), "dialog").and_then(|menu| menu.dyn_into::<web_sys::HtmlDialogElement>().ok())
    {
        menu.close();
        open_chat.menu.set(None);
    }
    match (name.as_str(), no) {
        ("code", _) => {
            let code = pressed.parent_element().and_then(|block| block.query_selector("code").ok().flatten());
            copy(open_chat.store, &code.and_then(|code| code.text_content()).unwrap_or_default());
        }
        ("copy", Some(no)) => {
            copy(open_chat.store, &open_chat.message(no).map(|message| message.text.clone()).unwrap_or_default());
        }
        ("link", Some(no)) => {
            let origin = window().location().origin().unwrap_or_default();
            copy(open_chat.store, &(origin + &Address::message(open_chat.chat_id, no).href()));
        }
        ("menu", Some(no)) => open_menu(open_chat, no),
        (name, Some(no)) => {
            // A dialog that opens now returns the focus to the message.
            screen::mark(no);
            open_chat.act(name, no);
        }
        _ => {}
    }
}

/// Whether a key such as Ctrl is pressed: then the browser opens a link or a form in a new tab.
pub fn has_key(event: &leptos::ev::MouseEvent) -> bool {
    event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key()
}

/// Opens the menu of the message at a right click or a long press.
pub fn opens_menu(open_chat: OpenChat, event: &leptos::ev::MouseEvent) {
    let row = closest(event.target(), ".message").and_then(|row| screen::number_of(&row));
    if let Some(no) = row.filter(|_| open_chat.selected.with_untracked(Option::is_none)) {
        event.prevent_default();
        open_menu(open_chat, no);
    }
}

/// The closed menu returns the focus to the message.
fn open_menu(open_chat: OpenChat, no: u64) {
    screen::mark(no);
    if open_chat.menu.get_untracked() != Some(no) {
        open_chat.menu.set(Some(no));
    }
}

pub fn copy(store: Store, text: &str) {
    #[cfg(feature = "hydrate")]
    {
        let copied = window().navigator().clipboard().write_text(text);
        leptos::task::spawn_local(async move {
            let copied = wasm_bindgen_futures::JsFuture::from(copied).await;
            store.notice.set(Some(copied.map_or(Notice::Failed(ErrorCode::Forbidden), |_| Notice::Copied)));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, text, Notice::Copied, ErrorCode::Forbidden);
}

/// The arrow keys walk from message to message; Enter opens the menu of a message. Escape returns from a message to the
/// composer.
pub fn pressed(open_chat: OpenChat, event: &leptos::ev::KeyboardEvent) {
    let row = closest(event.target(), ".message");
    let in_article = closest(event.target(), "article, .timeline").is_some_and(|of| Some(of.into()) == event.target());
    let key = event.key();
    match (key.as_str(), row) {
        ("ArrowUp" | "ArrowDown", row) if in_article => walk(event, row.as_ref()),
        ("Home" | "End", _) if in_article => {
            event.prevent_default();
            let last_no = open_chat.store.with_chat_untracked(open_chat.chat_id, |chat| chat.summary.chat.last_no);
            open_chat.jump.set(Some(Jump::To(if key == "Home" { 1 } else { last_no.unwrap_or(1) })));
        }
        ("Enter", Some(row)) if in_article => {
            let Some(no) = screen::number_of(&row) else { return };
            event.prevent_default();
            open_menu(open_chat, no);
        }
        (" ", Some(row)) if in_article && open_chat.selected.with_untracked(Option::is_some) => {
            event.prevent_default();
            screen::number_of(&row).into_iter().for_each(|no| open_chat.toggle(no));
        }
        ("Escape", Some(row)) => {
            open_chat.selected.set(None);
            match screen::number_of(&row).filter(|_| !in_article) {
                Some(no) => focus_message(no),
                None => focus(".composer-input"),
            }
        }
        _ => {}
    }
}

/// Focuses the message above or below a row. Without a row, focuses the last message on the screen.
fn walk(event: &leptos::ev::KeyboardEvent, row: Option<&web_sys::Element>) {
    let no = match row {
        Some(row) if event.key() == "ArrowUp" => row.previous_element_sibling().as_ref().and_then(screen::number_of),
        Some(row) => row.next_element_sibling().as_ref().and_then(screen::number_of),
        None => closest(event.target(), ".timeline")
            .and_then(|timeline| screen::last(&timeline).or_else(|| screen::first(&timeline).map(|place| place.no))),
    };
    if let Some(no) = no {
        event.prevent_default();
        focus_message(no);
    }
}
