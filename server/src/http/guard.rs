//! What holds for every request and every answer (SECURITY.md): whose request it may be, and the
//! headers that keep a browser from being used against its owner.

use super::{App, Failure, extract};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use services::Rejection;
use std::time::Duration;

/// Under https the prefix confines the cookie to this host; browsers refuse it over plain http.
const COOKIE: &str = "messenger_session";
const HOST_COOKIE: &str = "__Host-messenger_session";
const COOKIE_LIFE: u64 = services::infra::tokens::SESSION_LIFE.as_secs();

/// More than a body may take to arrive.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

const JSON_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The page that shows the API loads its own files, which carry inline styles.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A service worker asks for what its policy lets it ask for.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'";

/// Refuses unsafe requests that another site may have caused.
pub async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe && !is_ours(&app, request.headers()) {
        return Failure(Rejection::forbidden("Requests from other sites are refused.")).into_response();
    }
    next.run(request).await
}

/// Gives up requests that take too long, whatever hangs behind them.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure(Rejection::unavailable()).into_response(),
    }
}

/// Adds the headers of every answer.
pub async fn harden(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_docs = path.starts_with("/api/docs");
    let policy = match path {
        "/service-worker.js" => WORKER_POLICY,
        _ if is_docs => DOCS_POLICY,
        _ => JSON_POLICY,
    };
    let is_file = path.starts_with("/pkg/");
    let (asked, address) = (path.to_owned(), extract::client_address(&request, &app.config.trusted_proxies));
    let mut response = next.run(request).await;
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        tracing::info!(path = asked, ip = %address, status = status.as_u16(), "request refused");
    }
    // A page that stands where a file would is somebody's own.
    let is_file = is_file && !status.is_client_error();
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
    set(header::CACHE_CONTROL, if is_file || is_docs { "no-cache" } else { "no-store" });
    response
}

/// Whether a request that changes something comes from our own pages, or from no browser at all.
pub fn is_ours(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text(HeaderName::from_static("sec-fetch-site"));
    if site == Some("cross-site") {
        return false;
    }
    match text(header::ORIGIN) {
        Some(origin) => is_our_origin(app, headers, origin),
        // A cookie comes from a browser, and browsers say where a request comes from.
        None => site.is_some() || session_cookie(app, headers).is_none(),
    }
}

/// Whether an origin is `--public-url`, or the request's own host.
pub fn is_our_origin(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    if let Some(public) = &app.config.public_url {
        return origin.eq_ignore_ascii_case(public.trim_end_matches('/'));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// The token of the browser's cookie.
pub fn session_cookie<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    // Only the name that is given out: another site of the same domain could plant the other.
    let wanted = if app.config.is_https() { HOST_COOKIE } else { COOKIE };
    app::cookie::of_request(headers, wanted)
}

/// The `Set-Cookie` that signs a browser in, or out where there is no token.
pub fn set_session_cookie(https: bool, token: Option<&str>) -> HeaderValue {
    let (name, secure) = if https { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
    let life = if token.is_some() { COOKIE_LIFE } else { 0 };
    let value = token.unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}");
    HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""))
}
