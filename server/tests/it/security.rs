//! The rules for every request and every response.

use crate::support::{Answer, Home, PASSWORD, PATIENCE, Person, Server};
use serde_json::json;
use std::fs;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, Instant, interval, timeout},
};

#[track_caller]
fn check_headers(what: &str, answer: &Answer) {
    for (name, part) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("content-security-policy", "base-uri 'none'"),
        ("cache-control", "no-"),
    ] {
        let value = answer.headers.get(name).map_or("", String::as_str);
        assert!(value.contains(part), "{what} answers {} with {name}: {value:?}", answer.status);
    }
    assert!(!answer.headers.contains_key("server") && !answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let large = "x".repeat(200 * 1024);
    for (what, ask, status) in [
        ("a response", server.get("/api/v1/me").by(&alice), 200),
        ("health", server.get("/healthz"), 200),
        ("keys", server.get("/.well-known/jwks.json"), 200),
        ("the document", server.get("/api/openapi.json"), 200),
        (
            "a new account",
            server.post("/api/v1/auth/register", json!({ "username": "bob", "password": PASSWORD })),
            201,
        ),
        ("nobody", server.get("/api/v1/me"), 401),
        ("a foreign site", server.post("/api/v1/auth/login", json!({})).header("origin", "https://evil.example"), 403),
        ("an unknown path", server.get("/api/v1/nope"), 404),
        ("an unknown page", server.get("/nope.txt"), 404),
        ("a wrong method", server.delete("/api/v1/me").by(&alice), 405),
        ("a large body", server.ask("PATCH", "/api/v1/me").body("application/json", large).by(&alice), 413),
        ("a wrong type", server.ask("PATCH", "/api/v1/me").body("text/plain", "x").by(&alice), 415),
        ("a wrong body", server.ask("PATCH", "/api/v1/me").body("application/json", "x").by(&alice), 422),
        ("a socket without an upgrade", server.get("/ws"), 422),
        ("an unknown form", server.post("/nope", json!({})), 404),
    ] {
        let answer = ask.send().await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        check_headers(what, &answer);
        if answer.headers.get("content-type").is_some_and(|typed| typed.starts_with("application/json")) {
            assert!(answer.headers["content-security-policy"].contains("default-src 'none'"), "{what}");
            assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        }
    }
}

fn origin(value: &str) -> (&str, &str) {
    ("origin", value)
}

fn site(value: &str) -> (&str, &str) {
    ("sec-fetch-site", value)
}

#[tokio::test]
async fn requests_from_other_sites_change_nothing() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    let ours = format!("http://{}", server.address);
    let other_port = format!("http://{}:1", server.address.ip());
    let bearer = format!("Bearer {}", alice.access_token);
    let (cookie, bearer) = (("cookie", cookie.as_str()), ("authorization", bearer.as_str()));
    for (headers, status) in [
        (vec![bearer], 200),
        (vec![bearer, origin(&ours)], 200),
        (vec![bearer, site("same-origin")], 200),
        (vec![bearer, origin("https://evil.example")], 403),
        (vec![bearer, origin("null")], 403),
        (vec![bearer, origin(&other_port)], 403),
        (vec![bearer, site("cross-site")], 403),
        (vec![bearer, origin(&ours), site("cross-site")], 403),
        (vec![cookie, origin(&ours)], 200),
        (vec![cookie, origin(&ours), site("same-origin")], 200),
        (vec![cookie, site("same-origin")], 200),
        (vec![cookie], 403),
        (vec![cookie, ("authorization", "Basic eDp4")], 403),
        (vec![cookie, origin("https://evil.example")], 403),
        (vec![cookie, origin("null")], 403),
        (vec![cookie, site("cross-site")], 403),
        (vec![origin("https://evil.example")], 403),
        (vec![], 401),
    ] {
        for (method, path) in [("PATCH", "/api/v1/me"), ("DELETE", "/api/v1/nope"), ("POST", "/api/v1/auth/refresh")] {
            let ask = server.ask(method, path).json(json!({ "bio": "changed", "refresh_token": "x" }));
            let answer = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value)).send().await;
            let expected = match (status, path) {
                (403, _) => 403,
                (_, "/api/v1/nope") => 404,
                (_, "/api/v1/auth/refresh") => 401,
                (status, _) => status,
            };
            assert_eq!(answer.status, expected, "{method} {path} {headers:?}: {}", answer.body);
        }
    }
    // A cookie alone may read: pages are read like this.
    assert_eq!(server.get("/api/v1/me").header(cookie.0, cookie.1).send().await.status, 200);
}

#[tokio::test]
async fn a_cookie_is_no_bearer_token_and_a_bearer_token_no_cookie() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    let session = cookie.split_once('=').unwrap().1;
    let as_bearer = server.get("/api/v1/me").header("authorization", &format!("Bearer {session}")).send().await;
    assert_eq!((as_bearer.status, as_bearer.error_code().as_str()), (401, "unauthenticated"));
    let as_cookie = server.get("/api/v1/me").header("cookie", &format!("messenger_session={}", alice.access_token));
    assert_eq!(as_cookie.send().await.status, 401);
    let refresh = server.post("/api/v1/auth/refresh", json!({ "refresh_token": alice.access_token }));
    assert_eq!(refresh.send().await.status, 401);
    for nonsense in ["Bearer", "Bearer ", "Basic YWxpY2U6eA==", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(server.get("/api/v1/me").header("authorization", nonsense).send().await.status, 401, "{nonsense}");
    }
}

#[tokio::test]
async fn with_a_public_url_only_its_origin_is_accepted() {
    let server = Server::at(Home::new(&["--public-url", "https://chat.example/"]).await).await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [
        ("https://chat.example", 401),
        ("https://chat.example:443", 401),
        ("http://chat.example", 403),
        (own.as_str(), 403),
    ] {
        let login = json!({ "login": "alice", "password": PASSWORD });
        let answer = server.post("/api/v1/auth/login", login).header("origin", origin).send().await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn an_explicit_default_port_is_the_same_host() {
    let server = Server::start().await;
    for (host, origin, status) in [
        ("chat.example:80", "http://chat.example", 401),
        ("chat.example:443", "https://chat.example", 401),
        ("chat.example", "https://chat.example:443", 401),
        ("chat.example:8443", "https://chat.example", 403),
    ] {
        let login = json!({ "login": "alice", "password": PASSWORD });
        let ask = server.post("/api/v1/auth/login", login).host(host).header("origin", origin);
        assert_eq!(ask.send().await.status, status, "{host} {origin}");
    }
}

#[tokio::test]
async fn the_address_of_a_client_is_known_behind_a_proxy_that_writes_ports() {
    let server = Server::at(Home::new(&["--trusted-proxies", "127.0.0.1"]).await).await;
    for (name, forwarded, address) in [
        ("alice", "192.0.2.60:4711", "192.0.2.60"),
        ("bob", "[2001:db8::1]:443", "2001:db8::1"),
        ("carol", "2001:db8::2", "2001:db8::2"),
    ] {
        let register = json!({ "username": name, "password": PASSWORD });
        let ask = server.post("/api/v1/auth/register", register).header("x-forwarded-for", forwarded);
        let person = Person::from(ask.send().await.expect_status(201).json());
        let sessions = server.get("/api/v1/auth/sessions").by(&person).send().await.expect_status(200).json();
        assert_eq!(sessions["items"][0]["ip"], address, "{forwarded}");
    }
}

#[tokio::test]
async fn files_without_a_version_are_cached_for_an_hour_or_revalidated() {
    let server = Server::start().await;
    let site = server.home.folder.join("site");
    fs::create_dir(site.join("emoji")).unwrap();
    for (file, caching) in [
        ("icon.svg", "public, max-age=3600"),
        ("emoji/en.txt", "public, max-age=3600"),
        ("manifest.webmanifest", "public, max-age=3600"),
        ("boot.js", "no-cache"),
        ("service-worker.js", "no-cache"),
        ("pkg/messenger.js", "no-cache"),
        // A debug build has no version, so it does not refuse another version.
        ("pkg/messenger.js?v=1", "no-cache"),
    ] {
        fs::write(site.join(file.split('?').next().unwrap()), "content").unwrap();
        let fresh = server.get(&format!("/{file}")).send().await.expect_status(200);
        assert_eq!(fresh.headers["cache-control"], caching, "{file}");
        let modified = &fresh.headers["last-modified"];
        let again = server.get(&format!("/{file}")).header("if-modified-since", modified).send().await;
        assert_eq!((again.status, again.headers["cache-control"].as_str()), (304, caching), "{file}");
    }
}

#[tokio::test]
async fn a_page_returned_for_a_missing_file_is_not_cached() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    let page = server.get("/pkg/nope").header("accept", "text/html").header("cookie", &cookie).send().await;
    assert!(page.status == 404 && page.body.contains("alice"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(server.get("//pkg").send().await.status, 404);
}

#[tokio::test]
async fn under_https_only_the_cookie_with_the_host_prefix_counts() {
    let server = Server::at(Home::new(&["--public-url", "https://chat.example"]).await).await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    for (cookie, status) in [(format!("__Host-{cookie}"), 200), (cookie, 401)] {
        let answer = server.get("/api/v1/me").header("cookie", &cookie).send().await;
        assert_eq!((answer.status, answer.headers["strict-transport-security"].as_str()), (status, "max-age=31536000"));
    }
}

#[tokio::test]
async fn silent_and_http_2_connections_are_closed() {
    let server = Server::start().await;
    let since = Instant::now();
    for opening in ["", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(opening.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{opening:?}: {answer}");
    }
    assert!(since.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_slow_sender_of_headers_is_cut_off() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let since = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        let mut tick = interval(Duration::from_millis(250));
        while writer.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    };
    let mut answer = Vec::new();
    let cut_off = async {
        tokio::select! {
            _ = reader.read_to_end(&mut answer) => {}
            () = dripping => {}
        }
    };
    timeout(PATIENCE, cut_off).await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(30));
    assert_eq!(server.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn headers_are_bounded() {
    let server = Server::start().await;
    let answer = server.get("/healthz").header("x-large", &"x".repeat(100 * 1024)).send().await;
    assert_eq!(answer.status, 431);
    assert_eq!(server.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn the_log_names_each_fault_of_a_proxy_once_with_its_fix() {
    let home = Home::new(&["--trusted-proxies", "127.0.0.1"]).await;
    let server = Server::logging(home.clone()).await;
    let sign_in = || server.post("/api/v1/auth/login", json!({}));
    // An invented page does not use up the report of a real one.
    sign_in().host("10.0.0.1:3000").header("origin", "http://invented.example").send().await.expect_status(403);
    for _ in 0..2 {
        let without_host = sign_in().host("10.0.0.1:3000").header("origin", "http://chat.example");
        let without_port = sign_in().host("chat.example").header("origin", "http://chat.example:8080");
        let without_upgrade = server.get("/ws").header("sec-websocket-version", "13").header("sec-websocket-key", "x");
        let with_port = sign_in().header("x-forwarded-for", "192.0.2.60:4711");
        let unreadable = sign_in().header("x-forwarded-for", "unknown");
        without_host.send().await.expect_status(403);
        without_port.send().await.expect_status(403);
        without_upgrade.send().await.expect_status(422);
        with_port.send().await.expect_status(422);
        unreadable.send().await.expect_status(422);
    }
    // The browser says that another site sent these requests: no proxy is at fault.
    for site in ["cross-site", "same-site"] {
        let foreign = sign_in().host("other.example").header("origin", "https://evil.example");
        foreign.header("sec-fetch-site", site).send().await.expect_status(403);
    }
    server.stop().await;
    let log = fs::read_to_string(home.folder.join("log")).unwrap();
    for (fault, seen) in [
        ("Host is not that of its page", "invented.example"),
        ("Host is not that of its page", "page=\"chat.example\" host=\"10.0.0.1:3000\""),
        ("Host has another port", "chat.example:8080"),
        ("without Upgrade", "proxy_http_version 1.1"),
        ("X-Forwarded-For has ports", "192.0.2.60:4711"),
        ("a hop that is no address", "unknown"),
    ] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(fault) && line.contains(seen)).collect();
        assert!(matches!(lines[..], [line] if line.contains("nginx")), "{fault}: {log}");
    }
    assert!(!log.contains("evil.example"), "{log}");
}

#[tokio::test]
async fn a_page_outside_the_public_address_is_named_in_the_log() {
    let home = Home::new(&["--public-url", "https://chat.example"]).await;
    let server = Server::logging(home.clone()).await;
    let sign_in = server.post("/api/v1/auth/login", json!({})).header("origin", "http://10.0.0.1:3000");
    sign_in.send().await.expect_status(403);
    server.stop().await;
    let log = fs::read_to_string(home.folder.join("log")).unwrap();
    assert!(log.contains("10.0.0.1:3000") && log.contains("--public-url"), "{log}");
}
