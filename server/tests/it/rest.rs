//! REST, PROTOCOL sections 3 and 4.

use crate::support::{PASSWORD, Person, Server, fresh_id};
use serde_json::{Value, json};
use std::collections::HashSet;

const NOWHERE: &str = "00000000-0000-7000-8000-000000000000";

#[tokio::test]
async fn two_people_talk_and_a_third_sees_nothing() {
    let server = Server::start().await;
    let register =
        json!({ "username": "Alice", "password": PASSWORD, "display_name": "Алиса", "email": "a@b.example" });
    let signed_in = server.post("/api/v1/auth/register", register).send().await.expect_status(201).json();
    assert_eq!(signed_in["user"]["username"], "alice");
    assert_eq!((&signed_in["user"]["email"], &signed_in["token_type"]), (&json!("a@b.example"), &json!("Bearer")));
    assert!(signed_in["expires_in"].as_u64().unwrap() <= 15 * 60);
    let alice = Person::from(signed_in);
    let [bob, carol] = server.people(["bob", "carol"]).await;

    let direct = json!({ "kind": "direct", "user_id": bob.id });
    let opened = server.post("/api/v1/chats", direct.clone()).by(&alice).send().await.expect_status(201).json();
    server.post("/api/v1/chats", direct).by(&alice).send().await.expect_status(200);
    let chat = format!("/api/v1/chats/{}", opened["id"].as_str().unwrap());
    let messages = format!("{chat}/messages");

    let send = json!({ "client_id": fresh_id(), "text": " привет " });
    let sent = server.post(&messages, send.clone()).by(&alice).send().await.expect_status(201).json();
    assert_eq!((&sent["no"], &sent["text"], &sent["sender_id"]), (&json!(1), &json!("привет"), &json!(alice.id)));
    // The first text wins, even if the repeated text is invalid.
    for text in [" привет ", "other", ""] {
        let again = json!({ "client_id": send["client_id"], "text": text });
        assert_eq!(server.post(&messages, again).by(&alice).send().await.expect_status(200).json(), sent, "{text}");
    }

    let page = server.get(&messages).by(&bob).send().await.expect_status(200).json();
    assert_eq!((&page["items"], &page["next"]), (&json!([sent]), &Value::Null));
    assert_eq!(page["users"][0]["id"], alice.id);
    assert_eq!(page["users"][0]["email"], Value::Null);
    let listed = server.get("/api/v1/chats").by(&bob).send().await.expect_status(200).json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["unread"]), (&opened["id"], &json!(1)));
    server.post(&format!("{chat}/read"), json!({ "no": 99 })).by(&bob).send().await.expect_status(204);
    let seen = server.get(&chat).by(&alice).send().await.expect_status(200).json();
    assert_eq!((&seen["read_by_others_no"], &seen["title"]), (&json!(1), &json!("bob")));
    let changes =
        server.get(&format!("{chat}/changes?after=0&limit=1")).by(&bob).send().await.expect_status(200).json();
    assert_eq!((&changes["more"], &changes["seq"]), (&json!(true), &json!(1)));

    for path in [&chat, &messages, &format!("{chat}/changes"), &format!("{chat}/members")] {
        let there = server.get(path).by(&carol).send().await;
        let nowhere = server.get(&path.replace(opened["id"].as_str().unwrap(), NOWHERE)).by(&carol).send().await;
        assert_eq!((there.status, &there.body), (404, &nowhere.body), "{path}");
    }
}

#[tokio::test]
async fn a_group_is_created_changed_and_deleted() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let new = json!({ "kind": "group", "title": "Club", "member_ids": [bob.id], "client_id": fresh_id() });
    let made = server.post("/api/v1/chats", new.clone()).by(&alice).send().await.expect_status(201).json();
    assert_eq!(server.post("/api/v1/chats", new).by(&alice).send().await.expect_status(200).json()["id"], made["id"]);
    let chat = format!("/api/v1/chats/{}", made["id"].as_str().unwrap());
    let members = format!("{chat}/members");
    let member = |person: &Person| format!("{members}/{}", person.id);

    let add = json!({ "user_id": carol.id });
    server.post(&members, add.clone()).by(&bob).send().await.expect_status(403);
    let added = server.post(&members, add.clone()).by(&alice).send().await.expect_status(201).json();
    assert_eq!((&added["user"]["id"], &added["role"]), (&json!(carol.id), &json!("member")));
    server.post(&members, add).by(&alice).send().await.expect_status(200);
    let listed = server.get(&members).by(&carol).send().await.expect_status(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    server.patch(&chat, json!({ "title": "New" })).by(&bob).send().await.expect_status(403);
    let renamed = server.patch(&chat, json!({ "title": "New" })).by(&alice).send().await.expect_status(200).json();
    assert_eq!(renamed["title"], "New");
    let pinned = server.patch(&format!("{chat}/me"), json!({ "pinned": true, "draft": "…" })).by(&bob).send().await;
    assert_eq!(pinned.expect_status(200).json()["pinned"], true);
    let cleared = server.patch(&format!("{chat}/me"), json!({ "draft": null })).by(&bob).send().await;
    let cleared = cleared.expect_status(200).json();
    assert_eq!((&cleared["draft"], &cleared["pinned"]), (&Value::Null, &json!(true)));

    server.delete(&member(&carol)).by(&alice).send().await.expect_status(204);
    server.get(&chat).by(&carol).send().await.expect_status(404);
    server.delete(&member(&alice)).by(&alice).send().await.expect_status(409);
    server.patch(&member(&bob), json!({ "role": "owner" })).by(&alice).send().await.expect_status(204);
    server.delete(&member(&alice)).by(&alice).send().await.expect_status(204);
    server.delete(&chat).by(&alice).send().await.expect_status(404);
    server.delete(&chat).by(&bob).send().await.expect_status(204);
    server.get(&chat).by(&bob).send().await.expect_status(404);
}

#[tokio::test]
async fn messages_are_reacted_to_forwarded_and_reported() {
    let server = Server::start().await;
    let [alice, bob, stranger] = server.people(["alice", "bob", "stranger"]).await;
    let (group, other) = (server.group(&alice, &[&bob]).await, server.group(&bob, &[]).await);
    server.say(&alice, &group, "hi @bob").await;
    let message = format!("/api/v1/chats/{group}/messages/2");
    let thumb = format!("{message}/reactions/%F0%9F%91%8D");
    let reacted = server.ask("PUT", &thumb).by(&bob).send().await.expect_status(200).json();
    assert_eq!(reacted["reactions"], json!([{ "emoji": "👍", "count": 1, "by": [bob.id] }]));
    assert_eq!(reacted["mentions"], json!([bob.id]));
    let who = server.get(&format!("{message}/reactions")).by(&alice).send().await.expect_status(200).json();
    assert_eq!((&who["items"][0]["user"]["id"], &who["next"]), (&json!(bob.id), &Value::Null));
    let nonsense = server.ask("PUT", &format!("{message}/reactions/x")).by(&bob).send().await.expect_status(422).json();
    assert_eq!(nonsense["fields"], json!({ "emoji": "unknown" }));
    server.ask("PUT", &thumb).by(&stranger).send().await.expect_status(404);
    let taken = server.delete(&thumb).by(&bob).send().await.expect_status(200).json();
    assert_eq!(taken["reactions"], json!([]));

    let to = json!({ "chat_id": other, "client_id": fresh_id() });
    let forward = || server.post(&format!("{message}/forward"), to.clone());
    let forwarded = forward().by(&bob).send().await.expect_status(201).json();
    assert_eq!(forwarded["forwarded_from"], json!({ "user_id": alice.id, "name": null }));
    assert_eq!(forward().by(&bob).send().await.expect_status(200).json(), forwarded);
    forward().by(&alice).send().await.expect_status(404);

    let report = |reason: &str| server.post(&format!("{message}/reports"), json!({ "reason": reason }));
    report("spam").by(&bob).send().await.expect_status(204);
    report("").by(&bob).send().await.expect_status(422);
    report("spam").by(&stranger).send().await.expect_status(404);
}

#[tokio::test]
async fn a_blocked_user_can_neither_write_nor_see_presence() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let open = |other: &str| server.post("/api/v1/chats", json!({ "kind": "direct", "user_id": other }));
    let direct = open(&alice.id).by(&bob).send().await.expect_status(201).json()["id"].as_str().unwrap().to_owned();
    let block = format!("/api/v1/me/blocks/{}", bob.id);
    server.ask("PUT", &block).by(&alice).send().await.expect_status(204);
    let listed = server.get("/api/v1/me/blocks").by(&alice).send().await.expect_status(200).json();
    assert_eq!(listed["items"][0]["id"], bob.id);
    open(&alice.id).by(&bob).send().await.expect_status(404);
    let send = json!({ "client_id": fresh_id(), "text": "hi" });
    let post = || server.post(&format!("/api/v1/chats/{direct}/messages"), send.clone()).by(&bob);
    post().send().await.expect_status(403);
    let seen = server.get(&format!("/api/v1/users/{}", alice.id)).by(&bob).send().await.expect_status(200).json();
    assert_eq!(
        (&seen["username"], &seen["online"], &seen["last_seen_at"]),
        (&json!("alice"), &Value::Null, &Value::Null)
    );
    server.delete(&block).by(&alice).send().await.expect_status(204);
    post().send().await.expect_status(201);
}

#[tokio::test]
async fn members_are_listed_in_pages_in_the_readers_language() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    for (person, name) in [(&bob, "Zoe"), (&carol, "Ёж")] {
        server.patch("/api/v1/me", json!({ "display_name": name })).by(person).send().await.expect_status(200);
    }
    let group = server.group(&alice, &[&bob, &carol]).await;
    for (language, expected) in [("ru", ["alice", "Ёж", "Zoe"]), ("en-GB,ru;q=0.5", ["alice", "Zoe", "Ёж"])] {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/chats/{group}/members?limit=1{cursor}");
            let page = server.get(&path).by(&alice).header("accept-language", language).send().await;
            let page = page.expect_status(200).json();
            names.push(page["items"][0]["user"]["display_name"].as_str().unwrap().to_owned());
            let Some(next) = page["next"].as_str() else { break };
            let escaped: String = next.bytes().map(|byte| format!("%{byte:02X}")).collect();
            cursor = format!("&cursor={escaped}");
        }
        assert_eq!(names, expected, "{language}");
    }
}

#[tokio::test]
async fn sessions_are_listed_refreshed_and_ended() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let login = json!({ "login": "ALICE", "password": PASSWORD });
    let phone = server.post("/api/v1/auth/login", login.clone()).header("user-agent", "Phone 1").send().await;
    let phone = Person::from(phone.expect_status(200).json());
    let listed = server.get("/api/v1/auth/sessions").by(&alice).send().await.expect_status(200).json();
    let other = listed["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    assert_eq!((&other["device"], &other["ip"]), (&json!("Phone 1"), &json!("127.0.0.1")));

    let refresh = json!({ "refresh_token": phone.refresh_token });
    let renewed = server.post("/api/v1/auth/refresh", refresh.clone()).send().await.expect_status(200).json();
    server.post("/api/v1/auth/refresh", refresh).send().await.expect_status(401);
    let renewed = Person { access_token: renewed["access_token"].as_str().unwrap().into(), ..phone };
    // The reuse ended the session at once.
    server.get("/api/v1/me").by(&renewed).send().await.expect_status(401);

    let tablet = server.post("/api/v1/auth/login", login.clone()).send().await.expect_status(200).json();
    server.delete("/api/v1/auth/sessions").send().await.expect_status(401);
    server.delete("/api/v1/auth/sessions").by(&alice).send().await.expect_status(204);
    server.get("/api/v1/me").by(&Person::from(tablet)).send().await.expect_status(401);
    server.get("/api/v1/me").by(&alice).send().await.expect_status(200);

    let change = json!({ "current": PASSWORD, "new": "another horse battery" });
    server.ask("POST", "/api/v1/auth/password").json(change).by(&alice).send().await.expect_status(204);
    server.post("/api/v1/auth/login", login).send().await.expect_status(401);
    server.get("/api/v1/me").by(&alice).send().await.expect_status(200);
    server.ask("POST", "/api/v1/auth/logout").by(&alice).send().await.expect_status(204);
    server.get("/api/v1/me").by(&alice).send().await.expect_status(401);
}

#[tokio::test]
async fn profiles_are_read_changed_and_found() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let change = json!({ "display_name": "Alice Green", "bio": "a\r\nb", "locale": "ru", "email": "a@b.example" });
    let me = server.patch("/api/v1/me", change).by(&alice).send().await.expect_status(200).json();
    assert_eq!((&me["bio"], &me["locale"], &me["username"]), (&json!("a\nb"), &json!("ru"), &json!("alice")));
    for path in [format!("/api/v1/users/{}", alice.id), "/api/v1/users/@ALICE".into()] {
        let user = server.get(&path).by(&bob).send().await.expect_status(200).json();
        assert_eq!((&user["display_name"], &user["email"]), (&json!("Alice Green"), &Value::Null));
    }
    for query in ["query=gre", "query=%40ali", &format!("ids={},{NOWHERE}", alice.id)] {
        let found = server.get(&format!("/api/v1/users?{query}")).by(&bob).send().await.expect_status(200).json();
        assert_eq!(found["items"][0]["id"], alice.id, "{query}");
    }
    let ids = vec![alice.id.as_str(); 101].join(",");
    for wrong in ["ids=x", &format!("ids={ids}")] {
        let answer = server.get(&format!("/api/v1/users?{wrong}")).by(&bob).send().await;
        assert_eq!((answer.status, answer.refused_fields()), (422, vec!["ids".to_owned()]));
    }
    for nobody in ["/api/v1/users?query=%00", "/api/v1/users?query=", "/api/v1/users?ids="] {
        assert_eq!(server.get(nobody).by(&bob).send().await.expect_status(200).json()["items"], json!([]), "{nobody}");
    }
    // Fields that a user cannot set are ignored.
    let theft = json!({ "id": bob.id, "username": "root", "is_admin": true, "password_hash": "x" });
    let me = server.patch("/api/v1/me", theft).by(&alice).send().await.expect_status(200).json();
    assert_eq!((&me["id"], &me["username"]), (&json!(alice.id), &json!("alice")));
}

#[tokio::test]
async fn every_error_has_the_same_form() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let messages = format!("/api/v1/chats/{group}/messages");
    let deep = "[".repeat(100_000);
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(200 * 1024));
    for (method, path, content_type, body, status, code) in [
        ("POST", messages.as_str(), "application/json", "{", 422, "invalid_input"),
        ("POST", &messages, "application/json", "", 422, "invalid_input"),
        ("POST", &messages, "application/json", "[]", 422, "invalid_input"),
        ("POST", &messages, "application/json", "{\"text\": 1}", 422, "invalid_input"),
        ("POST", &messages, "application/json", "{\"client_id\": \"x\", \"text\": \"hi\"}", 422, "invalid_input"),
        ("POST", &messages, "application/json", "{\"text\": \"\\ud800\"}", 422, "invalid_input"),
        ("POST", &messages, "application/json", &deep, 422, "invalid_input"),
        ("POST", &messages, "application/json", &large, 413, "too_large"),
        ("POST", &messages, "text/plain", "{}", 415, "unsupported_media_type"),
        ("POST", &messages, "application/x-www-form-urlencoded", "text=hi", 415, "unsupported_media_type"),
        ("POST", "/api/v1/chats", "application/json", "{\"kind\": \"channel\"}", 422, "invalid_input"),
        ("PUT", "/api/v1/me", "application/json", "{}", 405, "method_not_allowed"),
        ("GET", "/api/v1/auth/login", "application/json", "", 405, "method_not_allowed"),
        ("PATCH", &messages, "application/json", "{}", 405, "method_not_allowed"),
        ("GET", "/api/v1/chats/none", "application/json", "", 404, "not_found"),
        ("GET", "/api/v1/users/none", "application/json", "", 404, "not_found"),
        ("GET", "/api/v1/users/@nobody", "application/json", "", 404, "not_found"),
        ("GET", "/api/v1/users/@%00", "application/json", "", 404, "not_found"),
        ("GET", "/api/v1/users/%ff", "application/json", "", 404, "not_found"),
        ("DELETE", "/api/v1/auth/sessions/none", "application/json", "", 404, "not_found"),
        ("DELETE", &format!("/api/v1/chats/{group}/members/none"), "application/json", "", 404, "not_found"),
        ("POST", "/api/v1/chats/none/read", "application/json", "{\"no\": 1}", 404, "not_found"),
        ("POST", &format!("/api/v1/chats/{group}/read"), "application/json", "{\"no\": -1}", 422, "invalid_input"),
        ("GET", &format!("{messages}?limit=101"), "application/json", "", 422, "invalid_input"),
        ("GET", &format!("{messages}?limit=many"), "application/json", "", 422, "invalid_input"),
        ("GET", &format!("{messages}?before=1&after=1"), "application/json", "", 422, "invalid_input"),
        ("GET", &format!("{messages}?at=yesterday"), "application/json", "", 422, "invalid_input"),
        ("GET", &format!("{messages}?before=99999999999999999999"), "application/json", "", 422, "invalid_input"),
        ("GET", "/api/v1/chats?cursor=x", "application/json", "", 422, "invalid_input"),
    ] {
        let answer = server.ask(method, path).body(content_type, body).by(&alice).send().await;
        let shown = &body[..body.len().min(40)];
        assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{method} {path} {shown}");
        for inside in ["serde", "sqlx", "panicked", "src/", "stack"] {
            assert!(!answer.body.contains(inside), "{}", answer.body);
        }
    }
    assert_eq!(server.history(&alice, &group).await.len(), 1, "no refused message is stored");
    assert_eq!(server.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn unknown_paths_are_not_found_without_a_sign_in() {
    let server = Server::start().await;
    for path in ["/api", "/api/", "/api/nope", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/me", "/api/v1//me"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = server.ask(method, path).send().await;
            assert_eq!((answer.status, answer.error_code().as_str()), (404, "not_found"), "{method} {path}");
        }
    }
    for path in ["/api/v1/me", "/api/v1/chats", &format!("/api/v1/chats/{NOWHERE}/messages")] {
        let answer = server.get(path).send().await;
        assert_eq!((answer.status, answer.error_code().as_str()), (401, "unauthenticated"), "{path}");
    }
}

#[tokio::test]
async fn all_invalid_fields_are_in_one_response() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let long = "x".repeat(9_000);
    let refused = async |ask: crate::support::Ask| {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.error_code().as_str()), (422, "invalid_input"));
        answer.refused_fields()
    };
    let register = json!({ "username": "no", "password": "short", "display_name": "a\u{202e}b", "email": "@" });
    let fields = refused(server.post("/api/v1/auth/register", register)).await;
    assert_eq!(fields, ["display_name", "email", "password", "username"]);
    assert_eq!(refused(server.post("/api/v1/auth/register", json!({}))).await, ["password", "username"]);
    let profile = json!({ "display_name": "", "bio": long, "email": "x", "locale": "xx", "theme": "x", "time_zone": "\0", "last_seen": "x" });
    let fields = refused(server.patch("/api/v1/me", profile).by(&alice)).await;
    assert_eq!(fields, ["bio", "display_name", "email", "last_seen", "locale", "theme", "time_zone"]);
    let group = json!({ "kind": "group", "title": "", "member_ids": [NOWHERE] });
    assert_eq!(refused(server.post("/api/v1/chats", group).by(&alice)).await, ["member_ids", "title"]);
    let group = server.group(&alice, &[]).await;
    for text in ["", " \n ", "\u{200b}", "a\0b", "a\u{1b}b", &long] {
        let send = json!({ "client_id": fresh_id(), "text": text });
        let fields = refused(server.post(&format!("/api/v1/chats/{group}/messages"), send).by(&alice)).await;
        assert_eq!(fields, ["text"], "{text:?}");
    }
    let send = json!({ "client_id": fresh_id(), "text": "", "reply_to": 9_999 });
    let fields = refused(server.post(&format!("/api/v1/chats/{group}/messages"), send).by(&alice)).await;
    assert_eq!(fields, ["reply_to", "text"]);
    for title in ["", "a\nb", "a\u{202e}b", "a\0b", &long] {
        let fields =
            refused(server.patch(&format!("/api/v1/chats/{group}"), json!({ "title": title })).by(&alice)).await;
        assert_eq!(fields, ["title"], "{title:?}");
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let (chat, messages) = (format!("/api/v1/chats/{group}"), format!("/api/v1/chats/{group}/messages"));
    let refused = async |ask: crate::support::Ask| {
        let answer = ask.by(&alice).send().await;
        assert_eq!((answer.status, answer.error_code().as_str()), (422, "invalid_input"));
        answer.json()["fields"].clone()
    };
    for (path, body, fields) in [
        ("/api/v1/chats", json!({}), json!({ "kind": "required" })),
        ("/api/v1/chats", json!({ "kind": "saved" }), json!({ "kind": "unknown" })),
        ("/api/v1/chats", json!({ "kind": "direct" }), json!({ "user_id": "required" })),
        (
            "/api/v1/chats",
            json!({ "kind": "flock", "title": 7, "member_ids": ["x"] }),
            json!({ "kind": "malformed", "title": "malformed", "member_ids": "malformed" }),
        ),
        (
            &messages,
            json!({ "client_id": "x", "text": null, "reply_to": -1 }),
            json!({ "client_id": "malformed", "text": "malformed", "reply_to": "malformed" }),
        ),
        (&format!("{messages}/1/forward"), json!({}), json!({ "chat_id": "required", "client_id": "required" })),
        (&format!("{chat}/read"), json!({ "no": 1.5 }), json!({ "no": "malformed" })),
    ] {
        assert_eq!(refused(server.post(path, body.clone())).await, fields, "{path} {body}");
    }
    let mine = json!({ "muted_until": "tomorrow", "draft": 1, "pinned": "yes", "later": {} });
    let named = json!({ "muted_until": "malformed", "draft": "malformed", "pinned": "malformed" });
    assert_eq!(refused(server.patch(&format!("{chat}/me"), mine)).await, named);
    let mute = json!({ "muted_until": "2027-02-29T00:00:00Z" });
    assert_eq!(refused(server.patch(&format!("{chat}/me"), mute)).await, json!({ "muted_until": "malformed" }));
    for (path, fields) in [
        (format!("{messages}?before=abc&limit=-1&later=1"), json!({ "before": "malformed", "limit": "malformed" })),
        (format!("{messages}?before=1&after=5"), json!({ "before": "too_many", "after": "too_many" })),
        (format!("{messages}?before=1&before=5"), json!({ "query": "malformed" })),
        (format!("{messages}?at=2026-02-30T00:00:00Z"), json!({ "at": "malformed" })),
        (format!("{messages}?limit=0"), json!({ "limit": "too_short" })),
        (format!("{messages}?limit=101"), json!({ "limit": "too_long" })),
        ("/api/v1/chats?archived=x".to_owned(), json!({ "archived": "malformed" })),
    ] {
        assert_eq!(refused(server.get(&path)).await, fields, "{path}");
    }
    // Only an object has fields.
    for body in [json!([]), json!("x"), json!(null)] {
        assert_eq!(refused(server.post(&messages, body)).await, json!({}));
    }
}

#[tokio::test]
async fn users_sign_in_by_their_name_with_an_at_sign() {
    let server = Server::start().await;
    server.person("alice").await;
    let login = json!({ "login": "@Alice", "password": PASSWORD });
    let signed_in = server.post("/api/v1/auth/login", login).send().await.expect_status(200).json();
    assert_eq!(signed_in["user"]["username"], "alice");
    let form = format!("login=%40alice&password={}", PASSWORD.replace(' ', "+"));
    let ask = server.ask("POST", "/fn/sign_in").body("application/x-www-form-urlencoded", form);
    let answer = ask.header("accept", "text/html").send().await;
    assert_eq!((answer.status, answer.headers["location"].as_str()), (303, "/chats"), "{}", answer.body);
    assert!(answer.headers["set-cookie"].starts_with("messenger_session="));
}

#[tokio::test]
async fn too_many_failed_sign_ins_return_the_time_to_retry() {
    let server = Server::start().await;
    let guess = || json!({ "login": "nobody", "password": "a wrong password" });
    for _ in 0..5 {
        server.post("/api/v1/auth/login", guess()).send().await.expect_status(401);
    }
    let answer = server.post("/api/v1/auth/login", guess()).header("x-forwarded-for", "192.0.2.7").send().await;
    assert_eq!((answer.status, answer.error_code().as_str()), (429, "rate_limited"));
    let wait: u32 = answer.headers["retry-after"].parse().unwrap();
    assert!((14 * 60..=15 * 60).contains(&wait), "a wait until the failures are forgotten, not {wait} s");
}

#[tokio::test]
async fn only_the_public_part_of_the_keys_is_public() {
    let server = Server::start().await;
    let keys = server.get("/.well-known/jwks.json").send().await.expect_status(200).json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    let names: HashSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, HashSet::from(["kty", "crv", "alg", "use", "kid", "x"]));
}

#[tokio::test]
async fn the_document_lists_every_route_and_only_existing_ones() {
    let server = Server::start().await;
    let document = server.get("/api/openapi.json").send().await.expect_status(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut listed = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let there = path.replace("{id}", NOWHERE).replace("{user_id}", NOWHERE);
            let answer = server.ask(&method, &there).send().await;
            assert!(![404, 405, 500].contains(&answer.status), "{method} {path} answers {}", answer.status);
            listed.insert(format!("{method} {path}"));
        }
    }
    for operation in [
        "POST /api/v1/auth/register",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/logout",
        "POST /api/v1/auth/password",
        "GET /api/v1/auth/sessions",
        "DELETE /api/v1/auth/sessions/{id}",
        "GET /.well-known/jwks.json",
        "GET /api/v1/me",
        "PATCH /api/v1/me",
        "GET /api/v1/users",
        "GET /api/v1/users/{id}",
        "GET /api/v1/chats",
        "POST /api/v1/chats",
        "GET /api/v1/chats/{id}",
        "PATCH /api/v1/chats/{id}",
        "DELETE /api/v1/chats/{id}",
        "PATCH /api/v1/chats/{id}/me",
        "GET /api/v1/chats/{id}/members",
        "POST /api/v1/chats/{id}/members",
        "PATCH /api/v1/chats/{id}/members/{user_id}",
        "DELETE /api/v1/chats/{id}/members/{user_id}",
        "GET /api/v1/chats/{id}/messages",
        "POST /api/v1/chats/{id}/messages",
        "POST /api/v1/chats/{id}/read",
        "GET /api/v1/chats/{id}/changes",
        "PATCH /api/v1/chats/{id}/messages/{no}",
        "DELETE /api/v1/chats/{id}/messages/{no}",
        "PUT /api/v1/chats/{id}/messages/{no}/reactions/{emoji}",
        "DELETE /api/v1/chats/{id}/messages/{no}/reactions/{emoji}",
        "GET /api/v1/chats/{id}/messages/{no}/reactions",
        "POST /api/v1/chats/{id}/messages/{no}/forward",
        "POST /api/v1/chats/{id}/messages/{no}/reports",
        "DELETE /api/v1/auth/sessions",
        "GET /api/v1/me/blocks",
        "PUT /api/v1/me/blocks/{user_id}",
        "DELETE /api/v1/me/blocks/{user_id}",
    ] {
        assert!(listed.contains(operation), "{operation}");
    }
    // Every referenced schema exists.
    let text = document.to_string();
    for name in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}
