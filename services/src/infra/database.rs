//! PostgreSQL: the pool and the schema.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

const ACQUIRE_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A connection that was used within this time is not checked before its next use.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The connections to PostgreSQL.
pub type Pool = PgPool;

/// During an upgrade, an older binary runs against the newer schema: a migration at first only adds.
static MIGRATIONS: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!("../migrations") };

/// Opens a pool. A wait for a connection ends after two seconds, so that callers learn of an outage at once.
///
/// # Errors
/// The database's error if the address is malformed or refuses the connection.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    // After this process cancels a statement, PostgreSQL must not hold its locks. JIT is off: a list of 200 chats takes
    // milliseconds, but its compilation would take a tenth of a second.
    let settings = [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("jit", "off"),
    ];
    pool(connections).connect_with(options.options(settings)).await
}

fn pool(connections: u32) -> PgPoolOptions {
    let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_WITHIN);
    // A ping costs a round trip, so a connection that was just in use is not checked.
    options.test_before_acquire(false).before_acquire(|connection, used| {
        Box::pin(async move {
            if used.idle_for >= TRUSTED_FOR {
                connection.ping().await?;
            }
            Ok(true)
        })
    })
}

/// A transaction. Dropped without a commit, it is rolled back. Unlike a transaction of sqlx, it may be cancelled at any
/// point: if sqlx's `begin` is cancelled or fails, the connection can return to the pool with an open transaction.
pub struct Transaction(Option<PoolConnection<Postgres>>);

/// Begins a transaction.
///
/// # Errors
/// The error of the database.
pub async fn begin(db: &PgPool) -> Result<Transaction, sqlx::Error> {
    Ok(begin_with(db, "begin").await?.0)
}

/// Begins a transaction with some statements, which are sent together: one round trip. The statements have no
/// parameters. Their rows are not read but counted.
///
/// # Errors
/// The error of the database.
pub async fn begin_with(db: &PgPool, statements: impl Into<String>) -> Result<(Transaction, u64), sqlx::Error> {
    // From here on, also if the caller is cancelled, the connection ends its transaction or is closed.
    let mut begun = Transaction(Some(db.acquire().await?));
    let done = sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(&mut *begun).await?;
    Ok((begun, done.rows_affected()))
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_deref().unwrap_or_else(|| unreachable!("only `commit` and `drop` take the connection"))
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("only `commit` and `drop` take the connection"))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        tokio::spawn(async move {
            let rolled_back = sqlx::raw_sql("rollback").execute(&mut *connection);
            if !matches!(tokio::time::timeout(ANSWER_WITHIN, rolled_back).await, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

impl Transaction {
    /// # Errors
    /// The error of the database; then it is unknown whether the transaction was committed.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.commit_with("").await
    }

    /// Commits after some last statements, which are sent with it: one round trip. They have no parameters.
    ///
    /// # Errors
    /// Those of `commit`.
    pub async fn commit_with(mut self, statements: &str) -> Result<(), sqlx::Error> {
        let all = if statements.is_empty() { "commit".to_owned() } else { format!("{statements}; commit") };
        sqlx::raw_sql(AssertSqlSafe(all)).execute(&mut *self).await?;
        self.0 = None;
        Ok(())
    }
}

/// Cancels work with the database after five seconds: a hung database must not hang every caller.
///
/// # Errors
/// `unavailable` after that time; the work may have been done.
pub async fn within<T>(work: impl Future<Output = crate::Result<T>>) -> crate::Result<T> {
    tokio::time::timeout(ANSWER_WITHIN, work).await.unwrap_or_else(|_| {
        tracing::warn!("the database does not respond");
        Err(crate::Rejection::unavailable())
    })
}

/// Closes a pool. Connections that hang are abandoned.
pub async fn close(db: &PgPool) {
    if tokio::time::timeout(ANSWER_WITHIN, db.close()).await.is_err() {
        tracing::warn!("some connections to the database hang");
    }
}

/// A second pool to the same database, which connects on first use. Its commits do not wait for the disk: a crash of
/// PostgreSQL may undo the last ones.
#[must_use]
pub fn beside(db: &PgPool, connections: u32) -> PgPool {
    let options = db.connect_options();
    pool(connections).connect_lazy_with((*options).clone().options([("synchronous_commit", "off")]))
}

/// Migrates the schema to this binary's version.
///
/// # Errors
/// A sentence for the operator. The steps before a failed step stay.
pub async fn migrate(db: &PgPool) -> Result<(), String> {
    if !folds_cyrillic(db).await.map_err(|error| format!("cannot read the database's settings: {error}"))? {
        return Err("the database cannot fold Cyrillic letters, so searches would miss names: create it with \
                    \"create database messenger template template0 encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'\""
            .into());
    }
    if !has_icu(db).await.map_err(|error| format!("cannot read the database's collations: {error}"))? {
        return Err("PostgreSQL is built without ICU, so it cannot sort names: use a build with ICU".into());
    }
    run_migrations(db).await.map_err(|error| format!("migration failed: {error}"))
}

/// Whether the encoding and `LC_CTYPE` let the database compare names regardless of case.
async fn folds_cyrillic(db: &PgPool) -> Result<bool, sqlx::Error> {
    let folded = sqlx::query_scalar("select lower($1) = $2").bind("Ж").bind("ж").fetch_one(db).await;
    match folded {
        // 22P05: the encoding has no Cyrillic letters.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("22P05") => Ok(false),
        folded => folded,
    }
}

/// Whether the database has the collations that sort names.
async fn has_icu(db: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select count(*) = 3 from pg_collation where collname in ('und-x-icu', 'en-x-icu', 'ru-x-icu')")
        .fetch_one(db)
        .await
}

async fn run_migrations(db: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    // A step may be slow: the migrations run on their own connection, without time limits.
    let mut connection = db.acquire().await?.detach();
    sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut connection).await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Whether the database has every migration that this binary knows.
///
/// # Errors
/// If the database does not respond.
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

/// # Errors
/// If the database does not respond.
pub async fn ping(db: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(db).await.map(drop)
}
