//! The toast: the result of the reader's last action, for six seconds at the bottom of the page.

use super::{
    Store,
    notice::{Before, Notice, Undo},
};
use crate::{
    chat::api::OwnState,
    i18n::{texts, use_i18n},
    ui::{
        For, I18n, error_text, reactive, t,
        words::{Words, words},
    },
};
use leptos::{prelude::*, server_fn::ServerFn as _};
use protocol::error::ErrorCode;

/// The style sheet ends the toast by an animation, which waits while the pointer or the focus is on the toast.
#[component]
pub fn Toast() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let count = StoredValue::new(0_u32);
    // Every notice is a new element, so that it lasts six seconds, and screen readers announce it.
    let shown = move || {
        count.update_value(|count| *count += 1);
        store.notice.get().map(|notice| (count.get_value(), notice)).into_iter().collect()
    };
    let undo = move |undo: Undo| {
        let Undo { chat_id, field, before } = undo;
        let undo = move |_| {
            store.notice.set(None);
            let before = match before {
                Before::Mark(set) => set.to_string(),
                Before::Time(time) => time.to_string(),
            };
            store.post(OwnState::url(), &[("chat_id", &chat_id.to_string()), (field, &before)], |_| ());
        };
        view! { <button class="link" on:click=undo>{t!(i18n, notices.undo)}</button> }.into_any()
    };
    let content = move |(_, notice): (u32, Notice)| {
        let undo = if let Notice::Changed(_, change) = notice { Some(undo(change)) } else { None };
        view! { <p class="toast" on:animationend=move |_| store.notice.set(None)>{said(i18n, notice)}{undo}</p> }
            .into_any()
    };
    view! {
        <div role="status" class="toast-place">
            <For each=shown key=|(count, _)| *count let:shown>{content(shown)}</For>
        </div>
    }
    .into_any()
}

fn said(i18n: I18n, notice: Notice) -> Words {
    let text = match notice {
        Notice::Said(sentence) => return reactive(move || sentence),
        Notice::Copied => texts::notices::copied,
        Notice::Forwarded => texts::notices::forwarded,
        Notice::Reported => texts::notices::reported,
        Notice::Saved => texts::notices::saved,
        Notice::Changed(text, _) => text,
        Notice::TooMany => texts::problems::too_many,
        Notice::Failed(ErrorCode::Unavailable) => texts::notices::away,
        Notice::Failed(code) => error_text(code),
    };
    words(i18n, text)
}
