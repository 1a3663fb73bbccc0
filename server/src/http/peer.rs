//! The address of the client behind the trusted proxies.

use super::proxy;
use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};
use std::net::{IpAddr, SocketAddr};

/// The client's address: the peer's, or, if the peer is a trusted proxy, the last address in
/// `X-Forwarded-For` that belongs to no trusted proxy.
pub fn address(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpAddr]) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::from([127, 0, 0, 1]), |ConnectInfo(peer)| peer.ip().to_canonical());
    if !trusted.contains(&peer) {
        return peer;
    }
    // Split the hops as bytes: invalid text from a client must not hide the hop that the proxy appended.
    let forwarded = headers.get_all("x-forwarded-for").iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let hops: Vec<&str> = forwarded.map(|hop| std::str::from_utf8(hop).unwrap_or("unreadable").trim()).collect();
    // The client may have written every hop to the left of an unreadable one, so none of them is trusted.
    let mut readable = hops.into_iter().rev().map_while(parse);
    readable.find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

/// One hop: an address, with or without a port. Logs a hop that the proxy should write in another form.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let Ok(with_port) = hop.parse::<SocketAddr>() else {
        proxy::report_unreadable_hop(hop);
        return None;
    };
    proxy::report_hop_with_port(hop);
    Some(with_port.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(forwarded: &[u8]) -> String {
        let peer = SocketAddr::from(([127, 0, 0, 1], 4711));
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(peer));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_bytes(forwarded).unwrap());
        let trusted = [peer.ip(), IpAddr::from([10, 0, 0, 1])];
        address(&headers, &extensions, &trusted).to_string()
    }

    #[test]
    fn a_forwarded_address_is_read_with_and_without_a_port() {
        for (forwarded, expected) in [
            ("192.0.2.60", "192.0.2.60"),
            ("192.0.2.60:4711", "192.0.2.60"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.60", "192.0.2.60"),
            ("198.51.100.1, 192.0.2.60:4711, 10.0.0.1:80", "192.0.2.60"),
            ("192.0.2.60, unknown", "127.0.0.1"),
            ("unknown, 192.0.2.60", "192.0.2.60"),
            ("", "127.0.0.1"),
            ("192.0.2.60:", "127.0.0.1"),
            ("192.0.2.60:99999", "127.0.0.1"),
        ] {
            assert_eq!(client(forwarded.as_bytes()), expected, "{forwarded}");
        }
        assert_eq!(client(b"\xff, 192.0.2.60"), "192.0.2.60");
    }
}
