//! What forms do where JavaScript runs: they are sent without leaving the page, and what they change comes
//! back over the socket.

use super::{Notice, Store};
#[cfg(feature = "hydrate")]
use crate::ui::Refused;
#[cfg(feature = "hydrate")]
use gloo_net::http::Request;
#[cfg(feature = "hydrate")]
use leptos::prelude::*;
use protocol::error::ErrorCode;
#[cfg(feature = "hydrate")]
use protocol::error::{ApiError, Problem};

impl Store {
    /// Sends what a form to `url` would, and goes on with what became of it.
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
                then(request(url, body).await.map_err(|error| error.code));
            });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (url, fields, then);
    }

    /// Sends a form that is on the page: its fields say for themselves what is wrong with them.
    #[cfg(feature = "hydrate")]
    fn send_form(self, filled: Filled, done: Option<Notice>, then: impl FnOnce() + 'static) {
        let Filled { url, fields, asks } = filled;
        leptos::task::spawn_local(async move {
            let form = url.rsplit('/').next().unwrap_or_default().to_owned();
            let refused = request(&url, fields).await.err();
            match &refused {
                None => {
                    if done.is_some() {
                        self.notice.set(done);
                    }
                    then();
                }
                Some(error) if !asks && error.fields.values().any(|problem| problem == Problem::TooMany.name()) => {
                    self.notice.set(Some(Notice::TooMany));
                }
                Some(error) if !asks || error.fields.is_empty() => {
                    self.notice.set(Some(Notice::Failed(error.code)));
                }
                Some(_) => {}
            }
            let refused = refused.filter(|error| !error.fields.is_empty());
            self.forms.update(|forms| {
                forms.refused = refused.map(|error| Refused { form, error, values: Vec::new() });
            });
        });
    }
}

/// Sends a form where it stands; `done` is said when it was taken.
pub fn quietly(store: Store, done: Option<Notice>) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    quietly_then(store, done, || ())
}

/// The same, and goes on when it was taken.
pub fn quietly_then(
    store: Store,
    done: Option<Notice>,
    then: impl Fn() + Copy + Send + Sync + 'static,
) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    move |event| {
        event.prevent_default();
        #[cfg(feature = "hydrate")]
        if let Some(filled) = filled(&event) {
            store.send_form(filled, done, then);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (store, done, then);
    }
}

/// Where a form goes, and what is in it, the pressed button included.
#[cfg(feature = "hydrate")]
struct Filled {
    url: String,
    fields: web_sys::UrlSearchParams,
    /// It has fields to be filled in, which say what is wrong with them.
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
async fn request(url: &str, fields: web_sys::UrlSearchParams) -> Result<(), ApiError> {
    let away = |_| ApiError::new(ErrorCode::Unavailable, "");
    let answer = Request::post(url).body(fields).map_err(away)?.send().await.map_err(away)?;
    if answer.ok() {
        return Ok(());
    }
    let said = answer.binary().await.map_err(away)?;
    Err(serde_json::from_slice(&said).unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, "")))
}
