//! The action that the reader has begun in an open conversation: reply, edit, select. The address can begin an action
//! too, so that actions work without JavaScript.

use crate::{
    address::{Address, At},
    live::Store,
    navigation::Navigation,
};
use leptos::prelude::*;
use protocol::{
    chat::Message,
    groups::Role,
    ids::{ChatId, ClientId, UserId},
    limits,
    reducer::Part,
};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Clone, Copy)]
pub struct OpenChat {
    pub store: Store,
    pub chat_id: ChatId,
    pub writing: RwSignal<Writing>,
    /// The message with the open menu.
    pub menu: RwSignal<Option<u64>>,
    pub panel: RwSignal<Option<Panel>>,
    /// The selected messages, while the reader selects.
    pub selected: RwSignal<Option<BTreeSet<u64>>>,
    /// Where the timeline shall scroll to.
    pub jump: RwSignal<Option<Jump>>,
}

/// The purpose of the composer's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    #[default]
    New,
    Reply(u64),
    Edit(u64),
    /// The edit of a message that the server has not stored.
    Unsent(ClientId),
}

/// The open dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The emoji picker: for a reaction to a message, else for the composer.
    Emoji(Option<u64>),
    Forward(Vec<u64>),
    Report(u64),
    Reacted(u64),
    Seen(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    To(u64),
    Newest,
    /// To the message that the reader has just sent, at the end.
    Sent,
}

impl OpenChat {
    /// Opens a conversation, with the action that the address names.
    pub fn new(chat_id: ChatId) -> Self {
        let at = match Navigation::current().get_untracked() {
            Some(Address::Chat(_, at)) => at,
            _ => At::Newest,
        };
        let (writing, menu) = match at {
            At::Reply(no) => (Writing::Reply(no), None),
            At::Edit(no) => (Writing::Edit(no), None),
            At::Menu(no) => (Writing::New, Some(no)),
            _ => (Writing::New, None),
        };
        Self {
            store: Store::current(),
            chat_id,
            writing: RwSignal::new(writing),
            menu: RwSignal::new(menu),
            panel: RwSignal::new(Panel::of(at)),
            selected: RwSignal::new(None),
            jump: RwSignal::new(None),
        }
    }

    /// The conversation of this part of the page.
    #[must_use]
    pub fn current() -> Self {
        expect_context()
    }

    #[must_use]
    pub fn message(self, no: u64) -> Option<Arc<Message>> {
        self.store.with_chat(self.chat_id, |chat| chat.messages.get(&no).cloned())?
    }

    /// The message that is being edited.
    #[must_use]
    pub fn edited(self) -> Option<Arc<Message>> {
        match self.writing.get() {
            Writing::Edit(no) => self.message(no),
            _ => None,
        }
    }

    /// The text that is being edited.
    #[must_use]
    pub fn edited_text(self) -> Option<String> {
        match self.writing.get() {
            Writing::Unsent(client_id) => self.store.read(Part::Chat(self.chat_id), |state| {
                let unsent = state.unsent(self.chat_id).find(|unsent| unsent.client_id == client_id);
                unsent.map(|unsent| unsent.text.clone())
            }),
            _ => self.edited().map(|message| message.text.clone()),
        }
    }

    /// Performs the action of a message's button, by its name.
    pub fn act(self, name: &str, no: u64) {
        match name {
            "reply" => self.writing.set(Writing::Reply(no)),
            "edit" => self.writing.set(Writing::Edit(no)),
            "emoji" => self.panel.set(Some(Panel::Emoji(Some(no)))),
            "forward" => self.panel.set(Some(Panel::Forward(vec![no]))),
            "report" => self.panel.set(Some(Panel::Report(no))),
            "reacted" => self.panel.set(Some(Panel::Reacted(no))),
            "seen" => self.panel.set(Some(Panel::Seen(no))),
            "select" => self.selected.set(Some(BTreeSet::from([no]))),
            "at" => self.jump.set(Some(Jump::To(no))),
            _ => {}
        }
    }

    /// Whether the reader may delete a message for all members.
    #[must_use]
    pub fn may_delete(self, message: &Message) -> bool {
        let role = self.store.with_chat(self.chat_id, |chat| chat.summary.role).flatten();
        Some(message.sender_id) == self.store.me() || role >= Some(Role::Admin)
    }

    /// Selects or deselects a message of a user.
    pub fn toggle(self, no: u64) {
        if self.message(no).is_none_or(|message| message.deleted || message.event.is_some()) {
            return;
        }
        self.selected.update(|selected| {
            if let Some(selected) = selected
                && !selected.remove(&no)
                && selected.len() < limits::HISTORY_MAX as usize
            {
                selected.insert(no);
            }
        });
    }
}

/// Whether a user may edit a message: an own one that was not forwarded.
pub fn may_edit(message: &Message, me: Option<UserId>) -> bool {
    let is_own = Some(message.sender_id) == me;
    is_own && !message.deleted && message.event.is_none() && message.forwarded_from.is_none() && message.is_showable()
}

impl Panel {
    /// The panel that an address opens.
    pub fn of(at: At) -> Option<Self> {
        match at {
            At::Forward(nos) => Some(Self::Forward(nos)),
            At::Report(no) => Some(Self::Report(no)),
            At::Reacted(no) => Some(Self::Reacted(no)),
            At::Seen(no) => Some(Self::Seen(no)),
            _ => None,
        }
    }
}
