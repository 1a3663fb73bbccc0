//! Saves drafts on the server, for the user's other devices.

use super::{Store, api, draft::forget_if};
use crate::Refusal;
use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use protocol::reducer::Unsent;
use protocol::{error::ErrorCode, ids::ChatId};

/// The pause before a save is repeated.
#[cfg(feature = "hydrate")]
const RETRY_MS: u32 = 2_000;

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

    /// The draft that the server holds.
    pub fn draft(self, chat_id: ChatId) -> Option<String> {
        self.with_chat_untracked(chat_id, |chat| chat.summary.draft.clone()).flatten()
    }

    /// Whether a save of a chat's draft is under way or waits for the connection.
    pub fn is_saving_draft(self, chat_id: ChatId) -> bool {
        self.saves.with_value(|saves| saves.get(&chat_id).is_some_and(|of| of.runs || of.next.is_some()))
    }

    /// Returns whether the server's draft is the one that this page saved last. If it is not, forgets the save.
    pub fn confirm_saved_draft(self, chat_id: ChatId, draft: &str) -> bool {
        let has_saved = self.saves.try_update_value(|saves| {
            let of = saves.get_mut(&chat_id)?;
            of.newest = of.newest.take().filter(|newest| newest == draft);
            of.newest.is_some().then_some(())
        });
        has_saved.flatten().is_some()
    }

    /// Removes the draft of a message that has left the outbox, unless the user has written another draft since.
    #[cfg(feature = "hydrate")]
    pub(super) fn remove_draft_of(self, unsent: &Unsent) {
        let chat_id = unsent.chat_id;
        let held = self.draft(chat_id);
        let is_held = held.is_none() || held == unsent.draft;
        if unsent.draft.is_some() && is_held && !self.is_saving_draft(chat_id) {
            self.save_draft(chat_id, String::new());
        }
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
            let passes = |refusal: &Refusal| matches!(refusal.0.code, ErrorCode::Unavailable | ErrorCode::RateLimited);
            let repeated = Some(draft.clone()).filter(|_| saved.as_ref().is_err_and(passes));
            #[cfg(feature = "hydrate")]
            if repeated.is_some() {
                loop {
                    gloo_timers::future::TimeoutFuture::new(RETRY_MS).await;
                    if self.connection.get_untracked().is_up() {
                        break;
                    }
                }
            }
            self.saves.update_value(|saves| {
                let of = saves.entry(chat_id).or_default();
                of.runs = false;
                of.next = of.next.take().or(repeated);
            });
            if let Ok(chat) = saved {
                self.change(|state| state.apply_summary(chat));
                // The copy in this tab must not overwrite a newer draft later. If another tab has saved its draft
                // meanwhile, the copy is all that remains of this one.
                if self.draft(chat_id).unwrap_or_default() == draft {
                    forget_if(chat_id, &draft);
                }
            }
            self.run_save(chat_id);
        });
    }
}
