//! The operator's commands.

use crate::{config, serve};
use clap::{Args, Subcommand};
use protocol::{auth::Register, error::ErrorCode, text::Password};
use services::{
    Node, Settings,
    auth::{self, Device},
    infra::{database, tokens::SIGNS_AFTER},
};
use std::{
    io::{BufRead as _, Write as _},
    net::{IpAddr, Ipv4Addr},
};

#[derive(Args)]
pub struct Admin {
    #[command(flatten)]
    data: config::Data,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a site admin: a new account, whose password is read from standard input.
    CreateAdmin {
        /// The user name of the account.
        username: String,
        /// Make an existing account a site admin.
        #[arg(long)]
        existing: bool,
    },
    /// Set a person's password (read from standard input) and end their sessions.
    ResetPassword {
        /// The user name of the account.
        username: String,
    },
    /// End all sessions of a person.
    RevokeSessions {
        /// The user name of the account.
        username: String,
    },
    /// Add a signing key. The nodes sign with it after a minute; older keys stay valid for 30 days.
    RotateKeys,
}

/// # Errors
/// A sentence for the operator.
pub async fn migrate(database: config::Database) -> Result<(), String> {
    let url = database.database_url.ok_or("set DATABASE_URL: the private database migrates itself")?;
    let db = database::connect(&url, 2).await.map_err(|error| format!("cannot reach the database: {error}"))?;
    database::migrate(&db).await
}

/// # Errors
/// A sentence for the operator.
pub async fn run(admin: Admin) -> Result<(), String> {
    let storage = serve::Storage::open(&admin.data).await?;
    let result = async {
        let node = Node::open(storage.db.clone(), Settings::default()).await.map_err(|error| error.to_string())?;
        let done = perform(&node, admin.command).await;
        node.stop().await;
        done
    };
    let result = result.await;
    storage.close().await;
    result
}

async fn perform(node: &Node, command: Command) -> Result<(), String> {
    let sentence = |error: services::Rejection| error.to_string();
    match command {
        Command::CreateAdmin { username, existing } => {
            if !existing {
                let device = Device::new(Some("command line"), IpAddr::V4(Ipv4Addr::LOCALHOST));
                let password = read_password()?;
                let data = Register { username: username.clone(), password, display_name: None, email: None };
                let (actor, _) = auth::register(node, &device, data).await.map_err(|error| match error.code() {
                    ErrorCode::Conflict => format!("{username} has an account already: add --existing to promote it"),
                    _ => error.to_string(),
                })?;
                auth::sign_out(node, actor).await.map_err(sentence)?;
            }
            auth::make_admin(node, &username).await.map_err(sentence)
        }
        Command::ResetPassword { username } => {
            let password = read_password()?;
            auth::reset_password(node, &username, &password).await.map_err(sentence)
        }
        Command::RevokeSessions { username } => auth::revoke_sessions(node, &username).await.map_err(sentence),
        Command::RotateKeys => {
            let key_id = node.tokens.rotate().await.map_err(sentence)?;
            let wait = SIGNS_AFTER.as_secs();
            serve::say(&format!("Added the key {key_id}. The nodes sign with it in {wait} seconds."));
            Ok(())
        }
    }
}

fn read_password() -> Result<String, String> {
    let mut line = String::new();
    let prompted = write!(std::io::stderr(), "Password: ").and_then(|()| std::io::stderr().flush());
    prompted.and_then(|()| std::io::stdin().lock().read_line(&mut line)).map_err(|error| error.to_string())?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    Password::parse(&password).map_err(|_| "a password has 10 to 256 characters".to_owned())?;
    Ok(password)
}
