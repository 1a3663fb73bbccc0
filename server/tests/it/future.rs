//! Rows that a newer version wrote, over REST, over the socket and on a page.

use crate::support::Server;
use serde_json::json;
use services::infra::database as pool;

#[tokio::test]
async fn rows_of_a_newer_version_reach_clients_unchanged() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let group = server.group(&alice, &[&bob]).await;
    server.say(&alice, &group, "a caption").await;
    let event = json!({ "type": "comet_seen", "actor_id": alice.id, "tail": { "km": 1.5 } });
    let db = pool::connect(server.home.database_url.as_deref().unwrap(), 1).await.unwrap();
    for (statement, value) in [
        ("update messages set event = $1 where no = 1", event.clone()),
        ("update messages set kind = $1 #>> '{}' where no = 2", json!("hologram")),
        ("update members set role = $1 #>> '{}' where role = 'member'", json!("navigator")),
    ] {
        sqlx::query(statement).bind(value).execute(&db).await.unwrap();
    }

    let chat = format!("/api/v1/chats/{group}");
    let page = server.get(&format!("{chat}/messages")).by(&bob).send().await.expect_status(200).json();
    assert_eq!((&page["items"][0]["event"], &page["items"][1]["kind"]), (&event, &json!("hologram")));
    let changes = server.get(&format!("{chat}/changes?after=0")).by(&bob).send().await.expect_status(200).json();
    assert_eq!(changes["messages"].as_array().unwrap().len(), 2);
    let members = server.get(&format!("{chat}/members")).by(&alice).send().await.expect_status(200).json();
    assert_eq!(members["items"][1]["role"], "navigator");

    let mut socket = server.socket(&bob).await;
    let welcome = socket.call(json!({ "type": "hello", "chats": {} })).await;
    let own = welcome["chats"].as_array().unwrap().iter().find(|chat| chat["id"] == group).unwrap().clone();
    assert_eq!((&own["role"], &own["last_message"]["kind"]), (&json!("navigator"), &json!("hologram")));
    let answer = socket.call(json!({ "type": "changes", "chat_id": group, "after": 0 })).await;
    assert_eq!(answer["messages"], changes["messages"]);
    // A newer client's frame is refused, and the socket stays open.
    let refused = socket.call(json!({ "type": "hologram", "chat_id": group })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("invalid_input")));
    assert_eq!(socket.call(json!({ "type": "ping" })).await["type"], "pong");

    let cookie = server.cookie(&bob).await;
    for path in [format!("/chats/{group}"), "/chats".to_owned(), format!("/chats/{group}/info")] {
        let ask = server.get(&path).header("cookie", &cookie).header("accept", "text/html");
        let html = ask.send().await.expect_status(200).body;
        assert!(html.contains("Update to see this message."), "{path}");
    }
}

#[tokio::test]
async fn the_document_lists_the_known_values_and_allows_newer_ones() {
    let server = Server::start().await;
    let document = server.get("/api/openapi.json").send().await.expect_status(200).json();
    let schemas = &document["components"]["schemas"];
    for (values, known) in [
        (&schemas["ChatKind"], json!(["direct", "group", "saved"])),
        (&schemas["Role"], json!(["member", "admin", "owner"])),
        (&schemas["LastSeen"], json!(["everyone", "shared", "nobody"])),
        (&schemas["FileStatus"], json!(["scanning", "clean", "blocked"])),
        (&schemas["MessageKind"], json!(["text", "image", "video", "audio", "file", "system"])),
    ] {
        assert_eq!(values["anyOf"][0], json!({ "type": "string", "enum": known }));
        assert_eq!(values["anyOf"][1]["type"], "string");
    }
    assert_eq!(schemas["ErrorCode"]["anyOf"][0]["enum"][0], "invalid_input");
    let event = &schemas["ChatEvent"]["properties"];
    assert!(event["type"]["anyOf"][0]["enum"].as_array().unwrap().contains(&json!("member_added")));
    assert!(event["actor_id"].is_object() && event["user_id"].is_object() && event["title"].is_object());
}
