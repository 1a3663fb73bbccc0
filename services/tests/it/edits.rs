//! Edits and deletions: permissions, the rows afterwards, the frames.

use crate::support::{Listener, World, draft, history, refused, refused_fields, say};
use futures::future::join_all;
use protocol::{
    chat::{EditMessage, Message},
    error::ErrorCode::{self, Conflict, Forbidden, NotFound},
    frames::{Reply, ServerFrame},
    groups::Role,
    ids::ChatId,
};
use services::{Actor, Node, Result, chat, groups, live::Origin};

fn words(text: &str) -> EditMessage {
    EditMessage { text: text.into(), base_seq: None }
}

async fn edit(node: &Node, actor: Actor, message: &Message, text: &str) -> Result<Message> {
    chat::edit_message(node, actor, message.chat_id, message.no, words(text)).await
}

async fn delete(node: &Node, actor: Actor, message: &Message) -> Result<Message> {
    chat::delete_message(node, actor, message.chat_id, message.no).await
}

/// The messages changed after a `seq`.
async fn changed(node: &Node, reader: Actor, chat_id: ChatId, after: u64) -> Vec<Message> {
    chat::changes(node, reader, chat_id, after, None).await.unwrap().messages
}

#[tokio::test]
async fn an_edit_keeps_the_no_of_a_message_and_takes_a_new_seq() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let first = say(&world, alice, direct, "frist").await;
    let second = say(&world, bob, direct, "second").await;
    let edited = edit(&world, alice, &first, " first ").await.unwrap();
    assert_eq!((edited.text.as_str(), edited.seq, edited.edited_at.is_some()), ("first", second.seq + 1, true));
    assert_eq!(Message { text: first.text, seq: first.seq, edited_at: None, ..edited.clone() }.no, 1);
    assert_eq!(history(&world, bob, direct).await, [edited.clone(), second.clone()]);
    assert_eq!(changed(&world, bob, direct, second.seq).await, std::slice::from_ref(&edited));
    // An edit with the same text changes nothing.
    assert_eq!(edit(&world, alice, &edited, "first").await.unwrap(), edited);
    assert_eq!(chat::summary(&world, alice, direct).await.unwrap().chat.seq, edited.seq);
    for nonsense in ["", " \n", "nul\0"] {
        assert_eq!(refused_fields(edit(&world, alice, &edited, nonsense).await), ["text"]);
    }
}

#[tokio::test]
async fn an_edit_of_an_older_row_is_a_conflict_that_shows_the_newest() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let message = say(&world, alice, direct, "one").await;
    let base_seq = Some(message.seq);
    let second = EditMessage { text: "two".into(), base_seq };
    let edited = chat::edit_message(&world, alice, direct, 1, second).await.unwrap();
    let late = EditMessage { text: "three".into(), base_seq };
    let conflict = chat::edit_message(&world, alice, direct, 1, late).await.unwrap_err();
    assert_eq!((conflict.code(), conflict.error.current.as_deref()), (Conflict, Some(&edited)));
    let tombstone = delete(&world, alice, &message).await.unwrap();
    let conflict = edit(&world, alice, &message, "four").await.unwrap_err();
    assert_eq!((conflict.code(), conflict.error.current.as_deref()), (Conflict, Some(&tombstone)));
}

#[tokio::test]
async fn a_deleted_message_stays_as_a_tombstone() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let send = draft("secret");
    let (message, _) = chat::post_message(&world, alice, direct, send.clone()).await.unwrap();
    say(&world, alice, direct, "kept").await;
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().unread, 2);
    let tombstone = delete(&world, alice, &message).await.unwrap();
    assert!(tombstone.deleted && tombstone.text.is_empty() && tombstone.no == 1);
    assert_eq!(delete(&world, alice, &message).await.unwrap(), tombstone, "a second deletion changes nothing");
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().unread, 1);
    let rows = history(&world, bob, direct).await;
    assert_eq!((rows.len(), &rows[0]), (2, &tombstone));
    // A late retry of the send returns the tombstone.
    assert_eq!(chat::post_message(&world, alice, direct, send).await.unwrap(), (tombstone, false));
    let stored: i64 = sqlx::query_scalar("select count(*) from messages where text like '%secret%'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn authors_edit_and_authors_and_admins_delete() {
    let world = World::new().await;
    let [owner, admin, author, member] = world.people(["owner", "admin", "author", "member"]).await;
    let stranger = world.people(["stranger"]).await[0];
    let former = world.people(["former"]).await[0];
    let group = world.group(owner, &[admin, author, member, former]).await;
    groups::change_role(&world, owner, group, admin.user_id, Role::Admin).await.unwrap();
    groups::remove_member(&world, owner, group, former.user_id).await.unwrap();
    for (actor, edits, deletes) in [
        (author, None, None),
        (admin, Some(Forbidden), None),
        (owner, Some(Forbidden), None),
        (member, Some(Forbidden), Some(Forbidden)),
        (former, Some(NotFound), Some(NotFound)),
        (stranger, Some(NotFound), Some(NotFound)),
    ] {
        let message = say(&world, author, group, "mine").await;
        assert_eq!(refused(edit(&world, actor, &message, "changed").await), edits);
        assert_eq!(refused(delete(&world, actor, &message).await), deletes);
    }
    let row = history(&world, owner, group).await.remove(0);
    assert_eq!(refused(edit(&world, owner, &row, "x").await), Some(Forbidden), "a system message stays");
    assert_eq!(refused(delete(&world, owner, &row).await), Some(Forbidden));
    for no in [0, 999, u64::MAX] {
        let nowhere = Message { no, ..row.clone() };
        assert_eq!(refused(edit(&world, owner, &nowhere, "x").await), Some(NotFound));
        assert_eq!(refused(delete(&world, owner, &nowhere).await), Some(NotFound));
    }
    let direct = world.direct(owner, member).await;
    let theirs = say(&world, member, direct, "between us").await;
    assert_eq!(refused(delete(&world, owner, &theirs).await), Some(Forbidden), "a direct chat has no admins");
}

#[tokio::test]
async fn changes_of_one_batch_see_one_another() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let send = draft("one");
    let (sent, edited, repeated, deleted, late) = tokio::join!(
        chat::post_message(&world, alice, direct, send.clone()),
        chat::edit_message(&world, alice, direct, 1, words("two")),
        chat::post_message(&world, alice, direct, send.clone()),
        chat::delete_message(&world, alice, direct, 1),
        chat::edit_message(&world, alice, direct, 1, words("three")),
    );
    assert_eq!((sent.unwrap().0.text.as_str(), edited.unwrap().text.as_str()), ("one", "two"));
    assert_eq!(repeated.map(|(message, new)| (message.text, new)), Ok(("two".into(), false)));
    let tombstone = deleted.unwrap();
    assert_eq!(refused(late), Some(Conflict));
    assert_eq!(history(&world, bob, direct).await, [tombstone]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_concurrent_edits_with_the_same_base_succeeds() {
    let world = World::new().await;
    let nodes = [world.clone(), world.another_node().await];
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let message = say(&world, alice, direct, "base").await;
    let tries = (0..20).map(|n| {
        let (node, data) = (nodes[n % 2].clone(), EditMessage { text: n.to_string(), base_seq: Some(message.seq) });
        tokio::spawn(async move { chat::edit_message(&node, alice, direct, 1, data).await })
    });
    let answers: Vec<Result<Message>> = join_all(tries).await.into_iter().map(|answer| answer.unwrap()).collect();
    let codes: Vec<ErrorCode> = answers.iter().filter_map(|a| a.as_ref().err()).map(|e| e.code()).collect();
    assert_eq!(codes, [Conflict; 19]);
    let won = answers.into_iter().find_map(Result::ok).unwrap();
    assert_eq!(history(&world, bob, direct).await, [won]);
}

#[tokio::test]
async fn an_edit_is_acknowledged_to_its_socket_and_sent_to_all_others() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let message = say(&world, alice, direct, "one").await;
    let (own, peer) = (Listener::open(&world, alice), Listener::open(&world, bob));
    let origin = Some(Origin { socket: own.subscription.id, reference: Some(4) });
    let begun = chat::begin_edit(&world, alice, direct, 1, words("two"), origin).unwrap();
    begun.await.unwrap();
    let edited = history(&world, bob, direct).await.remove(0);
    let ack = Reply { reference: Some(4), frame: ServerFrame::Ack { message: edited.clone() } };
    assert_eq!(format!("{:?}", own.replies().await), format!("{:?}", [ack]));
    let frame = ServerFrame::Message { chat_id: direct, seq: edited.seq, message: edited };
    assert_eq!(peer.frames().await, [frame]);
    delete(&world, alice, &message).await.unwrap();
    let frames = peer.frames().await;
    assert!(matches!(&frames[..], [ServerFrame::Message { message, .. }] if message.deleted), "{frames:?}");
}

#[tokio::test]
async fn deleting_several_messages_skips_those_without_permission() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    for sender in [alice, bob, alice] {
        say(&world, sender, direct, "words").await;
    }
    assert_eq!(refused(chat::delete_messages(&world, alice, direct, &[1, 2, 3]).await), Some(Forbidden));
    let deleted: Vec<bool> = history(&world, bob, direct).await.iter().map(|message| message.deleted).collect();
    assert_eq!(deleted, [true, false, true]);
}
