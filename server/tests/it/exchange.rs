//! Frames over HTTP, for a page that cannot open a WebSocket.

use crate::support::{Answer, Server, fresh_id};
use serde_json::{Value, json};

/// Posts frames as a page does, for the user that the page belongs to.
async fn exchange(server: &Server, cookie: &str, user_id: &str, frames: &[Value]) -> Answer {
    let lines: Vec<String> = frames.iter().map(Value::to_string).collect();
    let body = format!("user_id={user_id}&frames={}", lines.join("%0A"));
    let ask = server.ask("POST", "/fn/exchange").body("application/x-www-form-urlencoded", body);
    let ask = ask.header("origin", &format!("http://{}", server.address)).header("cookie", cookie);
    ask.send().await
}

/// The replies after `ready`, which every response begins with.
fn replies(answer: &Answer) -> Vec<Value> {
    let mut frames: Vec<Value> =
        answer.json().as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = frames.remove(0);
    assert_eq!(ready["type"], "ready");
    assert!(ready["version"].is_string(), "the page compares its version with the server's");
    frames
}

#[tokio::test]
async fn frames_get_their_replies_over_http() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let chat = server.group(&ann, &[&bob]).await;
    let cookie = server.cookie(&ann).await;
    let client_id = fresh_id();
    let send = json!({ "type": "send", "ref": 2, "chat_id": chat, "client_id": client_id, "text": "By HTTP" });
    let frames = [json!({ "type": "hello", "ref": 1 }), send.clone(), send];
    let first = replies(&exchange(&server, &cookie, &ann.id, &frames).await.expect_status(200));
    let types: Vec<&str> = first.iter().map(|reply| reply["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["welcome", "ack", "ack"]);
    assert_eq!(first[0]["ref"], 1);
    assert_eq!(first[1]["message"], first[2]["message"], "a repeated send is one message");
    let seq = first[1]["message"]["seq"].as_u64().unwrap();

    server.say(&bob, &chat, "Received").await;
    let heads = json!({ "type": "heads", "ref": 3, "mine": first[0]["mine"], "chats": { &chat: seq } });
    let changes = json!({ "type": "changes", "ref": 4, "chats": { &chat: seq } });
    let strange = json!({ "type": "changes", "ref": 5, "chat_id": chat });
    let read = json!({ "type": "read", "ref": 6, "chat_id": chat, "no": 3 });
    let frames = [heads, changes, strange, read];
    let second = replies(&exchange(&server, &cookie, &ann.id, &frames).await.expect_status(200));
    assert_eq!(second[0]["chats"][&chat]["seq"], seq + 1);
    assert_eq!(second[1]["messages"][0]["text"], "Received");
    assert_eq!((&second[2]["ref"], &second[2]["code"]), (&json!(5), &json!("invalid_input")));
    // The page sends a mark until it is confirmed.
    assert_eq!(second[3], json!({ "type": "read", "ref": 6, "chat_id": chat, "user_id": ann.id, "no": 3 }));
    assert_eq!(second.len(), 4);
}

#[tokio::test]
async fn every_refused_frame_gets_an_error_with_its_ref() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let chat = server.group(&bob, &[]).await;
    let cookie = server.cookie(&ann).await;
    let foreign = json!({ "type": "changes", "ref": 1, "chats": { &chat: 0 } });
    let frames = [foreign, json!("no frame"), json!({ "type": "delete", "ref": 2, "chat_id": chat, "no": 1 })];
    let refused = replies(&exchange(&server, &cookie, &ann.id, &frames).await.expect_status(200));
    let codes: Vec<_> = refused.iter().map(|reply| (reply["ref"].as_u64(), reply["code"].as_str().unwrap())).collect();
    assert_eq!(codes, [(Some(1), "not_found"), (None, "invalid_input"), (Some(2), "invalid_input")]);
    let many = vec![json!({ "type": "heads", "mine": 0, "chats": {} }); 101];
    assert_eq!(exchange(&server, &cookie, &ann.id, &many).await.status, 422);
}

#[tokio::test]
async fn frames_by_http_have_the_rate_of_a_socket() {
    let server = Server::start().await;
    let [ann] = server.people(["ann"]).await;
    let cookie = server.cookie(&ann).await;
    let typing = vec![json!({ "type": "typing", "chat_id": fresh_id() }); 100];
    let mut limited = false;
    // A burst of 1,000, and 200 more for each second that this takes.
    for _ in 0..100 {
        let answer = exchange(&server, &cookie, &ann.id, &typing).await.expect_status(200);
        limited = replies(&answer).iter().any(|reply| reply["code"] == "rate_limited");
        if limited {
            break;
        }
    }
    assert!(limited);
}

#[tokio::test]
async fn the_replies_of_one_request_are_bounded() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let chat = server.group(&ann, &[&bob]).await;
    for _ in 0..5 {
        server.say(&bob, &chat, &"я".repeat(8_000)).await;
    }
    let cookie = server.cookie(&ann).await;
    // 80 KB each.
    let frames = vec![json!({ "type": "changes", "ref": 1, "chats": { &chat: 0 } }); 30];
    let answer = exchange(&server, &cookie, &ann.id, &frames).await.expect_status(200);
    let replies = replies(&answer);
    assert_eq!(replies.len(), frames.len(), "each frame gets a reply");
    assert_eq!(replies[0]["messages"].as_array().unwrap().last().unwrap()["text"], "я".repeat(8_000));
    assert_eq!(replies[29]["code"], "unavailable");
    let sent: usize = replies.iter().map(|reply| reply.to_string().len()).sum();
    assert!((1 << 20..(1 << 20) + 200_000).contains(&sent), "{sent} bytes");
}

#[tokio::test]
async fn frames_of_another_user_are_refused() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let cookie = server.cookie(&bob).await;
    let frames = [json!({ "type": "hello", "ref": 1 })];
    let refused = exchange(&server, &cookie, &ann.id, &frames).await;
    assert_eq!((refused.status, refused.error_code().as_str()), (401, "unauthenticated"));
    assert_eq!(exchange(&server, "", &ann.id, &frames).await.status, 401);
}
