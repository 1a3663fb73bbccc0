//! What somebody who is blocked can no longer do, over any door.

use crate::support::{Listener, World, draft, react, refused, refused_fields, say};
use protocol::{
    chat::{EditMessage, ForwardMessage},
    error::ErrorCode::{Forbidden, NotFound},
    frames::ServerFrame,
    ids::ClientId,
};
use services::{
    chat::{self, blocks, commit::Reacting},
    groups::{self, NewGroup},
};

#[tokio::test]
async fn the_blocked_cannot_write_where_they_wrote_before() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let message = say(&world, bob, direct, "hi").await;
    let notes = chat::saved_id(bob.user_id);
    say(&world, bob, notes, "for alice").await;
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    let before = draft("before");
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    let (stored, _) = chat::post_message(&world, bob, direct, before.clone()).await.unwrap();
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    // A late retry of what was sent before finds it.
    assert_eq!(chat::post_message(&world, bob, direct, before).await.unwrap(), (stored, false));
    let edit = EditMessage { text: "other".into(), base_seq: None };
    let forward = ForwardMessage { chat_id: direct, client_id: ClientId::fresh() };
    assert_eq!(refused(chat::post_message(&world, bob, direct, draft("hey")).await), Some(Forbidden));
    assert_eq!(refused(chat::edit_message(&world, bob, direct, message.no, edit).await), Some(Forbidden));
    assert_eq!(refused(react(&world, bob, (direct, 1), "👍", Reacting::Give).await), Some(Forbidden));
    assert_eq!(refused(chat::forward_message(&world, bob, notes, 1, forward.clone()).await), Some(Forbidden));
    let listener = Listener::open(&world, alice);
    chat::typing(&world, bob, direct).await.unwrap();
    assert_eq!(listener.frames().await, []);
    // They still read, and may take back what they said.
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().chat.last_no, 2);
    assert!(chat::delete_message(&world, bob, direct, message.no).await.is_ok());
    assert_eq!(refused(chat::open_direct(&world, bob, alice.user_id).await), Some(NotFound));
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    assert!(chat::post_message(&world, bob, direct, draft("again")).await.is_ok());
    assert!(chat::forward_message(&world, bob, notes, 1, forward).await.is_ok());
    assert!(chat::open_direct(&world, bob, alice.user_id).await.is_ok());
}

#[tokio::test]
async fn the_blocked_can_neither_begin_a_chat_nor_add_to_a_group() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    let listed = blocks::list(&world, alice).await.unwrap();
    assert_eq!(listed.iter().map(|user| user.id).collect::<Vec<_>>(), [bob.user_id]);
    assert_eq!(blocks::list(&world, bob).await.unwrap(), [], "nobody tells them");
    assert_eq!(refused(chat::open_direct(&world, bob, alice.user_id).await), Some(NotFound));
    let new = NewGroup { title: "Ours".into(), member_ids: vec![alice.user_id], client_id: None };
    assert_eq!(refused_fields(groups::create(&world, bob, new).await), ["member_ids"]);
    let group = world.group(bob, &[carol]).await;
    assert_eq!(refused_fields(groups::add_member(&world, bob, group, alice.user_id).await), ["user_id"]);
    // In a group that somebody else has put both in they still meet.
    let common = world.group(carol, &[alice, bob]).await;
    say(&world, bob, common, "hello").await;
    assert_eq!(chat::summary(&world, alice, common).await.unwrap().unread, 1);
    // A chat that the one who blocks begins is not one to answer in.
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "last word").await;
    assert_eq!(refused(chat::post_message(&world, bob, direct, draft("but")).await), Some(Forbidden));
}

#[tokio::test]
async fn to_the_blocked_all_looks_as_it_was() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(bob, alice).await;
    for n in 1..=4 {
        say(&world, bob, direct, &n.to_string()).await;
    }
    chat::mark_read(&world, alice, direct, 2).await.unwrap();
    let read = async |reader| {
        let members = groups::members(&world, reader, direct, groups::MembersPage::default()).await.unwrap();
        let listed = members.items.iter().find(|member| member.user.id == alice.user_id).unwrap().read_no;
        let changes = chat::changes(&world, reader, direct, 0, None).await.unwrap();
        let changed = changes.members.iter().find(|member| member.user.id == alice.user_id).unwrap().read_no;
        (chat::summary(&world, bob, direct).await.unwrap().read_by_others_no, listed, changed)
    };
    assert_eq!(read(bob).await, (2, 2, 2));
    let listener = Listener::open(&world, bob);
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    // What she reads from now on is not told, and what she had read is not taken back.
    chat::mark_read(&world, alice, direct, 4).await.unwrap();
    assert_eq!(read(bob).await, (2, 2, 2));
    assert_eq!(read(alice).await, (2, 4, 4));
    assert!(listener.frames().await.iter().all(|frame| matches!(frame, ServerFrame::Presence { .. })));
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    assert_eq!(read(bob).await, (2, 2, 2), "blocking twice is once");
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    assert_eq!(read(bob).await, (4, 4, 4));
}

#[tokio::test]
async fn one_blocks_somebody_else_who_exists() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    assert_eq!(refused_fields(blocks::block(&world, alice, alice.user_id).await), ["user_id"]);
    assert_eq!(refused(blocks::block(&world, alice, protocol::ids::UserId::fresh()).await), Some(NotFound));
    assert!(blocks::unblock(&world, alice, protocol::ids::UserId::fresh()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_while_they_open_the_chat_cannot_write_in_it() {
    let world = World::new().await;
    let names = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"].map(|name| format!("peer_{name}"));
    let [alice] = world.people(["alice"]).await;
    for name in names {
        let peer = crate::support::register(&world, &name).await;
        let (opened, blocked) =
            tokio::join!(chat::open_direct(&world, peer, alice.user_id), blocks::block(&world, alice, peer.user_id),);
        blocked.unwrap();
        match opened {
            Ok((direct, _)) => {
                let sent = chat::post_message(&world, peer, direct.chat.id, draft("hi")).await;
                assert_eq!(refused(sent), Some(Forbidden), "{name}");
            }
            Err(rejection) => assert_eq!(rejection.code(), NotFound),
        }
    }
}
