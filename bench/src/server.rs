//! The measured servers: the real binary, each with its own data directory and database.

use crate::Result;
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const UP_WITHIN: Duration = Duration::from_secs(60);
const DOWN_WITHIN: Duration = Duration::from_secs(30);

/// A temporary folder, removed on drop.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("messenger-bench-{}", std::process::id()));
        fs::create_dir_all(folder.join("site/pkg"))?;
        // PostgreSQL may run as another user, which must be able to enter.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        Ok(Self(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new folder inside, which PostgreSQL's user can enter too.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.0.join(name);
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server.
pub struct Server {
    data: PathBuf,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server with a maximum batch size. Wait for it with `up`.
    pub fn spawn(binary: &Path, scratch: &Scratch, batch: u32) -> Result<Self> {
        let data = scratch.folder(&format!("batch-{batch}"))?;
        Self::spawn_with(binary, scratch, data, &["--listen", "127.0.0.1:0", "--batch", &batch.to_string()])
    }

    /// Starts a server on a data directory, with extra flags.
    pub fn spawn_with(binary: &Path, scratch: &Scratch, data: PathBuf, flags: &[&str]) -> Result<Self> {
        let mut command = command(binary, scratch, &data, flags);
        command.env("MESSENGER_LOG", "warn");
        Self::of(command, data)
    }

    /// Like `spawn_with`. The server also logs every SQL statement to a file.
    pub fn spawn_logged(binary: &Path, scratch: &Scratch, data: PathBuf, flags: &[&str]) -> Result<Self> {
        let mut command = command(binary, scratch, &data, flags);
        let log = fs::OpenOptions::new().create(true).append(true).open(data.join("statements.log"))?;
        command.env("MESSENGER_LOG", "warn,sqlx::query=debug").stderr(log);
        Self::of(command, data)
    }

    fn of(mut command: Command, data: PathBuf) -> Result<Self> {
        let mut child = command.spawn().map_err(|error| format!("cannot run the server: {error}"))?;
        let said = child.stdout.take().ok_or("the server has no output")?;
        Ok(Self { data, child, said: BufReader::new(said).lines() })
    }

    /// The SQL statements logged so far.
    pub fn statements(&self) -> Result<Vec<String>> {
        let log = fs::read_to_string(self.data.join("statements.log"))?;
        let of = |line: &str| Some(line.split_once("summary=\"")?.1.split('"').next()?.to_owned());
        Ok(log.lines().filter_map(of).collect())
    }

    /// The process ids of the server's private PostgreSQL, postmaster first.
    pub async fn database_processes(&self) -> Result<Vec<String>> {
        let postmaster = self.postmaster().ok_or("PostgreSQL is not running")?;
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster]).output().await?;
        let children = String::from_utf8_lossy(&children.stdout);
        let children = children.split_whitespace().map(str::to_owned);
        Ok(std::iter::once(postmaster.clone()).chain(children).collect())
    }

    /// The server's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The process id of the postmaster.
    pub fn postmaster(&self) -> Option<String> {
        let pid = fs::read_to_string(self.data.join("postgres/postmaster.pid")).ok()?;
        pid.lines().next().map(str::to_owned)
    }

    /// The address of the private PostgreSQL, for a second server. The fifth line of the file is the folder of
    /// the socket (PostgreSQL, src/include/utils/pidfile.h).
    pub fn database_url(&self) -> Option<String> {
        let file = fs::read_to_string(self.data.join("postgres/postmaster.pid")).ok()?;
        Some(format!("postgres://messenger@localhost/postgres?host={}", file.lines().nth(4)?))
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until the server accepts connections, and returns its address.
    pub async fn up(&mut self) -> Result<SocketAddr> {
        let address = async {
            loop {
                let line = self.said.next_line().await?.ok_or("the server ended before it was up")?;
                if let Some(address) = address_in(&line) {
                    return Ok(address);
                }
            }
        };
        timeout(UP_WITHIN, address).await?
    }

    /// Stops the server and its database.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            signal("TERM", &pid.to_string()).await;
        }
        if timeout(DOWN_WITHIN, self.child.wait()).await.is_ok() {
            return;
        }
        let _ = self.child.kill().await;
        if let Some(pid) = self.postmaster() {
            signal("QUIT", &pid).await;
        }
    }
}

fn command(binary: &Path, scratch: &Scratch, data: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(binary);
    // The environment of this machine must not configure the measured server.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MESSENGER_")) {
        command.env_remove(name);
    }
    command.env_remove("DATABASE_URL").args(["serve", "--limits", "off"]).args(flags);
    command.arg("--data-dir").arg(data).arg("--site-dir").arg(scratch.path().join("site"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// The address in "Messenger is at http://127.0.0.1:4711 (Ctrl+C stops it)".
fn address_in(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("Messenger is at http://")?.split(' ').next()?.parse().ok()
}

pub async fn signal(name: &str, pid: &str) {
    // `kill` is built into every shell.
    let _ = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, pid]).status().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_of_the_server() {
        for (line, expected) in [
            ("Messenger is at http://127.0.0.1:4711 (Ctrl+C stops it)", Some("127.0.0.1:4711")),
            ("Messenger is at http://[::1]:80", Some("[::1]:80")),
            ("Messenger is at home", None),
            ("The database waits.", None),
        ] {
            assert_eq!(address_in(line), expected.map(|address| address.parse().unwrap()), "{line}");
        }
    }
}
