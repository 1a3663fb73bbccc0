//! The WebSocket of PROTOCOL section 5.

use crate::support::{Home, Server, Socket, fresh_id, soon};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn two_people_talk_live() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let (mut hers, mut his) = (server.socket(&alice).await, server.socket(&bob).await);

    let welcome = his.call(json!({ "type": "hello", "chats": {} })).await;
    assert_eq!((&welcome["type"], &welcome["user"]["id"]), (&json!("welcome"), &json!(bob.id)));
    let held = welcome["chats"].as_array().unwrap().iter().find(|chat| chat["id"] == group).unwrap()["seq"].clone();

    let send = json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": " hi " });
    let ack = hers.call(send.clone()).await;
    assert_eq!(
        (&ack["type"], &ack["message"]["text"], &ack["message"]["no"]),
        (&json!("ack"), &json!("hi"), &json!(2))
    );
    let frame = his.next_of("message").await;
    assert_eq!(
        (&frame["message"], &frame["chat_id"], &frame["seq"]),
        (&ack["message"], &json!(group), &ack["message"]["seq"])
    );
    assert_eq!(hers.call(send).await["message"], ack["message"], "a repeated send is stored once");

    let heads = his.call(json!({ "type": "heads", "mine": welcome["mine"], "chats": { &group: held } })).await;
    assert_eq!((&heads["chats"][&group]["unread"], &heads["gone"]), (&json!(1), &json!([])));
    let changes = his.call(json!({ "type": "changes", "chat_id": group, "after": held })).await;
    assert_eq!((&changes["messages"], &changes["more"]), (&json!([ack["message"]]), &json!(false)));

    his.send(json!({ "type": "typing", "chat_id": group })).await;
    assert_eq!(hers.next_of("typing").await["user_id"], bob.id);
    his.send(json!({ "type": "read", "chat_id": group, "no": 2 })).await;
    let read = hers.next_of("read").await;
    assert_eq!((&read["user_id"], &read["no"]), (&json!(bob.id), &json!(2)));
    assert_eq!(hers.call(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn messages_are_edited_and_deleted_by_socket_and_by_rest() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let (mut hers, mut his) = (server.socket(&alice).await, server.socket(&bob).await);
    let first = server.say(&alice, &group, "one").await;
    his.next_of("message").await;
    let edit = json!({ "type": "edit", "chat_id": group, "no": 2, "text": "two", "base_seq": first["seq"] });
    let ack = hers.call(edit.clone()).await;
    assert_eq!((&ack["type"], &ack["message"]["text"]), (&json!("ack"), &json!("two")));
    assert!(ack["message"]["edited_at"].is_string());
    assert_eq!(his.next_of("message").await["message"], ack["message"]);
    let conflict = hers.call(edit).await;
    assert_eq!((&conflict["code"], &conflict["current"]), (&json!("conflict"), &ack["message"]));

    let path = format!("/api/v1/chats/{group}/messages/2");
    let stale = json!({ "text": "three", "base_seq": first["seq"] });
    let answer = server.patch(&path, stale).by(&alice).send().await.expect_status(409);
    assert_eq!((answer.error_code().as_str(), &answer.json()["current"]), ("conflict", &ack["message"]));
    server.patch(&path, json!({ "text": "not mine" })).by(&bob).send().await.expect_status(403);
    let edited = server.patch(&path, json!({ "text": "four" })).by(&alice).send().await.expect_status(200).json();
    assert_eq!(his.next_of("message").await["message"], edited);
    let deleted = hers.call(json!({ "type": "delete", "chat_id": group, "no": 2 })).await;
    assert_eq!((&deleted["message"]["deleted"], &deleted["message"]["text"]), (&json!(true), &json!("")));
    let again = server.delete(&path).by(&alice).send().await.expect_status(200).json();
    assert_eq!(again, deleted["message"]);
    for no in ["0", "99", "x", "99999999999999999999"] {
        let nowhere = format!("/api/v1/chats/{group}/messages/{no}");
        server.delete(&nowhere).by(&alice).send().await.expect_status(404);
    }
}

#[tokio::test]
async fn reactions_are_acknowledged_and_sent_to_all_members() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    server.say(&alice, &group, "cake").await;
    let (mut hers, mut his) = (server.socket(&alice).await, server.socket(&bob).await);
    for (kind, count) in [("react", 1), ("unreact", 0)] {
        let ack = his.call(json!({ "type": kind, "chat_id": group, "no": 2, "emoji": "🍰" })).await;
        assert_eq!((&ack["type"], ack["message"]["reactions"].as_array().unwrap().len()), (&json!("ack"), count));
        assert_eq!(hers.next_of("message").await["message"], ack["message"]);
    }
    let error = his.call(json!({ "type": "react", "chat_id": group, "no": 2, "emoji": "cake" })).await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("invalid_input")));
    assert_eq!(his.call(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn peers_of_a_direct_chat_get_presence_frames() {
    let server = Server::start().await;
    let [alice, bob, stranger] = server.people(["alice", "bob", "stranger"]).await;
    let open = json!({ "kind": "direct", "user_id": bob.id });
    let direct = server.post("/api/v1/chats", open).by(&alice).send().await.expect_status(201).json();
    server.say(&alice, direct["id"].as_str().unwrap(), "hi").await;
    let mut hers = server.socket(&alice).await;
    let his = server.socket(&bob).await;
    let came = hers.next_of("presence").await;
    assert_eq!((&came["user_id"], &came["online"]), (&json!(bob.id), &json!(true)));
    let mut aside = server.socket(&stranger).await;
    let watched = aside.call(json!({ "type": "watch", "user_ids": [bob.id, alice.id] })).await;
    assert_eq!((&watched["type"], &watched["online"]), (&json!("presence"), &json!(true)));
    drop(his);
    let left = hers.next_of("presence").await;
    assert_eq!((&left["user_id"], &left["online"]), (&json!(bob.id), &json!(false)));
    assert!(left["last_seen_at"].is_string());
}

#[tokio::test]
async fn a_socket_that_sends_much_before_it_signs_in_is_closed() {
    let server = Server::start().await;
    let mut socket = server.upgrade(&[]).await.unwrap();
    for _ in 0..30 {
        // The server may have closed the socket by now.
        let _ = socket.try_send(json!({ "type": "ping" })).await;
    }
    let mut refused = 0;
    let code = loop {
        match socket.try_next().await {
            Ok(frame) => refused += usize::from(frame["code"] == "unauthenticated"),
            Err(code) => break code,
        }
    };
    assert_eq!((refused, code), (20, 4429));
}

#[tokio::test]
async fn typing_is_forwarded_at_most_once_in_three_seconds() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let (mut hers, mut his) = (server.socket(&alice).await, server.socket(&bob).await);
    for _ in 0..5 {
        his.send(json!({ "type": "typing", "chat_id": group })).await;
    }
    assert_eq!(hers.next().await["type"], "typing");
    // The first of the five `typing` frames arrived; the next frame is the message, so the others were dropped.
    his.call(json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": "done" })).await;
    assert_eq!(hers.next().await["type"], "message");
}

#[tokio::test]
async fn sends_of_one_socket_take_effect_in_the_order_sent() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let (mut hers, mut his) = (server.socket(&alice).await, server.socket(&bob).await);
    for n in 0..200 {
        let send =
            json!({ "type": "send", "ref": n, "chat_id": group, "client_id": fresh_id(), "text": n.to_string() });
        hers.send(send).await;
    }
    for n in 0..200 {
        let (ack, frame) = (hers.next().await, his.next().await);
        assert_eq!((&ack["type"], &ack["ref"], &ack["message"]["no"]), (&json!("ack"), &json!(n), &json!(n + 2)));
        assert_eq!((&frame["type"], &frame["message"]), (&json!("message"), &ack["message"]));
    }
}

#[tokio::test]
async fn many_chats_catch_up_in_one_frame_even_if_one_is_not_accessible() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let (one, other, foreign) =
        (server.group(&alice, &[]).await, server.group(&alice, &[]).await, server.group(&bob, &[]).await);
    let mut socket = server.socket(&alice).await;
    let chats = json!({ &one: 0, &foreign: 0, &other: 0 });
    socket.send(json!({ "type": "changes", "ref": 1, "chats": chats })).await;
    let mut answered = Vec::new();
    for _ in 0..3 {
        let answer = socket.next().await;
        assert_eq!(answer["ref"], 1);
        answered.push(answer["chat_id"].as_str().or(answer["code"].as_str()).unwrap().to_owned());
    }
    answered.sort();
    let mut expected = [one, other, "not_found".to_owned()];
    expected.sort();
    assert_eq!(answered, expected);
    let many: serde_json::Map<String, Value> = (0..51).map(|_| (fresh_id(), json!(0))).collect();
    let twice = json!({ "type": "changes", "chat_id": fresh_id(), "chats": { fresh_id(): 0 } });
    for wrong in [json!({ "type": "changes" }), json!({ "type": "changes", "chats": many }), twice] {
        assert_eq!(socket.call(wrong).await["code"], "invalid_input");
    }
}

#[tokio::test]
async fn replies_larger_than_the_queue_of_a_socket_arrive_completely() {
    let server = Server::at(Home::new(&["--limits", "off"]).await).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let long = "я".repeat(8_000);
    let mut groups = Vec::new();
    for _ in 0..20 {
        let group = server.group(&alice, &[&bob]).await;
        for _ in 0..8 {
            server.say(&alice, &group, &long).await;
        }
        groups.push(group);
    }
    for _ in 0..40 {
        server.say(&alice, &groups[0], &long).await;
    }
    let mut socket = server.socket(&bob).await;
    let welcome = socket.call(json!({ "type": "hello", "chats": {} })).await;
    assert!(welcome["more"] == true && welcome["chats"].as_array().unwrap().len() > 10, "cut, and not empty");

    let wanted: serde_json::Map<String, Value> = groups.iter().map(|group| (group.clone(), json!(0))).collect();
    socket.send(json!({ "type": "changes", "ref": 1, "chats": wanted })).await;
    let mut held: HashMap<String, usize> = HashMap::new();
    let mut waiting = groups.len();
    while waiting > 0 {
        let page = socket.next().await;
        assert_eq!(page["type"], "changes");
        waiting -= 1;
        let chat_id = page["chat_id"].as_str().unwrap();
        *held.entry(chat_id.to_owned()).or_default() += page["messages"].as_array().unwrap().len();
        if page["more"] == true {
            socket.send(json!({ "type": "changes", "ref": 1, "chat_id": chat_id, "after": page["seq"] })).await;
            waiting += 1;
        }
    }
    // Eight messages and the system message of the creation; in the first group forty more.
    assert!(groups.iter().all(|group| held[group] == if *group == groups[0] { 49 } else { 9 }), "{held:?}");
}

#[tokio::test]
async fn every_repeated_send_is_acknowledged_with_the_first_text() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let mut socket = server.socket(&alice).await;
    let id = fresh_id();
    for (n, text) in ["first", "", "second"].into_iter().enumerate() {
        socket.send(json!({ "type": "send", "ref": n + 1, "chat_id": group, "client_id": id, "text": text })).await;
    }
    for _ in 0..3 {
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["message"]["text"]), (&json!("ack"), &json!("first")), "{answer}");
    }
}

#[tokio::test]
async fn a_read_mark_sent_before_the_close_is_stored() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    server.say(&alice, &group, "read me").await;
    let mut his = server.socket(&bob).await;
    for _ in 0..20 {
        his.send(json!({ "type": "hello", "chats": {} })).await;
    }
    his.send(json!({ "type": "read", "chat_id": group, "no": 2 })).await;
    his.send_raw(Message::Close(None)).await.unwrap();
    drop(his);
    let read =
        async { while server.get(&format!("/api/v1/chats/{group}")).by(&bob).send().await.json()["read_no"] != 2 {} };
    soon(read).await;
}

#[tokio::test]
async fn a_close_is_answered() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for mut socket in [server.socket(&alice).await, server.upgrade(&[]).await.unwrap()] {
        socket.send_raw(Message::Close(None)).await.unwrap();
        assert_ne!(socket.closed().await, 1006);
    }
}

#[tokio::test]
async fn a_socket_performs_nothing_before_the_sign_in() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let mut socket = server.upgrade(&[]).await.unwrap();
    let send = json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": "hi" });
    for frame in [
        send,
        json!({ "type": "ping" }),
        json!({ "type": "hello", "chats": {} }),
        json!({ "type": "nonsense" }),
        json!({ "type": "auth", "access_token": "x" }),
        json!({ "type": "auth", "access_token": alice.refresh_token }),
    ] {
        let answer = socket.call(frame.clone()).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("unauthenticated")), "{frame}");
    }
    socket.send_raw(Message::Binary(b"\x00".to_vec().into())).await.unwrap();
    assert_eq!(socket.next().await["code"], "unauthenticated");
    let ready = socket.call(json!({ "type": "auth", "access_token": alice.access_token })).await;
    assert_eq!((&ready["type"], &ready["user_id"]), (&json!("ready"), &json!(alice.id)));
    assert!(ready["session_id"].is_string() && ready["version"].is_string());
    assert_eq!(server.history(&alice, &group).await.len(), 1);

    // A fresh token of the same session is accepted; a token of another user is refused.
    let again = socket.call(json!({ "type": "auth", "access_token": alice.access_token })).await;
    assert_eq!(again["type"], "ready");
    let foreign = socket.call(json!({ "type": "auth", "access_token": bob.access_token })).await;
    assert_eq!(foreign["code"], "unauthenticated");
    assert_eq!(socket.call(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_socket_without_a_sign_in_is_closed_after_five_seconds() {
    let server = Server::start().await;
    let mut talking = server.upgrade(&[]).await.unwrap();
    let silent = server.upgrade(&[]).await.unwrap();
    let since = Instant::now();
    talking.send(json!({ "type": "ping" })).await;
    assert_eq!((silent.closed().await, talking.closed().await), (4401, 4401));
    assert!((4..8).contains(&since.elapsed().as_secs()));
}

#[tokio::test]
async fn a_cookie_signs_in_from_our_own_pages_only() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    let ours = format!("http://{}", server.address);
    let mut socket = server.upgrade(&[("cookie", &cookie), ("origin", &ours)]).await.unwrap();
    let ready = socket.next().await;
    assert_eq!((&ready["type"], &ready["user_id"], &ready["ref"]), (&json!("ready"), &json!(alice.id), &Value::Null));
    for headers in [
        vec![("cookie", cookie.as_str())],
        vec![("cookie", &cookie), ("origin", "https://evil.example")],
        vec![("cookie", &cookie), ("origin", "null")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
    ] {
        assert_eq!(server.upgrade(&headers).await.err(), Some(403), "{headers:?}");
    }
    // With an invalid cookie, the client can still send an `auth` frame.
    let worthless = [("cookie", "messenger_session=x"), ("origin", ours.as_str())];
    let mut socket = server.upgrade(&worthless).await.unwrap();
    let ready = socket.call(json!({ "type": "auth", "access_token": alice.access_token })).await;
    assert_eq!(ready["type"], "ready");
}

#[tokio::test]
async fn an_unknown_frame_is_refused_and_the_socket_stays_open() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let mut socket = server.socket(&alice).await;
    for (text, reference) in [
        ("{", Value::Null),
        ("", Value::Null),
        ("[]", Value::Null),
        ("null", Value::Null),
        (r#"{"ref": 5}"#, json!(5)),
        (r#"{"type": "nonsense", "ref": 6}"#, json!(6)),
        (r#"{"type": "send", "ref": 7}"#, json!(7)),
        (r#"{"type": "send", "ref": 8, "chat_id": "x", "client_id": "y", "text": "z"}"#, json!(8)),
        (r#"{"type": "read", "ref": 9, "chat_id": 1, "no": -1}"#, json!(9)),
        (&"[".repeat(100_000), Value::Null),
    ] {
        socket.send_raw(Message::Text(text.into())).await.unwrap();
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("invalid_input")), "{answer}");
        assert_eq!(answer["ref"], reference);
    }
    socket.send_raw(Message::Binary(b"\x00\xff".to_vec().into())).await.unwrap();
    assert_eq!(socket.next().await["code"], "invalid_input");
    let nowhere = fresh_id();
    for (frame, code) in [
        (json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": " " }), "invalid_input"),
        (
            json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": "a", "reply_to": 9 }),
            "invalid_input",
        ),
        (json!({ "type": "send", "chat_id": nowhere, "client_id": fresh_id(), "text": "a" }), "not_found"),
        (json!({ "type": "read", "chat_id": nowhere, "no": 1 }), "not_found"),
        (json!({ "type": "typing", "chat_id": nowhere }), "not_found"),
        (json!({ "type": "changes", "chat_id": nowhere, "after": 0 }), "not_found"),
    ] {
        let answer = socket.call(frame.clone()).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{frame}");
    }
    let unknown_fields = json!({ "type": "ping", "later": { "version": 2 } });
    assert_eq!(socket.call(unknown_fields).await["type"], "pong");
    assert_eq!(server.history(&alice, &group).await.len(), 1);
}

/// A ping with a size of `bytes`.
fn padded(bytes: usize) -> Message {
    let frame = format!(r#"{{"type": "ping", "pad": "{}"}}"#, "x".repeat(bytes - 27));
    assert_eq!(frame.len(), bytes);
    Message::Text(frame.into())
}

#[tokio::test]
async fn a_frame_above_128_kib_closes_with_1009() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for too_large in [128 * 1024 + 1, 1024 * 1024] {
        let mut socket = server.socket(&alice).await;
        socket.send_raw(padded(128 * 1024)).await.unwrap();
        assert_eq!(socket.next().await["type"], "pong");
        // The server may close before it has read the whole frame.
        let _ = socket.send_raw(padded(too_large)).await;
        assert_eq!(socket.closed().await, 1009, "{too_large} bytes");

        let mut nobody: Socket = server.upgrade(&[]).await.unwrap();
        let _ = nobody.send_raw(padded(too_large)).await;
        assert_eq!(nobody.closed().await, 1009, "{too_large} bytes before the sign-in");
    }
    assert_eq!(server.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn the_socket_of_a_revoked_session_closes_within_a_second() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let login = json!({ "login": "alice", "password": crate::support::PASSWORD });
    let phone = server.post("/api/v1/auth/login", login).send().await.expect_status(200).json().into();
    let (mut own, mut ended) = (server.socket(&alice).await, server.socket(&phone).await);
    let listed = server.get("/api/v1/auth/sessions").by(&phone).send().await.json();
    let session = listed["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    let path = format!("/api/v1/auth/sessions/{}", session["id"].as_str().unwrap());
    server.delete(&path).by(&alice).send().await.expect_status(204);
    let since = Instant::now();
    assert_eq!(ended.next().await["type"], "revoked");
    assert_eq!(ended.closed().await, 4401);
    server.get("/api/v1/me").by(&phone).send().await.expect_status(401);
    assert!(since.elapsed() < Duration::from_secs(1));
    assert_eq!(own.call(json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_removed_member_gets_removed_and_no_more_frames() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    let mut his = server.socket(&bob).await;
    server.say(&alice, &group, "before").await;
    assert_eq!(his.next().await["message"]["text"], "before");
    server.delete(&format!("/api/v1/chats/{group}/members/{}", bob.id)).by(&alice).send().await.expect_status(204);
    server.say(&alice, &group, "after").await;
    let removed = his.next().await;
    assert_eq!((&removed["type"], &removed["chat_id"]), (&json!("removed"), &json!(group)));
    his.send(json!({ "type": "ping" })).await;
    assert_eq!(his.next().await["type"], "pong", "no frame arrived in between");
    let heads = his.call(json!({ "type": "heads", "mine": 0, "chats": { &group: 1 } })).await;
    assert_eq!(heads["gone"], json!([group]));
}

#[tokio::test]
async fn a_socket_that_sends_too_fast_is_refused_and_then_closed() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut socket = server.socket(&alice).await;
    let since = Instant::now();
    let (mut pongs, mut refused) = (0, 0);
    let code = loop {
        for _ in 0..100 {
            let _ = socket.try_send(json!({ "type": "ping" })).await;
        }
        let mut closed = None;
        for _ in 0..100 {
            match soon(socket.try_next()).await {
                Ok(frame) if frame["type"] == "pong" => pongs += 1,
                Ok(frame) => {
                    assert_eq!(frame["code"], "rate_limited");
                    refused += 1;
                }
                Err(code) => {
                    closed = Some(code);
                    break;
                }
            }
        }
        if let Some(code) = closed {
            break code;
        }
    };
    assert_eq!(code, 4429);
    let took = since.elapsed().as_secs_f64();
    assert!((10.0..30.0).contains(&took), "closed after {took} s, not after ten");
    assert!(refused > 0 && f64::from(pongs) <= 1_000.0 + 200.0 * (took + 1.0), "{pongs} answered in {took} s");
}
