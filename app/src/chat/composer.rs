//! The composer of a conversation.

use super::{
    api,
    complete::{Completer, Completion},
    drafts::Drafts,
    field::is_composing,
    message::About,
    open_chat::{Jump, OpenChat, Panel, Writing, may_edit},
    timeline::MarkReadForm,
};
use crate::{
    i18n::use_i18n,
    live::now,
    people::BlockForm,
    ui::{FormError, I18n, Icon, Show, effect, outline, reactive, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    error::{ErrorCode, Problem},
    ids::ClientId,
    limits,
    reducer::Unsent,
    text::{MessageText, cleaned},
};

/// The counter appears when so few characters are left.
const LEFT_SHOWN: usize = 200;

#[component]
pub fn Composer() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let OpenChat { store, chat_id, writing, .. } = open_chat;
    let client_id = store.forms.with_untracked(|forms| forms.client_id);
    let (typed, problem) = at_first(open_chat);
    let controls = Controls::new(open_chat, problem);
    let Controls { field, completer, drafts, unfit, left, .. } = controls;
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        controls.send();
    };
    let wrong = move || match unfit.get() {
        Some(Problem::Required) => Some(t!(i18n, problems.required)),
        Some(_) => Some(t!(i18n, chat.cannot_send)),
        None => left.get().is_some_and(|left| left < 0).then(|| t!(i18n, chat.cannot_send)),
    };
    let shown = typed.clone();
    let action = move || {
        if matches!(writing.get(), Writing::Edit(_)) { api::EditMessage::url() } else { api::SendMessage::url() }
    };
    view! {
        <div class="composer">
            <MarkReadForm chat_id />
            <Blocked />
            <FormError form="send_message" />
            <FormError form="edit_message" />
            {reactive(move || wrong().map(|words| view! { <p class="problem" role="alert">{words}</p> }))}
            {reactive(move || left.get().map(|left| counter(i18n, left)))}
            <OtherDraft drafts />
            <About open_chat />
            <Completion completer />
            <form method="post" action=action on:submit=on_submit class="composer-form">
                <Hidden client_id />
                <button type="button" class="icon-button only-with-script" aria-label=t!(i18n, chat.emoji) title=t!(i18n, chat.emoji)
                    aria-expanded=reactive(move || open_chat.panel.with(|panel| is_picker(panel.as_ref())).to_string())
                    on:click=move |_| open_chat.panel.update(|panel| {
                        *panel = if is_picker(panel.as_ref()) { None } else { Some(Panel::Emoji(None)) };
                    })><Icon d=outline::SMILE /></button>
                <div class="composer-field" data-text=shown>
                    <textarea node_ref=field name="text" rows="1" class="composer-input" dir="auto" required enterkeyhint="enter"
                        // Without JavaScript, "Back" would show a sent text again.
                        autocomplete="off"
                        aria-label=t!(i18n, chat.message) aria-describedby="chat-title characters"
                        placeholder=t!(i18n, chat.message)
                        data-editing=reactive(move || matches!(writing.get(), Writing::Edit(_) | Writing::Unsent(_)).then_some(""))
                        on:keydown=move |event| controls.press(&event)
                        on:keyup=move |_| completer.follow()
                        on:click=move |_| completer.follow()
                        on:input=move |_| controls.type_in()
                        on:blur=move |_| completer.close()
                    >{typed}</textarea>
                </div>
                <button class="icon-button primary" aria-label=t!(i18n, chat.send)><Icon d=outline::SEND /></button>
            </form>
        </div>
    }
    .into_any()
}

/// The number of characters that the text may still have, or has too many.
fn counter(i18n: I18n, left: i64) -> AnyView {
    let words = if left < 0 {
        t!(i18n, chat.characters_over, count = move || -left)
    } else {
        t!(i18n, chat.characters_left, count = move || left)
    };
    view! { <p class="hint" id="characters">{words}</p> }.into_any()
}

fn is_picker(panel: Option<&Panel>) -> bool {
    panel == Some(&Panel::Emoji(None))
}

/// The composer's state that its event handlers use.
#[derive(Clone, Copy)]
struct Controls {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    completer: Completer,
    drafts: Drafts,
    /// The problem of the text that the reader tried to send.
    unfit: RwSignal<Option<Problem>>,
    /// How many characters more the text may have, when they are few; negative for a text that is too long.
    left: RwSignal<Option<i64>>,
}

impl Controls {
    fn new(open_chat: OpenChat, unfit: Option<Problem>) -> Self {
        let field = NodeRef::new();
        let completer = Completer::new(open_chat, field);
        let (unfit, left) = (RwSignal::new(unfit), RwSignal::new(None));
        let controls = Self { open_chat, field, completer, drafts: Drafts::new(open_chat, field), unfit, left };
        // Another text has come into the field.
        effect(move || {
            open_chat.writing.track();
            controls.count();
        });
        controls
    }

    fn send(self) {
        let Some(field) = self.field.get_untracked() else { return };
        self.completer.close();
        match MessageText::parse(&cleaned(&field.value())) {
            Ok(_) if self.drafts.is_saving() => {}
            Ok(text) => {
                send(self.open_chat, self.drafts, text);
                self.unfit.set(None);
                self.left.set(None);
            }
            Err(Problem::Required) => return self.delete_edited(),
            Err(problem) => self.unfit.set(Some(problem)),
        }
        let _ = field.focus();
    }

    /// A message that is edited to an empty text is probably one to delete: its menu offers that.
    fn delete_edited(self) {
        if let Writing::Edit(no) = self.open_chat.writing.get_untracked() {
            self.open_chat.menu.set(Some(no));
        }
    }

    fn press(self, event: &leptos::ev::KeyboardEvent) {
        if is_composing(event) || self.completer.pressed(event) {
            return;
        }
        let empty = self.field.get_untracked().is_some_and(|field| field.value().is_empty());
        match event.key().as_str() {
            "Enter" if !event.shift_key() && (event.ctrl_key() || event.meta_key() || !is_touched()) => {
                event.prevent_default();
                self.send();
            }
            "ArrowUp" if empty && !event.alt_key() => edit_last(self.open_chat, event),
            "Escape" if is_picker(self.open_chat.panel.get_untracked().as_ref()) => self.open_chat.panel.set(None),
            "Escape" => self.open_chat.writing.set(Writing::New),
            _ => {}
        }
    }

    fn type_in(self) {
        self.open_chat.store.type_in(self.open_chat.chat_id);
        self.completer.look();
        self.drafts.typed();
        self.unfit.set(None);
        self.count();
    }

    /// Counts the characters as the server does: without white space at both ends.
    fn count(self) {
        let Some(field) = self.field.get() else { return };
        let max = *limits::MESSAGE_TEXT.end();
        let text = field.value();
        // The length in UTF-16 units is never smaller than the number of characters.
        let is_long = field.text_length() as usize + LEFT_SHOWN >= max;
        let left = is_long.then(|| max as i64 - text.trim().chars().count() as i64);
        let left = left.filter(|left| *left <= LEFT_SHOWN as i64);
        if self.left.get_untracked() != left {
            self.left.set(left);
        }
    }
}

/// On a touch screen Enter breaks the line, and the button sends.
fn is_touched() -> bool {
    window().match_media("(pointer: coarse)").ok().flatten().is_some_and(|media| media.matches())
}

/// The initial text, and the problem for which it was refused.
fn at_first(open_chat: OpenChat) -> (Option<String>, Option<Problem>) {
    let (refused, problem) = open_chat.store.forms.with_untracked(|forms| {
        let refused = forms.refused("send_message").or_else(|| forms.refused("edit_message"));
        let typed = refused.and_then(|refused| refused.value("text")).map(str::to_owned);
        (
            typed,
            refused
                .and_then(|refused| refused.error.fields.get("text"))
                .map(|name| if name == Problem::Required.name() { Problem::Required } else { Problem::TooLong }),
        )
    });
    (refused.or_else(|| open_chat.edited_text()).or_else(|| open_chat.store.draft(open_chat.chat_id)), problem)
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

/// Says that another tab or device has stored another draft of this chat, and shows it on request.
#[component]
fn OtherDraft(drafts: Drafts) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Show when=move || drafts.other.with(Option::is_some)>
            <div class="about" role="status">
                <span class="hint grow">{t!(i18n, chat.other_draft)}</span>
                <button type="button" class="button" on:click=move |_| drafts.take_other()>{t!(i18n, chat.show_draft)}</button>
            </div>
        </Show>
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
    let reply_to = match open_chat.writing.get_untracked() {
        Writing::Edit(no) => return change(open_chat, drafts, (no, drafts.base_seq()), &text),
        Writing::Unsent(client_id) => return reword(open_chat, drafts, client_id, text),
        Writing::Reply(no) => Some(no),
        Writing::New => None,
    };
    post(open_chat, text, reply_to, drafts.to_remove());
    drafts.sent();
}

/// Saves an edit of a version of a message, its number and its `seq`. The text stays in the field until it is saved.
fn change(open_chat: OpenChat, drafts: Drafts, version: (u64, u64), text: &MessageText) {
    let OpenChat { store, chat_id, writing, .. } = open_chat;
    let edit = writing.get_untracked();
    drafts.begin_save();
    store.edit_message(chat_id, version, text.as_str(), move |outcome| {
        drafts.saved();
        // Meanwhile the user may have begun a reply or another edit.
        if writing.try_get_untracked() != Some(edit) {
            return;
        }
        match outcome {
            Ok(()) => writing.set(Writing::New),
            Err(ErrorCode::Conflict) => drafts.outdated(),
            Err(_) => {}
        }
    });
}

/// Changes a message that waits to be sent. If the server has stored it since, the stored message is edited.
fn reword(open_chat: OpenChat, drafts: Drafts, client_id: ClientId, text: MessageText) {
    let OpenChat { store, chat_id, writing, .. } = open_chat;
    if let Some((no, seq, _)) = store.stored_as(chat_id, client_id) {
        return change(open_chat, drafts, (no, seq), &text);
    }
    let waits = store.read_untracked(|state| state.unsent(chat_id).any(|unsent| unsent.client_id == client_id));
    if waits {
        store.change(|state| state.reword(client_id, text.into_string()));
        store.wake();
    } else {
        // Another tab has deleted the message.
        post(open_chat, text, None, None);
    }
    writing.set(Writing::New);
}

fn post(open_chat: OpenChat, text: MessageText, reply_to: Option<u64>, draft: Option<String>) {
    open_chat.store.send(Unsent {
        chat_id: open_chat.chat_id,
        client_id: ClientId::fresh(),
        text: text.into_string(),
        reply_to,
        written_at: now(open_chat.store),
        refused: None,
        draft,
    });
    open_chat.jump.set(Some(Jump::Sent));
}

/// Begins to edit the newest of the reader's messages that are in memory and can be edited.
fn edit_last(open_chat: OpenChat, event: &leptos::ev::KeyboardEvent) {
    let unsent = open_chat.store.read_untracked(|state| {
        state.unsent(open_chat.chat_id).next_back().map(|unsent| Writing::Unsent(unsent.client_id))
    });
    let me = open_chat.store.me();
    let last = open_chat.store.with_chat_untracked(open_chat.chat_id, |chat| {
        chat.messages.values().rev().find(|message| may_edit(message, me)).map(|message| message.no)
    });
    if let Some(edit) = unsent.or(last.flatten().map(Writing::Edit)) {
        event.prevent_default();
        open_chat.writing.set(edit);
    }
}
