//! The draft of a conversation: in the composer, in this tab, and on the server.

use super::{
    api,
    open_chat::{OpenChat, Writing},
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

/// The draft. It is stored in this tab immediately, and on the server after a pause. All devices get it from the
/// server.
#[derive(Clone, Copy)]
pub struct Drafts {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    /// The text that the server holds.
    stored: StoredValue<String>,
    /// Whether a request is under way.
    storing: StoredValue<bool>,
    waiting: StoredValue<Option<TimeoutHandle>>,
    /// The draft, while an edit is in the composer.
    aside: StoredValue<String>,
    /// The edited message, as it was when the edit began.
    edited: StoredValue<Option<Arc<Message>>>,
    /// The edit that is being saved.
    saving: StoredValue<Option<Writing>>,
}

impl Drafts {
    pub fn new(open_chat: OpenChat, field: NodeRef<html::Textarea>) -> Self {
        let OpenChat { store, chat_id, .. } = open_chat;
        let drafts = Self {
            open_chat,
            field,
            stored: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            storing: StoredValue::new(false),
            waiting: StoredValue::new(None),
            aside: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            edited: StoredValue::new(None),
            saving: StoredValue::new(None),
        };
        drafts.begin_edit();
        drafts.bring_back();
        drafts.give_way();
        drafts.observe_others();
        on_cleanup(move || drafts.store());
        drafts
    }

    /// Restores the draft, and the message replied to, after a crash or a reload.
    fn bring_back(self) {
        let OpenChat { store, chat_id, writing, .. } = self.open_chat;
        effect(move || {
            let Some(field) = self.field.get() else { return };
            // A sent draft stays in the tab until the outbox is stored: do not restore it.
            let is_sent = |draft: &String| {
                store.read_untracked(|state| state.unsent(chat_id).any(|sent| sent.text == draft.trim()))
            };
            let local = draft::stored(chat_id).filter(|draft| !is_sent(draft));
            if local.is_none() && self.stored.with_value(String::is_empty) {
                draft::store_reply(chat_id, None);
            }
            if writing.get_untracked() == Writing::New {
                self.reply_again();
            }
            let Some(draft) = local else { return };
            if !self.is_editing() && (field.value().is_empty() || field.value() == self.stored.get_value()) {
                field.set_value(&draft);
            }
        });
    }

    /// Shows the text of an edited message in the composer. When the edit ends, the draft returns.
    fn give_way(self) {
        effect_from(move |before: Option<Writing>| {
            let now = self.open_chat.writing.get();
            match (before, now) {
                (Some(Writing::Reply(_)), Writing::New) => draft::store_reply(self.open_chat.chat_id, None),
                (Some(Writing::Edit(_)), Writing::New) => self.reply_again(),
                (_, Writing::Reply(no)) => draft::store_reply(self.open_chat.chat_id, Some(no)),
                _ => {}
            }
            if let (Some(field), Some(before)) = (self.field.get_untracked(), before.filter(|before| *before != now)) {
                let was_editing = matches!(before, Writing::Edit(_));
                if let Some(edited) = self.open_chat.edited() {
                    if !was_editing {
                        self.aside.set_value(field.value());
                    }
                    self.begin_edit();
                    field.set_value(&edited.text);
                } else if was_editing {
                    field.set_value(&self.aside.get_value());
                }
                // When an edit or a reply ends, do not move the focus: it may already be on another page.
                if now != Writing::New {
                    let _ = field.focus();
                }
            }
            now
        });
    }

    /// Restores the message replied to.
    fn reply_again(self) {
        if let Some(no) = draft::reply(self.open_chat.chat_id) {
            self.open_chat.writing.set(Writing::Reply(no));
        }
    }

    /// Shows a draft that another device has stored, unless the reader has changed the text here.
    fn observe_others(self) {
        let OpenChat { store, chat_id, writing, .. } = self.open_chat;
        let elsewhere = memo(move || store.with_chat(chat_id, |chat| chat.summary.draft.clone()).flatten());
        effect(move || {
            let draft = elsewhere.get().unwrap_or_default();
            let Some(field) = self.field.get() else { return };
            // While a request is under way, the server's text may be older.
            if self.storing.get_value() || self.is_editing() {
                return;
            }
            if field.value() == self.stored.get_value() && draft != self.stored.get_value() {
                field.set_value(&draft);
                draft::forget(chat_id);
                // The other device has sent the draft or cleared it: end the reply here too.
                if draft.is_empty() {
                    writing.set(Writing::New);
                }
            }
            self.stored.set_value(draft);
        });
    }

    /// Whether the edit is being saved: a second Enter must not send it again.
    pub fn is_saving(self) -> bool {
        self.saving.get_value() == Some(self.open_chat.writing.get_untracked())
    }

    /// Marks the edit as being saved. Returns the edit's `base_seq`: the newest `seq` at which the message still had
    /// the text that the reader began to edit. A reaction changes the `seq`, but does not make the edit stale.
    pub fn begin_save(self) -> u64 {
        self.saving.set_value(Some(self.open_chat.writing.get_untracked()));
        let (began, now) = (self.edited.get_value(), untrack(|| self.open_chat.edited()));
        let words = |message: &Message| (message.edited_at, message.deleted);
        match (began, now) {
            (Some(began), Some(now)) if words(&began) == words(&now) => now.seq,
            (began, _) => began.map_or(0, |began| began.seq),
        }
    }

    /// Marks the edit as no longer being saved. The composer may be gone: the reader may have left the conversation.
    pub fn saved(self) {
        self.saving.try_set_value(None);
    }

    fn is_editing(self) -> bool {
        matches!(self.open_chat.writing.get_untracked(), Writing::Edit(_))
    }

    fn begin_edit(self) {
        self.edited.set_value(untrack(|| self.open_chat.edited()));
    }

    /// After each input: sends the draft when the reader pauses (debounce).
    pub fn typed(self) {
        if self.is_editing() {
            return;
        }
        self.stop();
        let handle = set_timeout_with_handle(move || self.store(), DRAFT_PAUSE);
        self.waiting.set_value(handle.ok());
    }

    fn stop(self) {
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }

    /// Sends the draft to the server, if it differs from the stored draft. Only one request runs at a time, so the
    /// drafts arrive in order.
    fn store(self) {
        let Some(field) = self.field.try_get_untracked().flatten() else { return };
        let draft = field.value();
        let stored = self.stored.try_get_value().is_none_or(|stored| stored == draft);
        if stored || self.is_editing() || self.storing.get_value() {
            return;
        }
        self.storing.set_value(true);
        let (chat, body) = (self.open_chat.chat_id.to_string(), draft.clone());
        self.open_chat.store.post(api::SaveDraft::url(), &[("chat_id", &chat), ("draft", &draft)], move |answer| {
            // The reader may have left the conversation.
            let gone = self.storing.try_set_value(false).is_some();
            if answer.is_err() {
                return;
            }
            // The server has stored this text: the copy in this tab must not overwrite a newer draft later.
            draft::forget_if(self.open_chat.chat_id, &body);
            if !gone {
                self.stored.set_value(body);
                self.store();
            }
        });
    }

    /// Clears the composer after the draft was sent as a message. The text of an edit stays until it is saved.
    pub fn sent(self) {
        self.stop();
        if self.is_editing() {
            return;
        }
        self.open_chat.writing.set(Writing::New);
        if let Some(field) = self.field.get_untracked() {
            // A reload before the outbox is stored must not lose the text.
            let sent = (self.open_chat.chat_id, field.value());
            self.open_chat.store.sent_drafts.update_value(|drafts| drafts.push(sent));
            field.set_value("");
        }
        self.store();
    }
}
