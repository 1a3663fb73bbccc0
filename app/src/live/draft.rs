//! The draft that this tab stores, the message replied to, and the saves of drafts on the server. `public/boot.js`
//! writes the text into the tab's session storage, so that it survives a crash of the WASM. This module reads the
//! text, and removes it after the message is sent.

use super::{Store, api};
use crate::address::Address;
use leptos::prelude::*;
use protocol::{error::ErrorCode, ids::ChatId};
use web_sys::Storage;
#[cfg(feature = "hydrate")]
use {super::Notice, crate::chat::api::EditMessage, leptos::server_fn::ServerFn as _, protocol::reducer::Unsent};

/// The saves of one chat's draft.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    /// The text to save next.
    next: Option<String>,
    /// The text of the newest request.
    newest: Option<String>,
    /// Whether a request is under way.
    runs: bool,
}

impl Store {
    /// Saves a draft on the server. One request of a chat runs at a time, so that its drafts arrive in order. The save
    /// does not depend on the page, and it is repeated when the connection is back.
    pub fn save_draft(self, chat_id: ChatId, draft: String) {
        self.saves.update_value(|saves| saves.entry(chat_id).or_default().next = Some(draft));
        self.run_save(chat_id);
    }

    /// After a send: a save of the sent text that is under way must not leave it as a draft.
    pub fn cancel_draft(self, chat_id: ChatId) {
        self.saves.update_value(|saves| {
            saves.entry(chat_id).and_modify(|of| of.next = of.runs.then(String::new));
        });
    }

    /// Whether a save of a chat's draft is under way or waits for the connection.
    pub fn is_saving_draft(self, chat_id: ChatId) -> bool {
        self.saves.with_value(|saves| saves.get(&chat_id).is_some_and(|of| of.runs || of.next.is_some()))
    }

    /// Whether this page was the last to save, with this draft. The draft of another page or device ends that.
    pub fn has_saved_draft(self, chat_id: ChatId, draft: &str) -> bool {
        let has_saved = self.saves.try_update_value(|saves| {
            let of = saves.get_mut(&chat_id)?;
            of.newest = of.newest.take().filter(|newest| newest == draft);
            of.newest.is_some().then_some(())
        });
        has_saved.flatten().is_some()
    }

    /// Removes the draft of a message that has left the outbox, unless the user has written another draft since.
    #[cfg(feature = "hydrate")]
    fn remove_draft_of(self, unsent: &Unsent) {
        let chat_id = unsent.chat_id;
        let held = self.with_chat_untracked(chat_id, |chat| chat.summary.draft.clone()).flatten();
        let is_held = held.is_none() || held == unsent.draft;
        if unsent.draft.is_some() && is_held && !self.is_saving_draft(chat_id) {
            self.save_draft(chat_id, String::new());
        }
    }

    /// Handles a message that has left the outbox of all tabs.
    #[cfg(feature = "hydrate")]
    pub fn settle_sent(self, unsent: &Unsent) {
        self.remove_draft_of(unsent);
        let stored = self.with_chat_untracked(unsent.chat_id, |chat| {
            chat.messages.values().rev().find(|message| message.client_id == unsent.client_id).cloned()
        });
        // The text was changed when its earlier form was already on the way.
        if let Some(message) = stored.flatten().filter(|message| message.text != unsent.text) {
            let (chat, no, seq) = (unsent.chat_id.to_string(), message.no.to_string(), message.seq.to_string());
            let fields = [("chat_id", &*chat), ("no", &no), ("base_seq", &seq), ("text", &unsent.text)];
            self.post(EditMessage::url(), &fields, move |answer| {
                if let Err(code) = answer {
                    self.notice.set(Some(Notice::Failed(code)));
                }
            });
        }
    }

    /// Repeats the saves that had no connection.
    #[cfg(feature = "hydrate")]
    pub fn save_drafts_again(self) {
        let chats: Vec<ChatId> = self.saves.with_value(|saves| saves.keys().copied().collect());
        chats.into_iter().for_each(|chat_id| self.run_save(chat_id));
    }

    fn run_save(self, chat_id: ChatId) {
        let next = self.saves.try_update_value(|saves| {
            let of = saves.get_mut(&chat_id).filter(|of| !of.runs)?;
            let next = of.next.take()?;
            (of.newest, of.runs) = (Some(next.clone()), true);
            Some(next)
        });
        let Some(draft) = next.flatten() else { return };
        leptos::task::spawn_local(async move {
            let saved = api::save_draft(chat_id, draft.clone()).await;
            let is_away = saved.as_ref().is_err_and(|refusal| refusal.0.code == ErrorCode::Unavailable);
            let repeated = Some(draft.clone()).filter(|_| is_away);
            self.saves.update_value(|saves| {
                let of = saves.entry(chat_id).or_default();
                of.runs = false;
                of.next = of.next.take().or(repeated);
            });
            if let Ok(chat) = saved {
                self.change(|state| state.apply_summary(chat));
                // The copy in this tab must not overwrite a newer draft later.
                forget_if(chat_id, &draft);
                self.run_save(chat_id);
            }
        });
    }
}

#[must_use]
pub fn stored(chat_id: ChatId) -> Option<String> {
    storage()?.get_item(&key("draft", chat_id)).ok().flatten()
}

pub fn store(chat_id: ChatId, draft: &str) {
    if let Some(storage) = storage() {
        // A browser without storage still has the text in the field.
        let _ = storage.set_item(&key("draft", chat_id), draft);
    }
}

pub fn forget(chat_id: ChatId) {
    if let Some(storage) = storage() {
        // A browser that stores nothing has nothing to remove.
        let _ = storage.remove_item(&key("draft", chat_id));
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
    storage()?.get_item(&key("reply", chat_id)).ok().flatten()?.parse().ok()
}

pub fn store_reply(chat_id: ChatId, reply_to: Option<u64>) {
    let Some(storage) = storage() else { return };
    let key = key("reply", chat_id);
    // A browser without storage forgets the reply when the page is closed.
    let _ = match reply_to {
        Some(no) => storage.set_item(&key, &no.to_string()),
        None => storage.remove_item(&key),
    };
}

/// Removes the drafts of all chats.
#[cfg(feature = "hydrate")]
pub fn forget_all() {
    if let Some(storage) = storage() {
        let _ = storage.clear();
    }
}

/// The key names the user: another user may sign in in the same tab.
fn key(what: &str, chat_id: ChatId) -> String {
    let person = document().document_element().and_then(|root| root.get_attribute("data-person"));
    format!("{what}:{}:{}", person.unwrap_or_default(), Address::chat(chat_id).href())
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
