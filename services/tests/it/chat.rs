//! Chats and messages: lists, history, read marks, catch-up, the user's own state.

use crate::support::{Listener, World, draft, history, refused, refused_fields, register, say, say_all};
use futures::future::join_all;
use protocol::{
    chat::{Changes, ChatKind, PostMessage, UpdateOwnState, Window},
    error::ErrorCode::{InvalidInput, NotFound},
    frames::Held,
    groups::UpdateGroup,
    ids::{ChatId, ClientId, UserId},
    limits,
    time::Timestamp,
};
use services::{Actor, Node, chat, groups, profiles};
use std::collections::HashMap;

/// The listed chats, newest first.
async fn listed(node: &Node, actor: Actor) -> Vec<ChatId> {
    let page = chat::list(node, actor, None, None, None).await.unwrap();
    page.items.into_iter().map(|chat| chat.chat.id).collect()
}

async fn unread(node: &Node, actor: Actor, chat_id: ChatId) -> u32 {
    chat::summary(node, actor, chat_id).await.unwrap().unread
}

#[tokio::test]
async fn both_users_open_the_same_direct_chat() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let both = [(alice, bob), (bob, alice)];
    let opened = (0..20).map(|n| both[n % 2]).map(|(one, other)| chat::open_direct(&world, one, other.user_id));
    let opened: Vec<_> = join_all(opened).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|(_, new)| *new).count(), 1);
    assert!(opened.iter().all(|(chat, _)| chat.chat.id == chat::direct_id(bob.user_id, alice.user_id)));
    let (as_alice, as_bob) = (&opened[0].0, &opened[1].0);
    assert_eq!((as_alice.chat.title.as_deref(), as_bob.chat.title.as_deref()), (Some("bob"), Some("alice")));
    assert_eq!(as_alice.peer.as_ref().unwrap().id, bob.user_id);
    assert_eq!((as_alice.chat.kind, as_alice.chat.member_count), (ChatKind::Direct, 2));
}

#[tokio::test]
async fn a_direct_chat_appears_in_the_peers_list_with_its_first_message() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    assert!(listed(&world, alice).await.contains(&direct));
    assert!(!listed(&world, bob).await.contains(&direct));
    let before = chat::hello(&world, bob, None, &Held::default()).await.unwrap().mine;
    say(&world, alice, direct, "hi").await;
    assert_eq!(listed(&world, bob).await[0], direct);
    let welcome = chat::hello(&world, bob, Some(before), &Held::default()).await.unwrap();
    assert_eq!((welcome.mine, welcome.chats[0].my_seq, welcome.chats[0].unread), (before + 1, before + 1, 1));
}

#[tokio::test]
async fn a_direct_chat_needs_another_existing_user() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    assert_eq!(refused_fields(chat::open_direct(&world, alice, alice.user_id).await), ["user_id"]);
    assert_eq!(refused(chat::open_direct(&world, alice, UserId::fresh()).await), Some(NotFound));
}

#[tokio::test]
async fn saved_messages_are_visible_only_to_their_owner() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let notes = chat::saved_id(alice.user_id);
    assert_eq!(listed(&world, alice).await, [notes]);
    let note = say(&world, alice, notes, "milk").await;
    assert_eq!((note.no, note.text.as_str()), (1, "milk"));
    assert_eq!(unread(&world, alice, notes).await, 0);
    assert_eq!(refused(chat::summary(&world, bob, notes).await), Some(NotFound));
    assert_eq!(refused(chat::post_message(&world, bob, notes, draft("hi")).await), Some(NotFound));
}

#[tokio::test]
async fn the_list_is_sorted_by_newest_activity_and_paged() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let mut expected = listed(&world, alice).await;
    for _ in 0..4 {
        expected.insert(0, world.group(alice, &[bob]).await);
    }
    assert_eq!(listed(&world, alice).await.len(), 5);
    let revived = expected.remove(3);
    say(&world, bob, revived, "still here").await;
    assert_eq!(listed(&world, alice).await[0], revived);

    let whole = listed(&world, alice).await;
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = chat::list(&world, alice, None, cursor.as_deref(), Some(2)).await.unwrap();
        assert!(page.items.len() <= 2);
        paged.extend(page.items.into_iter().map(|chat| chat.chat.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole);

    let archive = UpdateOwnState { archived: Some(true), ..UpdateOwnState::default() };
    chat::update_own_state(&world, alice, revived, archive).await.unwrap();
    for (archived, expected) in [(Some(true), 1), (Some(false), 4), (None, 5)] {
        assert_eq!(chat::list(&world, alice, archived, None, None).await.unwrap().items.len(), expected);
    }
    for wrong in ["", "x", "1_2", "_"] {
        assert_eq!(refused_fields(chat::list(&world, alice, None, Some(wrong), None).await), ["cursor"]);
    }
    for limit in [0, 101] {
        assert_eq!(refused_fields(chat::list(&world, alice, None, None, Some(limit)).await), ["limit"]);
    }
}

#[tokio::test]
async fn texts_are_kept_as_typed_or_refused_and_not_stored() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let notes = chat::saved_id(alice.user_id);
    let longest = "я".repeat(8_000);
    for (typed, kept) in [
        (" two\r\nlines\t! \n", "two\nlines\t!"),
        ("<b>&amp;</b> ' \" \\ %s", "<b>&amp;</b> ' \" \\ %s"),
        ("👩‍👩‍👧 שלום \u{202e}abc", "👩‍👩‍👧 שלום \u{202e}abc"),
        (&longest, &longest),
    ] {
        assert_eq!(say(&world, alice, notes, typed).await.text, kept);
    }
    let too_long = "x".repeat(8_001);
    for typed in ["", " \n\t", "\u{200b}", "nul\0", "bell\u{7}", &too_long] {
        assert_eq!(refused_fields(chat::post_message(&world, alice, notes, draft(typed)).await), ["text"]);
    }
    let stored = history(&world, alice, notes).await;
    assert_eq!(stored.len(), 4);
    assert_eq!(stored[3].text, longest);
}

#[tokio::test]
async fn a_page_of_changes_is_limited_by_bytes_too() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let notes = chat::saved_id(alice.user_id);
    for _ in 0..40 {
        say(&world, alice, notes, &"я".repeat(8_000)).await;
    }
    let (mut after, mut seen, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = chat::changes(&world, alice, notes, after, None).await.unwrap();
        let bytes: usize = page.messages.iter().map(|message| message.text.len()).sum();
        assert!(bytes <= 256 * 1024, "{bytes}");
        seen.extend(page.messages.iter().map(|message| message.no));
        (after, pages) = (page.seq, pages + 1);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, (1..=40).collect::<Vec<_>>());
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_group_never_gets_the_id_of_a_direct_chat() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    for (one, other) in [(alice, bob), (bob, alice)] {
        let new = groups::NewGroup {
            title: "Not us".into(),
            member_ids: vec![carol.user_id],
            client_id: Some(ClientId(other.user_id.0)),
        };
        groups::create(&world, one, new).await.unwrap();
    }
    let (direct, new) = chat::open_direct(&world, bob, alice.user_id).await.unwrap();
    assert!(new && direct.chat.kind == ChatKind::Direct && direct.chat.member_count == 2);
}

#[tokio::test]
async fn chats_created_concurrently_by_all_users_do_not_deadlock() {
    let world = World::new().await;
    let people = world.people(["alice", "bob", "carol", "dave"]).await;
    let everybody: Vec<UserId> = people.iter().map(|actor| actor.user_id).collect();
    let direct = people.iter().flat_map(|one| people.iter().map(move |other| (*one, *other)));
    let node = &*world;
    let direct = direct
        .filter(|(one, other)| one != other)
        .map(|(one, other)| async move { chat::open_direct(node, one, other.user_id).await.map(drop) });
    let group = people.iter().map(|owner| {
        let new = groups::NewGroup { title: "All".into(), member_ids: everybody.clone(), client_id: None };
        async { groups::create(node, *owner, new).await.map(drop) }
    });
    let (direct, group) = futures::future::join(join_all(direct), join_all(group)).await;
    for made in direct.into_iter().chain(group) {
        assert_eq!(made, Ok(()));
    }
}

#[tokio::test]
async fn a_reply_needs_an_existing_message() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let notes = chat::saved_id(alice.user_id);
    let first = say(&world, alice, notes, "first").await;
    let reply = |no| PostMessage { reply_to: Some(no), ..draft("a reply") };
    for wrong in [0, 2, u64::MAX] {
        assert_eq!(refused_fields(chat::post_message(&world, alice, notes, reply(wrong)).await), ["reply_to"]);
    }
    let (answer, _) = chat::post_message(&world, alice, notes, reply(1)).await.unwrap();
    assert_eq!(answer.reply_to, Some(1));
    say_all(&world, alice, notes, 3).await;
    // Quoted messages outside the window are included.
    let window = chat::history(&world, alice, notes, Window::After(1), None).await.unwrap();
    assert_eq!(window.replies, [first]);
    let replies = chat::history(&world, alice, notes, Window::Newest, None).await.unwrap().replies;
    assert_eq!(replies.len(), 1, "a quoted message is returned even if it is among the items");
}

#[tokio::test]
async fn history_has_every_number_of_its_window() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    say_all(&world, bob, group, 20).await;
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    say_all(&world, alice, group, 8).await;
    let whole = history(&world, alice, group).await;
    assert_eq!(whole.iter().map(|message| message.no).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    let far = Timestamp::parse("2100-01-01T00:00:00Z").unwrap();
    for (window, limit, (first, last), more) in [
        (Window::Newest, None, (1, 30), false),
        (Window::Newest, Some(4), (27, 30), false),
        (Window::Before(30), Some(3), (27, 29), true),
        (Window::Before(3), Some(10), (1, 2), true),
        (Window::Before(1), None, (1, 0), false),
        (Window::After(0), Some(3), (1, 3), true),
        (Window::After(28), Some(3), (29, 30), false),
        (Window::After(30), None, (1, 0), false),
        (Window::Around(15), Some(10), (10, 19), true),
        (Window::Around(1), Some(10), (1, 10), true),
        (Window::Around(30), Some(10), (25, 30), false),
        (Window::Around(u64::MAX), Some(10), (25, 30), false),
        (Window::At(Timestamp(0)), Some(4), (1, 4), true),
        (Window::At(far), Some(4), (28, 30), false),
    ] {
        let page = chat::history(&world, alice, group, window, limit).await.unwrap();
        let nos: Vec<u64> = page.items.iter().map(|message| message.no).collect();
        assert_eq!(nos, (first..=last).collect::<Vec<_>>(), "{window:?}");
        assert_eq!((page.next, page.last_no), (more.then(|| last.to_string()), 30), "{window:?}");
    }
    // A time selects the first message at or after it.
    let time = whole[21].created_at;
    let first = whole.iter().find(|message| message.created_at >= time).unwrap().no;
    let page = chat::history(&world, alice, group, Window::At(time), Some(2)).await.unwrap();
    assert_eq!(page.items.iter().map(|message| message.no).collect::<Vec<_>>(), [first - 1, first]);
    for limit in [0, 101] {
        assert_eq!(refused_fields(chat::history(&world, alice, group, Window::Newest, Some(limit)).await), ["limit"]);
    }
    // The users in the messages are included, former members too.
    let page = chat::history(&world, alice, group, Window::After(0), Some(3)).await.unwrap();
    assert!([alice, bob].iter().all(|named| page.users.iter().any(|user| user.id == named.user_id)));
}

#[tokio::test]
async fn unread_counts_the_messages_of_others_after_the_mark() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob]).await;
    assert_eq!(unread(&world, bob, group).await, 0, "a system message is not counted");
    for _ in 0..3 {
        say(&world, alice, group, "hi").await;
    }
    groups::add_member(&world, alice, group, carol.user_id).await.unwrap();
    assert_eq!((unread(&world, alice, group).await, unread(&world, bob, group).await), (0, 3));
    assert_eq!(unread(&world, carol, group).await, 0);
    chat::mark_read(&world, bob, group, 3).await.unwrap();
    assert_eq!(unread(&world, bob, group).await, 1);
    let own = say(&world, bob, group, "posting reads up to one's own message").await;
    let summary = chat::summary(&world, bob, group).await.unwrap();
    assert_eq!((summary.unread, summary.read_no), (0, own.no));
    assert_eq!(unread(&world, alice, group).await, 1);
}

#[tokio::test]
async fn unread_is_exact_to_999() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let held = HashMap::from([(direct, 0)]);
    for (more, expected) in [(998, 998), (1, 999), (1, 1_000), (50, 1_000)] {
        say_all(&world, alice, direct, more).await;
        assert_eq!(unread(&world, bob, direct).await, expected);
        assert_eq!(chat::heads(&world, bob, &held.clone().into()).await.unwrap().chats[&direct].unread, expected);
    }
    chat::mark_read(&world, bob, direct, 1_000).await.unwrap();
    assert_eq!(unread(&world, bob, direct).await, 50);
}

#[tokio::test]
async fn read_marks_move_forward_and_not_beyond_the_end() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    say_all(&world, alice, direct, 5).await;
    for (mark, expected) in [(0, 0), (2, 2), (1, 2), (2, 2), (4, 4), (u64::MAX, 5), (3, 5)] {
        chat::mark_read(&world, bob, direct, mark).await.unwrap();
        let read_no = chat::summary(&world, bob, direct).await.unwrap().read_no;
        let seen_no = chat::summary(&world, alice, direct).await.unwrap().read_by_others_no;
        assert_eq!((read_no, seen_no), (expected, expected), "after marking {mark}");
    }
    // A mark beyond the end does not cover later messages.
    say(&world, alice, direct, "later").await;
    assert_eq!(unread(&world, bob, direct).await, 1);
}

#[tokio::test]
async fn the_highest_of_concurrent_read_marks_remains() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    say_all(&world, alice, direct, 40).await;
    let marks = join_all((1..=40).rev().map(|no| chat::mark_read(&world, bob, direct, no))).await;
    assert!(marks.into_iter().all(|marked| marked.is_ok()));
    assert_eq!(chat::summary(&world, bob, direct).await.unwrap().read_no, 40);
}

/// The numbers of all rows in a page, ascending.
fn seqs(page: &Changes) -> Vec<u64> {
    let members = page.members.iter().map(|member| member.seq);
    let rows =
        page.messages.iter().map(|message| message.seq).chain(members).chain(page.chat.iter().map(|row| row.seq));
    let mut seqs: Vec<u64> = rows.collect();
    seqs.sort_unstable();
    seqs
}

#[tokio::test]
async fn pages_of_changes_add_up_to_all_changes() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob]).await;
    say_all(&world, bob, group, 7).await;
    groups::add_member(&world, alice, group, carol.user_id).await.unwrap();
    let update = UpdateGroup { title: Some("New".into()), description: None };
    groups::update(&world, alice, group, update).await.unwrap();
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    say_all(&world, carol, group, 5).await;

    let whole = chat::changes(&world, alice, group, 0, None).await.unwrap();
    let head = chat::summary(&world, alice, group).await.unwrap().chat.seq;
    assert_eq!((whole.more, whole.seq, seqs(&whole).last().copied()), (false, head, Some(head)));
    for limit in [1, 2, 3, 100] {
        let (mut after, mut collected) = (0, Vec::new());
        loop {
            let page = chat::changes(&world, alice, group, after, Some(limit)).await.unwrap();
            let rows = seqs(&page);
            assert!(rows.len() <= limit as usize && rows.iter().all(|seq| *seq > after && *seq <= page.seq));
            assert!(page.messages.is_sorted_by_key(|message| message.seq));
            collected.extend(rows);
            after = page.seq;
            if !page.more {
                break;
            }
        }
        assert_eq!((collected, after), (seqs(&whole), head), "by {limit}");
    }
    for after in [head, head + 1, u64::MAX] {
        let page = chat::changes(&world, alice, group, after, None).await.unwrap();
        assert_eq!((seqs(&page), page.seq, page.more), (Vec::new(), head, false));
    }
    for limit in [0, 101] {
        assert_eq!(refused_fields(chat::changes(&world, alice, group, 0, Some(limit)).await), ["limit"]);
    }
    assert!(whole.users.iter().any(|user| user.id == bob.user_id), "the page contains the users named in its rows");
}

#[tokio::test]
async fn hello_returns_the_chats_that_the_device_does_not_hold() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let (quiet, busy) = (world.group(alice, &[bob]).await, world.group(alice, &[bob]).await);
    let first = chat::hello(&world, bob, None, &Held::default()).await.unwrap();
    assert_eq!((first.chats.len(), first.more, first.user.user.id), (3, false, bob.user_id));
    let held: HashMap<ChatId, u64> = first.chats.iter().map(|chat| (chat.chat.id, chat.chat.seq)).collect();
    let again = chat::hello(&world, bob, Some(first.mine), &held.clone().into()).await.unwrap();
    assert_eq!((again.chats, again.gone, again.mine), (vec![], vec![], first.mine));

    say(&world, alice, busy, "news").await;
    let nowhere = ChatId::fresh();
    let mut held_more = held.clone();
    held_more.insert(nowhere, 1);
    let welcome = chat::hello(&world, bob, Some(first.mine), &held_more.clone().into()).await.unwrap();
    assert_eq!(welcome.chats.iter().map(|chat| chat.chat.id).collect::<Vec<_>>(), [busy]);
    assert_eq!(welcome.gone, [nowhere]);
    assert!(welcome.users.iter().any(|user| user.id == alice.user_id));

    // A chat that the device did not name is included, also without a change.
    let named: HashMap<ChatId, u64> = held.into_iter().filter(|(id, _)| *id != quiet && *id != busy).collect();
    let welcome = chat::hello(&world, bob, Some(first.mine), &named.clone().into()).await.unwrap();
    assert_eq!(welcome.chats.iter().map(|chat| chat.chat.id).collect::<Vec<_>>(), [busy, quiet]);
}

#[tokio::test]
async fn hello_returns_the_newest_two_hundred_chats() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    for _ in 0..200 {
        world.group(alice, &[]).await;
    }
    let last = world.group(alice, &[bob]).await;
    let welcome = chat::hello(&world, alice, None, &Held::default()).await.unwrap();
    assert_eq!((welcome.chats.len(), welcome.more, welcome.chats[0].chat.id), (200, true, last));
}

#[tokio::test]
async fn heads_return_changed_and_gone_chats() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let (quiet, busy) = (world.group(alice, &[bob]).await, world.group(alice, &[bob]).await);
    let others = world.group(alice, &[]).await;
    let welcome = chat::hello(&world, bob, None, &Held::default()).await.unwrap();
    let mut held: HashMap<ChatId, u64> = welcome.chats.iter().map(|chat| (chat.chat.id, chat.chat.seq)).collect();
    held.insert(others, 1);
    let message = say(&world, alice, busy, "news").await;
    let heads = chat::heads(&world, bob, &held.clone().into()).await.unwrap();
    assert_eq!((heads.mine, heads.gone), (welcome.mine, vec![others]));
    assert!(heads.chats.len() == 1 && !heads.chats.contains_key(&quiet));
    let head = heads.chats[&busy];
    assert_eq!((head.seq, head.read_no, head.unread), (message.seq, 0, 1));
    let none = chat::heads(&world, bob, &Held::default()).await.unwrap();
    assert_eq!((none.mine, none.chats.len(), none.gone.len()), (welcome.mine, 0, 0));
}

#[tokio::test]
async fn more_than_five_hundred_chats_in_one_request_are_refused() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let held = |count: usize| -> HashMap<ChatId, u64> { (0..count).map(|_| (ChatId::fresh(), 1)).collect() };
    let most = held(limits::HEADS_MAX);
    assert_eq!(chat::heads(&world, alice, &most.clone().into()).await.unwrap().gone.len(), 500);
    assert_eq!(chat::hello(&world, alice, None, &most.clone().into()).await.unwrap().gone.len(), 500);
    let too_many = held(501);
    assert_eq!(refused(chat::heads(&world, alice, &too_many.clone().into()).await), Some(InvalidInput));
    assert_eq!(refused(chat::hello(&world, alice, None, &too_many.clone().into()).await), Some(InvalidInput));
}

#[tokio::test]
async fn the_own_state_of_a_chat_is_visible_only_to_its_user() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (before, others) =
        (chat::summary(&world, alice, group).await.unwrap(), chat::summary(&world, bob, group).await.unwrap());
    let until = Timestamp::parse("2100-01-01T00:00:00Z").unwrap();
    let update = UpdateOwnState {
        muted_until: Some(Some(until)),
        pinned: Some(true),
        archived: Some(true),
        draft: Some(Some(" to be ".into())),
        marked_unread: Some(true),
    };
    let changed = chat::update_own_state(&world, alice, group, update).await.unwrap();
    assert_eq!((changed.pinned, changed.archived, changed.marked_unread), (true, true, true));
    assert_eq!((changed.muted_until, changed.draft.as_deref()), (Some(until), Some(" to be ")));
    assert_eq!((changed.my_seq, changed.chat.seq), (before.my_seq + 1, before.chat.seq));
    assert_eq!(chat::summary(&world, bob, group).await.unwrap(), others);

    // Absent fields stay, null clears a field.
    let update = UpdateOwnState { muted_until: Some(None), pinned: Some(false), ..UpdateOwnState::default() };
    let changed = chat::update_own_state(&world, alice, group, update).await.unwrap();
    assert_eq!((changed.muted_until, changed.pinned), (None, false));
    assert_eq!(
        (changed.archived, changed.draft.as_deref(), changed.my_seq),
        (true, Some(" to be "), before.my_seq + 2)
    );
    let update = UpdateOwnState { draft: Some(Some("  ".into())), ..UpdateOwnState::default() };
    assert_eq!(chat::update_own_state(&world, alice, group, update).await.unwrap().draft, None);

    let welcome = chat::hello(&world, alice, Some(before.my_seq), &Held::default()).await.unwrap();
    assert_eq!(welcome.mine, before.my_seq + 3);
    for draft in ["x".repeat(8_001), "nul\0".into()] {
        let update = UpdateOwnState { draft: Some(Some(draft)), ..UpdateOwnState::default() };
        assert_eq!(refused_fields(chat::update_own_state(&world, alice, group, update).await), ["draft"]);
    }
}

#[tokio::test]
async fn an_update_of_the_own_state_that_changes_nothing_takes_no_number() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let until = Timestamp::parse("2100-01-01T00:00:00Z").unwrap();
    let update = UpdateOwnState {
        muted_until: Some(Some(until)),
        pinned: Some(true),
        archived: Some(true),
        draft: Some(Some("to be".into())),
        marked_unread: Some(true),
    };
    let listener = Listener::open(&world, alice);
    let changed = chat::update_own_state(&world, alice, group, update.clone()).await.unwrap();
    assert_eq!(listener.frames().await.len(), 1);
    for nothing in [update, UpdateOwnState::default()] {
        assert_eq!(chat::update_own_state(&world, alice, group, nothing).await.unwrap(), changed);
    }
    assert_eq!(listener.frames().await, []);
    assert_eq!(chat::hello(&world, alice, None, &Held::default()).await.unwrap().mine, changed.my_seq);
}

#[tokio::test]
async fn a_slow_clock_does_not_move_a_chat_down_in_the_list() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    let group = world.group(alice, &[]).await;
    // The newest message came from a node whose clock is fast.
    let ahead = "update chats set active_at = now() + interval '1 hour' where chat_id = $1";
    sqlx::query(ahead).bind(group.0).execute(&world.db).await.unwrap();
    let before = chat::summary(&world, alice, group).await.unwrap().active_at;
    say(&world, alice, group, "now").await;
    assert_eq!(chat::summary(&world, alice, group).await.unwrap().active_at, before);
}

#[tokio::test]
async fn a_new_message_unarchives_a_chat_unless_it_is_muted() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let is_archived = async || chat::summary(&world, alice, group).await.unwrap().archived;
    let update = async |update| chat::update_own_state(&world, alice, group, update).await.unwrap().archived;
    let archive = UpdateOwnState { archived: Some(true), ..UpdateOwnState::default() };
    let keep = UpdateOwnState { draft: Some(Some("a draft".into())), ..UpdateOwnState::default() };
    let until = |at: i64| UpdateOwnState { muted_until: Some(Some(Timestamp(at))), ..UpdateOwnState::default() };
    assert!(update(archive.clone()).await && update(keep.clone()).await, "a draft does not un-archive the chat");
    say(&world, bob, group, "back").await;
    assert!(!is_archived().await);
    // Muting the chat afterwards does not archive it again.
    assert!(!update(until(i64::from(i32::MAX) * 1_000)).await && !update(keep).await);
    assert!(update(archive).await);
    say(&world, bob, group, "quiet").await;
    assert!(is_archived().await);
    assert!(update(until(0)).await, "a message that arrived during the mute does not un-archive the chat");
    say(&world, bob, group, "loud").await;
    assert!(!is_archived().await);
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_a_name_and_with_a_typo() {
    let world = World::new().await;
    let [alice, _] = world.people(["alice_green", "bob_stone"]).await;
    let update =
        protocol::profiles::UpdateMe { display_name: Some("Алиса Ивановна".into()), ..Default::default() };
    profiles::update_me(&world, alice, update).await.unwrap();
    for (query, found) in [
        ("alice", true),
        ("@alice_g", true),
        ("ALICE_GREEN", true),
        ("alice_gren", true),
        ("alcie", true),
        ("Алсиа", true),
        ("ивановма", true),
        ("али", true),
        ("иван", true),
        ("", false),
        ("zzz", false),
        ("%", false),
        ("_", false),
        ("\0", false),
        ("ali\0ce", false),
    ] {
        let people = profiles::find(&world, query, None).await.unwrap().items;
        assert_eq!(people.iter().any(|user| user.id == alice.user_id), found, "{query:?}");
    }
}
