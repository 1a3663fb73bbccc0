//! Where messages are written.

use super::{api, timeline::MarkReadForm};
use crate::{
    i18n::use_i18n,
    live::{Store, draft, now},
    ui::{FormError, Icon, Show, outline, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    ids::{ChatId, ClientId},
    reducer::Unsent,
    text::MessageText,
};

#[component]
pub fn Composer(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let field = NodeRef::<html::Textarea>::new();
    let (typed, client_id, unfit) = store.page.with_untracked(|page| {
        let refused = page.refused.as_ref().filter(|refused| refused.form == "send_message");
        let typed = refused.and_then(|refused| refused.value("text")).unwrap_or_default();
        (typed.to_owned(), page.client_id, refused.is_some_and(|refused| !refused.error.fields.is_empty()))
    });
    let too_long = RwSignal::new(unfit);
    // What was typed before a crash or a reload is there again.
    Effect::new(move |_| {
        let (Some(field), Some(draft)) = (field.get(), draft::kept(chat_id)) else { return };
        if field.value().is_empty() {
            field.set_value(&draft);
        }
    });
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        match MessageText::parse(&field.value()) {
            Ok(text) => {
                store.send(Unsent {
                    chat_id,
                    client_id: ClientId::fresh(),
                    text: text.into_string(),
                    reply_to: None,
                    written_at: now(store),
                    refused: None,
                });
                field.set_value("");
                draft::forget(chat_id);
                too_long.set(false);
            }
            Err(protocol::error::Problem::Required) => {}
            Err(_) => too_long.set(true),
        }
        let _ = field.focus();
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        // While an input method composes, Enter chooses its word.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    view! {
        <div class="composer">
            <MarkReadForm chat_id />
            <FormError form="send_message" />
            <Show when=move || too_long.get()>
                <p class="problem" role="alert">{t!(i18n, chat.cannot_send)}</p>
            </Show>
            <form method="post" action=api::SendMessage::url() on:submit=on_submit class="composer-form">
                <input type="hidden" name="chat_id" value=chat_id.to_string() />
                <input type="hidden" name="client_id" value=client_id.map(|id| id.to_string()) />
                <textarea node_ref=field name="text" rows="1" class="composer-input" dir="auto" required
                    aria-label=t!(i18n, chat.message)
                    placeholder=t!(i18n, chat.message)
                    on:keydown=on_key
                    on:input=move |_| store.type_in(chat_id)
                >{typed}</textarea>
                <button class="icon-button primary" aria-label=t!(i18n, chat.send)><Icon d=outline::SEND /></button>
            </form>
        </div>
    }
    .into_any()
}
