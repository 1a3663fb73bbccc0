//! The private PostgreSQL, for servers without a configured database: the server starts, owns and stops it.
//!
//! It listens on a unix socket only. The durability settings are PostgreSQL's defaults.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

const OLDEST: u32 = 15;
/// The path of a unix socket has at most 107 bytes; `/.s.PGSQL.5432` takes 14 of them.
const SOCKET_DIR_MAX: usize = 90;
const START_WITHIN: Duration = Duration::from_secs(60);

/// The back-off before a restart of a database that crashes repeatedly: first and longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A running private cluster. `stop` ends it.
pub struct PrivatePostgres {
    cluster: Cluster,
    url: String,
    supervisor: tokio::task::JoinHandle<()>,
    stopping: CancellationToken,
}

/// The files of a cluster, and the user that runs it.
#[derive(Clone)]
struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    socket_dir: PathBuf,
    owner: Option<Owner>,
}

/// The unprivileged user that runs PostgreSQL if the server is root: PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl PrivatePostgres {
    /// Starts the cluster of a data directory, and creates it first if it does not exist. The caller holds
    /// the directory's lock.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn start(data_dir: &Path) -> Result<Self, String> {
        let bin = find_binaries().await?;
        let owner = owner()?;
        let folder = cluster_dir(data_dir, owner).await?;
        let socket_dir = socket_dir(&folder, owner)
            .map_err(|error| format!("cannot make a folder for the database's socket: {error}"))?;
        if !folder.join("PG_VERSION").exists() {
            initialise(&bin, &folder, owner).await?;
        }
        let url = format!("postgres://messenger@localhost/postgres?host={}", encode(&socket_dir));
        let cluster = Cluster { bin, folder, socket_dir, owner };
        // After a crash of the server its postmaster may still run: stop it before a new start.
        cluster.stop().await;
        let mut child = cluster.spawn().map_err(|error| format!("cannot start PostgreSQL: {error}"))?;
        let failure = tokio::select! {
            _ = child.wait() => "it exited at once".to_owned(),
            ready = wait_until_ready(&url) => ready.err().unwrap_or_default(),
        };
        if !failure.is_empty() {
            cluster.stop().await;
            let log = cluster.folder.join("server.log");
            return Err(format!("PostgreSQL did not start: {failure}; its log is {}", log.display()));
        }
        let stopping = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(cluster.clone(), child, stopping.clone()));
        Ok(Self { cluster, url, supervisor, stopping })
    }

    /// The URL to connect to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the cluster with a checkpoint, so that the next start needs no recovery.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.cluster.stop().await;
        let _ = self.supervisor.await;
    }
}

/// # Errors
/// The last error of a connection, after a minute.
async fn wait_until_ready(url: &str) -> Result<(), String> {
    let deadline = tokio::time::Instant::now() + START_WITHIN;
    loop {
        match super::database::connect(url, 1).await {
            Ok(pool) => {
                pool.close().await;
                return Ok(());
            }
            Err(error) if tokio::time::Instant::now() > deadline => return Err(error.to_string()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Restarts the postmaster when it dies. Meanwhile commits fail, and no acknowledged change is lost.
async fn supervise(cluster: Cluster, mut child: Child, stopping: CancellationToken) {
    let mut back_off = BACK_OFF.0;
    loop {
        let started = tokio::time::Instant::now();
        let status = child.wait().await;
        if started.elapsed() > BACK_OFF.1 {
            back_off = BACK_OFF.0;
        }
        loop {
            if stopping.is_cancelled() {
                return;
            }
            tracing::warn!(?status, "PostgreSQL exited unexpectedly and is restarted; see server.log in its folder");
            tokio::select! {
                () = tokio::time::sleep(back_off) => {}
                () = stopping.cancelled() => return,
            }
            back_off = (back_off * 2).min(BACK_OFF.1);
            cluster.stop().await;
            if stopping.is_cancelled() {
                return;
            }
            match cluster.spawn() {
                Ok(next) => {
                    child = next;
                    // `stop()` may have run before this spawn.
                    if stopping.is_cancelled() {
                        cluster.stop().await;
                    }
                    break;
                }
                Err(error) => tracing::error!(%error, "PostgreSQL could not be restarted"),
            }
        }
    }
}

impl Cluster {
    fn spawn(&self) -> io::Result<Child> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("server.log"))?;
        as_owner(Command::new(self.bin.join("postgres")), self.owner)
            .arg("-D")
            .arg(&self.folder)
            .args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c"])
            .arg(format!("unix_socket_directories={}", self.socket_dir.display()))
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl+C in a terminal signals the whole process group; the database must outlive the last commit.
            .process_group(0)
            .spawn()
    }

    /// Stops the postmaster of this cluster, if one runs.
    async fn stop(&self) {
        let stopped = as_owner(Command::new(self.bin.join("pg_ctl")), self.owner)
            .args(["stop", "--silent", "--mode=fast", "--wait", "-D"])
            .arg(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if let Err(error) = stopped {
            tracing::warn!(%error, "pg_ctl could not be run");
        }
    }
}

/// The folder with `initdb`, `postgres` and `pg_ctl` of the newest installed version.
async fn find_binaries() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output().await {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local/pgsql"] {
        let versions = fs::read_dir(root).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
        folders.push(Path::new(root).join("bin"));
    }
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let mut newest: Option<(u32, PathBuf)> = None;
    for folder in folders.into_iter().filter(|folder| folder.join("initdb").is_file()) {
        let Ok(output) = Command::new(folder.join("postgres")).arg("--version").output().await else { continue };
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        // "postgres (PostgreSQL) 15.18 (Debian …)"
        let version = words.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok());
        if let Some(version) = version.filter(|version| newest.as_ref().is_none_or(|(other, _)| version > other)) {
            newest = Some((version, folder));
        }
    }
    match newest {
        Some((version, bin)) if version >= OLDEST => Ok(bin),
        Some((version, _)) => Err(format!("PostgreSQL {version} is too old: install PostgreSQL {OLDEST} or newer.")),
        None => Err("PostgreSQL is missing: install it (on Debian: sudo apt-get install postgresql), \
                     or set DATABASE_URL to one that runs elsewhere."
            .into()),
    }
}

fn owner() -> Result<Option<Owner>, String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse::<u32>().ok());
    if uid != Some(0) {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd.lines().find_map(|line| {
        let mut parts = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some(Owner { uid: parts.next()?.parse().ok()?, gid: parts.next()?.parse().ok()? })
    });
    entry.map(Some).ok_or_else(|| {
        "PostgreSQL does not run as root, and there is no user `postgres`: create one, or run as another user.".into()
    })
}

/// The cluster's folder: inside the data directory, or a system folder if the database's user cannot reach
/// the data directory.
async fn cluster_dir(data_dir: &Path, owner: Option<Owner>) -> Result<PathBuf, String> {
    let inside = data_dir.join("postgres");
    let failed = |dir: &Path, error: io::Error| format!("cannot make {}: {error}", dir.display());
    let Some(owner) = owner else {
        make_private(&inside, None).map_err(|error| failed(&inside, error))?;
        return Ok(inside);
    };
    let reached = as_owner(Command::new("test"), Some(owner)).arg("-x").arg(data_dir).status().await;
    if reached.is_ok_and(|status| status.success()) {
        make_private(&inside, Some(owner)).map_err(|error| failed(&inside, error))?;
        return Ok(inside);
    }
    let name: String = data_dir.to_string_lossy().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let outside = Path::new("/var/lib/messenger").join(name.trim_matches('-'));
    fs::create_dir_all("/var/lib/messenger").map_err(|error| failed(&outside, error))?;
    make_private(&outside, Some(owner)).map_err(|error| failed(&outside, error))?;
    tracing::info!("the database's user cannot reach {}; the database is in {}", data_dir.display(), outside.display());
    Ok(outside)
}

fn socket_dir(cluster: &Path, owner: Option<Owner>) -> io::Result<PathBuf> {
    // A system folder may hold several clusters, so the socket's folder is named after its cluster.
    let name = cluster.file_name().unwrap_or_default().to_string_lossy();
    let inside = cluster.with_file_name(format!("{name}-socket"));
    let dir = if inside.as_os_str().len() <= SOCKET_DIR_MAX {
        inside
    } else {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        cluster.hash(&mut hasher);
        std::env::temp_dir().join(format!("messenger-{:016x}", hasher.finish()))
    };
    make_private(&dir, owner)?;
    Ok(dir)
}

/// Creates a folder that only its owner can enter: the database inside has no password.
fn make_private(dir: &Path, owner: Option<Owner>) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    if let Some(owner) = owner {
        chown(dir, Some(owner.uid), Some(owner.gid))?;
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

fn as_owner(mut command: Command, owner: Option<Owner>) -> Command {
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    // The database's user may not be allowed to enter the server's working folder.
    command.current_dir("/").env_remove("PGDATA").stdin(Stdio::null());
    command
}

async fn initialise(bin: &Path, cluster: &Path, owner: Option<Owner>) -> Result<(), String> {
    tracing::info!("creating a private PostgreSQL in {}", cluster.display());
    let output = as_owner(Command::new(bin.join("initdb")), owner)
        .args(["--username=messenger", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
        .arg("--pgdata")
        .arg(cluster)
        .output()
        .await
        .map_err(|error| format!("cannot run initdb: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Percent-encodes a path for the query of a URL.
fn encode(path: &Path) -> String {
    let bytes = path.to_string_lossy().into_owned().into_bytes();
    bytes.iter().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            url.push(char::from(*byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
        url
    })
}
