//! Blocks: the operations that a block prevents, and the data that it hides from both users.

use crate::support::{
    Listener, World, draft, react, refused, refused_fields, say, waiting_for_locks, waiting_for_table,
};
use protocol::{
    chat::{EditMessage, ForwardMessage},
    error::ErrorCode::{Forbidden, NotFound},
    frames::ServerFrame,
    ids::ClientId,
};
use services::{
    chat::{self, blocks, commit::Reacting},
    groups::{self, NewGroup},
    infra::database as pool,
};

#[tokio::test]
async fn a_blocked_user_cannot_write_in_the_direct_chat() {
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
    // A late retry of a send from before the block returns the stored message.
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
    // A blocked user still reads, and may delete their own messages.
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().chat.last_no, 2);
    assert!(chat::delete_message(&world, bob, direct, message.no).await.is_ok());
    assert_eq!(refused(chat::open_direct(&world, bob, alice.user_id).await), Some(NotFound));
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    assert!(chat::post_message(&world, bob, direct, draft("again")).await.is_ok());
    assert!(chat::forward_message(&world, bob, notes, 1, forward).await.is_ok());
    assert!(chat::open_direct(&world, bob, alice.user_id).await.is_ok());
}

#[tokio::test]
async fn a_blocked_user_can_neither_open_a_chat_nor_add_to_a_group() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    let listed = blocks::list(&world, alice, None, None).await.unwrap().items;
    assert_eq!(listed.iter().map(|user| user.id).collect::<Vec<_>>(), [bob.user_id]);
    assert_eq!(blocks::list(&world, bob, None, None).await.unwrap().items, [], "the list is empty");
    assert_eq!(refused(chat::open_direct(&world, bob, alice.user_id).await), Some(NotFound));
    let new = NewGroup { title: "Ours".into(), member_ids: vec![alice.user_id], client_id: None };
    assert_eq!(refused_fields(groups::create(&world, bob, new).await), ["member_ids"]);
    let group = world.group(bob, &[carol]).await;
    assert_eq!(refused_fields(groups::add_member(&world, bob, group, alice.user_id).await), ["user_id"]);
    // Both are members of a group that a third user created.
    let common = world.group(carol, &[alice, bob]).await;
    say(&world, bob, common, "hello").await;
    assert_eq!(chat::summary(&world, alice, common).await.unwrap().unread, 1);
    // A blocked user cannot write either in a direct chat that the blocker opens.
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "last word").await;
    assert_eq!(refused(chat::post_message(&world, bob, direct, draft("but")).await), Some(Forbidden));
}

#[tokio::test]
async fn a_blocked_user_does_not_notice_the_block() {
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
    // Alice's read mark at the time of the block stays visible; later marks do not.
    chat::mark_read(&world, alice, direct, 4).await.unwrap();
    assert_eq!(read(bob).await, (2, 2, 2));
    assert_eq!(read(alice).await, (2, 4, 4));
    assert!(listener.frames().await.iter().all(|frame| matches!(frame, ServerFrame::Presence { .. })));
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    assert_eq!(read(bob).await, (2, 2, 2), "a second block changes nothing");
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    assert_eq!(read(bob).await, (4, 4, 4));
}

#[tokio::test]
async fn only_another_existing_user_can_be_blocked() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    assert_eq!(refused_fields(blocks::block(&world, alice, alice.user_id).await), ["user_id"]);
    assert_eq!(refused(blocks::block(&world, alice, protocol::ids::UserId::fresh()).await), Some(NotFound));
    assert!(blocks::unblock(&world, alice, protocol::ids::UserId::fresh()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_blocked_while_they_open_the_chat_cannot_write_in_it() {
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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_a_block_that_was_made_while_the_chat_was_opened() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let db = pool::connect(&world.url, 3).await.unwrap();
    let lock = async |statement: &'static str| {
        let mut tx = pool::begin(&db).await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx
    };
    let opening = lock("select from user_heads for update").await;
    let blocking = lock("lock table blocks in share row exclusive mode").await;
    let node = world.clone();
    let opened = tokio::spawn(async move { chat::open_direct(&node, bob, alice.user_id).await });
    waiting_for_locks(&db, 1).await;
    let node = world.clone();
    let blocked = tokio::spawn(async move { blocks::block(&node, alice, bob.user_id).await });
    waiting_for_locks(&db, 2).await;
    opening.commit().await.unwrap();
    let direct = opened.await.unwrap().unwrap().0.chat.id;
    waiting_for_table(&db, "blocks").await;
    // The block has its locks and waits to be stored while the message is sent.
    let node = world.clone();
    let sent = tokio::spawn(async move { chat::post_message(&node, bob, direct, draft("hi")).await });
    waiting_for_locks(&db, 2).await;
    blocking.commit().await.unwrap();
    blocked.await.unwrap().unwrap();
    assert_eq!(refused(sent.await.unwrap()), Some(Forbidden));
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().chat.last_no, 0);
}

#[tokio::test]
async fn removing_a_block_that_does_not_exist_takes_no_lock_and_writes_nothing() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let mut tx = pool::begin(&world.db).await.unwrap();
    sqlx::query("lock table user_heads in access exclusive mode").execute(&mut *tx).await.unwrap();
    for nobody in [protocol::ids::UserId::fresh(), bob.user_id] {
        blocks::unblock(&world, alice, nobody).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(blocks::list(&world, alice, None, None).await.unwrap().items, []);
}

#[tokio::test]
async fn after_a_block_neither_user_sees_new_read_marks_of_the_other() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    for n in 1..=6 {
        say(&world, if n % 2 == 0 { bob } else { alice }, direct, &n.to_string()).await;
    }
    // The other's read mark as shown to `reader` by each operation.
    let shown = async |reader: services::Actor, other: services::Actor| {
        let of = |members: &[protocol::groups::Member]| {
            members.iter().find(|member| member.user.id == other.user_id).map(|member| member.read_no)
        };
        let summary = chat::summary(&world, reader, direct).await.unwrap().read_by_others_no;
        let listed = groups::members(&world, reader, direct, groups::MembersPage::default()).await.unwrap();
        let changes = chat::changes(&world, reader, direct, 0, None).await.unwrap();
        [Some(summary), of(&listed.items), of(&changes.members)]
    };
    assert_eq!(shown(alice, bob).await, [Some(6); 3]);
    assert_eq!(shown(bob, alice).await, [Some(5); 3]);
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    say(&world, alice, direct, "last word").await;
    chat::mark_read(&world, bob, direct, 7).await.unwrap();
    assert_eq!((shown(alice, bob).await, shown(bob, alice).await), ([Some(6); 3], [Some(5); 3]));
    // A second block, by the other user, changes nothing. The marks are live again when both blocks are removed.
    blocks::block(&world, bob, alice.user_id).await.unwrap();
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    assert_eq!((shown(alice, bob).await, shown(bob, alice).await), ([Some(6); 3], [Some(5); 3]));
    blocks::unblock(&world, bob, alice.user_id).await.unwrap();
    assert_eq!((shown(alice, bob).await, shown(bob, alice).await), ([Some(7); 3], [Some(7); 3]));
}
