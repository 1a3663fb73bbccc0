//! Injects faults, one at a time, and proves that each fault happened.

use super::{
    history::{Recorder, What},
    proxy::{Proxy, Wire},
};
use crate::{
    Result,
    client::exchange,
    server::{Scratch, Server, signal},
};
use clap::ValueEnum;
use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

const POLL: Duration = Duration::from_millis(50);
const HEALED_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub enum Fault {
    /// `kill -9` of the server, and its restart.
    Kill,
    /// PostgreSQL crashes (`pg_ctl stop -m immediate`).
    PostgresCrash,
    /// All processes of PostgreSQL are suspended (SIGSTOP).
    PostgresFrozen,
    /// All connections are reset, and new ones fail for a while.
    Cut,
    /// Requests arrive and take effect; responses are lost.
    LostAnswers,
    /// Clients stop reading.
    StalledReaders,
    /// All clients lose their connection and reconnect at once.
    Storm,
    /// All bytes are delayed.
    Slow,
}

/// The nodes on one database, and the proxy in front of them.
pub struct Site {
    data: PathBuf,
    /// The first node owns the private PostgreSQL. A second node runs another release.
    nodes: Vec<Node>,
    /// The index of the node that the next `kill` ends.
    next_killed: usize,
    pub proxy: Proxy,
}

/// A server that restarts at the same address.
struct Node {
    binary: PathBuf,
    flags: Vec<String>,
    address: SocketAddr,
    server: Server,
}

impl Site {
    /// Starts a site of one node.
    pub async fn start(binary: &Path, scratch: &Scratch, name: &str, mutant: Option<&str>) -> Result<Self> {
        let data = scratch.folder(name)?;
        let flags = mutant.into_iter().flat_map(|mutant| ["--mutant".to_owned(), mutant.to_owned()]).collect();
        let node = Node::start(binary, scratch, &data, flags).await?;
        Self::over(data, vec![node]).await
    }

    /// A rolling upgrade: `previous` serves and owns the database, `binary` migrates it and serves beside it.
    pub async fn upgrade(previous: &Path, binary: &Path, scratch: &Scratch, name: &str) -> Result<Self> {
        let data = scratch.folder(name)?;
        let first = Node::start(previous, scratch, &data, Vec::new()).await?;
        let database = first.server.database_url().ok_or("PostgreSQL is not running")?;
        migrate(binary, &database).await?;
        let flags = vec!["--database-url".to_owned(), database];
        let second = Node::start(binary, scratch, &scratch.folder(&format!("{name}-beside"))?, flags).await?;
        Self::over(data, vec![first, second]).await
    }

    async fn over(data: PathBuf, nodes: Vec<Node>) -> Result<Self> {
        let proxy = Proxy::start(nodes.iter().map(|node| node.address).collect()).await?;
        Ok(Self { data, nodes, next_killed: 0, proxy })
    }

    /// Whether two releases serve side by side.
    pub fn is_upgrade(&self) -> bool {
        self.nodes.len() > 1
    }

    pub async fn stop(mut self) {
        self.proxy.stop().await;
        // The first node stops the database, so it stops last.
        while let Some(node) = self.nodes.pop() {
            node.server.stop().await;
        }
    }

    /// The server that owns the database.
    fn owner(&self) -> Result<&Server> {
        Ok(&self.nodes.first().ok_or("there is no node")?.server)
    }

    /// Injects faults in random order until the time is up, each at least once.
    pub async fn trouble(
        &mut self,
        faults: &[Fault],
        until: Instant,
        scratch: &Scratch,
        recorder: &Recorder,
        rng: &mut StdRng,
    ) -> Result<Vec<Fault>> {
        let mut done = Vec::new();
        loop {
            let mut round = faults.to_vec();
            round.shuffle(rng);
            for fault in round {
                if Instant::now() > until && done.len() >= faults.len() {
                    return Ok(done);
                }
                sleep(Duration::from_millis(rng.random_range(300..1_200))).await;
                let name = format!("{fault:?}");
                recorder.note(None, What::Fault { name: name.clone(), proof: None });
                let hold = Duration::from_millis(rng.random_range(800..2_500));
                let proof = self.inflict(fault, hold, scratch).await.map_err(|error| format!("{name}: {error}"))?;
                self.healed().await?;
                recorder.note(None, What::Fault { name, proof: Some(proof) });
                done.push(fault);
            }
        }
    }

    /// Injects a fault, waits, heals it, and returns the proof that it happened.
    async fn inflict(&mut self, fault: Fault, hold: Duration, scratch: &Scratch) -> Result<String> {
        match fault {
            Fault::Kill => {
                let index = self.next_killed % self.nodes.len();
                self.next_killed += 1;
                let node = self.nodes.get_mut(index).ok_or("there is no node")?;
                let before = node.server.pid().ok_or("the server is not running")?;
                node.restart(scratch, &self.data).await?;
                Ok(format!("process {before}, now {:?}", node.server.pid()))
            }
            Fault::PostgresCrash => {
                let before = self.owner()?.postmaster().ok_or("PostgreSQL is not running")?;
                signal("QUIT", &before).await;
                let now = self.until(|site| site.owner().ok()?.postmaster().filter(|now| *now != before)).await?;
                Ok(format!("postmaster {before}, now {now}"))
            }
            Fault::PostgresFrozen => {
                let processes = self.owner()?.database_processes().await?;
                for process in &processes {
                    signal("STOP", process).await;
                }
                // PostgreSQL stays suspended until /readyz responds or this time has passed.
                let ready = timeout(hold + Duration::from_secs(1), self.is_ready()).await;
                for process in &processes {
                    signal("CONT", process).await;
                }
                match ready {
                    Ok(true) => Err("PostgreSQL kept responding".into()),
                    _ => Ok(format!("{} processes suspended; meanwhile the server was not ready", processes.len())),
                }
            }
            Fault::Cut => self.with_wire(Wire::Cut, hold).await,
            Fault::LostAnswers => self.with_wire(Wire::Deaf, hold).await,
            Fault::StalledReaders => self.with_wire(Wire::Stalled, hold).await,
            Fault::Slow => self.with_wire(Wire::Slow, hold).await,
            Fault::Storm => self.with_wire(Wire::Whole, Duration::from_millis(200)).await,
        }
    }

    async fn with_wire(&self, wire: Wire, hold: Duration) -> Result<String> {
        let (before, _) = self.proxy.proof(wire);
        self.proxy.set(wire);
        if wire == Wire::Whole {
            self.proxy.reset();
        }
        sleep(hold).await;
        if wire == Wire::Deaf {
            // Reset the connections: bytes of their streams are lost.
            self.proxy.reset();
        }
        self.proxy.set(Wire::Whole);
        let (after, what) = self.proxy.proof(wire);
        if after > before { Ok(format!("{} {what}", after - before)) } else { Err(format!("no {what}").into()) }
    }

    /// Waits until every node is ready.
    pub async fn healed(&self) -> Result<()> {
        let ready = async {
            while !self.is_ready().await {
                sleep(POLL).await;
            }
        };
        Ok(timeout(HEALED_WITHIN, ready).await.map_err(|_| "the server did not heal by itself")?)
    }

    async fn is_ready(&self) -> bool {
        for node in &self.nodes {
            let asked = exchange(node.address, "GET /readyz", None, None::<&()>).await;
            if !asked.is_ok_and(|(status, _)| status == 200) {
                return false;
            }
        }
        true
    }

    async fn until<T>(&self, happened: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let wait = async {
            loop {
                if let Some(seen) = happened(self) {
                    return seen;
                }
                sleep(POLL).await;
            }
        };
        Ok(timeout(HEALED_WITHIN, wait).await.map_err(|_| "the expected event did not happen in time")?)
    }
}

impl Node {
    async fn start(binary: &Path, scratch: &Scratch, data: &Path, flags: Vec<String>) -> Result<Self> {
        let mut server = spawn(binary, scratch, data, &flags, "127.0.0.1:0")?;
        let address = server.up().await?;
        Ok(Self { binary: binary.to_owned(), flags, address, server })
    }

    /// `kill -9`, then a new process at the same address.
    async fn restart(&mut self, scratch: &Scratch, data: &Path) -> Result<()> {
        self.server.kill().await?;
        self.server = spawn(&self.binary, scratch, data, &self.flags, &self.address.to_string())?;
        self.server.up().await?;
        Ok(())
    }
}

fn spawn(binary: &Path, scratch: &Scratch, data: &Path, flags: &[String], listen: &str) -> Result<Server> {
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--listen", listen]).collect();
    Server::spawn_with(binary, scratch, data.to_owned(), &flags)
}

/// `messenger migrate`, as an operator runs it before the first node of a new release.
async fn migrate(binary: &Path, database: &str) -> Result<()> {
    let migrated = Command::new(binary).arg("migrate").env("DATABASE_URL", database).status().await?;
    if migrated.success() { Ok(()) } else { Err("the new release cannot migrate the database".into()) }
}
