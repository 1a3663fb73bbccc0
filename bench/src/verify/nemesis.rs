//! Breaks things on purpose, one at a time, and proves that each break happened.

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
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep, timeout};

const POLL: Duration = Duration::from_millis(50);
const HEALED_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub enum Fault {
    /// `kill -9` of the server, and its restart.
    Kill,
    /// PostgreSQL stopped as by `pg_ctl stop -m immediate`, in the middle of whatever it does.
    PostgresCrash,
    /// PostgreSQL and all its processes held still.
    PostgresFrozen,
    /// All connections reset, and none for a while.
    Cut,
    /// What clients say arrives and is done; what they are answered is lost.
    LostAnswers,
    /// Clients that take nothing from their connections.
    StalledReaders,
    /// All clients lose their connections and come back at once.
    Storm,
    /// Everything arrives late.
    Slow,
}

/// A server and the wire to it.
pub struct Site {
    binary: PathBuf,
    flags: Vec<String>,
    data: PathBuf,
    pub address: SocketAddr,
    pub proxy: Proxy,
    server: Server,
}

impl Site {
    pub async fn start(binary: PathBuf, scratch: &Scratch, name: &str, mutant: Option<&str>) -> Result<Self> {
        let data = scratch.folder(name)?;
        let mutant = mutant.map(|mutant| ["--mutant".to_owned(), mutant.to_owned()]);
        let mut flags: Vec<String> = mutant.into_iter().flatten().collect();
        flags.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        let mut server = spawn(&binary, scratch, &data, &flags)?;
        let address = server.up().await?;
        // A restarted server comes back where it was.
        if let Some(listen) = flags.last_mut() {
            *listen = address.to_string();
        }
        Ok(Self { binary, flags, data, address, proxy: Proxy::start(address).await?, server })
    }

    pub async fn stop(self) {
        self.proxy.stop().await;
        self.server.stop().await;
    }

    /// Inflicts faults until the time is up, each at least once, in an order of chance.
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

    /// Breaks something, waits, mends it, and says how one knows that it was broken.
    async fn inflict(&mut self, fault: Fault, hold: Duration, scratch: &Scratch) -> Result<String> {
        match fault {
            Fault::Kill => {
                let before = self.server.pid().ok_or("the server is not there")?;
                self.server.kill().await?;
                self.server = spawn(&self.binary, scratch, &self.data, &self.flags)?;
                self.server.up().await?;
                Ok(format!("process {before}, now {:?}", self.server.pid()))
            }
            Fault::PostgresCrash => {
                let before = self.server.postmaster().ok_or("PostgreSQL is not there")?;
                signal("QUIT", &before).await;
                let now = self.until(|site| site.server.postmaster().filter(|now| *now != before)).await?;
                Ok(format!("postmaster {before}, now {now}"))
            }
            Fault::PostgresFrozen => {
                let processes = self.server.database_processes().await?;
                for process in &processes {
                    signal("STOP", process).await;
                }
                // Held still for longer than anybody waits.
                let ready = timeout(hold + Duration::from_secs(1), self.is_ready()).await;
                for process in &processes {
                    signal("CONT", process).await;
                }
                match ready {
                    Ok(true) => Err("PostgreSQL went on answering".into()),
                    _ => Ok(format!("{} processes held still, and not ready meanwhile", processes.len())),
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
            // What was lost stays lost: those connections have a hole.
            self.proxy.reset();
        }
        self.proxy.set(Wire::Whole);
        let (after, what) = self.proxy.proof(wire);
        if after > before { Ok(format!("{} {what}", after - before)) } else { Err(format!("no {what}").into()) }
    }

    /// Waits until the server says that it is ready.
    pub async fn healed(&self) -> Result<()> {
        let ready = async {
            while !self.is_ready().await {
                sleep(POLL).await;
            }
        };
        Ok(timeout(HEALED_WITHIN, ready).await.map_err(|_| "the server did not heal by itself")?)
    }

    async fn is_ready(&self) -> bool {
        let asked = exchange(self.address, "GET /readyz", None, None::<&()>).await;
        asked.is_ok_and(|(status, _)| status == 200)
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
        Ok(timeout(HEALED_WITHIN, wait).await.map_err(|_| "nothing happened in time")?)
    }
}

fn spawn(binary: &std::path::Path, scratch: &Scratch, data: &std::path::Path, flags: &[String]) -> Result<Server> {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Server::spawn_with(binary, scratch, data.to_owned(), &flags)
}
