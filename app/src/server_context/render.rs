//! Renders pages as HTML, each with its Content-Security-Policy.

use super::load::Loaded;
use crate::{shell, ui::Asked};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use std::sync::Arc;

/// The document without a page. It contains nothing personal, so a browser keeps it for when there is no network;
/// it is the same for everybody, so its scripts carry no nonce.
#[must_use]
pub fn shell(version: Option<&str>) -> Response {
    let document = Owner::new().with(|| shell::shell(version, None).to_html());
    let headers = [(header::CONTENT_SECURITY_POLICY, policy("'self'")), (header::CACHE_CONTROL, "no-cache".into())];
    (headers, axum::response::Html(document)).into_response()
}

/// The Content-Security-Policy of a page that may load these `scripts`.
fn policy(scripts: &str) -> String {
    format!(
        "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; worker-src 'self'; \
         object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Renders a loaded page. Its scripts carry a nonce, which the policy names. A form that waits for its confirmation is
/// an extension of the request.
pub async fn render(version: Option<Arc<str>>, parts: Parts, loaded: Loaded) -> Response {
    let (seed, status) = match loaded {
        Loaded::Redirect(to) => return axum::response::Redirect::to(&to.href()).into_response(),
        Loaded::Page { seed, status } => (*seed, status),
    };
    let context = {
        let (seed, asked) = (seed.clone(), parts.extensions.get::<Asked>().cloned());
        move || {
            provide_context(seed.clone());
            asked.iter().cloned().for_each(provide_context);
            let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
            let policy = policy(&format!("'nonce-{nonce}' 'strict-dynamic'"));
            if let (Some(response), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
    };
    let render =
        leptos_axum::render_app_async_with_context(context, move || shell::shell(version.as_deref(), Some(&seed)));
    let mut response = render(http::Request::from_parts(parts, axum::body::Body::empty())).await;
    *response.status_mut() = status;
    response
}
