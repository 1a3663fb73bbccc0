//! What is being written and not sent yet.

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

/// A draft that has rested so long is kept on the server.
const DRAFT_PAUSE: Duration = Duration::from_millis(1_000);

/// What the server keeps of it.
pub fn drafted(store: Store, chat_id: ChatId) -> Option<String> {
    store.with_chat_untracked(chat_id, |chat| chat.summary.draft.clone()).flatten()
}

/// What is being written: on this tab at once, on the server after a pause, and so on every device.
#[derive(Clone, Copy)]
pub struct Drafts {
    talk: Talk,
    field: NodeRef<html::Textarea>,
    /// What the server has.
    told: StoredValue<String>,
    /// Something is on its way there.
    telling: StoredValue<bool>,
    waiting: StoredValue<Option<TimeoutHandle>>,
    /// What stood in the field before an edit took its place.
    aside: StoredValue<String>,
    /// The message that is being edited, as it was when that began.
    edited: StoredValue<Option<Arc<Message>>>,
    /// The edit that is on its way, while one is.
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

    /// What was typed before a crash or a reload is there again, and so is what it answers.
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

    /// What is edited takes the draft's place, and gives it back.
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
                // What ends, ends where somebody pressed something, or far away.
                if now != Writing::New {
                    let _ = field.focus();
                }
            }
            now
        });
    }

    /// What is written answers what it did before.
    fn answer_again(self) {
        if let Some(no) = draft::kept_reply(self.talk.chat_id) {
            self.talk.writing.set(Writing::Reply(no));
        }
    }

    /// Another device has written on, and nobody has here.
    fn follow_others(self) {
        let Talk { store, chat_id, writing, .. } = self.talk;
        let elsewhere = memo(move || store.with_chat(chat_id, |chat| chat.summary.draft.clone()).flatten());
        effect(move || {
            let draft = elsewhere.get().unwrap_or_default();
            let Some(field) = self.field.get() else { return };
            // While something is on its way, what comes back may be older.
            if self.telling.get_value() || self.is_editing() {
                return;
            }
            if field.value() == self.told.get_value() && draft != self.told.get_value() {
                field.set_value(&draft);
                draft::forget(chat_id);
                // It was sent there, with what it answered.
                if draft.is_empty() {
                    writing.set(Writing::New);
                }
            }
            self.told.set_value(draft);
        });
    }

    /// Whether what is being edited is on its way: Enter is not pressed for it twice.
    pub fn is_saving(self) -> bool {
        self.saving.get_value() == Some(self.talk.writing.get_untracked())
    }

    /// An edit goes on its way. Answers the change that wrote the words which are being edited; a reaction to
    /// them is none.
    pub fn begin_save(self) -> u64 {
        self.saving.set_value(Some(self.talk.writing.get_untracked()));
        let (began, now) = (self.edited.get_value(), untrack(|| self.talk.edited()));
        let words = |message: &Message| (message.edited_at, message.deleted);
        match (began, now) {
            (Some(began), Some(now)) if words(&began) == words(&now) => now.seq,
            (began, _) => began.map_or(0, |began| began.seq),
        }
    }

    /// It was answered; whoever went on at once has no composer any more.
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

    /// Tells the server what stands in the field, where that is news; one at a time, so that they arrive in order.
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
            // Whoever went on at once has no composer any more.
            let gone = self.telling.try_set_value(false).is_some();
            if answer.is_err() {
                return;
            }
            // What every device has now is not brought back here, when another has written on meanwhile.
            draft::forget_if(self.talk.chat_id, &body);
            if !gone {
                self.told.set_value(body);
                self.tell();
            }
        });
    }

    /// What was written has become a message; an edit stays until it is taken.
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
