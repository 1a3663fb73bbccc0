//! Counts the round trips to the database that an operation takes.

use crate::support::{Listener, World, draft, say, say_all, waiting_for_locks};
use futures::future::join_all;
use protocol::{chat::Window, frames::Held};
use services::{Node, Settings, chat, infra::database as pool};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream, tcp::OwnedReadHalf, unix::OwnedWriteHalf},
};

/// Round trips to the database. The check of a connection that returns to the pool is not one of them: nobody waits.
#[derive(Clone, Default)]
struct Trips(Arc<AtomicUsize>);

impl Trips {
    /// Listens on loopback, passes everything on to the server of this address, and returns the own address.
    async fn proxy(&self, url: &str) -> String {
        let (address, folder) = url.split_once("?host=").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (trips, socket) = (self.clone(), format!("{folder}/.s.PGSQL.5432"));
        let own = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                client.set_nodelay(true).unwrap();
                let server = UnixStream::connect(&socket).await.unwrap();
                let ((mut answers, requests), (asked, mut answered)) = (server.into_split(), client.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut answered).await });
                tokio::spawn(trips.clone().pass_on(asked, requests));
            }
        });
        format!("{}?sslmode=disable", address.replace("localhost", &own.to_string()))
    }

    /// Passes the client's messages on. A trip ends with a `Sync` after a statement, or is a simple query.
    async fn pass_on(self, mut asked: OwnedReadHalf, mut requests: OwnedWriteHalf) -> io::Result<()> {
        let start = asked.read_u32().await?;
        self.copy(&mut asked, &mut requests, start, &start.to_be_bytes()).await?;
        let mut has_statement = false;
        loop {
            let kind = asked.read_u8().await?;
            let length = asked.read_u32().await?;
            match kind {
                b'Q' => self.count(),
                b'S' if has_statement => self.count(),
                _ => {}
            }
            has_statement = !matches!(kind, b'S' | b'Q');
            self.copy(&mut asked, &mut requests, length, &[&[kind], &length.to_be_bytes()[..]].concat()).await?;
        }
    }

    /// The length counts itself.
    async fn copy(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        length: u32,
        head: &[u8],
    ) -> io::Result<()> {
        let mut body = vec![0; length as usize - 4];
        from.read_exact(&mut body).await?;
        to.write_all(&[head, &body].concat()).await
    }

    fn count(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    /// The trips of some work. Statements must be prepared already.
    async fn of<T>(&self, work: impl Future<Output = T>) -> usize {
        let before = self.0.load(SeqCst);
        work.await;
        self.0.load(SeqCst) - before
    }
}

/// A node whose trips are counted, on one connection, so that each statement is prepared once.
async fn counted(world: &World) -> (Node, Trips) {
    let trips = Trips::default();
    let url = trips.proxy(&world.url).await;
    let db = pool::connect(&url, 1).await.unwrap();
    (Node::open(db, Settings { limits: false, ..Settings::default() }).await.unwrap(), trips)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_takes_four_round_trips_and_so_does_a_batch() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (node, trips) = counted(&world).await;
    let listener = Listener::open(&node, bob);
    // The first send prepares the statements and reads the members.
    say(&node, alice, group, "first").await;
    assert_eq!(trips.of(say(&node, alice, group, "one")).await, 4);

    // While another transaction has the chat, sends wait, and are committed together afterwards.
    let mut tx = pool::begin(&world.db).await.unwrap();
    sqlx::query("select from chats where chat_id = $1 for update").bind(group.0).execute(&mut *tx).await.unwrap();
    let batches = async {
        let first = chat::begin_post(&node, alice, group, draft("first of a batch"), None).unwrap();
        waiting_for_locks(&world.db, 1).await;
        let sends = (0..256).map(|n| chat::begin_post(&node, bob, group, draft(&n.to_string()), None).unwrap());
        let sends: Vec<_> = sends.collect();
        tx.commit().await.unwrap();
        first.await.unwrap();
        join_all(sends).await.into_iter().for_each(|sent| drop(sent.unwrap()));
    };
    assert_eq!(trips.of(batches).await, 8, "a batch of one, and a batch of 256");
    assert_eq!(listener.frames().await.len(), 2 + 257);
}

#[tokio::test]
async fn reading_costs_a_fixed_number_of_round_trips() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    say_all(&world, alice, group, 60).await;
    let (node, trips) = counted(&world).await;
    let _listener = Listener::open(&node, alice);
    let held = Held::default();
    // The first time prepares the statements and reads the members.
    for is_prepared in [false, true] {
        let costs = [
            ("hello", 2, trips.of(chat::hello(&node, bob, None, &held)).await),
            ("heads", 1, trips.of(chat::heads(&node, bob, &held)).await),
            ("the newest page", 2, trips.of(chat::history(&node, bob, group, Window::Newest, None)).await),
            ("a page before", 2, trips.of(chat::history(&node, bob, group, Window::Before(40), None)).await),
            ("a page after", 2, trips.of(chat::history(&node, bob, group, Window::After(40), None)).await),
            ("changes", 1, trips.of(chat::changes(&node, bob, group, 10, None)).await),
            ("the list", 1, trips.of(chat::list(&node, bob, None, None, None)).await),
            ("typing", 0, trips.of(chat::typing(&node, bob, group)).await),
        ];
        for (what, expected, cost) in costs.into_iter().filter(|_| is_prepared) {
            assert_eq!(cost, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn the_cost_of_a_hello_does_not_depend_on_the_number_of_chats() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    let (node, trips) = counted(&world).await;
    let mut costs = Vec::new();
    for more in [0, 30] {
        for _ in 0..more {
            world.group(alice, &[]).await;
        }
        chat::hello(&node, alice, None, &Held::default()).await.unwrap();
        costs.push(trips.of(chat::hello(&node, alice, None, &Held::default())).await);
    }
    assert_eq!(costs, [2, 2]);
}
