//! The draft of a conversation: in the composer, in this tab, and on the server.

use super::{
    api,
    talk::{Talk, Writing},
};
use crate::{
    live::{Store, draft},
    ui::{effect, effect_from, memo},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{chat::Message, ids::ChatId};
use std::{sync::Arc, time::Duration};

/// After this pause the draft is sent to the server.
const DRAFT_PAUSE: Duration = Duration::from_millis(1_000);

/// The draft that the server holds.
pub fn drafted(store: Store, chat_id: ChatId) -> Option<String> {
    store.with_chat_untracked(chat_id, |chat| chat.summary.draft.clone()).flatten()
}

/// The draft: stored in this tab at once, on the server after a pause, and so on every device.
#[derive(Clone, Copy)]
pub struct Drafts {
    talk: Talk,
    field: NodeRef<html::Textarea>,
    /// The text that the server holds.
    told: StoredValue<String>,
    /// Whether a request is under way.
    telling: StoredValue<bool>,
    waiting: StoredValue<Option<TimeoutHandle>>,
    /// The draft, while an edit is in the composer.
    aside: StoredValue<String>,
    /// The edited message, as it was when the edit began.
    edited: StoredValue<Option<Arc<Message>>>,
    /// The edit that is being saved.
    saving: StoredValue<Option<Writing>>,
}

impl Drafts {
    pub fn new(talk: Talk, field: NodeRef<html::Textarea>) -> Self {
        let Talk { store, chat_id, .. } = talk;
        let drafts = Self {
            talk,
            field,
            told: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            telling: StoredValue::new(false),
            waiting: StoredValue::new(None),
            aside: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            edited: StoredValue::new(None),
            saving: StoredValue::new(None),
        };
        drafts.begin_edit();
        drafts.bring_back();
        drafts.give_way();
        drafts.follow_others();
        on_cleanup(move || drafts.tell());
        drafts
    }

    /// Restores the draft, and the message replied to, after a crash or a reload.
    fn bring_back(self) {
        let Talk { chat_id, writing, .. } = self.talk;
        effect(move || {
            let Some(field) = self.field.get() else { return };
            let kept = draft::kept(chat_id);
            if kept.is_none() && self.told.with_value(String::is_empty) {
                draft::keep_reply(chat_id, None);
            }
            if writing.get_untracked() == Writing::New {
                self.answer_again();
            }
            let Some(draft) = kept else { return };
            if !self.is_editing() && (field.value().is_empty() || field.value() == self.told.get_value()) {
                field.set_value(&draft);
            }
        });
    }

    /// An edit replaces the draft in the composer, and restores it when it ends.
    fn give_way(self) {
        effect_from(move |before: Option<Writing>| {
            let now = self.talk.writing.get();
            match (before, now) {
                (Some(Writing::Reply(_)), Writing::New) => draft::keep_reply(self.talk.chat_id, None),
                (Some(Writing::Edit(_)), Writing::New) => self.answer_again(),
                (_, Writing::Reply(no)) => draft::keep_reply(self.talk.chat_id, Some(no)),
                _ => {}
            }
            if let (Some(field), Some(before)) = (self.field.get_untracked(), before.filter(|before| *before != now)) {
                let was_editing = matches!(before, Writing::Edit(_));
                if let Some(edited) = self.talk.edited() {
                    if !was_editing {
                        self.aside.set_value(field.value());
                    }
                    self.begin_edit();
                    field.set_value(&edited.text);
                } else if was_editing {
                    field.set_value(&self.aside.get_value());
                }
                // When an edit or a reply ends, the focus is where it was ended, or on another page.
                if now != Writing::New {
                    let _ = field.focus();
                }
            }
            now
        });
    }

    /// Restores the message replied to.
    fn answer_again(self) {
        if let Some(no) = draft::kept_reply(self.talk.chat_id) {
            self.talk.writing.set(Writing::Reply(no));
        }
    }

    /// Shows the draft of another device, unless this one has changed it.
    fn follow_others(self) {
        let Talk { store, chat_id, writing, .. } = self.talk;
        let elsewhere = memo(move || store.with_chat(chat_id, |chat| chat.summary.draft.clone()).flatten());
        effect(move || {
            let draft = elsewhere.get().unwrap_or_default();
            let Some(field) = self.field.get() else { return };
            // While a request is under way, the server's text may be older.
            if self.telling.get_value() || self.is_editing() {
                return;
            }
            if field.value() == self.told.get_value() && draft != self.told.get_value() {
                field.set_value(&draft);
                draft::forget(chat_id);
                // The other device has sent it, with its reply.
                if draft.is_empty() {
                    writing.set(Writing::New);
                }
            }
            self.told.set_value(draft);
        });
    }

    /// Whether the edit is being saved: a second Enter must not send it again.
    pub fn is_saving(self) -> bool {
        self.saving.get_value() == Some(self.talk.writing.get_untracked())
    }

    /// An edit is being saved. Returns the change that its text is based on: a reaction in the meantime does not
    /// count as a change of the text.
    pub fn begin_save(self) -> u64 {
        self.saving.set_value(Some(self.talk.writing.get_untracked()));
        let (began, now) = (self.edited.get_value(), untrack(|| self.talk.edited()));
        let words = |message: &Message| (message.edited_at, message.deleted);
        match (began, now) {
            (Some(began), Some(now)) if words(&began) == words(&now) => now.seq,
            (began, _) => began.map_or(0, |began| began.seq),
        }
    }

    /// The edit has a response. The reader may have left the conversation.
    pub fn saved(self) {
        self.saving.try_set_value(None);
    }

    fn is_editing(self) -> bool {
        matches!(self.talk.writing.get_untracked(), Writing::Edit(_))
    }

    fn begin_edit(self) {
        self.edited.set_value(untrack(|| self.talk.edited()));
    }

    /// A key was pressed.
    pub fn typed(self) {
        if self.is_editing() {
            return;
        }
        self.stop();
        let handle = set_timeout_with_handle(move || self.tell(), DRAFT_PAUSE);
        self.waiting.set_value(handle.ok());
    }

    fn stop(self) {
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }

    /// Sends the draft to the server, if it differs; one request at a time, so that they arrive in order.
    fn tell(self) {
        let Some(field) = self.field.try_get_untracked().flatten() else { return };
        let draft = field.value();
        let told = self.told.try_get_value().is_none_or(|told| told == draft);
        if told || self.is_editing() || self.telling.get_value() {
            return;
        }
        self.telling.set_value(true);
        let (chat, body) = (self.talk.chat_id.to_string(), draft.clone());
        self.talk.store.post(api::KeepDraft::url(), &[("chat_id", &chat), ("draft", &draft)], move |answer| {
            // The reader may have left the conversation.
            let gone = self.telling.try_set_value(false).is_some();
            if answer.is_err() {
                return;
            }
            // Every device has this text now: the copy in this tab must not overwrite a newer one later.
            draft::forget_if(self.talk.chat_id, &body);
            if !gone {
                self.told.set_value(body);
                self.tell();
            }
        });
    }

    /// The draft has become a message. An edit stays until it is saved.
    pub fn sent(self) {
        self.stop();
        if self.is_editing() {
            return;
        }
        self.talk.writing.set(Writing::New);
        if let Some(field) = self.field.get_untracked() {
            field.set_value("");
        }
        draft::forget(self.talk.chat_id);
        self.tell();
    }
}
