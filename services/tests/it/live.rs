//! Live delivery: which frames a socket gets, in which order, and which it does not get.

use crate::support::{Listener, World, draft, history, home, react, register, say, seq_of};
use futures::future::join_all;
use protocol::{
    chat::{ChatSummary, EditMessage, ForwardMessage, Message, PostMessage, UpdateOwnState},
    frames::{Held, Reply, ServerFrame},
    groups::{Member, Role, UpdateGroup},
    ids::{ChatId, ClientId},
    profiles::UpdateMe,
    reducer::{Need, State},
    time::Timestamp,
};
use services::{
    Actor, Node, Result, auth,
    chat::{self, commit::Reacting},
    groups::{self, MembersPage},
    live::{Close, Origin},
    profiles,
};

/// The messages among some frames.
fn messages(frames: &[ServerFrame]) -> Vec<&Message> {
    let carried = frames.iter().map(|frame| match frame {
        ServerFrame::Message { message, .. } => Some(message),
        _ => None,
    });
    carried.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_every_change_once_in_the_order_of_seq() {
    let world = World::new().await;
    let people = world.people(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = people;
    let group = world.group(alice, &[bob, carol]).await;
    let before = chat::summary(&world, alice, group).await.unwrap().chat.seq;
    let listeners = people.map(|person| Listener::open(&world, person));
    let sending = (0..60).map(|n| {
        let (node, sender): (Node, Actor) = (world.clone(), people[n % 3]);
        tokio::spawn(async move { say(&node, sender, group, &n.to_string()).await })
    });
    let renaming = UpdateGroup { title: Some("New".into()), description: None };
    let (sent, renamed) = tokio::join!(join_all(sending), groups::update(&world, alice, group, renaming));
    assert!(renamed.is_ok() && sent.iter().all(|sent| sent.is_ok()));
    for listener in &listeners {
        let seqs: Vec<u64> = listener.frames().await.iter().filter_map(seq_of).collect();
        assert_eq!(seqs, (before + 1..=before + 62).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_socket_that_sent_gets_the_ack_in_place_of_the_message() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, bob, direct, "hi").await;
    let (sending, other_device, peer) =
        (Listener::open(&world, alice), Listener::open(&world, alice), Listener::open(&world, bob));
    let origin = Some(Origin { socket: sending.subscription.id, reference: Some(7) });
    let send = draft("hello");
    chat::begin_post(&world, alice, direct, send.clone(), origin).unwrap().await.unwrap();
    let message = history(&world, alice, direct).await.pop().unwrap();
    let ack = Reply { reference: Some(7), frame: ServerFrame::Ack { message: message.clone() } };
    assert_eq!(format!("{:?}", sending.replies().await), format!("{:?}", [ack]));
    for listener in [&other_device, &peer] {
        let expected = ServerFrame::Message { chat_id: direct, seq: message.seq, message: message.clone() };
        assert_eq!(listener.frames().await, [expected]);
    }
    // A repeated send changes nothing, so nothing is sent.
    chat::begin_post(&world, alice, direct, send, origin).unwrap().await.unwrap();
    for listener in [&sending, &other_device, &peer] {
        assert_eq!(listener.frames().await, []);
    }
}

#[tokio::test]
async fn strangers_get_no_frames() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let group = world.group(alice, &[bob]).await;
    let listener = Listener::open(&world, stranger);
    say(&world, alice, group, "hi").await;
    chat::mark_read(&world, bob, group, 2).await.unwrap();
    chat::typing(&world, bob, group).await.unwrap();
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    groups::delete(&world, alice, group).await.unwrap();
    assert_eq!(listener.frames().await, []);
}

#[tokio::test]
async fn removed_member_gets_removed_and_no_later_frame() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob, carol]).await;
    let (staying, leaving) = (Listener::open(&world, carol), Listener::open(&world, bob));
    say(&world, alice, group, "queued, and never read in time").await;
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    say(&world, alice, group, "later").await;
    chat::typing(&world, alice, group).await.unwrap();
    chat::mark_read(&world, carol, group, 2).await.unwrap();
    let mine = chat::hello(&world, bob, None, &Held::default()).await.unwrap().mine;
    assert_eq!(leaving.frames().await, [ServerFrame::Removed { chat_id: group, mine }]);
    let frames = staying.frames().await;
    assert_eq!(messages(&frames).len(), 3);
    assert!(frames.iter().any(|frame| matches!(frame, ServerFrame::Member { member, .. } if member.removed)));
}

#[tokio::test]
async fn a_member_removed_on_another_node_gets_no_later_frame_here() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let listener = Listener::open(&world, bob);
    say(&world, alice, group, "before").await;
    assert_eq!(messages(&listener.frames().await).len(), 1);
    groups::remove_member(&other_node, alice, group, bob.user_id).await.unwrap();
    say(&world, alice, group, "after").await;
    chat::typing(&world, alice, group).await.unwrap();
    assert_eq!(listener.frames().await, []);
}

#[tokio::test]
async fn added_member_gets_their_own_row_first() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[]).await;
    let listener = Listener::open(&world, bob);
    groups::add_member(&world, alice, group, bob.user_id).await.unwrap();
    let frames = listener.frames().await;
    let ServerFrame::Mine { mine, chat, .. } = &frames[0] else { panic!("{frames:?}") };
    assert_eq!((chat.chat.id, chat.my_seq), (group, *mine));
    let after = say(&world, alice, group, "welcome").await;
    assert_eq!(messages(&listener.frames().await), [&after]);
}

#[tokio::test]
async fn a_new_chat_is_sent_to_its_members() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let listeners = [alice, bob].map(|person| Listener::open(&world, person));
    let group = world.group(alice, &[bob]).await;
    for listener in &listeners {
        let frames = listener.frames().await;
        assert!(matches!(&frames[..], [ServerFrame::Mine { chat, .. }] if chat.chat.id == group), "{frames:?}");
    }
    // The peer of a direct chat is notified with the first message.
    let direct = world.direct(alice, bob).await;
    assert!(matches!(&listeners[0].frames().await[..], [ServerFrame::Mine { .. }]));
    assert_eq!(listeners[1].frames().await, []);
    say(&world, alice, direct, "hi").await;
    let frames = listeners[1].frames().await;
    assert!(matches!(&frames[..], [ServerFrame::Mine { chat, .. }, ServerFrame::Message { .. }] if chat.unread == 1));
}

#[tokio::test]
async fn a_deleted_group_is_removed_from_every_device() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let listeners = [alice, bob].map(|person| Listener::open(&world, person));
    say(&world, alice, group, "queued").await;
    groups::delete(&world, alice, group).await.unwrap();
    for listener in &listeners {
        let frames = listener.frames().await;
        assert!(matches!(frames[..], [ServerFrame::Removed { chat_id, .. }] if chat_id == group), "{frames:?}");
    }
}

#[tokio::test]
async fn read_marks_are_throttled_and_the_last_one_is_always_sent() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    for _ in 0..20 {
        say(&world, alice, direct, "hi").await;
    }
    let listener = Listener::open(&world, alice);
    for no in 1..=20 {
        chat::mark_read(&world, bob, direct, no).await.unwrap();
    }
    let mut marks = Vec::new();
    while marks.last() != Some(&20) {
        let ServerFrame::Read { chat_id, user_id, no } = listener.next_frame().await else { panic!("not a read mark") };
        assert_eq!((chat_id, user_id), (direct, bob.user_id));
        marks.push(no);
    }
    assert!(marks.is_sorted() && marks.len() <= 4, "{marks:?}: at once, then at most one a second");
    // A mark that does not move is not sent.
    chat::mark_read(&world, bob, direct, 20).await.unwrap();
    assert_eq!(listener.frames().await, []);
}

#[tokio::test]
async fn typing_is_sent_to_the_others() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (typing, reading) = (Listener::open(&world, alice), Listener::open(&world, bob));
    chat::typing(&world, alice, group).await.unwrap();
    assert_eq!(reading.frames().await, [ServerFrame::Typing { chat_id: group, user_id: alice.user_id }]);
    assert_eq!(typing.frames().await, []);
}

#[tokio::test]
async fn typing_stops_in_groups_of_more_than_a_hundred() {
    let world = World::new().await;
    let [alice, bob, hundredth, one_more] = world.people(["alice", "bob", "carol", "dave"]).await;
    let group = world.group(alice, &[bob]).await;
    let many = "insert into members (chat_id, user_id, joined_at, seq)
        select $1, gen_random_uuid(), now(), 0 from generate_series(1, 97)";
    sqlx::query(many).bind(group.0).execute(&world.db).await.unwrap();
    let reading = Listener::open(&world, bob);
    for (added, typed) in [(hundredth, 1), (one_more, 0)] {
        groups::add_member(&world, alice, group, added.user_id).await.unwrap();
        chat::typing(&world, alice, group).await.unwrap();
        let frames = reading.frames().await;
        let typing = frames.iter().filter(|frame| matches!(frame, ServerFrame::Typing { .. }));
        assert_eq!(typing.count(), typed);
    }
}

#[tokio::test]
async fn one_more_than_a_hundred_sockets_of_a_user_closes_the_oldest() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let others = Listener::open(&world, bob);
    let sockets: Vec<Listener> = (0..102).map(|_| Listener::open(&world, alice)).collect();
    for oldest in &sockets[..2] {
        assert_eq!(oldest.next().await.unwrap_err(), Close::Overloaded);
    }
    assert!(sockets[2..].iter().chain([&others]).all(|listener| !listener.subscription.outbound.is_closing()));
}

#[tokio::test]
async fn own_state_is_sent_only_to_the_users_devices() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (own, other) = (Listener::open(&world, alice), Listener::open(&world, bob));
    let update = UpdateOwnState { pinned: Some(true), ..UpdateOwnState::default() };
    let chat = chat::update_own_state(&world, alice, group, update).await.unwrap();
    let frames = own.frames().await;
    let [ServerFrame::Mine { mine, chat: sent, .. }] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((*mine, sent), (chat.my_seq, &chat));
    assert_eq!(other.frames().await, []);
}

#[tokio::test]
async fn a_new_name_is_sent_to_the_users_who_share_a_chat() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    world.group(alice, &[bob]).await;
    let listeners = [alice, bob, stranger].map(|person| Listener::open(&world, person));
    let update = UpdateMe {
        display_name: Some("Alice II".into()),
        email: Some(Some("a@b.example".into())),
        ..UpdateMe::default()
    };
    let user = profiles::update_me(&world, alice, update).await.unwrap().user;
    assert_eq!(user.display_name, "Alice II");
    for (listener, is_notified) in listeners.iter().zip([true, true, false]) {
        let expected = if is_notified { vec![ServerFrame::User { user: user.clone() }] } else { vec![] };
        assert_eq!(listener.frames().await, expected);
    }
}

#[tokio::test]
async fn updates_that_change_nothing_send_nothing() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let me = profiles::me(&world, alice).await.unwrap();
    let before = chat::summary(&world, alice, group).await.unwrap();
    let listeners = [alice, bob].map(|person| Listener::open(&world, person));
    let same = UpdateMe {
        display_name: Some(me.user.display_name.clone()),
        bio: Some(me.user.bio.clone()),
        locale: Some(Some("ru".into())),
        ..UpdateMe::default()
    };
    for _ in 0..2 {
        assert_eq!(profiles::update_me(&world, alice, same.clone()).await.unwrap().user, me.user);
    }
    let title = before.chat.title.clone();
    let update = UpdateGroup { title, description: Some(before.chat.description.clone()) };
    assert_eq!(groups::update(&world, alice, group, update).await.unwrap(), before);
    groups::change_role(&world, alice, group, bob.user_id, Role::Member).await.unwrap();
    assert_eq!(chat::summary(&world, alice, group).await.unwrap(), before);
    for listener in &listeners {
        assert_eq!(listener.frames().await, []);
    }
}

#[tokio::test]
async fn a_session_that_ends_closes_only_its_own_sockets() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let phone = auth::open_session(&world, alice.user_id, &home()).await.unwrap();
    let (own, first, second) =
        (Listener::open(&world, alice), Listener::open(&world, phone), Listener::open(&world, phone));
    auth::revoke_session(&world, alice, phone.session_id).await.unwrap();
    for listener in [first, second] {
        assert_eq!(listener.next_frame().await, ServerFrame::Revoked {});
        assert_eq!(listener.next().await.unwrap_err(), Close::SignedOut);
    }
    assert_eq!(own.frames().await, []);
}

#[tokio::test]
async fn frames_queued_for_an_ended_session_are_dropped() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    let listener = Listener::open(&world, bob);
    say(&world, alice, direct, "queued").await;
    auth::sign_out(&world, bob).await.unwrap();
    assert_eq!(listener.next_frame().await, ServerFrame::Revoked {});
    assert_eq!(listener.next().await.unwrap_err(), Close::SignedOut);
}

#[tokio::test]
async fn a_session_ended_on_another_node_closes_its_sockets_within_a_second() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let alice = register(&world, "alice").await;
    let listener = Listener::open(&world, alice);
    let watching = tokio::spawn(auth::watch_sessions(world.clone()));
    auth::sign_out(&other_node, alice).await.unwrap();
    let since = std::time::Instant::now();
    assert_eq!(listener.next_frame().await, ServerFrame::Revoked {});
    assert_eq!(listener.next().await.unwrap_err(), Close::SignedOut);
    assert!(since.elapsed().as_secs_f64() < 1.0);
    world.shutdown.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_gets_a_resync_and_misses_nothing() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let mut device = Device::open(&world, bob, group).await;
    let long = "я".repeat(8_000);
    for _ in 0..100 {
        say(&world, alice, group, &long).await;
    }
    let needs = device.take_frames().await;
    assert!(needs.contains(&Need::Heads), "the device learns that it has missed frames");
    let held = device.state.held();
    let heads = chat::heads(&world, bob, &held).await.unwrap();
    device.state.apply(ServerFrame::Heads(heads));
    device.catch_up(&world).await;
    let (mut caught_up, mut fresh) = (device.view().unwrap(), Device::open(&world, bob, group).await.view().unwrap());
    // The reloaded window is the newest hundred messages.
    let messages = std::mem::take(&mut caught_up.messages).split_off(1);
    assert!(messages == std::mem::take(&mut fresh.messages), "the messages differ; they are too long to print");
    assert_eq!(caught_up, fresh);
}

/// A device like the browser: the reducer's state, and the socket that feeds it.
struct Device {
    actor: Actor,
    group: ChatId,
    state: State,
    listener: Listener,
}

/// The visible part of a state.
#[derive(Debug, PartialEq)]
struct View {
    mine: u64,
    head: u64,
    read_by_others_no: u64,
    summary: ChatSummary,
    messages: Vec<Message>,
    members: Vec<Member>,
}

impl Device {
    /// Subscribes, then reads: PROTOCOL section 5 requires this order.
    async fn open(node: &Node, actor: Actor, group: ChatId) -> Self {
        let listener = Listener::open(node, actor);
        let mut state = State::default();
        let welcome = chat::hello(node, actor, None, &Held::default()).await.unwrap();
        state.apply(ServerFrame::Welcome(welcome));
        if state.chats.contains_key(&group) {
            let window = protocol::chat::Window::Newest;
            state.apply_history(group, chat::history(node, actor, group, window, Some(100)).await.unwrap());
            let members = groups::members(node, actor, group, MembersPage::default()).await.unwrap();
            state.apply_members(group, members.items);
        }
        Self { actor, group, state, listener }
    }

    async fn take_frames(&mut self) -> Vec<Need> {
        self.listener.frames().await.into_iter().map(|frame| self.state.apply(frame)).collect()
    }

    /// Requests changes until there is no gap.
    async fn catch_up(&mut self, node: &Node) {
        while let Some(after) = self.state.chats[&self.group].gap() {
            let changes = chat::changes(node, self.actor, self.group, after, Some(7)).await.unwrap();
            self.state.apply_changes(after, changes);
        }
    }

    fn view(&self) -> Option<View> {
        let chat = self.state.chats.get(&self.group)?;
        let mut summary = chat.summary.clone();
        // `seq` is that of the row or that of the newest change, so only `head` is compared.
        summary.chat.seq = 0;
        summary.active_at = chat.active_at();
        let read_by_others_no = std::mem::take(&mut summary.read_by_others_no);
        let members = chat.members.values().filter(|member| !member.removed);
        Some(View {
            mine: self.state.mine,
            head: chat.head,
            read_by_others_no,
            summary,
            messages: chat.messages.values().map(|message| message.as_ref().clone()).collect(),
            members: members.map(|member| member.as_ref().clone()).collect(),
        })
    }
}

/// Changes of a group, in an order that makes each of them possible.
const CHANGES: [&str; 30] = [
    "send",
    "reply",
    "read",
    "send twice",
    "edit",
    "delete the last",
    "delete",
    "add",
    "add again",
    "promote",
    "rename",
    "describe",
    "pin",
    "draft",
    "mention",
    "react",
    "react too",
    "take back a reaction",
    "edit a mention",
    "forward",
    "archive",
    "send to the archived",
    "archive and mute",
    "send to the muted",
    "mark as unread",
    "remove",
    "send without the removed",
    "add the removed",
    "hand over",
    "leave",
];

async fn make(node: &Node, [alice, bob, carol, dora]: [Actor; 4], group: ChatId, change: &str) -> Result<()> {
    let rename = UpdateGroup { title: Some("New".into()), description: None };
    let describe = UpdateGroup { title: None, description: Some("About".into()) };
    let pin = UpdateOwnState { pinned: Some(true), ..UpdateOwnState::default() };
    let write_draft = UpdateOwnState { draft: Some(Some("to be".into())), ..UpdateOwnState::default() };
    let reply = PostMessage { reply_to: Some(2), ..draft("to you") };
    let twice = draft("said");
    let words = |text: &str| EditMessage { text: text.into(), base_seq: None };
    let archive = UpdateOwnState { archived: Some(true), ..UpdateOwnState::default() };
    let last_no = chat::summary(node, bob, group).await?.chat.last_no;
    match change {
        "send" => chat::post_message(node, alice, group, draft("hi")).await.map(drop),
        "reply" => chat::post_message(node, carol, group, reply).await.map(drop),
        "send twice" => {
            chat::post_message(node, bob, group, twice.clone()).await?;
            chat::post_message(node, bob, group, twice).await.map(drop)
        }
        "edit" => chat::edit_message(node, alice, group, 3, words("hello")).await.map(drop),
        "delete the last" => chat::delete_message(node, bob, group, 5).await.map(drop),
        "delete" => chat::delete_message(node, alice, group, 2).await.map(drop),
        "send without the removed" => chat::post_message(node, dora, group, draft("shh")).await.map(drop),
        "read" => chat::mark_read(node, bob, group, 3).await,
        "add" | "add again" => groups::add_member(node, alice, group, dora.user_id).await.map(drop),
        "promote" => groups::change_role(node, alice, group, bob.user_id, Role::Admin).await,
        "rename" => groups::update(node, bob, group, rename).await.map(drop),
        "describe" => groups::update(node, bob, group, describe).await.map(drop),
        "pin" => chat::update_own_state(node, carol, group, pin).await.map(drop),
        "draft" => chat::update_own_state(node, carol, group, write_draft).await.map(drop),
        "mention" => chat::post_message(node, bob, group, draft("@carol and @dora, not @nobody")).await.map(drop),
        "react" => react(node, carol, (group, 3), "👍", Reacting::Give).await.map(drop),
        "react too" => react(node, bob, (group, 3), "👍", Reacting::Give).await.map(drop),
        "take back a reaction" => react(node, carol, (group, 3), "👍", Reacting::TakeBack).await.map(drop),
        "edit a mention" => chat::edit_message(node, bob, group, last_no, words("@alice")).await.map(drop),
        "forward" => {
            let to = ForwardMessage { chat_id: group, client_id: ClientId::fresh() };
            chat::forward_message(node, carol, group, 3, to).await.map(drop)
        }
        "archive" => chat::update_own_state(node, carol, group, archive).await.map(drop),
        "archive and mute" => {
            let muted_until = Some(Some(Timestamp(i64::from(i32::MAX) * 1_000)));
            chat::update_own_state(node, carol, group, UpdateOwnState { muted_until, ..archive }).await.map(drop)
        }
        "send to the archived" | "send to the muted" => {
            chat::post_message(node, alice, group, draft("anybody?")).await.map(drop)
        }
        "mark as unread" => {
            let marked_unread = Some(true);
            let update = UpdateOwnState { marked_unread, ..UpdateOwnState::default() };
            chat::update_own_state(node, bob, group, update).await.map(drop)
        }
        "remove" => groups::remove_member(node, bob, group, carol.user_id).await,
        "add the removed" => groups::add_member(node, bob, group, carol.user_id).await.map(drop),
        "hand over" => groups::change_role(node, alice, group, bob.user_id, Role::Owner).await,
        "leave" => groups::remove_member(node, alice, group, alice.user_id).await,
        other => panic!("unknown change: {other}"),
    }
}

#[tokio::test]
async fn a_device_that_applied_the_frames_of_any_change_equals_a_fresh_one() {
    let world = World::new().await;
    let names = ["alice", "bob", "carol", "dora"];
    let people = world.people(names).await;
    let [alice, bob, carol, _] = people;
    let group = world.group(alice, &[bob, carol]).await;
    say(&world, bob, group, "before").await;
    let mut devices = join_all(people.map(|actor| Device::open(&world, actor, group))).await;
    for change in CHANGES {
        make(&world, people, group, change).await.unwrap();
        for (device, name) in devices.iter_mut().zip(names) {
            let was_in = device.view().is_some();
            let needs = device.take_frames().await;
            assert!(needs.iter().all(|need| *need == Need::Nothing), "{name} misses nothing at {change:?}: {needs:?}");
            let fresh = Device::open(&world, device.actor, group).await;
            if !was_in && fresh.view().is_some() {
                // A device reads a new chat when the user opens it.
                device.state = fresh.state;
                continue;
            }
            let (mut held, fresh) = (device.view(), fresh.view());
            if let (Some(held), Some(fresh)) = (&mut held, &fresh) {
                // The held mark never decreases, even if the member with the highest mark leaves.
                assert!(held.read_by_others_no >= fresh.read_by_others_no, "{name} after {change:?}");
                held.read_by_others_no = fresh.read_by_others_no;
            }
            assert_eq!(held, fresh, "{name} after {change:?}");
        }
    }
}
