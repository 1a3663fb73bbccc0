//! The composer of a conversation.

use super::{
    api,
    complete::{Completer, Completion},
    drafts::{Drafts, drafted},
    message::About,
    open_chat::{Jump, OpenChat, Panel, Writing},
    timeline::MarkReadForm,
};
use crate::{
    i18n::use_i18n,
    live::{Notice, now},
    people::BlockForm,
    ui::{FormError, Icon, Show, outline, reactive, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    error::Problem,
    ids::ClientId,
    reducer::Unsent,
    text::{MessageText, cleaned},
};

#[component]
pub fn Composer() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let OpenChat { store, chat_id, writing, .. } = open_chat;
    let client_id = store.forms.with_untracked(|forms| forms.client_id);
    let (typed, unfit) = at_first(open_chat);
    let controls = Controls::new(open_chat, unfit);
    let Controls { field, completer, too_long, .. } = controls;
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        controls.send();
    };
    let action = move || {
        if matches!(writing.get(), Writing::Edit(_)) { api::EditMessage::url() } else { api::SendMessage::url() }
    };
    view! {
        <div class="composer">
            <MarkReadForm chat_id />
            <Blocked />
            <FormError form="send_message" />
            <FormError form="edit_message" />
            <Show when=move || too_long.get()>
                <p class="problem" role="alert">{t!(i18n, chat.cannot_send)}</p>
            </Show>
            <About open_chat />
            <Completion completer />
            <form method="post" action=action on:submit=on_submit class="composer-form">
                <Hidden client_id />
                <button type="button" class="icon-button only-with-script" aria-label=t!(i18n, chat.emoji) title=t!(i18n, chat.emoji)
                    on:click=move |_| open_chat.panel.set(Some(Panel::Emoji(None)))><Icon d=outline::SMILE /></button>
                <textarea node_ref=field name="text" rows="1" class="composer-input" dir="auto" required
                    aria-label=t!(i18n, chat.message) aria-describedby="chat-title"
                    placeholder=t!(i18n, chat.message)
                    data-editing=reactive(move || matches!(writing.get(), Writing::Edit(_)).then_some(""))
                    on:keydown=move |event| controls.press(&event)
                    on:input=move |_| controls.type_in()
                    on:blur=move |_| completer.close()
                >{typed}</textarea>
                <button class="icon-button primary" aria-label=t!(i18n, chat.send)><Icon d=outline::SEND /></button>
            </form>
        </div>
    }
    .into_any()
}

/// The composer's state that its event handlers use.
#[derive(Clone, Copy)]
struct Controls {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    completer: Completer,
    drafts: Drafts,
    /// The text cannot be sent.
    too_long: RwSignal<bool>,
}

impl Controls {
    fn new(open_chat: OpenChat, unfit: bool) -> Self {
        let field = NodeRef::new();
        let completer = Completer::new(open_chat, field);
        Self { open_chat, field, completer, drafts: Drafts::new(open_chat, field), too_long: RwSignal::new(unfit) }
    }

    fn send(self) {
        let Some(field) = self.field.get_untracked() else { return };
        self.completer.close();
        match MessageText::parse(&cleaned(&field.value())) {
            Ok(_) if self.drafts.is_saving() => {}
            Ok(text) => {
                send(self.open_chat, self.drafts, text);
                self.too_long.set(false);
            }
            Err(Problem::Required) => {}
            Err(_) => self.too_long.set(true),
        }
        let _ = field.focus();
    }

    fn press(self, event: &leptos::ev::KeyboardEvent) {
        // While the user composes a word with an input method, Enter accepts the word.
        if event.is_composing() || self.completer.pressed(event) {
            return;
        }
        let empty = self.field.get_untracked().is_some_and(|field| field.value().is_empty());
        match event.key().as_str() {
            "Enter" if !event.shift_key() => {
                event.prevent_default();
                self.send();
            }
            "ArrowUp" if empty && !event.alt_key() => edit_last(self.open_chat, event),
            "Escape" => self.open_chat.writing.set(Writing::New),
            _ => {}
        }
    }

    fn type_in(self) {
        self.open_chat.store.type_in(self.open_chat.chat_id);
        self.completer.look();
        self.drafts.typed();
    }
}

/// The initial text, and whether it was refused as invalid.
fn at_first(open_chat: OpenChat) -> (Option<String>, bool) {
    let (refused, unfit) = open_chat.store.forms.with_untracked(|forms| {
        let refused = forms.refused("send_message").or_else(|| forms.refused("edit_message"));
        let typed = refused.and_then(|refused| refused.value("text")).map(str::to_owned);
        (typed, refused.is_some_and(|refused| !refused.error.fields.is_empty()))
    });
    let edited = || open_chat.edited().map(|message| message.text.clone());
    (refused.or_else(edited).or_else(|| drafted(open_chat.store, open_chat.chat_id)), unfit)
}

/// A note that the peer of this direct chat is blocked, with the form to unblock.
#[component]
fn Blocked() -> impl IntoView {
    let i18n = use_i18n();
    let OpenChat { store, chat_id, .. } = OpenChat::current();
    let peer = store.with_chat_untracked(chat_id, |chat| Some(chat.summary.peer.as_ref()?.id)).flatten();
    let blocked = move || store.page.with(|page| page.has_blocked(chat_id) == Some(true));
    view! {
        {reactive(move || peer.filter(|_| blocked()).map(|user_id| view! {
            <div class="about"><span class="hint grow">{t!(i18n, profiles.you_blocked)}</span><BlockForm user_id blocked=true /></div>
        }))}
    }
    .into_any()
}

/// The hidden fields, for a post without JavaScript.
#[component]
fn Hidden(client_id: Option<ClientId>) -> impl IntoView {
    let open_chat = OpenChat::current();
    let reply_to = move || match open_chat.writing.get() {
        Writing::Reply(no) => Some(no.to_string()),
        _ => None,
    };
    view! {
        <input type="hidden" name="chat_id" value=open_chat.chat_id.to_string() />
        <input type="hidden" name="client_id" value=client_id.map(|id| id.to_string()) />
        {reactive(move || reply_to().map(|no| view! { <input type="hidden" name="reply_to" value=no /> }))}
        {reactive(move || open_chat.edited().map(|message| view! {
            <input type="hidden" name="no" value=message.no.to_string() />
            <input type="hidden" name="base_seq" value=message.seq.to_string() />
        }))}
    }
    .into_any()
}

/// Sends a new message, or saves an edit.
fn send(open_chat: OpenChat, drafts: Drafts, text: MessageText) {
    match open_chat.writing.get_untracked() {
        Writing::Edit(no) => change(open_chat, drafts, no, &text),
        Writing::Reply(no) => post(open_chat, text, Some(no)),
        Writing::New => post(open_chat, text, None),
    }
    drafts.sent();
}

/// Saves an edit, based on the text as it was when the edit began. The text stays in the field until it is saved.
fn change(open_chat: OpenChat, drafts: Drafts, no: u64, text: &MessageText) {
    let OpenChat { store, chat_id, writing, .. } = open_chat;
    let edit = Writing::Edit(no);
    let base_seq = drafts.begin_save();
    let (chat, no, seq) = (chat_id.to_string(), no.to_string(), base_seq.to_string());
    let fields = [("chat_id", &*chat), ("no", &no), ("base_seq", &seq), ("text", text.as_str())];
    store.post(api::EditMessage::url(), &fields, move |answer| {
        drafts.saved();
        match answer {
            // Meanwhile the user may have begun a reply or another edit.
            Ok(()) if writing.try_get_untracked() == Some(edit) => writing.set(Writing::New),
            Ok(()) => {}
            Err(code) => store.notice.set(Some(Notice::Failed(code))),
        }
    });
}

fn post(open_chat: OpenChat, text: MessageText, reply_to: Option<u64>) {
    open_chat.store.send(Unsent {
        chat_id: open_chat.chat_id,
        client_id: ClientId::fresh(),
        text: text.into_string(),
        reply_to,
        written_at: now(open_chat.store),
        refused: None,
    });
    open_chat.jump.set(Some(Jump::Sent));
}

/// Begins to edit the newest of the reader's messages that are in memory.
fn edit_last(open_chat: OpenChat, event: &leptos::ev::KeyboardEvent) {
    let me = open_chat.store.me();
    let last = open_chat.store.with_chat_untracked(open_chat.chat_id, |chat| {
        let own = |message: &&std::sync::Arc<protocol::chat::Message>| {
            Some(message.sender_id) == me && !message.deleted && message.event.is_none()
        };
        chat.messages.values().rev().find(own).map(|message| message.no)
    });
    if let Some(no) = last.flatten() {
        event.prevent_default();
        open_chat.writing.set(Writing::Edit(no));
    }
}
