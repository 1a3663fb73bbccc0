//! How the product runs: one binary, many roles. `messenger --help` is the reference.

mod admin;
mod config;
mod demo;
mod docs;
mod http;
mod roles;
mod serve;
mod socket;

use clap::{CommandFactory as _, Parser, Subcommand};
use std::{io::IsTerminal as _, process::ExitCode};

const LOG_HELP: &str = "`MESSENGER_LOG` is a tracing filter for the log on standard error: `debug`, `warn`, \
                        `info,sqlx=warn` (the default).";

/// A third of the time of rendering a page is allocation (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted messenger.
#[derive(Parser)]
#[command(name = "messenger", version, about, after_help = LOG_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the messenger until SIGTERM or Ctrl+C.
    Serve(config::Serve),
    /// Migrate the database at DATABASE_URL to this version's schema.
    Migrate(config::Database),
    /// Manage accounts from the command line.
    Admin(admin::Admin),
    /// Load rooms of real conversations, serve them, and replay one of them live.
    Demo(demo::Demo),
    /// Check whether a running server is ready, and exit with 0 if it is.
    Healthcheck(http::health::Healthcheck),
    /// Print a document that is generated from the code.
    #[command(hide = true)]
    Docs(docs::Docs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MESSENGER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    // The first provider stays installed; a second call changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(config) => serve::serve(config).await,
            Command::Migrate(database) => admin::migrate(database).await,
            Command::Admin(command) => admin::run(command).await,
            Command::Demo(demo) => demo::run(demo).await,
            Command::Healthcheck(check) => http::health::check(check).await,
            Command::Docs(document) => docs::print(&document, Cli::command()),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

/// One clear line, and exit code 1.
#[expect(clippy::print_stderr, reason = "the operator reads it in the terminal")]
fn fail(message: &str) -> ExitCode {
    eprintln!("messenger: {message}");
    ExitCode::FAILURE
}
