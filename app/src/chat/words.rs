//! The names of chats and the texts of system messages, in the reader's language.

use crate::{
    i18n::t_string,
    live::Store,
    ui::{I18n, isolated, t},
};
use leptos::prelude::*;
use protocol::{
    chat::{ChatEvent, ChatKind, ChatSummary, Message},
    ids::{ChatId, UserId},
    markdown,
    reducer::Part,
    text::{beginning, fold},
};
use uuid::Uuid;

/// Characters of a message in one line. The style sheet cuts the line where it does not fit.
const LINE_CHARS: usize = 120;

/// A chat's name, as its list row and its page show it.
#[must_use]
pub fn title(i18n: I18n, summary: &ChatSummary) -> String {
    match (summary.chat.kind, &summary.chat.title) {
        (ChatKind::Saved, _) => t_string!(i18n, chat.saved).to_owned(),
        (_, Some(title)) => title.clone(),
        (_, None) => t_string!(i18n, chat.untitled).to_owned(),
    }
}

/// The title of a chat; empty if the chat is not in memory.
pub fn title_of(i18n: I18n, store: Store, chat_id: ChatId) -> String {
    store.summary(chat_id).map(|summary| title(i18n, &summary)).unwrap_or_default()
}

/// The id that gives a chat its colour: the other user's, so that a user has one colour everywhere; the group's; or
/// none, for the saved messages.
#[must_use]
pub fn face(store: Store, chat_id: ChatId) -> Uuid {
    let face = store.with_chat_untracked(chat_id, |chat| match (chat.summary.chat.kind, &chat.summary.peer) {
        (ChatKind::Saved, _) => Uuid::nil(),
        (_, Some(peer)) => peer.id.0,
        (_, None) => chat_id.0,
    });
    face.unwrap_or(chat_id.0)
}

/// The chats with a name, or a user name of the other user, that contains a query; in the order of the list.
#[must_use]
pub fn chats_called(i18n: I18n, store: Store, query: &str) -> Vec<(ChatId, String)> {
    let query = fold(query.trim().trim_start_matches('@'));
    let is_called = |chat: &ChatSummary, title: &str| {
        fold(title).contains(&query) || chat.peer.as_ref().is_some_and(|peer| peer.username.contains(&query))
    };
    store.read(Part::Chats, |state| {
        let chats = state.newest_chats().map(|chat| (&chat.summary, title(i18n, &chat.summary)));
        chats.filter(|(chat, title)| is_called(chat, title)).map(|(chat, title)| (chat.chat.id, title)).collect()
    })
}

/// The text of a system message.
#[must_use]
pub fn event(i18n: I18n, store: Store, event: &ChatEvent) -> AnyView {
    let who = |id: UserId| move || store.name(id);
    match event.clone() {
        ChatEvent::GroupCreated { actor_id, title } => {
            t!(i18n, events.group_created, actor = who(actor_id), title = move || title.clone()).into_any()
        }
        ChatEvent::MemberAdded { actor_id, user_id } => {
            t!(i18n, events.member_added, actor = who(actor_id), user = who(user_id)).into_any()
        }
        ChatEvent::MemberRemoved { actor_id, user_id } => {
            t!(i18n, events.member_removed, actor = who(actor_id), user = who(user_id)).into_any()
        }
        ChatEvent::MemberLeft { actor_id } => t!(i18n, events.member_left, actor = who(actor_id)).into_any(),
        ChatEvent::RoleChanged { actor_id, user_id } => {
            t!(i18n, events.role_changed, actor = who(actor_id), user = who(user_id)).into_any()
        }
        ChatEvent::TitleChanged { actor_id, title } => {
            t!(i18n, events.title_changed, actor = who(actor_id), title = move || title.clone()).into_any()
        }
        ChatEvent::Unknown(_) => t!(i18n, chat.update_to_see).into_any(),
    }
}

/// A message's text in one line, without Markdown.
#[must_use]
pub fn line(i18n: I18n, message: &Message) -> String {
    if message.deleted {
        return t_string!(i18n, chat.deleted).to_owned();
    }
    if !message.is_showable() {
        return t_string!(i18n, chat.update_to_see).to_owned();
    }
    one_line(&message.text)
}

/// The beginning of a text in one line, without Markdown.
#[must_use]
pub fn one_line(text: &str) -> String {
    beginning(&markdown::plain(text).replace('\n', " "), LINE_CHARS)
}

/// A message in one line, for the list; for a system message see `event`.
#[must_use]
pub fn preview(i18n: I18n, store: Store, summary: &ChatSummary, message: &Message) -> String {
    let text = line(i18n, message);
    if message.deleted {
        return text;
    }
    if Some(message.sender_id) == store.me() && summary.chat.kind != ChatKind::Saved {
        format!("{}: {text}", t_string!(i18n, chat.you))
    } else if summary.chat.kind == ChatKind::Group
        && let name = store.name(message.sender_id)
        // The row of an unknown user has not arrived yet.
        && !name.is_empty()
    {
        format!("{}: {text}", isolated(&name))
    } else {
        text
    }
}
