//! Presence: which viewers receive frames about a user.

use crate::support::{Listener, World, say};
use protocol::{
    frames::ServerFrame,
    profiles::{LastSeen, UpdateMe},
};
use services::{
    Actor, Node,
    chat::blocks,
    live::Origin,
    profiles::{self, presence},
};
use std::ops::Deref;

/// Waits for the next `presence` frame about a user. Returns whether the user is online, and whether the frame has a
/// time.
async fn next_presence(listener: &Listener, of: Actor) -> (bool, bool) {
    loop {
        if let ServerFrame::Presence { user_id, online, last_seen_at } = listener.next_frame().await
            && user_id == of.user_id
        {
            return (online, last_seen_at.is_some());
        }
    }
}

/// The presence in a profile: none without permission.
async fn read(node: &Node, reader: Actor, of: Actor) -> (Option<bool>, bool) {
    let user = profiles::by_id(node, reader, of.user_id).await.unwrap();
    (user.online, user.last_seen_at.is_some())
}

async fn show_to(node: &Node, actor: Actor, last_seen: LastSeen) {
    let update = UpdateMe { last_seen: Some(last_seen.name().to_owned()), ..UpdateMe::default() };
    profiles::update_me(node, actor, update).await.unwrap();
}

/// The replies to a `watch` frame.
async fn watch(listener: &Listener, viewer: Actor, of: Actor) -> Vec<ServerFrame> {
    let origin = Origin { socket: listener.subscription.id, reference: Some(1) };
    presence::watch(&listener.node, viewer, origin, &[of.user_id]).await.unwrap();
    let replies = listener.replies().await.into_iter().filter(|reply| reply.reference == origin.reference);
    replies.map(|reply| reply.frame).collect()
}

/// A socket, opened as the server opens it.
struct Socket {
    listener: Listener,
    _here: presence::Here,
}

impl Socket {
    fn open(world: &World, actor: Actor) -> Self {
        Self { listener: Listener::open(world, actor), _here: presence::Here::open(world, actor.user_id) }
    }
}

impl Deref for Socket {
    type Target = Listener;

    fn deref(&self) -> &Listener {
        &self.listener
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.tasks.spawn(presence::announce((*world).clone()));
    world
}

#[tokio::test]
async fn peers_of_a_direct_chat_see_each_other_come_and_go() {
    let world = world().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "hi").await;
    let (watching, aside) = (Socket::open(&world, alice), Socket::open(&world, stranger));
    let open = Socket::open(&world, bob);
    assert_eq!(next_presence(&watching, bob).await, (true, false));
    assert_eq!(read(&world, alice, bob).await, (Some(true), false));
    drop(open);
    assert_eq!(next_presence(&watching, bob).await, (false, true));
    assert_eq!(read(&world, alice, bob).await, (Some(false), true));
    assert_eq!(aside.frames().await, [], "a stranger who does not watch gets no frame");
    // A watcher is notified at once, and of later changes.
    let watched = watch(&aside, stranger, bob).await;
    assert!(matches!(watched[..], [ServerFrame::Presence { online: false, last_seen_at: Some(_), .. }]), "{watched:?}");
    let _open = Socket::open(&world, bob);
    assert_eq!(next_presence(&aside, bob).await, (true, false));
}

#[tokio::test]
async fn a_user_shown_as_online_is_shown_as_offline_after_a_short_visit_too() {
    let world = world().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "hi").await;
    let (talking, watching) = (Socket::open(&world, bob), Socket::open(&world, stranger));
    let open = Socket::open(&world, alice);
    // Both receive Alice's status before the announcement that she came online.
    show_to(&world, alice, LastSeen::Everyone).await;
    assert_eq!(next_presence(&talking, alice).await, (true, false));
    let watched = watch(&watching, stranger, alice).await;
    assert!(matches!(watched[..], [ServerFrame::Presence { online: true, .. }]), "{watched:?}");
    drop(open);
    while next_presence(&talking, alice).await.0 {}
    while next_presence(&watching, alice).await.0 {}
}

#[tokio::test]
async fn a_user_decides_who_may_see_their_presence() {
    let world = world().await;
    let [alice, friend, stranger] = world.people(["alice", "friend", "stranger"]).await;
    world.group(alice, &[friend]).await;
    let _open = Socket::open(&world, alice);
    let nothing = (None, false);
    for (choice, friend_sees, stranger_sees) in [
        (LastSeen::Everyone, (Some(true), false), (Some(true), false)),
        (LastSeen::Shared, (Some(true), false), nothing),
        (LastSeen::Nobody, nothing, nothing),
    ] {
        show_to(&world, alice, choice).await;
        assert_eq!(read(&world, friend, alice).await, friend_sees, "{choice:?}");
        assert_eq!(read(&world, stranger, alice).await, stranger_sees, "{choice:?}");
        let by_name = profiles::by_username(&world, stranger, "alice").await.unwrap();
        assert_eq!(by_name.online, stranger_sees.0);
        let listener = Socket::open(&world, stranger);
        let watched = watch(&listener, stranger, alice).await;
        let seen =
            ServerFrame::Presence { user_id: alice.user_id, online: stranger_sees != nothing, last_seen_at: None };
        assert_eq!(watched, [seen]);
        assert_eq!(read(&world, alice, alice).await.0, Some(true), "users see their own presence");
    }
}

#[tokio::test]
async fn a_viewer_that_lost_permission_gets_no_further_frames() {
    let world = world().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "hi").await;
    let watching = Socket::open(&world, bob);
    let open = Socket::open(&world, alice);
    assert_eq!(next_presence(&watching, alice).await, (true, false));
    show_to(&world, alice, LastSeen::Nobody).await;
    assert_eq!(next_presence(&watching, alice).await, (false, false), "offline, without a time: unknown");
    show_to(&world, alice, LastSeen::Everyone).await;
    assert_eq!(next_presence(&watching, alice).await, (true, false));
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    assert_eq!(next_presence(&watching, alice).await, (false, false));
    assert_eq!(read(&world, bob, alice).await, (None, false));
    assert_eq!(read(&world, alice, bob).await, (None, false), "neither sees the other");
    drop(open);
    blocks::unblock(&world, alice, bob.user_id).await.unwrap();
    // Alice is saved as offline after a second.
    while next_presence(&watching, alice).await.0 {}
}

#[tokio::test]
async fn a_viewer_without_permission_gets_no_frames() {
    let world = world().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    for other in [bob, stranger] {
        let direct = world.direct(alice, other).await;
        say(&world, alice, direct, "hi").await;
    }
    blocks::block(&world, alice, bob.user_id).await.unwrap();
    let (blocked, watching) = (Socket::open(&world, bob), Socket::open(&world, stranger));
    let nothing_known = ServerFrame::Presence { user_id: alice.user_id, online: false, last_seen_at: None };
    assert_eq!(watch(&blocked, bob, alice).await, [nothing_known]);
    let open = Socket::open(&world, alice);
    assert_eq!(next_presence(&watching, alice).await, (true, false));
    // A change of Alice's privacy or of a private setting sends the blocked user no frame either.
    show_to(&world, alice, LastSeen::Everyone).await;
    let theme = UpdateMe { theme: Some(Some("dark".into())), ..UpdateMe::default() };
    profiles::update_me(&world, alice, theme).await.unwrap();
    show_to(&world, alice, LastSeen::Nobody).await;
    assert_eq!(next_presence(&watching, alice).await, (false, false));
    blocks::block(&world, alice, stranger.user_id).await.unwrap();
    blocks::unblock(&world, alice, stranger.user_id).await.unwrap();
    show_to(&world, alice, LastSeen::Everyone).await;
    assert_eq!(next_presence(&watching, alice).await, (true, false), "no frame in between");
    drop(open);
    assert_eq!(next_presence(&watching, alice).await, (false, true));
    assert_eq!(blocked.frames().await, []);
}

#[tokio::test]
async fn users_online_when_the_node_stops_were_last_seen_then() {
    let world = World::new().await;
    let announcing = tokio::spawn(presence::announce((*world).clone()));
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "hi").await;
    let watching = Socket::open(&world, bob);
    let _open = Socket::open(&world, alice);
    assert_eq!(next_presence(&watching, alice).await, (true, false));
    let seen = async || -> time::OffsetDateTime {
        let query = sqlx::query_scalar("select last_seen_at from presence where user_id = $1");
        query.bind(alice.user_id.0).fetch_one(&world.db).await.unwrap()
    };
    let came = seen().await;
    while time::OffsetDateTime::now_utc() < came + time::Duration::milliseconds(1) {
        tokio::task::yield_now().await;
    }
    world.shutdown.cancel();
    announcing.await.unwrap();
    assert!(seen().await > came);
}

#[tokio::test]
async fn a_stranger_does_not_learn_that_they_are_blocked() {
    let world = world().await;
    let [alice, friend, stranger] = world.people(["alice", "friend", "stranger"]).await;
    let direct = world.direct(friend, stranger).await;
    say(&world, friend, direct, "hi").await;
    let listener = Socket::open(&world, stranger);
    blocks::block(&world, alice, stranger.user_id).await.unwrap();
    blocks::unblock(&world, alice, stranger.user_id).await.unwrap();
    // Frames arrive in order: a frame about Alice would arrive before the frames about the friend.
    let _open = Socket::open(&world, friend);
    for (choice, online) in [(LastSeen::Everyone, true), (LastSeen::Nobody, false)] {
        show_to(&world, friend, choice).await;
        let expected = ServerFrame::Presence { user_id: friend.user_id, online, last_seen_at: None };
        assert_eq!(listener.next_frame().await, expected);
    }
}
