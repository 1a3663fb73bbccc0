//! Operations on messages: mention, react, forward, report.

use crate::support::{self, Listener, World, draft, history, refused, refused_fields, say};
use futures::future::join_all;
use protocol::{
    chat::{EditMessage, ForwardMessage, ForwardedFrom, Message},
    error::ErrorCode::{Conflict, Forbidden, NotFound},
    frames::ServerFrame,
    ids::{ChatId, ClientId},
};
use services::{
    Actor, Node, Result,
    chat::{self, commit::Reacting},
    groups,
};

fn to(chat_id: ChatId) -> ForwardMessage {
    ForwardMessage { chat_id, client_id: ClientId::fresh() }
}

async fn react(node: &Node, actor: Actor, message: &Message, emoji: &str) -> Result<Message> {
    support::react(node, actor, (message.chat_id, message.no), emoji, Reacting::Give).await
}

async fn unreact(node: &Node, actor: Actor, message: &Message, emoji: &str) -> Result<Message> {
    support::react(node, actor, (message.chat_id, message.no), emoji, Reacting::TakeBack).await
}

/// The reactions of a message as `👍2 ❤️1`.
fn reactions_of(message: &Message) -> String {
    let reactions = message.reactions.iter().map(|reaction| format!("{}{}", reaction.emoji, reaction.count));
    reactions.collect::<Vec<_>>().join(" ")
}

async fn mentions(node: &Node, actor: Actor, chat_id: ChatId) -> u32 {
    chat::summary(node, actor, chat_id).await.unwrap().mentions_unread
}

#[tokio::test]
async fn members_are_mentioned_by_name_and_their_unread_mentions_counted() {
    let world = World::new().await;
    let [alice, bob, carol, stranger] = world.people(["alice", "bob", "carol", "stranger"]).await;
    let group = world.group(alice, &[bob, carol]).await;
    let message = say(&world, alice, group, "@Bob and @carol, `@alice` @stranger @nobody @bob").await;
    assert_eq!(message.mentions, [bob.user_id, carol.user_id]);
    assert_eq!((mentions(&world, bob, group).await, mentions(&world, alice, group).await), (1, 0));
    // A mention of the sender does not count.
    say(&world, bob, group, "@bob is me").await;
    assert_eq!(mentions(&world, carol, group).await, 1);
    let edit = EditMessage { text: "only @bob".into(), base_seq: None };
    let edited = chat::edit_message(&world, alice, group, message.no, edit).await.unwrap();
    assert_eq!(edited.mentions, [bob.user_id]);
    assert_eq!(mentions(&world, carol, group).await, 0);
    say(&world, carol, group, "@bob @stranger").await;
    assert_eq!(mentions(&world, bob, group).await, 1, "sending a message reads the earlier ones");
    let tombstone = chat::delete_message(&world, carol, group, message.no + 2).await.unwrap();
    assert_eq!((tombstone.mentions.len(), mentions(&world, bob, group).await), (0, 0));
    assert_eq!(history(&world, bob, group).await.last(), Some(&tombstone));
    assert_eq!(refused(chat::summary(&world, stranger, group).await), Some(NotFound));
}

#[tokio::test]
async fn a_reaction_counts_once_for_each_person_and_kind() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob, carol]).await;
    let message = say(&world, alice, group, "cake?").await;
    // Each emoji is stored in its canonical form.
    react(&world, bob, &message, "❤").await.unwrap();
    react(&world, carol, &message, "👍").await.unwrap();
    let both = react(&world, carol, &message, "❤\u{fe0f}").await.unwrap();
    assert_eq!(reactions_of(&both), "❤\u{fe0f}2 👍1");
    assert_eq!(both.reactions[0].by, [bob.user_id, carol.user_id]);
    assert_eq!(react(&world, bob, &message, "❤").await.unwrap(), both, "a repeated reaction is counted once");
    let without = unreact(&world, bob, &message, "❤").await.unwrap();
    assert_eq!((reactions_of(&without).as_str(), without.seq), ("❤\u{fe0f}1 👍1", both.seq + 1));
    assert_eq!(unreact(&world, bob, &message, "❤").await.unwrap(), without);
    let page = chat::reacted(&world, alice, group, message.no, None, None).await.unwrap();
    let who: Vec<_> = page.items.iter().map(|reacted| (reacted.emoji.as_str(), reacted.user.id)).collect();
    assert_eq!(who, [("👍", carol.user_id), ("❤\u{fe0f}", carol.user_id)]);
    let changes = chat::changes(&world, bob, group, both.seq, None).await.unwrap();
    assert_eq!(changes.messages, std::slice::from_ref(&without));
    assert!(changes.users.iter().any(|user| user.id == carol.user_id), "the page contains the user who reacted");
    // A tombstone has no reactions and accepts none.
    let tombstone = chat::delete_message(&world, alice, group, message.no).await.unwrap();
    assert_eq!(tombstone.reactions, []);
    assert_eq!(refused(react(&world, bob, &message, "👍").await), Some(Conflict));
    assert_eq!(unreact(&world, carol, &message, "👍").await.unwrap(), tombstone);
    let left: i64 = sqlx::query_scalar("select count(*) from reactions").fetch_one(&world.db).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_invalid_emoji_and_the_twenty_first_kind_are_refused() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let direct = world.direct(alice, bob).await;
    let message = say(&world, alice, direct, "hm").await;
    for nonsense in ["", "x", ":)", "👍👍", "<script>", "\u{200d}", &"👍".repeat(1_000)] {
        assert_eq!(refused_fields(react(&world, bob, &message, nonsense).await), ["emoji"], "{nonsense}");
    }
    let kinds: Vec<&str> = emojis::iter().take(21).map(emojis::Emoji::as_str).collect();
    let given = join_all(kinds.iter().map(|emoji| react(&world, bob, &message, emoji))).await;
    assert_eq!(given.iter().filter(|given| given.is_ok()).count(), 20);
    let now = history(&world, alice, direct).await.remove(0);
    assert_eq!(now.reactions.len(), 20);
    let refused_kind =
        kinds.iter().find(|kind| !now.reactions.iter().any(|reaction| reaction.emoji == **kind)).unwrap();
    assert_eq!(refused_fields(react(&world, alice, &message, refused_kind).await), ["emoji"]);
    // A further reaction with an emoji that is present is accepted.
    assert_eq!(react(&world, alice, &message, kinds[0]).await.map(|m| m.reactions[0].count), Ok(2));
    assert_eq!(refused(react(&world, stranger, &message, "👍").await), Some(NotFound));
    assert_eq!(refused(chat::reacted(&world, stranger, direct, 1, None, None).await), Some(NotFound));
    let group = world.group(alice, &[bob]).await;
    assert_eq!(
        refused(support::react(&world, bob, (group, 1), "👍", Reacting::Give).await),
        Some(Forbidden),
        "a system message has no reactions"
    );
    assert_eq!(refused(support::react(&world, bob, (group, 9), "👍", Reacting::Give).await), Some(NotFound));
}

#[tokio::test]
async fn a_message_names_twenty_reacting_users_and_counts_all() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    let names =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v"];
    let names = names.map(|name| format!("person_{name}"));
    let others = join_all(names.iter().map(|name| support::register(&world, name))).await;
    let group = world.group(alice, &others).await;
    let message = say(&world, alice, group, "who is in?").await;
    let given = join_all(others.iter().map(|other| react(&world, *other, &message, "👍"))).await;
    assert!(given.iter().all(Result::is_ok));
    let now = history(&world, alice, group).await.pop().unwrap();
    assert_eq!((now.reactions[0].count, now.reactions[0].by.len()), (22, 20));
    let first = chat::reacted(&world, alice, group, message.no, None, Some(15)).await.unwrap();
    let rest = chat::reacted(&world, alice, group, message.no, first.next.as_deref(), Some(15)).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (15, 7, None));
    // A user toggles a reaction although the row does not name the user.
    let unnamed = others.iter().find(|other| !now.reactions[0].by.contains(&other.user_id)).unwrap();
    let toggle = |actor, emoji| support::react(&world, actor, (group, message.no), emoji, Reacting::Toggle);
    for count in [21, 22] {
        assert_eq!(toggle(*unnamed, "👍").await.map(|m| m.reactions[0].count), Ok(count));
    }
    let [stranger] = world.people(["stranger"]).await;
    assert_eq!(refused(toggle(stranger, "👍").await), Some(NotFound));
    assert_eq!(refused_fields(toggle(*unnamed, "x").await), ["emoji"]);
    assert_eq!(refused(chat::reacted(&world, alice, group, message.no + 1, None, None).await), Some(NotFound));
}

#[tokio::test]
async fn a_forwarded_message_names_its_author_and_is_posted_once() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let (from, target) = (world.direct(alice, bob).await, world.group(bob, &[carol]).await);
    let message = say(&world, alice, from, "news for @carol").await;
    let data = to(target);
    let (forwarded, new) = chat::forward_message(&world, bob, from, message.no, data.clone()).await.unwrap();
    let author = ForwardedFrom { user_id: Some(alice.user_id), name: None };
    assert_eq!(
        (forwarded.text.as_str(), forwarded.forwarded_from.as_ref(), new),
        ("news for @carol", Some(&author), true)
    );
    assert_eq!((forwarded.sender_id, forwarded.mentions.len()), (bob.user_id, 0));
    let again = chat::forward_message(&world, bob, from, message.no, data.clone()).await.unwrap();
    assert_eq!(again, (forwarded.clone(), false));
    // A forwarded copy of a copy names the first author.
    let own = chat::saved_id(carol.user_id);
    let (further, _) = chat::forward_message(&world, carol, target, forwarded.no, to(own)).await.unwrap();
    assert_eq!(further.forwarded_from, Some(author));
    let page = chat::history(&world, carol, own, protocol::chat::Window::Newest, None).await.unwrap();
    assert!(page.users.iter().any(|user| user.id == alice.user_id), "its author is named");
    for (actor, chat_id, no, target, code) in [
        (carol, from, 1, target, NotFound),
        (alice, from, 1, target, NotFound),
        (bob, from, 9, target, NotFound),
        (bob, target, 1, from, Forbidden),
    ] {
        assert_eq!(refused(chat::forward_message(&world, actor, chat_id, no, to(target)).await), Some(code));
    }
    chat::delete_message(&world, alice, from, message.no).await.unwrap();
    assert_eq!(refused(chat::forward_message(&world, bob, from, message.no, to(target)).await), Some(NotFound));
    // A forwarded text cannot be edited.
    let edit = EditMessage { text: "something else".into(), base_seq: None };
    assert_eq!(refused(chat::edit_message(&world, bob, target, forwarded.no, edit).await), Some(Forbidden));
    // A late retry returns its copy, also if the source is deleted.
    let late = chat::forward_message(&world, bob, from, message.no, data).await.unwrap();
    assert_eq!(late, (forwarded, false));
}

#[tokio::test]
async fn a_report_stores_the_text_of_the_reported_message() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "rude").await;
    chat::report_message(&world, bob, direct, 1, "hm").await.unwrap();
    chat::report_message(&world, bob, direct, 1, " insults ").await.unwrap();
    chat::delete_message(&world, alice, direct, 1).await.unwrap();
    let kept: Vec<(String, String)> =
        sqlx::query_as("select text, reason from reports").fetch_all(&world.db).await.unwrap();
    assert_eq!(kept, [("rude".to_owned(), "insults".to_owned())]);
    assert_eq!(refused_fields(chat::report_message(&world, bob, direct, 1, " ").await), ["reason"]);
    assert_eq!(refused(chat::report_message(&world, stranger, direct, 1, "x").await), Some(NotFound));
    assert_eq!(refused(chat::report_message(&world, bob, direct, 1, "x").await), Some(NotFound), "it is deleted");
}

#[tokio::test]
async fn reactions_and_mentions_of_one_batch_see_one_another() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let listener = Listener::open(&world, bob);
    let (sent, given, taken, again) = tokio::join!(
        chat::post_message(&world, alice, group, draft("@bob?")),
        support::react(&world, bob, (group, 2), "👍", Reacting::Give),
        support::react(&world, bob, (group, 2), "👍", Reacting::TakeBack),
        support::react(&world, bob, (group, 2), "👍", Reacting::Give),
    );
    assert!(sent.is_ok() && taken.is_ok());
    assert_eq!(given.map(|message| message.mentions), Ok(vec![bob.user_id]));
    let now = history(&world, bob, group).await.pop().unwrap();
    assert_eq!((reactions_of(&now).as_str(), Ok(&now)), ("👍1", again.as_ref()));
    let frames = listener.frames().await;
    let seqs: Vec<u64> = frames.iter().filter_map(support::seq_of).collect();
    assert!(seqs.is_sorted() && frames.iter().all(|frame| matches!(frame, ServerFrame::Message { .. })), "{frames:?}");
    let stored: i64 = sqlx::query_scalar("select count(*) from reactions").fetch_one(&world.db).await.unwrap();
    assert_eq!(stored, 1);
    groups::delete(&world, alice, group).await.unwrap();
    let stored: i64 = sqlx::query_scalar("select count(*) from reactions").fetch_one(&world.db).await.unwrap();
    assert_eq!(stored, 0);
}
