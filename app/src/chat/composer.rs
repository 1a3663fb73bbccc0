//! Where messages are written.

use super::{
    api,
    complete::{Completer, Completion},
    message::About,
    talk::{Panel, Talk, Writing},
    timeline::MarkReadForm,
};
use crate::{
    i18n::use_i18n,
    live::{Notice, Store, draft, now},
    ui::{FormError, Icon, Show, effect, effect_from, follow, memo, outline, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    ids::{ChatId, ClientId},
    reducer::Unsent,
    text::MessageText,
};
use std::time::Duration;
use wasm_bindgen::JsCast as _;

/// A draft that has rested so long is kept on the server.
const DRAFT_PAUSE: Duration = Duration::from_millis(1_000);

#[component]
pub fn Composer() -> impl IntoView {
    let i18n = use_i18n();
    let talk = Talk::current();
    let Talk { store, chat_id, writing, .. } = talk;
    let field = NodeRef::<html::Textarea>::new();
    let (refused, client_id, unfit) = store.page.with_untracked(|page| {
        let refused = page.refused.as_ref().filter(|r| matches!(r.form.as_str(), "send_message" | "edit_message"));
        let typed = refused.and_then(|refused| refused.value("text")).map(str::to_owned);
        (typed, page.client_id, refused.is_some_and(|refused| !refused.error.fields.is_empty()))
    });
    let edited = move || match writing.get() {
        Writing::Edit(no) => talk.message(no),
        _ => None,
    };
    let typed = refused.or_else(|| edited().map(|message| message.text.clone())).or_else(|| drafted(store, chat_id));
    let too_long = RwSignal::new(unfit);
    let completer = Completer::new(talk, field);
    let drafts = Drafts::new(talk, field);
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        completer.close();
        match MessageText::parse(&field.value()) {
            Ok(text) => {
                match writing.get_untracked() {
                    Writing::Edit(no) => change(talk, no, drafts.edited_seq.get_value(), &text),
                    Writing::Reply(no) => post(talk, text, Some(no)),
                    Writing::New => post(talk, text, None),
                }
                drafts.sent();
                too_long.set(false);
            }
            Err(protocol::error::Problem::Required) => {}
            Err(_) => too_long.set(true),
        }
        let _ = field.focus();
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.is_composing() || completer.pressed(&event) {
            return;
        }
        let empty = field.get_untracked().is_some_and(|field| field.value().is_empty());
        match event.key().as_str() {
            // While an input method composes, Enter chooses its word.
            "Enter" if !event.shift_key() => {
                event.prevent_default();
                send();
            }
            "ArrowUp" if empty => edit_last(talk, &event),
            "Escape" => writing.set(Writing::New),
            _ => {}
        }
    };
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    let on_input = move |_| {
        store.type_in(chat_id);
        completer.look();
        drafts.typed();
    };
    let action = move || {
        if matches!(writing.get(), Writing::Edit(_)) { api::EditMessage::url() } else { api::SendMessage::url() }
    };
    let reply_to = move || match writing.get() {
        Writing::Reply(no) => Some(no.to_string()),
        _ => None,
    };
    view! {
        <div class="composer">
            <MarkReadForm chat_id />
            <FormError form="send_message" />
            <FormError form="edit_message" />
            <Show when=move || too_long.get()>
                <p class="problem" role="alert">{t!(i18n, chat.cannot_send)}</p>
            </Show>
            <About talk />
            <Completion completer />
            <form method="post" action=action on:submit=on_submit class="composer-form">
                <input type="hidden" name="chat_id" value=chat_id.to_string() />
                <input type="hidden" name="client_id" value=client_id.map(|id| id.to_string()) />
                {follow(move || reply_to().map(|no| view! { <input type="hidden" name="reply_to" value=no /> }))}
                {follow(move || edited().map(|message| view! {
                    <input type="hidden" name="no" value=message.no.to_string() />
                    <input type="hidden" name="base_seq" value=message.seq.to_string() />
                }))}
                <button type="button" class="icon-button only-with-script" aria-label=t!(i18n, chat.emoji) title=t!(i18n, chat.emoji)
                    on:click=move |_| talk.panel.set(Some(Panel::Emoji(None)))><Icon d=outline::SMILE /></button>
                <textarea node_ref=field name="text" rows="1" class="composer-input" dir="auto" required
                    aria-label=t!(i18n, chat.message)
                    placeholder=t!(i18n, chat.message)
                    data-editing=follow(move || matches!(writing.get(), Writing::Edit(_)).then_some(""))
                    on:keydown=on_key
                    on:input=on_input
                    on:blur=move |_| completer.close()
                >{typed}</textarea>
                <button class="icon-button primary" aria-label=t!(i18n, chat.send)><Icon d=outline::SEND /></button>
            </form>
        </div>
    }
    .into_any()
}

/// Changes what was said, as it was when somebody began to; until that is taken the words stay where they are.
fn change(talk: Talk, no: u64, base_seq: u64, text: &MessageText) {
    let Talk { store, chat_id, writing, .. } = talk;
    let (chat, no, seq) = (chat_id.to_string(), no.to_string(), base_seq.to_string());
    let fields = [("chat_id", &*chat), ("no", &no), ("base_seq", &seq), ("text", text.as_str())];
    store.post(api::EditMessage::url(), &fields, move |answer| match answer {
        Ok(()) => drop(writing.try_set(Writing::New)),
        Err(code) => store.notice.set(Some(Notice::Failed(code))),
    });
}

fn post(talk: Talk, text: MessageText, reply_to: Option<u64>) {
    talk.store.send(Unsent {
        chat_id: talk.chat_id,
        client_id: ClientId::fresh(),
        text: text.into_string(),
        reply_to,
        written_at: now(talk.store),
        refused: None,
    });
}

/// Begins to edit the last message of one's own that is held.
fn edit_last(talk: Talk, event: &leptos::ev::KeyboardEvent) {
    let me = talk.store.me();
    let last = talk.store.with_chat_untracked(talk.chat_id, |chat| {
        let own = |message: &&std::sync::Arc<protocol::chat::Message>| {
            Some(message.sender_id) == me && !message.deleted && message.event.is_none()
        };
        chat.messages.values().rev().find(own).map(|message| message.no)
    });
    if let Some(no) = last.flatten() {
        event.prevent_default();
        talk.writing.set(Writing::Edit(no));
    }
}

fn drafted(store: Store, chat_id: ChatId) -> Option<String> {
    store.with_chat_untracked(chat_id, |chat| chat.summary.draft.clone()).flatten()
}

/// Puts the focus where one writes.
pub fn focus() {
    let field = document().query_selector(".composer-input").ok().flatten();
    if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = field.focus();
    }
}

/// What is being written: on this tab at once, on the server after a pause, and so on every device.
#[derive(Clone, Copy)]
struct Drafts {
    talk: Talk,
    field: NodeRef<html::Textarea>,
    /// What the server has.
    told: StoredValue<String>,
    /// Something is on its way there.
    telling: StoredValue<bool>,
    waiting: StoredValue<Option<TimeoutHandle>>,
    /// What stood in the field before an edit took its place.
    aside: StoredValue<String>,
    /// The change that wrote the message which is being edited.
    edited_seq: StoredValue<u64>,
}

impl Drafts {
    fn new(talk: Talk, field: NodeRef<html::Textarea>) -> Self {
        let Talk { store, chat_id, writing, .. } = talk;
        let drafts = Self {
            talk,
            field,
            told: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            telling: StoredValue::new(false),
            waiting: StoredValue::new(None),
            aside: StoredValue::new(drafted(store, chat_id).unwrap_or_default()),
            edited_seq: StoredValue::new(0),
        };
        drafts.begin_edit();
        // What was typed before a crash or a reload is there again.
        effect(move || {
            let (Some(field), Some(draft)) = (field.get(), draft::kept(chat_id)) else { return };
            if !drafts.is_editing() && (field.value().is_empty() || field.value() == drafts.told.get_value()) {
                field.set_value(&draft);
            }
        });
        // What is edited takes the draft's place, and gives it back.
        effect_from(move |before: Option<Writing>| {
            let now = writing.get();
            if let (Some(field), Some(before)) = (field.get_untracked(), before.filter(|before| *before != now)) {
                let was_editing = matches!(before, Writing::Edit(_));
                if let Writing::Edit(no) = now {
                    if !was_editing {
                        drafts.aside.set_value(field.value());
                    }
                    drafts.begin_edit();
                    field.set_value(&talk.message(no).map(|message| message.text.clone()).unwrap_or_default());
                } else if was_editing {
                    field.set_value(&drafts.aside.get_value());
                }
                let _ = field.focus();
            }
            now
        });
        // Another device has written on, and nobody has here.
        let elsewhere = memo(move || store.with_chat(chat_id, |chat| chat.summary.draft.clone()).flatten());
        effect(move || {
            let draft = elsewhere.get().unwrap_or_default();
            let Some(field) = field.get() else { return };
            // While something is on its way, what comes back may be older.
            if drafts.telling.get_value() || drafts.is_editing() {
                return;
            }
            if field.value() == drafts.told.get_value() && draft != drafts.told.get_value() {
                field.set_value(&draft);
            }
            drafts.told.set_value(draft);
        });
        on_cleanup(move || drafts.tell());
        drafts
    }

    fn is_editing(self) -> bool {
        matches!(self.talk.writing.get_untracked(), Writing::Edit(_))
    }

    fn begin_edit(self) {
        if let Writing::Edit(no) = self.talk.writing.get_untracked() {
            let seq = self.talk.store.with_chat_untracked(self.talk.chat_id, |chat| Some(chat.messages.get(&no)?.seq));
            self.edited_seq.set_value(seq.flatten().unwrap_or_default());
        }
    }

    /// A key was pressed.
    fn typed(self) {
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
        self.talk.store.post(api::KeepDraft::url(), &[("chat_id", &chat), ("draft", &body)], move |answer| {
            // Whoever went on at once has no composer any more.
            if self.telling.try_set_value(false).is_some() || answer.is_err() {
                return;
            }
            self.told.set_value(draft);
            self.tell();
        });
    }

    /// What was written has become a message; an edit stays until it is taken.
    fn sent(self) {
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
