//! A reconnect storm: many sockets connect at once to a server that has just started. All must catch up,
//! with a fixed number of queries per socket.

use crate::{
    Result,
    client::Person,
    load::percentile,
    say,
    server::{Scratch, Server},
};
use clap::Args;
use protocol::ids::{ChatId, ClientId};
use rand::Rng as _;
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Barrier, task::JoinSet, time::sleep};

/// Devices per user, members per group, and messages that every device has missed.
const DEVICES: u16 = 4;
const GROUP: usize = 50;
const MISSED: usize = 5;
/// Longest wait between two attempts, in milliseconds.
const AGAIN_MS: u64 = 500;

#[derive(Args)]
pub struct Storm {
    /// The server to run.
    #[arg(long, default_value = "target/release/messenger")]
    server: PathBuf,
    #[arg(long, default_value = "2000", value_parser = clap::value_parser!(u16).range(4..=10_000))]
    sockets: u16,
}

/// A user, and the state that each of the user's devices holds.
struct Device {
    person: Person,
    mine: u64,
    held: HashMap<ChatId, u64>,
}

/// How one socket reconnected.
struct Back {
    welcomed: Duration,
    caught_up: Duration,
    tries: u32,
}

/// Runs the measurement.
///
/// # Errors
/// When a socket has not caught up completely, or a welcome costs more than two queries.
pub async fn storm(storm: Storm) -> Result<()> {
    let scratch = Scratch::new()?;
    let data = scratch.folder("storm")?;
    let mut server = Server::spawn_with(&storm.server, &scratch, data.clone(), &["--listen", "127.0.0.1:0"])?;
    let address = server.up().await?;
    let listen = address.to_string();
    say(&format!("Registering {} people …", storm.sockets / DEVICES));
    let devices = devices(&storm, address).await?;
    server.kill().await?;
    server = Server::spawn_logged(&storm.server, &scratch, data, &["--listen", &listen])?;
    server.up().await?;
    let done = come_back(&storm, &server, devices).await;
    server.stop().await;
    done
}

/// Registers users in groups, then posts the messages that their devices miss.
async fn devices(storm: &Storm, address: SocketAddr) -> Result<Vec<Arc<Device>>> {
    let mut people = Vec::new();
    for place in 0..storm.sockets / DEVICES {
        people.push(Person::register(address, &format!("person_{place}")).await?);
    }
    let mut groups = Vec::new();
    for members in people.chunks(GROUP) {
        let (owner, others) = members.split_first().ok_or("there are no users")?;
        groups.push((owner.clone(), owner.create_group(others).await?));
    }
    let mut devices = Vec::new();
    for person in people {
        let (mine, held) = person.heads().await?;
        devices.push(Arc::new(Device { person, mine, held }));
    }
    for (owner, chat_id) in groups {
        for _ in 0..MISSED {
            owner.post(chat_id, ClientId::fresh(), "You have missed this.").await?;
        }
    }
    Ok(devices)
}

async fn come_back(storm: &Storm, server: &Server, devices: Vec<Arc<Device>>) -> Result<()> {
    let before = server.statements()?.len();
    let sockets = devices.len() * usize::from(DEVICES);
    let (ready, stay) = (Arc::new(Barrier::new(sockets)), Arc::new(Barrier::new(sockets)));
    let mut tasks = JoinSet::new();
    for device in devices.iter().flat_map(|device| std::iter::repeat_n(device, usize::from(DEVICES))) {
        tasks.spawn(connect(device.clone(), ready.clone(), stay.clone()));
    }
    let mut backs = Vec::new();
    while let Some(back) = tasks.join_next().await {
        backs.push(back??);
    }
    let statements = server.statements()?;
    report(storm, &backs, statements.get(before..).unwrap_or_default())
}

async fn connect(device: Arc<Device>, ready: Arc<Barrier>, stay: Arc<Barrier>) -> Result<Back> {
    ready.wait().await;
    let began = Instant::now();
    let mut tries = 0;
    let (socket, welcomed, pages) = loop {
        tries += 1;
        match device.person.reconnect(device.mine, &device.held).await {
            Ok(back) => break back,
            Err(error) if tries == 20 => return Err(error),
            Err(_) => {
                let wait = rand::rng().random_range(0..AGAIN_MS);
                sleep(Duration::from_millis(wait)).await;
            }
        }
    };
    let caught_up = Instant::now();
    let missed: usize = pages.iter().map(|page| page.messages.len()).sum();
    if missed < MISSED || pages.iter().any(|page| page.more) {
        return Err(format!("a socket received {missed} of the {MISSED} messages it had missed").into());
    }
    // Keep every socket open until the last has caught up.
    stay.wait().await;
    drop(socket);
    Ok(Back { welcomed: welcomed - began, caught_up: caught_up - began, tries })
}

fn report(storm: &Storm, backs: &[Back], statements: &[String]) -> Result<()> {
    let at = |times: &[Duration], percent| percentile(times, percent).unwrap_or_default().as_secs_f64();
    let mut welcomed: Vec<Duration> = backs.iter().map(|back| back.welcomed).collect();
    let mut caught_up: Vec<Duration> = backs.iter().map(|back| back.caught_up).collect();
    welcomed.sort_unstable();
    caught_up.sort_unstable();
    let tries: u32 = backs.iter().map(|back| back.tries).sum();
    say(&format!(
        "{} sockets connect at once to a server that has just started: welcome p50 {:.2} s, p99 {:.2} s; caught up p50 \
         {:.2} s, p99 {:.2} s, all after {:.2} s; {tries} connections opened",
        backs.len(),
        at(&welcomed, 50),
        at(&welcomed, 99),
        at(&caught_up, 50),
        at(&caught_up, 99),
        at(&caught_up, 100),
    ));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for statement in statements {
        *counts.entry(statement).or_default() += 1;
    }
    let per_socket = |count: usize| count as f64 / f64::from(storm.sockets);
    say(&format!("Statements, {:.2} per socket in total:", per_socket(statements.len())));
    for (statement, count) in &counts {
        say(&format!("  {:5.2} per socket: {statement}", per_socket(*count)));
    }
    let of =
        |begin: &str| counts.iter().filter(|(name, _)| name.starts_with(begin)).map(|(_, count)| count).sum::<usize>();
    let (welcome, changes) = (of("select u.user_id, u.username") + of("with own as"), of("with wanted as"));
    say(&format!(
        "Until the welcome: {:.2} per socket; for all changed chats: {:.2}.",
        per_socket(welcome),
        per_socket(changes)
    ));
    let made = tries as usize;
    if welcome == 0 || welcome > 2 * made || changes > made {
        return Err("a socket costs more than two queries until its welcome and one for the changed chats".into());
    }
    Ok(())
}
