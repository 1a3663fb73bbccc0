//! Sends: stored exactly once, in one order for all members, each decided on its own.

use crate::support::{World, draft, history, refused, say};
use futures::future::join_all;
use protocol::{
    chat::{Message, PostMessage},
    error::ErrorCode::{InvalidInput, NotFound, RateLimited, Unavailable},
};
use services::{Actor, Node, Result, Settings, chat, chat::commit::Outcome, groups};
use std::{collections::HashSet, num::NonZeroUsize};

fn posted(outcome: Result<Outcome>) -> Result<(Message, bool)> {
    match outcome? {
        Outcome::Message { message, new } => Ok((message, new)),
        other => panic!("a send ended as {other:?}"),
    }
}

#[tokio::test]
async fn a_repeated_send_returns_the_stored_message_with_the_first_text() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let send = draft("first");
    let (stored, new) = chat::post_message(&world, alice, direct, send.clone()).await.unwrap();
    assert!(new);
    say(&world, bob, direct, "between").await;
    for text in ["first", "second"] {
        let again = PostMessage { text: text.into(), reply_to: Some(99), ..send.clone() };
        assert_eq!(chat::post_message(&world, alice, direct, again).await.unwrap(), (stored.clone(), false));
    }
    assert_eq!(history(&world, bob, direct).await.len(), 2);
}

#[tokio::test]
async fn a_client_id_is_unique_per_sender_and_chat() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let (direct, group) = (world.direct(alice, bob).await, world.group(alice, &[bob]).await);
    let send = draft("hi");
    for (sender, chat_id) in [(alice, direct), (bob, direct), (alice, group), (bob, group)] {
        let (message, new) = chat::post_message(&world, sender, chat_id, send.clone()).await.unwrap();
        assert!(new && message.sender_id == sender.user_id && message.chat_id == chat_id);
    }
}

#[tokio::test]
async fn fifty_repeats_in_one_batch_store_one_message() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let send = draft("");
    // Nothing is committed before the first await: all sends are in one queue.
    let begun: Vec<_> = (0..50)
        .map(|n| PostMessage { text: format!("try {n}"), ..send.clone() })
        .map(|send| chat::begin_post(&world, alice, direct, send, None).unwrap())
        .collect();
    let answers: Vec<_> = join_all(begun).await.into_iter().map(|outcome| posted(outcome).unwrap()).collect();
    assert_eq!(answers.iter().map(|(_, new)| *new).collect::<Vec<_>>(), [&[true][..], &[false; 49]].concat());
    assert!(answers.iter().all(|(message, _)| message.text == "try 0" && *message == answers[0].0));
    assert_eq!(history(&world, bob, direct).await, [answers[0].0.clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_repeats_on_two_nodes_at_once_store_one_message() {
    let world = World::new().await;
    let nodes = [world.clone(), world.another_node().await];
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let send = draft("once");
    let tries = (0..50).map(|n| {
        let (node, send) = (nodes[n % 2].clone(), send.clone());
        tokio::spawn(async move { chat::post_message(&node, alice, direct, send).await.unwrap() })
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers.iter().filter(|(_, new)| *new).count(), 1);
    assert!(answers.iter().all(|(message, _)| *message == answers[0].0));
    assert_eq!(history(&world, bob, direct).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_senders_get_dense_numbers_in_one_order() {
    let world = World::new().await;
    let nodes = [world.clone(), world.another_node().await];
    let names: [String; 50] = std::array::from_fn(|n| format!("sender{n}"));
    let senders = world.people(names.each_ref().map(String::as_str)).await;
    let group = world.group(senders[0], &senders[1..]).await;
    let sending = senders.iter().enumerate().map(|(n, &sender)| {
        let node: Node = nodes[n % 2].clone();
        tokio::spawn(async move {
            let begun: Vec<_> =
                (0..4).map(|n| chat::begin_post(&node, sender, group, draft(&n.to_string()), None).unwrap()).collect();
            join_all(begun).await.into_iter().map(|outcome| posted(outcome).unwrap().0).collect::<Vec<_>>()
        })
    });
    let acknowledged: Vec<Vec<Message>> = join_all(sending).await.into_iter().map(|sent| sent.unwrap()).collect();

    let stored = history(&nodes[1], senders[1], group).await;
    assert_eq!(stored.iter().map(|message| message.no).collect::<Vec<_>>(), (1..=201).collect::<Vec<_>>());
    assert!(stored.is_sorted_by(|one, next| one.seq < next.seq));
    assert_eq!(history(&nodes[0], senders[49], group).await, stored);
    for (sender, sent) in senders.iter().zip(acknowledged) {
        let own = stored.iter().filter(|m| m.sender_id == sender.user_id && m.event.is_none()).cloned();
        assert_eq!(own.collect::<Vec<_>>(), sent, "as acknowledged, in the order sent");
        assert_eq!(sent.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }
    let summary = chat::summary(&world, senders[7], group).await.unwrap();
    assert_eq!((summary.chat.last_no, summary.last_message.as_ref()), (201, stored.last()));
}

#[tokio::test]
async fn a_refused_change_does_not_fail_the_others_of_its_batch() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let group = world.group(alice, &[bob]).await;
    let begin = |sender: Actor, send: PostMessage| chat::begin_post(&world, sender, group, send, None).unwrap();
    let batch = [
        (begin(alice, draft("one")), None),
        (begin(bob, PostMessage { reply_to: Some(99), ..draft("bad reply") }), Some(InvalidInput)),
        (begin(stranger, draft("not yours")), Some(NotFound)),
        (begin(bob, PostMessage { reply_to: Some(2), ..draft("answers its neighbour") }), None),
        (begin(stranger, draft("not yours")), Some(NotFound)),
        (begin(alice, draft("three")), None),
    ];
    for (outcome, expected) in batch {
        assert_eq!(refused(outcome.await), expected);
    }
    let texts: Vec<(u64, String)> = history(&world, bob, group).await.into_iter().map(|m| (m.no, m.text)).collect();
    let expected = [(1, ""), (2, "one"), (3, "answers its neighbour"), (4, "three")];
    assert_eq!(texts, expected.map(|(no, text)| (no, text.to_owned())));
}

#[tokio::test]
async fn a_membership_change_applies_to_later_changes_of_its_batch() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob]).await;
    let say = |sender: Actor| chat::post_message(&world, sender, group, draft("hi"));
    // Each change is queued when its future is first polled, in this order.
    let (before, removed, after, early, added, late) = tokio::join!(
        say(bob),
        groups::remove_member(&world, alice, group, bob.user_id),
        say(bob),
        say(carol),
        groups::add_member(&world, alice, group, carol.user_id),
        say(carol),
    );
    assert_eq!((refused(before), refused(removed), refused(added)), (None, None, None));
    assert_eq!((refused(after), refused(early), refused(late)), (Some(NotFound), Some(NotFound), None));
    let nos: Vec<u64> = history(&world, carol, group).await.iter().map(|message| message.no).collect();
    assert_eq!(nos, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_member_removed_and_added_in_one_batch_is_a_member() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (removed, added, removed_again, added_again) = tokio::join!(
        groups::remove_member(&world, alice, group, bob.user_id),
        groups::add_member(&world, alice, group, bob.user_id),
        groups::remove_member(&world, alice, group, bob.user_id),
        groups::add_member(&world, alice, group, bob.user_id),
    );
    assert!(removed.is_ok() && removed_again.is_ok() && added.unwrap().1 && added_again.unwrap().1);
    let listed = chat::list(&world, bob, None, None, None).await.unwrap().items;
    assert!(listed.iter().any(|chat| chat.chat.id == group && chat.chat.member_count == 2));
    assert_eq!(say(&world, bob, group, "here").await.no, 6);
}

#[tokio::test]
async fn batches_of_one_give_the_same_result() {
    let settings = Settings { limits: false, batch: NonZeroUsize::MIN, ..Settings::default() };
    let world = World::with(settings).await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let repeated = draft("twice");
    let sends = [draft("one"), repeated.clone(), repeated, draft("four")];
    let answers = join_all(sends.map(|send| chat::post_message(&world, alice, direct, send))).await;
    let answers: Vec<(u64, bool)> = answers.into_iter().map(|sent| sent.unwrap()).map(|(m, new)| (m.no, new)).collect();
    assert_eq!(answers, [(1, true), (2, true), (2, false), (3, true)]);
}

#[tokio::test]
async fn accepted_sends_are_committed_while_the_node_stops() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let begun: Vec<_> =
        (0..600).map(|n| chat::begin_post(&world, alice, direct, draft(&n.to_string()), None).unwrap()).collect();
    world.stop().await;
    for outcome in begun {
        posted(outcome.await).unwrap();
    }
    assert_eq!(refused(chat::post_message(&world, alice, direct, draft("late")).await), Some(Unavailable));
    assert_eq!(history(&world.another_node().await, bob, direct).await.len(), 600);
}

#[tokio::test]
async fn a_full_queue_refuses_with_unavailable_and_commits_the_accepted_sends() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let begun: Vec<_> = (0..4_100).map(|_| chat::begin_post(&world, alice, direct, draft("x"), None)).collect();
    let mut codes = HashSet::new();
    let mut stored = 0;
    for outcome in begun {
        match outcome {
            Ok(outcome) => {
                posted(outcome.await).unwrap();
                stored += 1;
            }
            Err(rejection) => {
                codes.insert(rejection.code());
            }
        }
    }
    assert_eq!((stored, codes), (4_096, HashSet::from([Unavailable])));
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().chat.last_no, 4_096);
}

#[tokio::test]
async fn a_user_sends_at_the_documented_rate() {
    let world = World::with_rates().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    // Opening the chat counts against Bob's rate.
    let direct = world.direct(bob, alice).await;
    let begun: Vec<_> = (0..700).map(|_| chat::begin_post(&world, alice, direct, draft("x"), None)).collect();
    let granted = begun.iter().filter(|outcome| outcome.is_ok()).count();
    assert!((500..600).contains(&granted), "{granted} at once");
    assert!(begun.into_iter().filter_map(Result::err).all(|rejection| rejection.code() == RateLimited));
    assert!(chat::post_message(&world, bob, direct, draft("hi")).await.is_ok());
}
