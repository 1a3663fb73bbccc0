//! Whether a browser sent a request from this server's own pages.

use super::{App, cookie, proxy};
use crate::config::without_default_port;
use axum::http::{HeaderMap, HeaderName, header};

/// Whether an unsafe request comes from our own pages, or from no browser at all.
pub fn is_own_request(app: &App, headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site")).map(|value| value.as_bytes());
    if site == Some(b"cross-site") {
        return false;
    }
    // A page on another host of the same domain counts as another site.
    let from_us = matches!(site, Some(b"same-origin" | b"none"));
    match headers.get(header::ORIGIN) {
        Some(origin) => check_own(app, headers, origin.to_str().unwrap_or("unreadable")),
        // A cookie comes from a browser, and browsers say where a request comes from.
        None => from_us || site.is_none() && cookie::session(app, headers).is_none(),
    }
}

/// Whether an origin is `--public-url`, or the request's own host.
pub fn is_own(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    matches(app.config.public_url.as_deref(), host, origin)
}

/// Like `is_own`. If the origin is foreign, logs the fault of a proxy that may be the cause.
pub fn check_own(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    let own = is_own(app, headers, origin);
    if !own && let Some(page) = authority(origin) {
        proxy::report_foreign_page(app.config.public_url.as_deref(), headers, page);
    }
    own
}

fn matches(public: Option<&str>, host: Option<&str>, origin: &str) -> bool {
    let origin = without_default_port(origin);
    if let Some(public) = public {
        return origin.eq_ignore_ascii_case(public);
    }
    let authority = authority(origin);
    let host = host.map(|host| host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host));
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// The host of an origin, with its port if it has one.
fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_default_port_equals_none() {
        for (public, host, origin, own) in [
            (None, "chat.example", "http://chat.example", true),
            (None, "chat.example", "https://chat.example", true),
            (None, "chat.example:80", "http://chat.example", true),
            (None, "chat.example:443", "https://chat.example", true),
            (None, "chat.example", "http://chat.example:80", true),
            (None, "chat.example", "https://chat.example:443", true),
            (None, "chat.example:443", "https://chat.example:443", true),
            (None, "[2001:db8::1]:443", "https://[2001:db8::1]", true),
            (None, "chat.example:8080", "http://chat.example:8080", true),
            (None, "chat.example", "http://chat.example:8080", false),
            (None, "chat.example", "https://chat.example:80", false),
            (None, "chat.example:8443", "https://chat.example", false),
            (None, "chat.example", "https://evil.example", false),
            (None, "chat.example", "null", false),
            (Some("https://chat.example"), "10.0.0.1:3000", "https://chat.example:443", true),
            (Some("https://chat.example"), "10.0.0.1:3000", "https://chat.example", true),
            (Some("https://chat.example"), "10.0.0.1:3000", "https://chat.example:80", false),
            (Some("https://chat.example"), "10.0.0.1:3000", "http://chat.example", false),
        ] {
            assert_eq!(matches(public, Some(host), origin), own, "{public:?} {host} {origin}");
        }
        assert!(!matches(None, None, "http://chat.example"));
    }
}
