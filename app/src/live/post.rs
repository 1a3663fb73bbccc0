//! What forms do where JavaScript runs: they are sent without leaving the page, and what they change comes
//! back over the socket.

use super::Store;
#[cfg(feature = "hydrate")]
use crate::seed::Refused;
#[cfg(feature = "hydrate")]
use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use protocol::error::ApiError;
use protocol::error::ErrorCode;

/// A word to the reader about what they did.
#[cfg_attr(feature = "ssr", expect(dead_code, reason = "only a browser sends forms so"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Failed(ErrorCode),
    Copied,
    Forwarded,
    Reported,
    Saved,
}

impl Store {
    /// Sends what a form to `url` would.
    pub fn post(self, url: &'static str, fields: &[(&'static str, &str)], done: Option<Notice>) {
        #[cfg(feature = "hydrate")]
        {
            let encode = |text: &str| String::from(js_sys::encode_uri_component(text));
            let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
            self.send_form(url.to_owned(), body.join("&"), done);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (url, fields, done);
    }

    #[cfg(feature = "hydrate")]
    fn send_form(self, url: String, body: String, done: Option<Notice>) {
        leptos::task::spawn_local(async move {
            let form = url.rsplit('/').next().unwrap_or_default().to_owned();
            let answer = request(&url, &body).await;
            let code = answer.as_ref().err().map(|error| error.code);
            // Its fields say for themselves what is wrong with them.
            let refused = answer.err().filter(|error| !error.fields.is_empty());
            let shown = refused.is_some();
            self.page.update(|page| {
                page.refused = refused.map(|error| Refused { form, error, values: Vec::new() });
            });
            match code {
                None if done.is_some() => self.notice.set(done),
                Some(code) if !shown => self.notice.set(Some(Notice::Failed(code))),
                _ => {}
            }
        });
    }
}

/// Sends a form where it stands; `done` is said when it was taken.
pub fn quietly(store: Store, done: Option<Notice>) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    move |event| {
        event.prevent_default();
        #[cfg(feature = "hydrate")]
        if let Some((url, body)) = filled(&event) {
            store.send_form(url, body, done);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (store, done);
    }
}

/// Where a form goes, and what is in it, the pressed button included.
#[cfg(feature = "hydrate")]
fn filled(event: &leptos::ev::SubmitEvent) -> Option<(String, String)> {
    use wasm_bindgen::JsCast as _;
    let form: web_sys::HtmlFormElement = event.target()?.dyn_into().ok()?;
    let data = web_sys::FormData::new_with_form(&form).ok()?;
    if let Some(button) = event.submitter()
        && let (Some(name), Some(value)) = (button.get_attribute("name"), button.get_attribute("value"))
    {
        data.append_with_str(&name, &value).ok()?;
    }
    let fields = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    Some((form.get_attribute("action")?, fields.to_string().into()))
}

#[cfg(feature = "hydrate")]
async fn request(url: &str, body: &str) -> Result<(), ApiError> {
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_futures::JsFuture;
    let away = |_| ApiError::new(ErrorCode::Unavailable, "");
    let headers = web_sys::Headers::new().map_err(away)?;
    headers.set("content-type", "application/x-www-form-urlencoded").map_err(away)?;
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&body.into());
    let answer = JsFuture::from(window().fetch_with_str_and_init(url, &init)).await.map_err(away)?;
    let answer: web_sys::Response = answer.unchecked_into();
    if answer.ok() {
        return Ok(());
    }
    let text = JsFuture::from(answer.text().map_err(away)?).await.map_err(away)?;
    let error = serde_json::from_slice(text.as_string().unwrap_or_default().as_bytes());
    Err(error.unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, "")))
}
