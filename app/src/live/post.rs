//! Sends forms with JavaScript, without leaving the page. The socket delivers the resulting changes.

use super::{Notice, Store};
#[cfg(feature = "hydrate")]
use super::{offline::Wipe, session};
use crate::chat::api::EditMessage;
#[cfg(feature = "hydrate")]
use crate::ui::{Refused, focus, once_drawn};
#[cfg(feature = "hydrate")]
use gloo_net::http::Request;
#[cfg(feature = "hydrate")]
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use protocol::{error::ErrorCode, ids::ChatId};
#[cfg(feature = "hydrate")]
use protocol::{
    error::{ApiError, Problem},
    reducer::Unsent,
};

impl Store {
    /// Sends these fields as a form to `url`, then runs `then` with the outcome. A toast shows a refusal.
    pub fn post(
        self,
        url: &'static str,
        fields: &[(&'static str, &str)],
        then: impl FnOnce(Result<(), ErrorCode>) + 'static,
    ) {
        #[cfg(feature = "hydrate")]
        {
            let Ok(body) = web_sys::UrlSearchParams::new() else { return };
            fields.iter().for_each(|(name, value)| body.append(name, value));
            leptos::task::spawn_local(async move {
                let refused = request(url, body).await.err();
                if let Some(newest) = refused.as_ref().and_then(|error| error.current.clone()) {
                    self.change(|state| state.apply_message(*newest));
                }
                then(refused.as_ref().map_or(Ok(()), |error| Err(error.code)));
                refused.iter().for_each(|error| self.show_refusal(error));
            });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (url, fields, then);
    }

    /// Handles a message that has left the outbox of all tabs.
    #[cfg(feature = "hydrate")]
    pub fn settle_sent(self, unsent: &Unsent) {
        self.remove_draft_of(unsent);
        // The text was changed when its earlier form was already on the way.
        if let Some((no, seq, text)) = self.stored_as(unsent.chat_id, unsent.client_id)
            && text != unsent.text
        {
            self.edit_message(unsent.chat_id, (no, seq), &unsent.text, |_| ());
        }
    }

    /// Saves an edit of a message as it was at `base_seq`, then runs `then` with the outcome.
    pub fn edit_message(
        self,
        chat_id: ChatId,
        (no, base_seq): (u64, u64),
        text: &str,
        then: impl FnOnce(Result<(), ErrorCode>) + 'static,
    ) {
        let (chat, no, seq) = (chat_id.to_string(), no.to_string(), base_seq.to_string());
        let fields = [("chat_id", &*chat), ("no", &no), ("base_seq", &seq), ("text", text)];
        self.post(EditMessage::url(), &fields, then);
    }

    /// Sends a form of the page. On a rejection, each invalid field shows its problem.
    #[cfg(feature = "hydrate")]
    fn send_form(self, filled: Filled, done: Option<Notice>, then: impl FnOnce(Result<(), ErrorCode>) + 'static) {
        let Filled { url, fields, asks } = filled;
        leptos::task::spawn_local(async move {
            let form = url.rsplit('/').next().unwrap_or_default().to_owned();
            let refused = request(&url, fields).await.err();
            then(refused.as_ref().map_or(Ok(()), |error| Err(error.code)));
            match &refused {
                None if done.is_some() => self.notice.set(done),
                None => {}
                // Each field shows its own problem.
                Some(error) if asks && !error.fields.is_empty() => {}
                Some(error) => self.show_refusal(error),
            }
            let refused = refused.filter(|error| !error.fields.is_empty());
            self.forms.update(|forms| {
                forms.refused = refused.map(|error| Refused { form, error, values: Vec::new() });
            });
            once_drawn(|| focus("[aria-invalid]"));
        });
    }

    /// Shows why the server refused a form, or ends a session that the server no longer accepts.
    #[cfg(feature = "hydrate")]
    fn show_refusal(self, error: &ApiError) {
        if error.code == ErrorCode::Unauthenticated {
            return session::end(Wipe::Rows);
        }
        self.notice.set(Some(if error.fields.values().any(|problem| problem == Problem::TooMany.name()) {
            Notice::TooMany
        } else if error.message.is_empty() {
            Notice::Failed(error.code)
        } else {
            // A refusal takes about a hundred bytes until the page is closed: users cause few of them.
            Notice::Said(error.message.clone().leak())
        }));
    }
}

/// A submit handler that sends the form without leaving the page. Shows `done` on success.
pub fn quietly(store: Store, done: Option<Notice>) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    quietly_then(store, done, || ())
}

/// Like `quietly`; also runs `then` on success.
pub fn quietly_then(
    store: Store,
    done: Option<Notice>,
    then: impl Fn() + Copy + Send + Sync + 'static,
) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    move |event| {
        send_quietly(store, &event, done, move |outcome| {
            if outcome.is_ok() {
                then();
            }
        });
    }
}

/// Sends the submitted form without leaving the page, then runs `then` with the outcome.
pub fn send_quietly(
    store: Store,
    event: &leptos::ev::SubmitEvent,
    done: Option<Notice>,
    then: impl FnOnce(Result<(), ErrorCode>) + 'static,
) {
    event.prevent_default();
    #[cfg(feature = "hydrate")]
    if let Some(filled) = filled(event) {
        store.send_form(filled, done, then);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, done, then);
}

/// A form's action and its fields, the pressed button included.
#[cfg(feature = "hydrate")]
struct Filled {
    url: String,
    fields: web_sys::UrlSearchParams,
    /// Whether the form has visible fields. Each of them shows its own problem.
    asks: bool,
}

#[cfg(feature = "hydrate")]
fn filled(event: &leptos::ev::SubmitEvent) -> Option<Filled> {
    use wasm_bindgen::JsCast as _;
    let form: web_sys::HtmlFormElement = event.target()?.dyn_into().ok()?;
    let data = web_sys::FormData::new_with_form(&form).ok()?;
    if let Some(button) = event.submitter()
        && let (Some(name), Some(value)) = (button.get_attribute("name"), button.get_attribute("value"))
    {
        data.append_with_str(&name, &value).ok()?;
    }
    let fields = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    let asks = form.query_selector("input:not([type=hidden]), textarea").ok().flatten().is_some();
    Some(Filled { url: form.get_attribute("action")?, fields, asks })
}

#[cfg(feature = "hydrate")]
pub(super) async fn request(url: &str, fields: web_sys::UrlSearchParams) -> Result<Vec<u8>, ApiError> {
    let away = |_| ApiError::new(ErrorCode::Unavailable, "");
    let language = document().document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default();
    let request = Request::post(url).header("accept-language", &language);
    let answer = request.body(fields).map_err(away)?.send().await.map_err(away)?;
    let body = answer.binary().await.map_err(away)?;
    if answer.ok() {
        return Ok(body);
    }
    Err(serde_json::from_slice(&body).unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, "")))
}
