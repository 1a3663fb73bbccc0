//! Proves the promises of PROTOCOL section 1, or disproves them, from outside: people as sequential
//! processes, a nemesis that breaks things, and a checker of what was seen. In the manner of Jepsen
//! (Kingsbury, "Jepsen: on the perils of network partitions").

mod checker;
mod client;
mod history;
mod nemesis;
mod proxy;

use crate::{Result, say, server::Scratch};
use checker::Anomaly;
use clap::{Args, ValueEnum as _};
use client::{Client, Tally, World};
use history::{Event, Recorder, What};
use nemesis::{Fault, Site};
use protocol::{
    chat::CreateChat,
    ids::{ChatId, UserId},
};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// How long after a fault is over it still counts as the time of the fault.
const AFTERMATH_US: u64 = 5_000_000;

#[derive(Args)]
pub struct Verify {
    /// The server to run.
    #[arg(long, default_value = "target/release/messenger")]
    server: PathBuf,
    /// The first seed; each run takes the next one.
    #[arg(long, default_value = "1")]
    seed: u64,
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// How long faults are inflicted in each run.
    #[arg(long, default_value = "45", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// The faults of a run; all of them unless named.
    #[arg(long, value_enum)]
    fault: Vec<Fault>,
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(3..=200))]
    people: u16,
    /// Where the histories are kept, as JSON lines; nowhere unless named.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// A fault that a debug build of the server puts into itself: then the verdict must be "invalid".
    #[arg(long)]
    mutant: Vec<String>,
}

/// What a run came to.
struct Outcome {
    tally: Tally,
    in_faults: Tally,
    faults: BTreeMap<Fault, usize>,
    anomalies: Vec<Anomaly>,
}

/// Runs all that is asked for and prints the verdicts.
///
/// # Errors
/// When a verdict is not the one that was expected, or a run proves nothing.
pub async fn verify(verify: Verify) -> Result<()> {
    let scratch = Scratch::new()?;
    let work = async {
        if verify.mutant.is_empty() { prove(&verify, &scratch).await } else { disprove(&verify, &scratch).await }
    };
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err("stopped".into()),
    }
}

async fn prove(verify: &Verify, scratch: &Scratch) -> Result<()> {
    let mut sum = Tally::default();
    for seed in verify.seed..verify.seed + verify.runs {
        let outcome = run(verify, scratch, seed, None).await?;
        say(&outcome.line(&format!("seed {seed}")));
        if !outcome.anomalies.is_empty() {
            outcome.anomalies.iter().for_each(|anomaly| say(&format!("  {}: {}", anomaly.name, anomaly.evidence)));
            return Err(format!("seed {seed}: the history is invalid").into());
        }
        if outcome.in_faults.acknowledged == 0 || outcome.tally.unknown == 0 || outcome.tally.recovered == 0 {
            return Err(format!("seed {seed}: the verdict is void, nothing was at stake").into());
        }
        sum.acknowledged += outcome.tally.acknowledged;
        sum.unknown += outcome.tally.unknown;
        sum.recovered += outcome.tally.recovered;
    }
    say(&format!(
        "{} messages acknowledged, {} unknown, {} of them recovered; {} runs, no anomaly",
        sum.acknowledged, sum.unknown, sum.recovered, verify.runs
    ));
    Ok(())
}

/// Each mutant must be caught, within some runs.
async fn disprove(verify: &Verify, scratch: &Scratch) -> Result<()> {
    for mutant in &verify.mutant {
        let mut caught = None;
        for seed in verify.seed..verify.seed + verify.runs {
            let outcome = run(verify, scratch, seed, Some(mutant)).await?;
            if let Some(anomaly) = outcome.anomalies.first() {
                caught = Some((seed, anomaly.clone()));
                break;
            }
        }
        let (seed, anomaly) = caught.ok_or_else(|| format!("mutant {mutant}: nobody noticed"))?;
        say(&format!("mutant {mutant}: red (seed {seed}): {}", anomaly.name));
    }
    Ok(())
}

async fn run(verify: &Verify, scratch: &Scratch, seed: u64, mutant: Option<&str>) -> Result<Outcome> {
    let name = format!("{}{seed}", mutant.unwrap_or("seed"));
    let file = match &verify.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.join(format!("{name}.jsonl"))
        }
        None => scratch.path().join(format!("{name}.jsonl")),
    };
    let mut site = Site::start(verify.server.clone(), scratch, &name, mutant).await?;
    let world = Arc::new(World::new(site.proxy.address, Recorder::new(&file)?));
    let outcome = observe(verify, &mut site, &world, scratch, seed).await;
    site.stop().await;
    outcome
}

async fn observe(
    verify: &Verify,
    site: &mut Site,
    world: &Arc<World>,
    scratch: &Scratch,
    seed: u64,
) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(seed);
    let clients = people(world, verify.people, &mut rng).await?;
    let until = Instant::now() + Duration::from_secs(verify.seconds);
    let faults = if verify.fault.is_empty() { Fault::value_variants() } else { &verify.fault };

    let mut living = JoinSet::new();
    for mut client in clients {
        living.spawn(async move {
            client.live().await;
            client
        });
    }
    let inflicted = site.trouble(faults, until, scratch, &world.recorder, &mut rng).await?;
    site.healed().await?;
    world.is_over.store(true, Ordering::Relaxed);

    // Nobody reads for the record before everybody knows what became of their own.
    let mut settling = JoinSet::new();
    for mut client in living.join_all().await {
        settling.spawn(async move { client.settle().await.map(|()| client) });
    }
    let mut reading = JoinSet::new();
    for client in settling.join_all().await {
        let mut client = client?;
        reading.spawn(async move { client.read_whole().await.map(|()| client.tally) });
    }
    let mut tally = Tally::default();
    for read in reading.join_all().await {
        let read = read?;
        tally.acknowledged += read.acknowledged;
        tally.unknown += read.unknown;
        tally.recovered += read.recovered;
    }

    let events = world.recorder.finish()?;
    let mut counted = BTreeMap::new();
    inflicted.into_iter().for_each(|fault| *counted.entry(fault).or_default() += 1);
    Ok(Outcome { tally, in_faults: in_faults(&events), faults: counted, anomalies: checker::check(&events) })
}

/// People and their chats: one group of all but the last, one whose members come and go, one for two.
async fn people(world: &Arc<World>, count: u16, rng: &mut StdRng) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for n in 0..count {
        clients.push(Client::register(world.clone(), &format!("person{n}"), StdRng::from_rng(rng)).await?);
    }
    let ids: Vec<UserId> = clients.iter().map(|client| client.user_id).collect();
    // The last one is a stranger to the first group, and tries all the same.
    let inside = ids.get(..ids.len() - 1).unwrap_or_default().to_vec();
    let moving: Vec<UserId> = inside.iter().copied().skip(1).collect();
    let owner = clients.first().ok_or("nobody is there")?;
    let group = |title: &str, members: &[UserId]| CreateChat::Group {
        title: title.into(),
        member_ids: members.to_vec(),
        client_id: None,
    };
    let steady = owner.create(group("Steady", &inside), inside.clone()).await?;
    let changing = owner.create(group("Changing", &inside), inside.clone()).await?;
    let two: Vec<UserId> = ids.iter().copied().take(2).collect();
    let direct = CreateChat::Direct { user_id: *two.last().ok_or("nobody is there")? };
    let direct = owner.create(direct, two.clone()).await?;

    let chats_of = |id: UserId| -> Vec<ChatId> {
        let everybody = [steady, changing];
        everybody.into_iter().chain(two.contains(&id).then_some(direct)).collect()
    };
    for client in &mut clients {
        chats_of(client.user_id).into_iter().for_each(|chat_id| client.join(chat_id));
    }
    if let Some(owner) = clients.first_mut() {
        owner.move_members(changing, moving);
    }
    Ok(clients)
}

/// What happened from a fault's beginning to some seconds after its end.
fn in_faults(events: &[Event]) -> Tally {
    let mut tally = Tally::default();
    let (mut open, mut until) = (false, 0);
    for event in events {
        match &event.what {
            What::Fault { proof: None, .. } => open = true,
            What::Fault { proof: Some(_), .. } => (open, until) = (false, event.at + AFTERMATH_US),
            What::Acknowledged { row: Some(_), .. } if open || event.at < until => tally.acknowledged += 1,
            What::Unknown { .. } if open || event.at < until => tally.unknown += 1,
            _ => {}
        }
    }
    tally
}

impl Outcome {
    fn line(&self, name: &str) -> String {
        let Tally { acknowledged, unknown, recovered } = self.tally;
        let faults: Vec<String> = self.faults.iter().map(|(fault, times)| format!("{fault:?} {times}")).collect();
        let verdict = if self.anomalies.is_empty() { "valid" } else { "INVALID" };
        format!(
            "{name}: {verdict}; {acknowledged} messages acknowledged ({} changes in faults), {unknown} unknown, \
             {recovered} recovered; faults: {}",
            self.in_faults.acknowledged,
            faults.join(", ")
        )
    }
}
