//! Verifies the guarantees of PROTOCOL section 1 from outside: users as sequential processes, a nemesis
//! that injects faults, and a checker of the recorded history. The method is that of Jepsen
//! (Kingsbury, "Jepsen: on the perils of network partitions").

mod checker;
mod client;
mod history;
mod ledger;
mod nemesis;
mod proxy;

use crate::{Result, say, server::Scratch};
use checker::Anomaly;
use clap::{Args, ValueEnum as _};
use client::{Client, World};
use history::{Recorder, What};
use ledger::{Entry, Ledger, Plan, Tally, Verdict};
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

/// Messages of each member in the calm after the last fault.
const CALM_SENDS: usize = 40;

#[derive(Args)]
pub struct Verify {
    /// The server to run.
    #[arg(long, default_value = "target/release/messenger")]
    server: PathBuf,
    /// A rolling upgrade: the binary of an earlier release, which owns the database and serves beside `--server`.
    #[arg(long, conflicts_with = "mutant")]
    previous: Option<PathBuf>,
    /// The first seed; each run takes the next one.
    #[arg(long, default_value = "1")]
    seed: u64,
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// How long each run injects faults.
    #[arg(long, default_value = "45", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// The faults of a run; by default all.
    #[arg(long, value_enum)]
    fault: Vec<Fault>,
    /// Does the runs for each fault alone, and then with all faults.
    #[arg(long, conflicts_with = "fault")]
    each: bool,
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(3..=200))]
    people: u16,
    /// A folder for the histories, as JSON lines; by default they are not stored.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// A file for the result of each run. Runs that it already has are not repeated but counted.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// A bug that a debug build of the server injects into itself: the verdict must be "invalid".
    #[arg(long)]
    mutant: Vec<String>,
}

/// The record of one run.
struct Outcome {
    all: Tally,
    in_faults: Tally,
    inflicted: BTreeMap<Fault, usize>,
    anomalies: Vec<Anomaly>,
}

/// Does all runs and prints their verdicts.
///
/// # Errors
/// When a verdict is not the expected one, or a run is void.
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
    let mut ledger = Ledger::open(verify.ledger.as_deref())?;
    for plan in verify.plans() {
        if ledger.holds(&plan) {
            continue;
        }
        let outcome = run(verify, scratch, &plan, None).await?;
        let verdict = outcome.verdict();
        let Outcome { all, in_faults, inflicted, anomalies } = outcome;
        let entry = Entry { plan, verdict, all, in_faults, inflicted };
        say(&entry.line());
        anomalies.iter().for_each(|anomaly| say(&format!("  {}: {}", anomaly.name, anomaly.evidence)));
        let seed = entry.plan.seed;
        ledger.add(entry)?;
        if verdict == Verdict::Invalid {
            return Err(format!("seed {seed}: the history is invalid").into());
        }
    }
    say(&ledger.sum());
    if ledger.is_sound() { Ok(()) } else { Err("not every run is valid".into()) }
}

/// Each mutant must be caught within `runs` runs.
async fn disprove(verify: &Verify, scratch: &Scratch) -> Result<()> {
    for mutant in &verify.mutant {
        let mut caught = None;
        for seed in verify.seed..verify.seed + verify.runs {
            let plan = verify.plan(seed, verify.faults());
            let outcome = run(verify, scratch, &plan, Some(mutant)).await?;
            if let Some(anomaly) = outcome.anomalies.first() {
                caught = Some((seed, anomaly.clone()));
                break;
            }
        }
        let (seed, anomaly) = caught.ok_or_else(|| format!("mutant {mutant}: missed in {} runs", verify.runs))?;
        say(&format!("mutant {mutant}: caught (seed {seed}): {}", anomaly.name));
    }
    Ok(())
}

async fn run(verify: &Verify, scratch: &Scratch, plan: &Plan, mutant: Option<&str>) -> Result<Outcome> {
    let name = mutant.map_or_else(|| plan.name(), |mutant| format!("{mutant}-{}", plan.seed));
    let folder = verify.keep.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(folder)?;
    let history = folder.join(format!("{name}.jsonl"));
    let mut site = match &verify.previous {
        Some(previous) => Site::upgrade(previous, &verify.server, scratch, &name).await?,
        None => Site::start(&verify.server, scratch, &name, mutant).await?,
    };
    let world = Arc::new(World::new(site.proxy.address, Recorder::new(&history)?));
    let outcome = observe(plan, &mut site, &world, scratch).await;
    site.stop().await;
    // Remove the data: a long campaign would fill the disk.
    std::fs::remove_dir_all(scratch.path().join(&name))?;
    outcome
}

async fn observe(plan: &Plan, site: &mut Site, world: &Arc<World>, scratch: &Scratch) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let (clients, steady) = people(world, plan.people, &mut rng).await?;
    let until = Instant::now() + Duration::from_secs(plan.seconds);

    let mut living = JoinSet::new();
    for mut client in clients {
        living.spawn(async move {
            client.live().await;
            client
        });
    }
    let inflicted = site.trouble(&plan.faults, until, scratch, &world.recorder, &mut rng).await?;
    site.healed().await?;
    world.is_over.store(true, Ordering::Relaxed);

    // Resolve all unknown sends before any client reads the final state.
    let mut settling = JoinSet::new();
    let mut clients = living.join_all().await;
    // Two servers have no live frames of each other.
    if !site.is_upgrade() {
        clients = calm(world, clients, steady).await?;
    }
    for mut client in clients {
        settling.spawn(async move { client.settle().await.map(|()| client) });
    }
    let mut reading = JoinSet::new();
    for client in settling.join_all().await {
        let mut client = client?;
        reading.spawn(async move { client.read_whole().await });
    }
    reading.join_all().await.into_iter().collect::<Result<()>>()?;

    let events = world.recorder.finish()?;
    let mut counted = BTreeMap::new();
    inflicted.into_iter().for_each(|fault| *counted.entry(fault).or_default() += 1);
    let (all, in_faults) = Tally::of(&events);
    Ok(Outcome { all, in_faults, inflicted: counted, anomalies: checker::check(&events) })
}

/// Registers the users and their chats: a group of all but the last user, a group with changing members, a direct
/// chat.
async fn people(world: &Arc<World>, count: u16, rng: &mut StdRng) -> Result<(Vec<Client>, Steady)> {
    let mut clients = Vec::new();
    for n in 0..count {
        clients.push(Client::register(world.clone(), &format!("person{n}"), StdRng::from_rng(rng)).await?);
    }
    let ids: Vec<UserId> = clients.iter().map(|client| client.user_id).collect();
    // The last user is no member of the first group, and tries to read it.
    let inside = ids.get(..ids.len() - 1).unwrap_or_default().to_vec();
    let moving: Vec<UserId> = inside.iter().copied().skip(1).collect();
    let owner = clients.first().ok_or("nobody is there")?;
    let steady = owner.create(CreateChat::group("Steady", inside.clone()), inside.clone()).await?;
    let group = Steady { chat_id: steady, members: inside.clone() };
    let changing = owner.create(CreateChat::group("Changing", inside.clone()), inside.clone()).await?;
    let two: Vec<UserId> = ids.iter().copied().take(2).collect();
    let direct = CreateChat::direct(*two.last().ok_or("nobody is there")?);
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
    Ok((clients, group))
}

/// The group whose members stay.
struct Steady {
    chat_id: ChatId,
    members: Vec<UserId>,
}

/// After the last fault, all members send at once, and each must receive every message live.
async fn calm(world: &World, clients: Vec<Client>, steady: Steady) -> Result<Vec<Client>> {
    let mut readying = JoinSet::new();
    for mut client in clients {
        readying.spawn(async move { client.is_ready().await.map(|()| client) });
    }
    let clients = readying.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    let (since, Steady { chat_id, members }) = (world.recorder.now(), steady);
    let mut sending = JoinSet::new();
    for mut client in clients {
        let sends = if members.contains(&client.user_id) { CALM_SENDS } else { 0 };
        sending.spawn(async move {
            client.send_some(chat_id, sends).await;
            client
        });
    }
    let mut clients = sending.join_all().await;
    for client in &mut clients {
        client.drained().await?;
    }
    world.recorder.note(None, What::Calm { chat_id, members, since });
    Ok(clients)
}

impl Verify {
    fn faults(&self) -> Vec<Fault> {
        if self.fault.is_empty() { Fault::value_variants().to_vec() } else { self.fault.clone() }
    }

    fn plan(&self, seed: u64, faults: Vec<Fault>) -> Plan {
        Plan { seed, faults, seconds: self.seconds, people: self.people }
    }

    /// Every seed with every set of faults.
    fn plans(&self) -> Vec<Plan> {
        let mut sets = vec![self.faults()];
        if self.each {
            // A fault that only delays leaves no send unknown.
            let alone = |fault: &Fault| match fault {
                Fault::StalledReaders | Fault::Slow => vec![*fault, Fault::Cut],
                _ => vec![*fault],
            };
            sets.extend(Fault::value_variants().iter().map(alone));
        }
        let seeds = self.seed..self.seed + self.runs;
        seeds.flat_map(|seed| sets.iter().map(move |faults| self.plan(seed, faults.clone()))).collect()
    }
}

impl Outcome {
    fn verdict(&self) -> Verdict {
        let Tally { acknowledged, unknown, recovered } = self.in_faults;
        if !self.anomalies.is_empty() {
            Verdict::Invalid
        } else if acknowledged == 0 || unknown == 0 || recovered == 0 {
            Verdict::Void
        } else {
            Verdict::Valid
        }
    }
}
