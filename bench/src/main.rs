//! Measures a server from outside, through its public doors alone: REST and WebSocket.

mod client;
mod load;
mod outage;
mod server;
mod storm;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Whatever went wrong, in words for whoever ran the measurement.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "bench", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Many senders in one group: how many messages a second are accepted, in batches and one by one.
    Load(load::Load),
    /// PostgreSQL away for a while under load: what is answered meanwhile, and when it goes on.
    Outage(outage::Outage),
    /// Many sockets that come back at once to a cold server: when all are caught up, by how many queries.
    Storm(storm::Storm),
    /// People, a nemesis and a checker: whether the promises hold while things break.
    Verify(verify::Verify),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Load(load) => load::load(load).await,
        Command::Outage(outage) => outage::outage(outage).await,
        Command::Storm(storm) => storm::storm(storm).await,
        Command::Verify(verify) => verify::verify(verify).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "the terminal is where this belongs")]
fn fail(message: &str) -> ExitCode {
    eprintln!("bench: {message}");
    ExitCode::FAILURE
}
