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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Failed(ErrorCode),
    Copied,
    Forwarded,
    Reported,
    Saved,
}

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
            let encode = |text: &str| String::from(js_sys::encode_uri_component(text));
            let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
            let body = body.join("&");
            leptos::task::spawn_local(async move {
                then(request(url, &body).await.map_err(|error| error.code));
            });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (url, fields, then);
    }

    /// Sends a form that is on the page: its fields say for themselves what is wrong with them.
    #[cfg(feature = "hydrate")]
    fn send_form(self, url: String, body: String, done: Option<Notice>, then: impl FnOnce() + 'static) {
        leptos::task::spawn_local(async move {
            let form = url.rsplit('/').next().unwrap_or_default().to_owned();
            let refused = request(&url, &body).await.err();
            match &refused {
                None => {
                    if done.is_some() {
                        self.notice.set(done);
                    }
                    then();
                }
                Some(error) if error.fields.is_empty() => self.notice.set(Some(Notice::Failed(error.code))),
                Some(_) => {}
            }
            let refused = refused.filter(|error| !error.fields.is_empty());
            self.page.update(|page| {
                page.refused = refused.map(|error| Refused { form, error, values: Vec::new() });
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
        if let Some((url, body)) = filled(&event) {
            store.send_form(url, body, done, then);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (store, done, then);
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
