//! Checks of every request, and headers of every response (SECURITY.md): they prevent other sites from using
//! a user's browser against the user.

use super::{App, Failure, origin, peer};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use services::Rejection;
use std::time::Duration;

/// Longer than a body may take to arrive.
const RESPOND_WITHIN: Duration = Duration::from_secs(15);

const JSON_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The page of the API's documentation loads its own files, and they contain inline styles.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of a service worker also limits its requests.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'";

/// Refuses unsafe requests that another site may have made the browser send.
pub async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe && !origin::is_own_request(&app, request.headers()) {
        return Failure(Rejection::forbidden("Requests from other sites are refused.")).into_response();
    }
    next.run(request).await
}

/// Cancels requests that take too long.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(RESPOND_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure(Rejection::unavailable()).into_response(),
    }
}

/// Adds the security headers to every response, and logs refused requests.
pub async fn harden(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_docs = path.starts_with("/api/docs");
    let policy = match path {
        "/service-worker.js" => WORKER_POLICY,
        _ if is_docs => DOCS_POLICY,
        _ => JSON_POLICY,
    };
    let (asked, address) =
        (path.to_owned(), peer::address(request.headers(), request.extensions(), &app.config.trusted_proxies));
    let mut response = next.run(request).await;
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        tracing::info!(path = asked, ip = %address, status = status.as_u16(), "request refused");
    }
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if app.config.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::CACHE_CONTROL, if is_docs { "no-cache" } else { "no-store" });
    response
}
