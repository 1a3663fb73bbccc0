//! Measures a server from outside, through its public interfaces only: REST and WebSocket.

mod client;
mod load;
mod outage;
mod server;
mod storm;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// An error is a sentence for the user of the command.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "bench", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Many senders in one group: messages accepted per second, with and without batches.
    Load(load::Load),
    /// PostgreSQL fails under load: the responses during the outage, and the time to recover.
    Outage(outage::Outage),
    /// Many sockets reconnect at once to a cold server: the time and the queries until all have caught up.
    Storm(storm::Storm),
    /// Clients, fault injection and a checker: do the guarantees hold during faults?
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

#[expect(clippy::print_stderr, reason = "an error is for the terminal")]
fn fail(message: &str) -> ExitCode {
    eprintln!("bench: {message}");
    ExitCode::FAILURE
}
