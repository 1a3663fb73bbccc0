//! `messenger demo`: loads rooms of recorded conversations, and replays one of them live.

mod replay;
mod script;
mod source;

use crate::{
    config,
    serve::{self, Running},
};
use clap::Args;
use rand::seq::IndexedRandom as _;
use services::{
    Rejection,
    demo::{Line, Room},
};
use std::path::PathBuf;
use tokio::task::JoinSet;

#[derive(Args)]
#[command(mut_arg("data_dir", |arg| arg.default_value("data/demo")))]
pub struct Demo {
    /// The folder of the conversations. Without it, a short built-in conversation is replayed.
    #[arg(long, env = "DEMO_DATA", default_value = "../shared/data")]
    source: PathBuf,
    /// The speed of the live room, as a multiple of real time.
    #[arg(long, default_value = "1", value_parser = parse_speed)]
    speed: f64,
    /// The number of rooms to load in each language.
    #[arg(long, default_value = "4")]
    rooms: usize,
    #[command(flatten)]
    serve: config::Serve,
}

/// The rooms to load first, and the rooms to replay after that.
struct Programme {
    loaded: Vec<Room>,
    live: Vec<Live>,
}

/// A room that starts empty, and its lines, which are replayed in a loop.
struct Live {
    room: Room,
    lines: Vec<Line>,
}

/// Loads, serves and replays until a signal to stop.
///
/// # Errors
/// A sentence for the operator.
pub async fn run(demo: Demo) -> Result<(), String> {
    let stop = serve::stop_signal()?;
    let running = serve::start(demo.serve.clone()).await?;
    let performed = tokio::select! {
        () = stop => Ok(()),
        performed = perform(&running, demo) => performed,
    };
    serve::say("Stopping …");
    running.stop().await;
    performed
}

async fn perform(running: &Running, demo: Demo) -> Result<(), String> {
    let node = &running.node;
    let said = |rejection: Rejection| rejection.to_string();
    let password = fresh_password();
    let account = services::demo::open_account(node, &password).await.map_err(said)?;
    let Programme { loaded, live } = programme(demo.source, demo.rooms).await?;
    for room in &loaded {
        let new = services::demo::load_room(node, room, account.user_id).await.map_err(said)?;
        serve::say(&progress(room, new));
    }
    for Live { room, .. } in &live {
        services::demo::load_room(node, room, account.user_id).await.map_err(said)?;
    }
    let titles: Vec<&str> = live.iter().map(|live| live.room.title.as_str()).collect();
    serve::say(&format!("\nMessenger is at http://{} (Ctrl+C stops it)", running.address));
    serve::say(&format!("Sign in as {} with the password {password}", account.username));
    serve::say(&format!("and watch \u{201c}{}\u{201d}.\n", titles.join("\u{201d} or \u{201c}")));

    let mut rooms = JoinSet::new();
    for live in live {
        rooms.spawn(replay::replay(node.clone(), running.address, live, demo.speed));
    }
    while let Some(ended) = rooms.join_next().await {
        ended.map_err(|error| error.to_string())?.map_err(said)?;
    }
    // The replay has ended; users may still read.
    std::future::pending().await
}

async fn programme(folder: PathBuf, rooms: usize) -> Result<Programme, String> {
    if !source::is_there(&folder) {
        serve::say(&format!(
            "There are no conversations in {}; a short built-in one is replayed. --source names another folder.",
            folder.display()
        ));
        return Ok(script::programme());
    }
    serve::say(&format!("Loading real conversations from {} …", folder.display()));
    let read = tokio::task::spawn_blocking(move || source::programme(&folder, rooms)).await;
    read.map_err(|error| error.to_string())?.map_err(|error| format!("the conversations cannot be read: {error}"))
}

fn progress(Room { title, lines, people, .. }: &Room, new: bool) -> String {
    if new {
        format!("  {title}: {} messages by {} people", lines.len(), people.len())
    } else {
        format!("  {title}: already loaded")
    }
}

/// Four groups of four characters that are not mistaken for one another: 78 bits.
fn fresh_password() -> String {
    let mut random = rand::rng();
    let drawn = (0..16).filter_map(|_| b"abcdefghjkmnpqrstuvwxyz23456789".choose(&mut random));
    let drawn: Vec<char> = drawn.copied().map(char::from).collect();
    drawn.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.01..=1_000.0).contains(speed));
    speed.ok_or_else(|| "the speed must be a number from 0.01 to 1000".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        demo: Demo,
    }

    #[test]
    fn speeds_are_positive_numbers() {
        for (text, speed) in
            [("1", Some(1.0)), ("0.5", Some(0.5)), ("0", None), ("-1", None), ("NaN", None), ("x", None)]
        {
            assert_eq!(parse_speed(text).ok(), speed, "{text}");
        }
    }

    #[test]
    fn the_demo_has_its_own_data_directory() {
        let command = Command::parse_from(["demo", "--speed", "2"]);
        assert_eq!(command.demo.serve.data.data_dir, PathBuf::from("data/demo"));
    }

    #[tokio::test]
    async fn passwords_satisfy_the_rules() {
        let password = protocol::text::Password::parse(&fresh_password()).unwrap();
        assert_eq!(password.expose().chars().count(), 19);
        assert!(!services::auth::is_common(&password, &["demo"]).await.unwrap());
    }
}
