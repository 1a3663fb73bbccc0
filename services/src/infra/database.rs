//! PostgreSQL: the pool and the schema.

use sqlx::{
    Connection as _, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;

const ACQUIRE_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The connections to PostgreSQL.
pub type Pool = PgPool;

/// An older binary runs against a newer schema, which is additive first.
static MIGRATIONS: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!("../migrations") };

/// Opens a pool. Waiting for a connection is cut at two seconds, so that an outage is said at once.
///
/// # Errors
/// The database's own words when the address is malformed or nobody answers there.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    // A statement that was cancelled here must not hold its locks there. JIT: a list of 200 chats takes milliseconds,
    // and its compilation a tenth of a second.
    let settings = [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("jit", "off"),
    ];
    pool(connections).connect_with(options.options(settings)).await
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_WITHIN)
}

/// Begins a transaction. Whoever is given up meanwhile (a client that has gone, a time limit) leaves the
/// beginning to end by itself: dropped between `begin` and its answer, sqlx takes the connection for one
/// without a transaction, and what comes next on it would be acknowledged within one, uncommitted.
///
/// # Errors
/// The database's.
pub async fn begin(db: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let db = db.clone();
    #[expect(clippy::disallowed_methods, reason = "here it is not given up")]
    let begun = tokio::spawn(async move { db.begin().await });
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Cuts work with the database off after five seconds: a hung one must not hang everything.
///
/// # Errors
/// `unavailable`; whether the work was done is then unknown.
pub async fn within<T>(work: impl Future<Output = crate::Result<T>>) -> crate::Result<T> {
    tokio::time::timeout(ANSWER_WITHIN, work).await.unwrap_or_else(|_| {
        tracing::warn!("the database does not answer");
        Err(crate::Rejection::unavailable())
    })
}

/// Closes a pool; connections that hang are left behind.
pub async fn close(db: &PgPool) {
    if tokio::time::timeout(ANSWER_WITHIN, db.close()).await.is_err() {
        tracing::warn!("some connections to the database hang");
    }
}

/// A pool beside another, to the same database; it connects when it is first used.
#[must_use]
pub fn beside(db: &PgPool, connections: u32) -> PgPool {
    let options = db.connect_options();
    pool(connections).connect_lazy_with((*options).clone())
}

/// Brings the schema up to this binary's.
///
/// # Errors
/// When a step fails; the steps before it stay.
pub async fn migrate(db: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    // A step may take its time, and is done once: on a connection that nobody gets afterwards.
    let mut connection = db.acquire().await?.detach();
    sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut connection).await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Whether every step this binary knows has been taken.
///
/// # Errors
/// When the database does not answer.
pub async fn is_migrated(db: &PgPool) -> Result<bool, sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(db).await?;
    if !exists {
        return Ok(false);
    }
    let newest: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(db).await?;
    let known = MIGRATIONS.iter().map(|step| step.version).max();
    Ok(newest >= known)
}

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub async fn ping(db: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(db).await.map(drop)
}
