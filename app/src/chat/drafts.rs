//! The draft of a conversation: in the composer, in this tab, and on the server.

use super::{
    field::{replace, show},
    open_chat::{OpenChat, Writing},
};
use crate::{
    live::{draft, now},
    ui::{effect, effect_from, memo},
};
use leptos::{html, prelude::*};
use protocol::{chat::Message, text::cleaned};
use std::{sync::Arc, time::Duration};

/// After this pause the draft is saved on the server.
const PAUSE: Duration = Duration::from_millis(1_000);
/// A reader who types without a pause waits no longer than this and one pause for a save: a session may end at any time.
const TYPING_MAX_MS: i64 = 1_800;

fn is_edit(writing: Writing) -> bool {
    matches!(writing, Writing::Edit(_) | Writing::Unsent(_))
}

/// The draft. It is stored in this tab immediately, and on the server after a pause. All devices get it from the
/// server.
#[derive(Clone, Copy)]
pub struct Drafts {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    /// The draft that the server holds, or gets with the save under way.
    known: StoredValue<String>,
    /// Whether the reader typed the text in this tab. Then no other draft replaces it, unless it continues the text.
    typed_here: StoredValue<bool>,
    /// Since when the reader types without a save.
    since: StoredValue<Option<i64>>,
    waiting: StoredValue<Option<TimeoutHandle>>,
    /// Another draft that the server holds, while this tab keeps its own text.
    pub other: RwSignal<Option<String>>,
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
            known: StoredValue::new(store.draft(chat_id).unwrap_or_default()),
            typed_here: StoredValue::new(false),
            since: StoredValue::new(None),
            waiting: StoredValue::new(None),
            other: RwSignal::new(None),
            aside: StoredValue::new(store.draft(chat_id).unwrap_or_default()),
            edited: StoredValue::new(None),
            saving: StoredValue::new(None),
        };
        drafts.begin_edit();
        drafts.bring_back();
        drafts.give_way();
        drafts.end_with_message();
        drafts.observe_others();
        on_cleanup(move || drafts.save());
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
            let (shown, known) = (field.value(), self.known.get_value());
            if local.is_none() && known.is_empty() {
                draft::store_reply(chat_id, None);
            }
            if writing.get_untracked() == Writing::New {
                self.reply_again();
            }
            let Some(draft) = local.filter(|draft| *draft != known) else { return };
            if !self.is_editing() && (shown.is_empty() || shown == known) {
                show(&field, &draft);
                self.typed_here.set_value(true);
            }
        });
    }

    /// Shows the text of an edited message in the composer. When the edit ends, the draft returns.
    fn give_way(self) {
        effect_from(move |before: Option<Writing>| {
            let now = self.open_chat.writing.get();
            match (before, now) {
                (Some(Writing::Reply(_)), Writing::New) => draft::store_reply(self.open_chat.chat_id, None),
                (Some(Writing::Edit(_) | Writing::Unsent(_)), Writing::New) => self.reply_again(),
                (_, Writing::Reply(no)) => draft::store_reply(self.open_chat.chat_id, Some(no)),
                _ => {}
            }
            if let (Some(field), Some(before)) = (self.field.get_untracked(), before.filter(|before| *before != now)) {
                let was_editing = is_edit(before);
                if let Some(edited) = untrack(|| self.open_chat.edited_text()) {
                    if !was_editing {
                        self.aside.set_value(field.value());
                    }
                    self.begin_edit();
                    show(&field, &edited);
                } else if was_editing {
                    show(&field, &self.aside.get_value());
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

    /// Ends the edit of a message that was deleted, unless the reader has changed the text.
    fn end_with_message(self) {
        let deleted = memo(move || self.open_chat.edited().is_some_and(|message| message.deleted));
        effect(move || {
            let Some(field) = self.field.get().filter(|_| deleted.get()) else { return };
            let text = field.value();
            let began = self.edited.get_value();
            if text.trim().is_empty() || began.is_some_and(|began| began.text == text) {
                self.open_chat.writing.set(Writing::New);
            }
        });
    }

    /// Shows a draft that another tab or device has saved. A text that was typed here stays, unless the other draft
    /// continues it or it was sent elsewhere.
    fn observe_others(self) {
        let OpenChat { store, chat_id, .. } = self.open_chat;
        let elsewhere = memo(move || store.with_chat(chat_id, |chat| chat.summary.draft.clone()).flatten());
        effect(move || {
            let draft = elsewhere.get().unwrap_or_default();
            let Some(text) = self.field.get().and_then(|_| self.text()) else { return };
            let is_saved = text == self.known.get_value() && !store.is_saving_draft(chat_id);
            let gives_way = draft.is_empty() || !self.typed_here.get_value() || draft.starts_with(&text);
            self.known.set_value(draft.clone());
            if store.confirm_saved_draft(chat_id, &draft) || draft == text {
                self.other.set(None);
            } else if text.is_empty() || (is_saved && gives_way) {
                self.put(&draft);
            } else if !is_saved && text.starts_with(&draft) {
                self.other.set(None);
                self.typed();
            } else {
                draft::store(chat_id, &text);
                self.other.set(Some(draft));
            }
        });
    }

    /// Replaces the text by the other draft. The reader can undo it.
    pub fn take_other(self) {
        let (Some(field), Some(draft)) = (self.field.get_untracked(), self.other.get_untracked()) else { return };
        replace(&field, &draft, 0, field.text_length());
        self.put(&draft);
    }

    /// The draft; none after the reader has left the conversation.
    fn text(self) -> Option<String> {
        let field = self.field.try_get_untracked().flatten()?;
        if self.is_editing() { self.aside.try_get_value() } else { Some(field.value()) }
    }

    /// Shows a draft that the server holds.
    fn put(self, draft: &str) {
        let OpenChat { chat_id, writing, .. } = self.open_chat;
        self.stop();
        self.typed_here.set_value(false);
        self.other.set(None);
        draft::forget(chat_id);
        if self.is_editing() {
            return self.aside.set_value(draft.to_owned());
        }
        if let Some(field) = self.field.get_untracked().filter(|field| field.value() != draft) {
            show(&field, draft);
        }
        // The other device has sent the draft or cleared it: end the reply here too.
        if draft.is_empty() {
            writing.set(Writing::New);
        }
    }

    /// Whether the edit is being saved: a second Enter must not send it again.
    pub fn is_saving(self) -> bool {
        self.saving.get_value() == Some(self.open_chat.writing.get_untracked())
    }

    /// Marks the edit as being saved.
    pub fn begin_save(self) {
        self.saving.set_value(Some(self.open_chat.writing.get_untracked()));
    }

    /// The message has changed since the edit began, and the reader was told. The next attempt replaces the other text.
    /// If the message was deleted, the text becomes a draft.
    pub fn outdated(self) {
        if untrack(|| self.open_chat.edited()).is_some_and(|message| !message.deleted) {
            return self.begin_edit();
        }
        let Some(field) = self.field.get_untracked() else { return };
        // The draft from before the edit stays.
        let lines = [self.aside.get_value(), field.value()];
        let draft = lines.into_iter().filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n");
        draft::store(self.open_chat.chat_id, &draft);
        self.aside.set_value(draft);
        self.open_chat.writing.set(Writing::New);
        self.typed();
    }

    /// The `base_seq` of the edit: the newest `seq` at which the message still had the text that the reader began to
    /// edit. A reaction changes the `seq`, but does not make the edit stale.
    pub fn base_seq(self) -> u64 {
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
        is_edit(self.open_chat.writing.get_untracked())
    }

    fn begin_edit(self) {
        self.edited.set_value(untrack(|| self.open_chat.edited()));
    }

    /// After each input: saves the draft when the reader pauses (debounce), and while the reader types without a pause.
    pub fn typed(self) {
        if self.is_editing() {
            return;
        }
        self.typed_here.set_value(true);
        let now = now(self.open_chat.store).0;
        let since = self.since.get_value().unwrap_or(now);
        if now - since < TYPING_MAX_MS {
            self.stop();
            let handle = set_timeout_with_handle(move || self.save(), PAUSE);
            self.waiting.set_value(handle.ok());
        }
        self.since.set_value(Some(since));
    }

    fn stop(self) {
        self.since.try_set_value(None);
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }

    /// Saves the draft on the server, if the reader has changed it here.
    fn save(self) {
        let Some(draft) = self.text().filter(|_| self.typed_here.try_get_value() == Some(true)) else { return };
        self.stop();
        // As the server stores it.
        let draft = if draft.trim().is_empty() { String::new() } else { cleaned(&draft) };
        if self.known.get_value() != draft {
            self.known.set_value(draft.clone());
            self.open_chat.store.save_draft(self.open_chat.chat_id, draft);
        }
    }

    /// The draft that the server shall remove when it has stored the message.
    pub fn to_remove(self) -> Option<String> {
        let is_own = self.other.with_untracked(Option::is_none);
        self.open_chat.store.draft(self.open_chat.chat_id).filter(|_| is_own)
    }

    /// Clears the composer after the draft was sent as a message.
    pub fn sent(self) {
        let OpenChat { store, chat_id, writing, .. } = self.open_chat;
        self.stop();
        self.typed_here.set_value(false);
        writing.set(Writing::New);
        if let Some(field) = self.field.get_untracked() {
            // A reload before the outbox is stored must not lose the text.
            let sent = (chat_id, field.value());
            store.sent_drafts.update_value(|drafts| drafts.push(sent));
            show(&field, "");
        }
        store.cancel_draft(chat_id);
    }
}
