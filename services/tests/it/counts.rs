//! Unread counts: equal on all devices of a user after any operations and lost frames, exact, and cheap to read.

use crate::support::{Listener, World, draft, holds, react, say_all};
use protocol::{
    chat::{EditMessage, UpdateOwnState, Window},
    error::ErrorCode,
    frames::{Held, ServerFrame},
    ids::ChatId,
    reducer::{Need, State},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use services::{
    Actor, Node, Settings,
    chat::{self, commit::Reacting},
    infra::database as pool,
};
use sqlx::PgPool;

const OPERATIONS: usize = 1_000;
/// The devices are compared each time after this many operations.
const EVERY: usize = 20;
const SEED: u64 = 4;

struct Device {
    state: State,
    listener: Listener,
    /// The percentage of frames that are lost.
    loses: u32,
}

impl Device {
    /// A device that holds this many of the chat's newest messages.
    async fn open(node: &Node, actor: Actor, chat_id: ChatId, holds: Option<u32>, loses: u32) -> Self {
        let listener = Listener::open(node, actor);
        let mut state = State::default();
        state.apply(ServerFrame::Welcome(chat::hello(node, actor, None, &Held::default()).await.unwrap()));
        if let Some(holds) = holds {
            let history = chat::history(node, actor, chat_id, Window::Newest, Some(holds)).await.unwrap();
            state.apply_history(chat_id, history);
        }
        Self { state, listener, loses }
    }

    async fn take(&mut self, random: &mut StdRng) {
        for frame in self.listener.frames().await {
            if random.random_range(0..100) >= self.loses {
                self.state.apply(frame);
            }
        }
    }

    /// The repair that every device runs within 25 seconds.
    async fn heal(&mut self, node: &Node, actor: Actor, chat_id: ChatId) {
        let heads = chat::heads(node, actor, &self.state.held()).await.unwrap();
        if self.state.apply(ServerFrame::Heads(heads)) == Need::Hello {
            let welcome = chat::hello(node, actor, Some(self.state.mine), &self.state.held()).await.unwrap();
            self.state.apply(ServerFrame::Welcome(welcome));
        }
        while let Some(after) = self.state.chats[&chat_id].gap() {
            let changes = chat::changes(node, actor, chat_id, after, None).await.unwrap();
            self.state.apply_changes(after, changes);
        }
        let heads = chat::heads(node, actor, &self.state.held()).await.unwrap();
        self.state.apply(ServerFrame::Heads(heads));
    }

    fn counts(&self, chat_id: ChatId) -> (u32, u32, bool, u64) {
        let summary = &self.state.chats[&chat_id].summary;
        (summary.unread, summary.mentions_unread, summary.marked_unread, summary.read_no)
    }
}

/// One random operation; a refused one changes nothing.
async fn operate(node: &Node, random: &mut StdRng, [reader, alice, bob]: [Actor; 3], chat_id: ChatId) {
    let last_no = chat::summary(node, reader, chat_id).await.unwrap().chat.last_no;
    let some_no = random.random_range(1..=last_no);
    let other = if random.random_bool(0.5) { alice } else { bob };
    let text = if random.random_bool(0.3) { "@reader look" } else { "words" };
    let done = match random.random_range(0..100) {
        0..45 => chat::post_message(node, other, chat_id, draft(text)).await.map(drop),
        45..60 => {
            let edit = EditMessage { text: text.into(), base_seq: None };
            chat::edit_message(node, other, chat_id, some_no, edit).await.map(drop)
        }
        60..72 => chat::delete_message(node, alice, chat_id, some_no).await.map(drop),
        72..80 => react(node, other, (chat_id, some_no), "👍", Reacting::Give).await.map(drop),
        80..92 => chat::mark_read(node, reader, chat_id, some_no).await,
        92..95 => {
            let update = UpdateOwnState { marked_unread: Some(true), ..UpdateOwnState::default() };
            chat::update_own_state(node, reader, chat_id, update).await.map(drop)
        }
        _ => chat::post_message(node, reader, chat_id, draft("mine")).await.map(drop),
    };
    if let Err(rejection) = done {
        assert!(matches!(rejection.code(), ErrorCode::Forbidden | ErrorCode::Conflict), "{rejection}");
    }
}

#[tokio::test]
async fn a_chat_read_on_another_device_is_read_on_a_device_that_got_no_frame() {
    let world = World::new().await;
    let [reader, alice] = world.people(["reader", "alice"]).await;
    let direct = world.direct(alice, reader).await;
    for _ in 0..30 {
        chat::post_message(&world, alice, direct, draft("words")).await.unwrap();
    }
    let asleep = Device::open(&world, reader, direct, None, 100).await;
    // A read mark changes neither the `seq` of the chat nor `mine`.
    chat::mark_read(&world, reader, direct, 20).await.unwrap();
    for by_hello in [true, false] {
        let mut state = asleep.state.clone();
        assert_eq!(state.chats[&direct].summary.unread, 30);
        let (mine, held) = (Some(state.mine), state.held());
        state.apply(if by_hello {
            ServerFrame::Welcome(chat::hello(&world, reader, mine, &held).await.unwrap())
        } else {
            ServerFrame::Heads(chat::heads(&world, reader, &held).await.unwrap())
        });
        let summary = &state.chats[&direct].summary;
        assert_eq!((summary.unread, summary.read_no), (10, 20), "by hello: {by_hello}");
        // A known read mark is not returned again.
        assert!(chat::heads(&world, reader, &state.held()).await.unwrap().chats.is_empty());
    }
}

#[tokio::test]
async fn unread_counts_on_three_devices_stay_equal_through_a_thousand_operations() {
    let world = World::new().await;
    let people = world.people(["reader", "alice", "bob"]).await;
    let [reader, alice, bob] = people;
    let group = world.group(alice, &[reader, bob]).await;
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..60 {
        operate(&world, &mut random, people, group).await;
    }
    let mut devices = [
        Device::open(&world, reader, group, Some(100), 0).await,
        Device::open(&world, reader, group, None, 0).await,
        Device::open(&world, reader, group, Some(5), 40).await,
    ];
    let mut seen = 0;
    for done in 1..=OPERATIONS {
        operate(&world, &mut random, people, group).await;
        if done % EVERY > 0 {
            continue;
        }
        let summary = chat::summary(&world, reader, group).await.unwrap();
        let expected = (summary.unread, summary.mentions_unread, summary.marked_unread, summary.read_no);
        for (n, device) in devices.iter_mut().enumerate() {
            device.take(&mut random).await;
            device.heal(&world, reader, group).await;
            assert_eq!(device.counts(group), expected, "device {n} after {done} operations");
        }
        seen = seen.max(summary.mentions_unread);
    }
    assert!(seen > 0, "a run without unread mentions shows nothing");
}

#[tokio::test]
async fn unread_counts_are_exact_among_many_uncounted_messages() {
    let world = World::new().await;
    let [reader, alice] = world.people(["reader", "alice"]).await;
    let group = world.group(alice, &[reader]).await;
    let unread = async || chat::summary(&world, reader, group).await.unwrap().unread;
    say_all(&world, alice, group, 2_500).await;
    assert_eq!(unread().await, 1_000);
    // Most of the first 2,000 messages after the mark do not count; countable ones follow.
    let delete = async |nos: std::ops::RangeInclusive<u64>| {
        chat::delete_messages(&world, alice, group, &nos.collect::<Vec<_>>()).await.unwrap();
    };
    delete(2..=1_301).await;
    assert_eq!(unread().await, 1_000);
    delete(1_302..=1_502).await;
    assert_eq!(unread().await, 999);
    delete(1_503..=2_501).await;
    assert_eq!(unread().await, 0);
    say_all(&world, alice, group, 3).await;
    assert_eq!(unread().await, 3);
    chat::mark_read(&world, reader, group, 2_502).await.unwrap();
    assert_eq!(unread().await, 2);
}

/// The rows of `messages` that statements on this connection have read so far.
async fn rows_read(db: &PgPool) -> i64 {
    sqlx::query("select pg_stat_force_next_flush()").execute(db).await.unwrap();
    let rows = "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'messages'";
    sqlx::query_scalar(rows).fetch_one(db).await.unwrap()
}

#[tokio::test]
async fn unread_counts_do_not_read_the_unread_messages() {
    const CHATS: i64 = 5;
    let world = World::new().await;
    let [reader, alice] = world.people(["reader", "alice"]).await;
    for _ in 0..CHATS {
        let group = world.group(alice, &[reader]).await;
        say_all(&world, alice, group, 1_200).await;
        chat::delete_message(&world, alice, group, 7).await.unwrap();
    }
    sqlx::query("analyze messages").execute(&world.db).await.unwrap();
    // One connection reads messages, and one reads sessions. The others have closed and reported their statistics.
    let node = Node::open(pool::connect(&world.url, 1).await.unwrap(), Settings::default()).await.unwrap();
    world.stop().await;
    let closed = "select count(*) = $1 from pg_stat_activity
         where datname = current_database() and backend_type = 'client backend'";
    holds(&node.db, closed, 2_i64).await;
    let held = Held::default();
    let before = rows_read(&node.db).await;
    let welcome = chat::hello(&node, reader, None, &held).await.unwrap();
    assert_eq!(welcome.chats.iter().filter(|chat| chat.unread == 1_000).count() as i64, CHATS);
    let after = rows_read(&node.db).await;
    // Per chat: the last message, and the two that do not count.
    assert!(after - before <= 5 * (CHATS + 1), "hello read {} rows", after - before);
    let held = Held { chats: welcome.chats.iter().map(|chat| (chat.chat.id, 0)).collect(), ..Held::default() };
    let heads = chat::heads(&node, reader, &held).await.unwrap();
    assert_eq!(heads.chats.values().filter(|head| head.unread == 1_000).count() as i64, CHATS);
    let read = rows_read(&node.db).await - after;
    assert!(read <= 5 * (CHATS + 1), "heads read {read} rows");
}
