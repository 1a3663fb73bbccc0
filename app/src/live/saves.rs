//! Saves drafts on the server, for the user's other devices.

use super::{Store, api, draft::forget_if};
use leptos::prelude::*;
use protocol::{error::ErrorCode, ids::ChatId};
#[cfg(feature = "hydrate")]
use {super::Notice, crate::chat::api::EditMessage, leptos::server_fn::ServerFn as _, protocol::reducer::Unsent};

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
