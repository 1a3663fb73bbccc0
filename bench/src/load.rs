//! Many senders in one group. Two servers of the same build, which differ only in the maximum batch
//! size, take turns. The medians of the rounds are compared.

use crate::{
    Result,
    client::{Person, Socket},
    say,
    server::{Scratch, Server},
};
use clap::Args;
use protocol::{
    chat::{Message, MessageKind},
    frames::ClientFrame,
    ids::{ChatId, ClientId},
};
use serde::Deserialize;
use std::{
    collections::HashMap,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Barrier, task::JoinSet};

/// Batches must raise the rate by this factor where a commit takes at least `SLOW_COMMIT`.
const GAIN: f64 = 3.0;
const SLOW_COMMIT: Duration = Duration::from_millis(1);
const ALONE: usize = 200;
const FSYNCS: usize = 100;

#[derive(Args)]
pub struct Load {
    /// The server to run.
    #[arg(long, default_value = "target/release/messenger")]
    server: PathBuf,
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    senders: u16,
    /// Messages in each round, from all senders together.
    #[arg(long, default_value = "2000", value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// Maximum batch size of the server with batches.
    #[arg(long, default_value = "256", value_parser = clap::value_parser!(u32).range(2..))]
    batch: u32,
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u8).range(1..=100))]
    rounds: u8,
}

/// A server, its senders, and the results of its rounds.
struct Side {
    label: String,
    people: Vec<Person>,
    rates: Vec<f64>,
    latencies: Vec<Duration>,
}

/// The result of one sender.
struct Sent {
    began: Instant,
    ended: Instant,
    latencies: Vec<Duration>,
    acknowledged: Vec<(ClientId, u64)>,
}

/// Runs the measurement, prints the report and removes every file it made.
///
/// # Errors
/// When a message is lost or doubled, or batches do not reach the expected gain.
pub async fn load(load: Load) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut servers = Vec::new();
    let result = tokio::select! {
        result = measure(&load, &scratch, &mut servers) => result,
        _ = tokio::signal::ctrl_c() => Err("stopped".into()),
    };
    for server in servers {
        server.stop().await;
    }
    result
}

async fn measure(load: &Load, scratch: &Scratch, servers: &mut Vec<Server>) -> Result<()> {
    let mut sides = Vec::new();
    for (batch, label) in [(load.batch, format!("up to {} in a batch", load.batch)), (1, "one by one".to_owned())] {
        say(&format!("Starting a server that commits {label} …"));
        servers.push(Server::spawn(&load.server, scratch, batch)?);
        let Some(server) = servers.last_mut() else { continue };
        let address = server.up().await?;
        let mut people = Vec::new();
        for place in 0..load.senders {
            people.push(Person::register(address, &format!("sender_{place}")).await?);
        }
        sides.push(Side { label, people, rates: Vec::new(), latencies: Vec::new() });
    }
    for round in 1..=load.rounds {
        for side in &mut sides {
            let rate = play_round(side, load.messages).await?;
            say(&format!("Round {round}, {}: {rate:.0} messages/s", side.label));
        }
    }
    let [batched, single] = sides.as_mut_slice() else { return Err("two servers are needed".into()) };
    let alone = send_alone(batched).await?;
    let folder = scratch.path().to_owned();
    let fsync = tokio::task::spawn_blocking(move || fsync(&folder)).await??;
    report(load, [batched, single], alone, fsync)
}

fn report(load: &Load, sides: [&mut Side; 2], alone: Duration, fsync: Duration) -> Result<()> {
    say(&format!(
        "\n{} messages by {} senders to one group over WebSocket, each sender with one send in flight; \
         medians of {} rounds; every message was acknowledged, numbered without gaps and stored once:",
        load.messages, load.senders, load.rounds
    ));
    let [batched, single] = sides.map(|side| {
        side.latencies.sort_unstable();
        side.rates.sort_unstable_by(f64::total_cmp);
        let rate = percentile(&side.rates, 50).unwrap_or_default();
        let ack = |percent| millis(percentile(&side.latencies, percent).unwrap_or_default());
        say(&format!("  {:>22}: {rate:6.0} accepted/s   ack p50 {}, p99 {}", side.label, ack(50), ack(99)));
        rate
    });
    let ratio = batched / single;
    say(&format!("  {:>22}: {ratio:.1} times", "ratio"));
    say(&format!("One send alone is acknowledged in {} (p50 of {ALONE}).", millis(alone)));
    say(&format!(
        "Writing 8 KiB with fdatasync, the disk's part of a commit, takes {} (median of {FSYNCS}).",
        millis(fsync)
    ));
    say(&verdict(ratio, fsync)?);
    Ok(())
}

/// Batches save only the disk's part of a commit, so the gain is required only where the disk is slow.
fn verdict(ratio: f64, commit: Duration) -> Result<String> {
    if commit < SLOW_COMMIT {
        return Ok(format!("A commit takes less than {} on this disk, so no gain is required.", millis(SLOW_COMMIT)));
    }
    let goal = format!(
        "The goal is {GAIN} times the rate without batches, where a commit takes {} or more",
        millis(SLOW_COMMIT)
    );
    if ratio >= GAIN { Ok(format!("{goal}: reached.")) } else { Err(format!("{goal}: MISSED.").into()) }
}

/// One round in a new group. Returns the accepted messages per second.
async fn play_round(side: &mut Side, messages: u32) -> Result<f64> {
    let (owner, others) = side.people.split_first().ok_or("there are no senders")?;
    let chat_id = owner.create_group(others).await?;
    let ready = Arc::new(Barrier::new(side.people.len()));
    let mut senders = JoinSet::new();
    for (place, person) in side.people.iter().enumerate() {
        let share = share(messages as usize, side.people.len(), place);
        let socket = person.connect().await?;
        senders.spawn(send_share(socket, chat_id, share, ready.clone()));
    }
    let mut sent = Vec::new();
    while let Some(ended) = senders.join_next().await {
        sent.push(ended??);
    }
    let acknowledged: Vec<(ClientId, u64)> = sent.iter().flat_map(|sent| sent.acknowledged.clone()).collect();
    check(&owner.history(chat_id).await?, &acknowledged)?;
    side.latencies.extend(sent.iter().flat_map(|sent| &sent.latencies));
    let began = sent.iter().map(|sent| sent.began).min().ok_or("nobody sent")?;
    let ended = sent.iter().map(|sent| sent.ended).max().ok_or("nobody sent")?;
    side.rates.push(acknowledged.len() as f64 / ended.duration_since(began).as_secs_f64());
    side.rates.last().copied().ok_or_else(|| "nothing was measured".into())
}

async fn send_share(mut socket: Socket, chat_id: ChatId, share: usize, ready: Arc<Barrier>) -> Result<Sent> {
    ready.wait().await;
    let sent = send(&mut socket, chat_id, share).await?;
    // A sender that has finished keeps reading, as an open client does.
    tokio::select! {
        _ = ready.wait() => Ok(sent),
        broken = socket.listen() => broken.map(|()| sent),
    }
}

/// Sends messages, each after the ack of the one before.
async fn send(socket: &mut Socket, chat_id: ChatId, count: usize) -> Result<Sent> {
    #[derive(Deserialize)]
    struct Ack {
        message: Message,
    }
    let began = Instant::now();
    let mut sent = Sent { began, ended: began, latencies: Vec::new(), acknowledged: Vec::new() };
    for (reference, place) in (100..).zip(0..count) {
        let (client_id, text) =
            (ClientId::fresh(), format!("Message {place} of a sender, about as long as people write."));
        let asked = Instant::now();
        let answer = socket.call(reference, ClientFrame::Send { chat_id, client_id, text, reply_to: None }).await?;
        sent.ended = Instant::now();
        sent.latencies.push(sent.ended.duration_since(asked));
        let Ack { message } = serde_json::from_str(&answer)?;
        sent.acknowledged.push((message.client_id, message.no));
    }
    Ok(sent)
}

/// The median ack time of a single sender in a group of its own.
async fn send_alone(side: &Side) -> Result<Duration> {
    let person = side.people.first().ok_or("there are no senders")?;
    let chat_id = person.create_group(&[]).await?;
    let mut latencies = send(&mut person.connect().await?, chat_id, ALONE).await?.latencies;
    latencies.sort_unstable();
    percentile(&latencies, 50).ok_or_else(|| "nothing was measured".into())
}

/// Checks that each acknowledged message is stored once, under its number, and that the numbers have no gaps.
fn check(stored: &[Message], acknowledged: &[(ClientId, u64)]) -> Result<()> {
    if stored.iter().zip(1..).any(|(message, no)| message.no != no) {
        return Err("the numbers of the messages have gaps".into());
    }
    let texts: Vec<&Message> = stored.iter().filter(|message| message.kind == MessageKind::Text).collect();
    let by_client: HashMap<ClientId, u64> = texts.iter().map(|message| (message.client_id, message.no)).collect();
    if texts.len() != acknowledged.len() || by_client.len() != texts.len() {
        return Err(format!("{} were acknowledged and {} are stored", acknowledged.len(), texts.len()).into());
    }
    if acknowledged.iter().any(|(client_id, no)| by_client.get(client_id) != Some(no)) {
        return Err("a stored message has another number than its ack".into());
    }
    Ok(())
}

/// The disk's part of a commit: write one page of the log and wait for fdatasync.
fn fsync(folder: &Path) -> std::io::Result<Duration> {
    let mut file = File::create(folder.join("fsync"))?;
    let mut took = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        let began = Instant::now();
        file.write_all(&[1; 8_192])?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(percentile(&took, 50).unwrap_or_default())
}

/// The number of messages that one of the senders sends.
fn share(messages: usize, senders: usize, place: usize) -> usize {
    messages / senders + usize::from(place < messages % senders)
}

/// The nearest-rank percentile of a sorted slice; none when it is empty.
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        for (sorted, percent, expected) in [
            (&[][..], 50, None),
            (&[7], 50, Some(7)),
            (&[7], 99, Some(7)),
            (&[1, 2, 3], 50, Some(2)),
            (&[1, 2, 3, 4], 50, Some(2)),
            (&[1, 2, 3, 4], 99, Some(4)),
            (&hundred, 50, Some(50)),
            (&hundred, 99, Some(99)),
            (&hundred, 100, Some(100)),
        ] {
            assert_eq!(percentile(sorted, percent), expected, "{percent} of {sorted:?}");
        }
    }

    #[test]
    fn shares_add_up() {
        for (messages, senders) in [(2_000, 50), (7, 3), (2, 5), (0, 1)] {
            let shares = (0..senders).map(|place| share(messages, senders, place));
            assert_eq!(shares.sum::<usize>(), messages);
        }
    }

    #[test]
    fn a_missed_gain_is_an_error_where_a_commit_is_slow() {
        let millis = Duration::from_millis;
        for (ratio, commit, reached) in
            [(2.0, millis(0), true), (2.9, millis(1), false), (3.0, millis(1), true), (9.0, millis(20), true)]
        {
            assert_eq!(verdict(ratio, commit).is_ok(), reached, "{ratio} {commit:?}");
        }
    }
}
