//! `kill -9` during sends: every acknowledged message is stored once, in order.

use crate::support::{Home, Person, Server, Socket, fresh_id, signal};
use futures::future::join_all;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const SENDERS: [&str; 4] = ["alice", "bob", "carol", "dora"];
/// Unacknowledged sends of one socket.
const PIPELINED: usize = 8;
const ENOUGH: usize = 400;

/// The sends of one socket and their acknowledgements, both in order.
#[derive(Default)]
struct Sent {
    frames: Vec<Value>,
    acknowledged: Vec<Value>,
}

/// Sends until the socket breaks.
async fn send_on(mut socket: Socket, group: String, acknowledged: Arc<AtomicUsize>) -> Sent {
    let mut sent = Sent::default();
    loop {
        while sent.frames.len() < sent.acknowledged.len() + PIPELINED {
            let text = format!("message {}", sent.frames.len());
            let frame = json!({ "type": "send", "chat_id": group, "client_id": fresh_id(), "text": text });
            sent.frames.push(frame.clone());
            if socket.try_send(frame).await.is_err() {
                return sent;
            }
        }
        match socket.try_next().await {
            Ok(frame) if frame["type"] == "ack" => {
                sent.acknowledged.push(frame["message"].clone());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok(frame) => assert_eq!(frame["type"], "message"),
            Err(_) => return sent,
        }
    }
}

async fn survives_a_kill_amid_sends(home: Arc<Home>) -> Server {
    let server = Server::at(home).await;
    let people = server.people(SENDERS).await;
    let group = server.group(&people[0], &people[1..].iter().collect::<Vec<_>>()).await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut sending = Vec::new();
    for person in &people {
        let socket = server.socket(person).await;
        sending.push(tokio::spawn(send_on(socket, group.clone(), acknowledged.clone())));
    }
    while acknowledged.load(Ordering::Relaxed) < ENOUGH {
        assert!(sending.iter().any(|task| !task.is_finished()), "the server ended by itself");
        tokio::task::yield_now().await;
    }
    let home = server.kill().await;
    let sent: Vec<Sent> = join_all(sending).await.into_iter().map(Result::unwrap).collect();

    let server = Server::at(home).await;
    let stored = server.history(&people[0], &group).await;
    check(&people, &sent, &stored);
    // Unacknowledged sends are repeated, and each is stored once.
    for (person, sent) in people.iter().zip(&sent) {
        for frame in &sent.frames[sent.acknowledged.len()..] {
            let again = server.post(&format!("/api/v1/chats/{group}/messages"), frame.clone()).by(person).send().await;
            assert!([200, 201].contains(&again.status), "{}", again.body);
        }
    }
    let stored = server.history(&people[0], &group).await;
    assert_eq!(stored.len(), 1 + sent.iter().map(|sent| sent.frames.len()).sum::<usize>());
    check(&people, &sent, &stored);
    server
}

fn check(people: &[Person], sent: &[Sent], stored: &[Value]) {
    let nos: Vec<u64> = stored.iter().map(|message| message["no"].as_u64().unwrap()).collect();
    assert_eq!(nos, (1..=stored.len() as u64).collect::<Vec<_>>());
    let clients: HashSet<&str> = stored.iter().map(|message| message["client_id"].as_str().unwrap()).collect();
    assert_eq!(clients.len(), stored.len(), "none is doubled");
    for (person, sent) in people.iter().zip(sent) {
        let own: Vec<&Value> =
            stored.iter().filter(|message| message["sender_id"] == person.id && message["event"].is_null()).collect();
        assert!(sent.acknowledged.iter().eq(own.iter().copied().take(sent.acknowledged.len())), "as acknowledged");
        // The sends of one socket are stored in their order, without a gap.
        assert!(own.iter().zip(&sent.frames).all(|(message, frame)| message["client_id"] == frame["client_id"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_neither_loses_nor_duplicates_messages() {
    survives_a_kill_amid_sends(Home::new(&["--limits", "off"]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_restarts_with_its_private_database() {
    let home = Home::make(None, &["--limits", "off"]);
    let server = survives_a_kill_amid_sends(home.clone()).await;
    // A second server cannot use the folder.
    let second = home.messenger(&["serve"]).output().await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server"));
    assert!(home.postmaster().is_some());
    assert_eq!(server.stop().await.code(), Some(0));
    assert_eq!(home.postmaster(), None, "it stops with its server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_private_database_restarts_with_all_its_data() {
    let server = Server::at(Home::make(None, &[])).await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let before = server.say(&alice, &group, "before").await;
    signal("KILL", server.home.postmaster().unwrap()).await;
    let send = json!({ "client_id": fresh_id(), "text": "after" });
    let after = loop {
        let answer = server.post(&format!("/api/v1/chats/{group}/messages"), send.clone()).by(&alice).send().await;
        if answer.status < 300 {
            break answer.json();
        }
        assert_eq!(answer.error_code(), "unavailable");
    };
    assert_eq!(server.history(&alice, &group).await[1..], [before, after]);
    assert_eq!(server.stop().await.code(), Some(0));
}
