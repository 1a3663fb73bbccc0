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
fn closest(target: Option<web_sys::EventTarget>, selector: &str) -> Option<web_sys::Element> {
    target?.dyn_into::<web_sys::Element>().ok()?.closest(selector).ok().flatten()
}

fn focus_in_row(no: u64, selector: &str) {
    focus(&format!("#m{no} {selector}"));
}

pub fn clicked(open_chat: OpenChat, event: &leptos::ev::MouseEvent) {
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
            // The button disappears: a dialog that opens now must return the focus to the message.
            focus_in_row(no, "article");
            open_chat.act(name, no);
        }
        _ => {}
    }
}

fn open_menu(open_chat: OpenChat, no: u64) {
    open_chat.menu.set(Some(no));
    request_animation_frame(move || focus_in_row(no, ".row-actions button"));
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

/// Shows the actions of the message under the pointer, and hides them when the pointer leaves the timeline. A menu
/// that has the focus stays open: rows may scroll under a pointer at rest.
pub fn hovered(open_chat: OpenChat, target: Option<web_sys::EventTarget>) {
    let in_menu = document().active_element().is_some_and(|at| at.closest(".actions").ok().flatten().is_some());
    let has_left = target.is_none();
    let no = closest(target, ".message").and_then(|row| screen::number_of(&row));
    if (no.is_some() || has_left) && open_chat.menu.get_untracked() != no && !in_menu {
        open_chat.menu.set(no);
    }
}

/// The arrow keys walk from message to message; Enter opens the actions of a message. Escape returns
/// from the actions to the message, and from a message to the composer.
pub fn pressed(open_chat: OpenChat, event: &leptos::ev::KeyboardEvent) {
    let row = closest(event.target(), ".message");
    let in_article = closest(event.target(), "article, .timeline").is_some_and(|of| Some(of.into()) == event.target());
    let key = event.key();
    match (key.as_str(), row) {
        ("ArrowUp" | "ArrowDown", row) if in_article => walk(open_chat, event, row.as_ref()),
        ("Home" | "End", _) if in_article => {
            event.prevent_default();
            let last_no = open_chat.store.with_chat_untracked(open_chat.chat_id, |chat| chat.summary.chat.last_no);
            open_chat.jump.set(Some(Jump::To(if key == "Home" { 1 } else { last_no.unwrap_or(1) })));
        }
        ("Enter" | "ContextMenu", Some(row)) if in_article => {
            let Some(no) = screen::number_of(&row) else { return };
            event.prevent_default();
            open_menu(open_chat, no);
        }
        (" ", Some(row)) if in_article && open_chat.selected.with_untracked(Option::is_some) => {
            event.prevent_default();
            screen::number_of(&row).into_iter().for_each(|no| open_chat.toggle(no));
        }
        ("Escape", Some(row)) => {
            open_chat.menu.set(None);
            open_chat.selected.set(None);
            match screen::number_of(&row).filter(|_| !in_article) {
                Some(no) => focus_in_row(no, "article"),
                None => focus(".composer-input"),
            }
        }
        _ => {}
    }
}

/// Focuses the message above or below a row. Without a row, focuses the last message.
fn walk(open_chat: OpenChat, event: &leptos::ev::KeyboardEvent, row: Option<&web_sys::Element>) {
    let list = || document().query_selector(".timeline .messages").ok().flatten();
    let target = match row {
        Some(row) if event.key() == "ArrowUp" => row.previous_element_sibling(),
        Some(row) => row.next_element_sibling(),
        None => list().and_then(|list| list.last_element_child()),
    };
    if let Some(no) = target.as_ref().and_then(screen::number_of) {
        event.prevent_default();
        focus_in_row(no, "article");
        open_chat.menu.set(None);
    }
}
