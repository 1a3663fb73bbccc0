//! Faults of a reverse proxy that requests reveal. The log names each kind once, with its fix: a wrong
//! setting shows in every request. Faults of `Host` are named once for each page: a request can invent its page, and must
//! not use up the report of a real one.

use axum::http::{HeaderMap, HeaderName, header};
use std::{
    collections::BTreeSet,
    sync::{Mutex, Once, PoisonError},
};

/// Maximum number of pages whose faults are logged.
const PAGES_MAX: usize = 100;

/// How `Host` differs from the address of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Host,
    Port,
    PublicUrl,
}

/// Whether the fault of this page was not reported before.
fn is_news(page: &str) -> bool {
    static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    reported.len() < PAGES_MAX && reported.insert(page.to_owned())
}

/// Logs the fault of a proxy that may make our page look like another site's page. `page` is the page's host.
pub fn report_foreign_page(public: Option<&str>, headers: &HeaderMap, page: &str) {
    let site = headers.get(HeaderName::from_static("sec-fetch-site")).and_then(|value| value.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Some(fault) = fault_of(public, host, page, site) else { return };
    let (page, host) = (shown(page), shown(host));
    if !is_news(page) {
        return;
    }
    match fault {
        Fault::PublicUrl => tracing::warn!(
            page,
            public_url = public,
            "refused a request from a page that is not under --public-url: open the server at that address, or correct --public-url"
        ),
        Fault::Port => tracing::warn!(
            page,
            host,
            "refused a request whose Host has another port than its page: if a proxy stands in front, it must pass \
             Host with the port (nginx: proxy_set_header Host $http_host), or set --public-url"
        ),
        Fault::Host => tracing::warn!(
            page,
            host,
            "refused a request whose Host is not that of its page: if a proxy stands in front, it must pass Host \
             unchanged (nginx: proxy_set_header Host $http_host), or set --public-url"
        ),
    }
}

/// Logs the proxy that removed `Upgrade` from a WebSocket handshake. Only a handshake has a key.
pub fn report_missing_upgrade(headers: &HeaderMap) {
    if headers.contains_key(header::SEC_WEBSOCKET_KEY) && !headers.contains_key(header::UPGRADE) {
        static REPORTED: Once = Once::new();
        REPORTED.call_once(|| {
            tracing::warn!(
                "refused a WebSocket handshake without Upgrade: the proxy must pass it for /ws (nginx: \
                 proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\")"
            );
        });
    }
}

/// Logs the proxy that writes ports into `X-Forwarded-For`. They are ignored.
pub fn report_hop_with_port(hop: &str) {
    static REPORTED: Once = Once::new();
    REPORTED.call_once(|| {
        tracing::warn!(
            hop = shown(hop),
            "X-Forwarded-For has ports, which are ignored: the proxy should write addresses alone (nginx: \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for)"
        );
    });
}

/// Logs the proxy that does not write addresses into `X-Forwarded-For`.
pub fn report_unreadable_hop(hop: &str) {
    static REPORTED: Once = Once::new();
    REPORTED.call_once(|| {
        tracing::warn!(
            hop = shown(hop),
            "X-Forwarded-For has a hop that is no address, so rate limits count its clients as one: the proxy must \
             write addresses (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for)"
        );
    });
}

/// The fault that may explain a foreign page; `None` if the browser says that it is another site's.
fn fault_of(public: Option<&str>, host: &str, page: &str, site: Option<&str>) -> Option<Fault> {
    // Browsers send no Sec-Fetch-Site over plain http.
    if !matches!(site, None | Some("same-origin")) {
        return None;
    }
    if public.is_some() {
        return Some(Fault::PublicUrl);
    }
    let same_name = without_port(page).eq_ignore_ascii_case(without_port(host));
    Some(if same_name { Fault::Port } else { Fault::Host })
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

/// The beginning of a header's value: the client chooses its length.
fn shown(value: &str) -> &str {
    value.get(..100).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_page_reveals_the_fault_of_the_proxy() {
        let public = Some("https://chat.example");
        for (public, host, page, site, fault) in [
            (None, "127.0.0.1:3000", "chat.example", None, Some(Fault::Host)),
            (None, "127.0.0.1:3000", "chat.example", Some("same-origin"), Some(Fault::Host)),
            (None, "", "chat.example", Some("same-origin"), Some(Fault::Host)),
            (None, "chat.example", "chat.example:8080", None, Some(Fault::Port)),
            (None, "chat.example:3000", "chat.example", Some("same-origin"), Some(Fault::Port)),
            (None, "[::1]:3000", "[::1]:8080", None, Some(Fault::Port)),
            (None, "[::1]:3000", "[::2]:3000", None, Some(Fault::Host)),
            (public, "chat.example", "10.0.0.1", None, Some(Fault::PublicUrl)),
            (public, "chat.example", "www.chat.example", Some("same-site"), None),
            (None, "chat.example", "evil.example", Some("same-site"), None),
        ] {
            assert_eq!(fault_of(public, host, page, site), fault, "{host} {page} {site:?}");
        }
    }
}
