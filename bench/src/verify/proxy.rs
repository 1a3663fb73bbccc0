//! A TCP proxy between clients and server that can cut, drop, stall or delay.

use crate::Result;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Whole,
    /// Connections are reset, and new ones fail.
    Cut,
    /// Requests arrive; responses are lost.
    Deaf,
    /// Nothing is read from the server, so its buffers fill.
    Stalled,
    /// All bytes are delayed.
    Slow,
}

const LATE: Duration = Duration::from_millis(150);

pub struct Proxy {
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
    /// Incremented by each reset of all connections.
    resets: watch::Sender<u64>,
    counts: Arc<Counts>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    resets: AtomicU64,
    lost_bytes: AtomicU64,
    stalls: AtomicU64,
    delays: AtomicU64,
}

impl Proxy {
    /// Connects clients to the servers in turn (round robin).
    pub async fn start(servers: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (wire, state) = watch::channel(Wire::Whole);
        let (resets, reset) = watch::channel(0);
        let counts: Arc<Counts> = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, servers, Ends { wire: state, reset, counts: counts.clone() }));
        Ok(Self { address, wire, resets, counts, tasks })
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
        if wire == Wire::Cut {
            self.reset();
        }
    }

    /// Resets all connections once; clients may reconnect at once.
    pub fn reset(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }

    /// The number of effects of a state so far, and the name of this effect in the record.
    pub fn proof(&self, wire: Wire) -> (u64, &'static str) {
        let (count, what) = match wire {
            Wire::Whole | Wire::Cut => (&self.counts.resets, "connections reset"),
            Wire::Deaf => (&self.counts.lost_bytes, "bytes of responses lost"),
            Wire::Stalled => (&self.counts.stalls, "reads stalled"),
            Wire::Slow => (&self.counts.delays, "pieces delayed"),
        };
        (count.load(Ordering::Relaxed), what)
    }

    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// The state that every connection observes.
#[derive(Clone)]
struct Ends {
    wire: watch::Receiver<Wire>,
    reset: watch::Receiver<u64>,
    counts: Arc<Counts>,
}

async fn accept(listener: TcpListener, servers: Vec<SocketAddr>, ends: Ends) {
    let mut connections = JoinSet::new();
    let mut in_turn = servers.iter().copied().cycle();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((near, _)) = accepted else { return };
                if *ends.wire.borrow() != Wire::Cut
                    && let Some(server) = in_turn.next()
                {
                    connections.spawn(carry(near, server, ends.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(near: TcpStream, server: SocketAddr, ends: Ends) {
    let Ends { wire, mut reset, counts } = ends;
    reset.mark_unchanged();
    let Ok(far) = TcpStream::connect(server).await else { return };
    // Dropping the streams below sends a reset, as a router that lost its tables does.
    for end in [&near, &far] {
        let _ = end.set_nodelay(true);
        let _ = end.set_zero_linger();
    }
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = pass(near_in, far_out, wire.clone(), &counts, false) => {}
        () = pass(far_in, near_out, wire, &counts, true) => {}
        _ = reset.changed() => {
            counts.resets.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    counts: &Counts,
    answers: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if answers && *wire.borrow_and_update() == Wire::Stalled {
            counts.stalls.fetch_add(1, Ordering::Relaxed);
            if wire.changed().await.is_err() {
                return;
            }
            continue;
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            changed = wire.changed(), if answers => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok(read @ 1..) = read else { return };
        let state = *wire.borrow();
        if answers && state == Wire::Deaf {
            counts.lost_bytes.fetch_add(read as u64, Ordering::Relaxed);
            continue;
        }
        if state == Wire::Slow {
            counts.delays.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(LATE).await;
        }
        let Some(bytes) = buffer.get(..read) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
