//! PostgreSQL fails under load: every acknowledged message is stored, sends are refused at once, and the
//! service recovers by itself.

use crate::{
    Result,
    client::Person,
    say,
    server::{Scratch, Server, signal},
};
use clap::Args;
use protocol::ids::{ChatId, ClientId};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// The first ack must follow the return of the database within this time.
const BACK_WITHIN: Duration = Duration::from_secs(5);
const LOAD: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

#[derive(Args)]
pub struct Outage {
    /// The server to run.
    #[arg(long, default_value = "target/release/messenger")]
    server: PathBuf,
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(1..=200))]
    senders: u16,
    /// Length of the outage.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// One send and its response.
struct Attempt {
    asked: Instant,
    answered: Instant,
    status: u16,
}

/// Runs the measurement for a database that hangs, and for one that crashes at every start.
///
/// # Errors
/// When an acknowledged message is not stored exactly once, or the service recovers too late.
pub async fn outage(outage: Outage) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut server =
        Server::spawn_with(&outage.server, &scratch, scratch.folder("outage")?, &["--listen", "127.0.0.1:0"])?;
    let done = tokio::select! {
        done = measure(&outage, &mut server) => done,
        _ = tokio::signal::ctrl_c() => Err("stopped".into()),
    };
    server.stop().await;
    done
}

async fn measure(outage: &Outage, server: &mut Server) -> Result<()> {
    let address = server.up().await?;
    let mut people = Vec::new();
    for place in 0..outage.senders {
        people.push(Person::register(address, &format!("sender_{place}")).await?);
    }
    let (owner, others) = people.split_first().ok_or("there are no senders")?;
    let chat_id = owner.create_group(others).await?;
    let away = Duration::from_secs(outage.seconds);
    for kind in ["hangs", "crashes at every start"] {
        let over = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for person in people.clone() {
            senders.spawn(send(person, chat_id, over.clone()));
        }
        sleep(LOAD).await;
        let gone = Instant::now();
        if kind == "hangs" {
            hang(server, away).await?
        } else {
            crash(server, away).await
        }
        let back = Instant::now();
        sleep(BACK_WITHIN + LOAD).await;
        over.store(true, Ordering::Relaxed);
        let (mut attempts, mut acknowledged) = (Vec::new(), Vec::new());
        for (made, stored) in senders.join_all().await {
            attempts.extend(made);
            acknowledged.extend(stored);
        }
        report(kind, &attempts, gone, back)?;
        check(owner, chat_id, &acknowledged).await?;
    }
    say("Every acknowledged message is stored once.");
    Ok(())
}

/// Sends one message after another and retries each until it is acknowledged.
async fn send(person: Person, chat_id: ChatId, over: Arc<AtomicBool>) -> (Vec<Attempt>, Vec<ClientId>) {
    let (mut attempts, mut acknowledged) = (Vec::new(), Vec::new());
    let mut client_id = ClientId::fresh();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let status = person.post(chat_id, client_id, "Is anybody there?").await.unwrap_or(0);
        attempts.push(Attempt { asked, answered: Instant::now(), status });
        if matches!(status, 200 | 201) {
            acknowledged.push(client_id);
            client_id = ClientId::fresh();
        } else {
            sleep(POLL).await;
        }
    }
    (attempts, acknowledged)
}

async fn hang(server: &Server, away: Duration) -> Result<()> {
    let processes = server.database_processes().await?;
    for process in &processes {
        signal("STOP", process).await;
    }
    sleep(away).await;
    for process in &processes {
        signal("CONT", process).await;
    }
    Ok(())
}

async fn crash(server: &Server, away: Duration) {
    let until = Instant::now() + away;
    let mut killed = None;
    while Instant::now() < until {
        let postmaster = server.postmaster();
        if postmaster.is_some() && postmaster != killed {
            if let Some(postmaster) = &postmaster {
                signal("QUIT", postmaster).await;
            }
            killed = postmaster;
        }
        sleep(POLL).await;
    }
}

fn report(kind: &str, attempts: &[Attempt], gone: Instant, back: Instant) -> Result<()> {
    let is_stored = |attempt: &&Attempt| matches!(attempt.status, 200 | 201);
    let before = attempts.iter().filter(|attempt| attempt.answered < gone).filter(is_stored).count();
    let refused =
        attempts.iter().filter(|attempt| attempt.asked > gone && attempt.answered < back && attempt.status == 503);
    let waits: Vec<Duration> = refused.map(|attempt| attempt.answered - attempt.asked).collect();
    let longest = waits.iter().max().copied().unwrap_or_default();
    let first =
        attempts.iter().filter(|attempt| attempt.answered > back).filter(is_stored).map(|attempt| attempt.answered);
    let first = first.min().ok_or("nothing was acknowledged after the database returned")? - back;
    let after = attempts.iter().filter(|attempt| attempt.answered > back).filter(is_stored).count();
    say(&format!(
        "A database that {kind}: {before} messages acknowledged before; {:.1} s of outage, {} sends refused with 503, \
         longest wait {:.2} s; first ack {:.2} s after the return, {after} acks in the {} s after it",
        (back - gone).as_secs_f64(),
        waits.len(),
        longest.as_secs_f64(),
        first.as_secs_f64(),
        (BACK_WITHIN + LOAD).as_secs(),
    ));
    if first > BACK_WITHIN {
        return Err(format!("the service recovered only after {:.1} s", first.as_secs_f64()).into());
    }
    Ok(())
}

async fn check(reader: &Person, chat_id: ChatId, acknowledged: &[ClientId]) -> Result<()> {
    let mut stored: HashMap<ClientId, usize> = HashMap::new();
    for message in reader.history(chat_id).await? {
        *stored.entry(message.client_id).or_default() += 1;
    }
    match acknowledged.iter().find(|client_id| stored.get(client_id) != Some(&1)) {
        Some(client_id) => {
            Err(format!("{client_id} was acknowledged but is stored {:?} times", stored.get(client_id)).into())
        }
        None => Ok(()),
    }
}
