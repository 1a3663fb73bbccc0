//! Starts and stops the server of a configuration.

use crate::{config, http, roles};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use services::{
    Node,
    infra::{database, private_postgres::PrivatePostgres},
};
use socket2::SockRef;
use std::{
    fs::{File, TryLockError},
    net::SocketAddr,
    path::Path,
    sync::atomic::Ordering,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

const HEADERS_WITHIN: Duration = Duration::from_secs(15);
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes; the last read may double it.
const HEAD_BYTES: usize = 32 * 1024;

/// The database, with the lock and the private cluster behind it.
pub struct Storage {
    pub db: database::Pool,
    private: Option<PrivatePostgres>,
    _lock: Option<File>,
}

impl Storage {
    /// # Errors
    /// A sentence for the operator.
    pub async fn open(data: &config::Data) -> Result<Self, String> {
        let config::Database { database_url, database_connections } = &data.database;
        if let Some(url) = database_url {
            let db = database::connect(url, *database_connections)
                .await
                .map_err(|error| format!("cannot reach the database at DATABASE_URL: {error}"))?;
            wait_until_migrated(&db).await?;
            return Ok(Self { db, private: None, _lock: None });
        }
        let lock = lock(&data.data_dir)?;
        let dir = data.data_dir.canonicalize().map_err(|error| unusable(&data.data_dir, &error))?;
        let private = PrivatePostgres::start(&dir).await?;
        let connected = async {
            let db =
                database::connect(private.url(), *database_connections).await.map_err(|error| error.to_string())?;
            database::migrate(&db).await?;
            Ok(db)
        };
        match connected.await {
            Ok(db) => Ok(Self { db, private: Some(private), _lock: Some(lock) }),
            Err(message) => {
                private.stop().await;
                Err(message)
            }
        }
    }

    pub async fn close(self) {
        database::close(&self.db).await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

/// A running server.
pub struct Running {
    pub node: Node,
    pub address: SocketAddr,
    storage: Storage,
    drain_delay: Duration,
    accepting: tokio::task::JoinHandle<()>,
}

/// Serves until a signal to stop.
///
/// # Errors
/// A sentence for the operator.
pub async fn serve(config: config::Serve) -> Result<(), String> {
    let stop = stop_signal()?;
    let mut stop = std::pin::pin!(stop);
    let running = tokio::select! {
        running = start(config) => running?,
        () = stop.as_mut() => return Ok(()),
    };
    say(&format!("Messenger is at http://{} (Ctrl+C stops it)", running.address));
    stop.await;
    say("Stopping …");
    running.stop().await;
    Ok(())
}

/// Starts serving.
///
/// # Errors
/// A sentence for the operator.
pub async fn start(config: config::Serve) -> Result<Running, String> {
    // Report a port in use before the database is started.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}; choose another with --listen", config.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if !config.site_dir.join("pkg").is_dir() {
        return Err(format!("no built front end in {}: run `make build` first", config.site_dir.display()));
    }
    let storage = Storage::open(&config.data).await?;
    let node = match Node::open(storage.db.clone(), config.settings()).await {
        Ok(node) => node,
        Err(error) => {
            storage.close().await;
            return Err(error.to_string());
        }
    };
    roles::spawn_tasks(&node, &config.role);
    let drain_delay = Duration::from_secs(config.drain_delay.into());
    let routes = roles::routes(&config.role);
    let router = http::router(node.clone(), config, routes);
    let accepting = tokio::spawn(accept(listener, router, node.clone()));
    Ok(Running { node, address, storage, drain_delay, accepting })
}

impl Running {
    /// Reports not ready, stops accepting, finishes open requests, closes the sockets, then the database.
    pub async fn stop(self) {
        self.node.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.drain_delay).await;
        self.node.shutdown.cancel();
        if self.accepting.await.is_err() {
            tracing::warn!("the listener ended by itself");
        }
        self.node.stop().await;
        self.storage.close().await;
    }
}

async fn accept(listener: TcpListener, router: axum::Router, node: Node) {
    let mut builder = http1::Builder::new();
    // `axum::serve` has no time limit for the head of a request.
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEAD_BYTES);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = node.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for instance: other connections will free some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        // A peer that acknowledges nothing is dropped, with the data queued for it.
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(TAKEN_WITHIN));
        let mut make = router.clone().into_make_service_with_connect_info::<SocketAddr>();
        let Ok(service) = make.call(Peer(peer)).await;
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        connections.spawn(converse(connection.with_upgrades(), node.shutdown.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN_WITHIN, connections.wait()).await.is_err() {
        tracing::warn!("some connections did not finish in time");
    }
}

type Connection = http1::UpgradeableConnection<TokioIo<TcpStream>, TowerToHyperService<Service>>;
type Service = <axum::extract::connect_info::IntoMakeServiceWithConnectInfo<axum::Router, SocketAddr> as tower::Service<Peer>>::Response;

/// Serves one connection. At the shutdown it finishes the request in progress.
async fn converse(connection: Connection, shutdown: CancellationToken) {
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection failed");
    }
}

/// The address of a peer, for axum's `ConnectInfo`.
#[derive(Clone, Copy)]
struct Peer(SocketAddr);

impl axum::extract::connect_info::Connected<Peer> for SocketAddr {
    fn connect_info(peer: Peer) -> Self {
        peer.0
    }
}

async fn wait_until_migrated(db: &database::Pool) -> Result<(), String> {
    let mut reported = false;
    loop {
        if database::is_migrated(db).await.map_err(|error| error.to_string())? {
            return Ok(());
        }
        if !reported {
            say("The database waits for `messenger migrate`.");
            reported = true;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Locks the data directory: only one server may use it.
fn lock(data_dir: &Path) -> Result<File, String> {
    std::fs::create_dir_all(data_dir).map_err(|error| unusable(data_dir, &error))?;
    let file = File::create(data_dir.join("lock")).map_err(|error| unusable(data_dir, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!("another server uses {}", data_dir.display())),
        Err(TryLockError::Error(error)) => Err(unusable(data_dir, &error)),
    }
}

fn unusable(dir: &Path, error: &std::io::Error) -> String {
    format!("cannot use the data directory {}: {error}; choose another with --data-dir", dir.display())
}

/// A future that completes at SIGTERM or Ctrl+C. Both are caught from now on.
///
/// # Errors
/// If signals cannot be caught.
pub fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    let catch = |kind| unix::signal(kind).map_err(|error| format!("cannot catch signals: {error}"));
    let (mut terminate, mut interrupt) = (catch(unix::SignalKind::terminate())?, catch(unix::SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[expect(clippy::print_stdout, reason = "the operator waits for this line")]
pub fn say(line: &str) {
    println!("{line}");
}
