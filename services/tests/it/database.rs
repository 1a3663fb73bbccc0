//! Databases of a throw-away PostgreSQL: one for each test, copied from one that was migrated once.

use services::infra::database;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The address of a migrated database that nobody else uses.
pub async fn migrated() -> String {
    let template = TEMPLATE.get_or_init(|| async {
        let name = create("template1").await;
        let db = database::connect(&url_of(&name), 1).await.unwrap();
        database::migrate(&db).await.unwrap();
        // A database is copied only while nobody is connected to it.
        db.close().await;
        name
    });
    url_of(&create(template.await).await)
}

/// The address of a database with nothing in it.
pub async fn empty() -> String {
    url_of(&create("template1").await)
}

async fn create(template: &str) -> String {
    let name = format!("messenger_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut server = PgConnection::connect(&server()).await.expect("nobody answers at TEST_DATABASE_URL");
    let create = format!("create database {name} template {template}");
    sqlx::query(AssertSqlSafe(create)).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    name
}

fn server() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL is unset: type \"scripts/services cargo test\", which starts a PostgreSQL for it")
}

/// The server's address with another database.
fn url_of(name: &str) -> String {
    let server = server();
    let (address, options) = server.split_once('?').unwrap_or((&server, ""));
    let (address, _) = address.rsplit_once('/').expect("TEST_DATABASE_URL names a database, such as postgres");
    format!("{address}/{name}?{options}")
}
