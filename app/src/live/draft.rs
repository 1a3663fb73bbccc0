//! The draft that this tab stores, and the message replied to. `public/boot.js` writes the text into the tab's session
//! storage, so that it survives a crash of the WASM. This module reads the text, and removes it after the message is
//! sent.

use crate::address::Address;
use leptos::prelude::*;
use protocol::ids::ChatId;
use web_sys::Storage;

/// The attribute of the root element that names the user.
const PERSON: &str = "data-person";

/// The saves of one chat's draft.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    /// The text to save next.
    pub next: Option<String>,
    /// The text of the newest request.
    pub newest: Option<String>,
    /// Whether a request is under way.
    pub runs: bool,
}

#[must_use]
pub fn stored(chat_id: ChatId) -> Option<String> {
    storage()?.get_item(&key("draft", chat_id)?).ok().flatten()
}

pub fn store(chat_id: ChatId, draft: &str) {
    if let (Some(storage), Some(key)) = (storage(), key("draft", chat_id)) {
        // A browser without storage still has the text in the field.
        let _ = storage.set_item(&key, draft);
    }
}

pub fn forget(chat_id: ChatId) {
    if let (Some(storage), Some(key)) = (storage(), key("draft", chat_id)) {
        // A browser that stores nothing has nothing to remove.
        let _ = storage.remove_item(&key);
    }
}

/// Removes the draft if it is `text`.
pub fn forget_if(chat_id: ChatId, text: &str) {
    if stored(chat_id).as_deref() == Some(text) {
        forget(chat_id);
    }
}

/// The number of the message replied to.
#[must_use]
pub fn reply(chat_id: ChatId) -> Option<u64> {
    storage()?.get_item(&key("reply", chat_id)?).ok().flatten()?.parse().ok()
}

pub fn store_reply(chat_id: ChatId, reply_to: Option<u64>) {
    let (Some(storage), Some(key)) = (storage(), key("reply", chat_id)) else { return };
    // A browser without storage forgets the reply when the page is closed.
    let _ = match reply_to {
        Some(no) => storage.set_item(&key, &no.to_string()),
        None => storage.remove_item(&key),
    };
}

/// Removes the drafts of all chats. The user may type until the next page is here: without a user, nothing is stored.
#[cfg(feature = "hydrate")]
pub fn forget_all() {
    if let Some(root) = document().document_element() {
        let _ = root.remove_attribute(PERSON);
    }
    if let Some(storage) = storage() {
        let _ = storage.clear();
    }
}

/// The key names the user: another user may sign in in the same tab.
fn key(what: &str, chat_id: ChatId) -> Option<String> {
    let person = document().document_element()?.get_attribute(PERSON)?;
    Some(format!("{what}:{person}:{}", Address::chat(chat_id).href()))
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
