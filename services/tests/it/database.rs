//! A database for each test, in a temporary PostgreSQL: copied from one that was migrated once.

use services::infra::database;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The URL of a new migrated database, for the caller alone.
pub async fn migrated() -> String {
    let template = TEMPLATE.get_or_init(|| async {
        let name = create("template1").await;
        let db = database::connect(&url_of(&name), 1).await.unwrap();
        database::migrate(&db).await.unwrap();
        // PostgreSQL copies a database only while it has no connections.
        db.close().await;
        name
    });
    url_of(&create(template.await).await)
}

/// The URL of an empty database.
pub async fn empty() -> String {
    url_of(&create("template1").await)
}

/// The URL of a database with these options, copied from a template.
pub async fn of_template(template: &str, options: &str) -> String {
    url_of(&create_with(template, options).await)
}

async fn create(template: &str) -> String {
    create_with(template, "").await
}

async fn create_with(template: &str, options: &str) -> String {
    let name = format!("messenger_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut server = PgConnection::connect(&server()).await.expect("no server responds at TEST_DATABASE_URL");
    let create = format!("create database {name} template {template} {options}");
    sqlx::query(AssertSqlSafe(create)).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    name
}

fn server() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL is unset: type \"scripts/services cargo test\", which starts a PostgreSQL for it")
}

/// The server's URL with another database.
fn url_of(name: &str) -> String {
    let server = server();
    let (address, options) = server.split_once('?').unwrap_or((&server, ""));
    let (address, _) = address.rsplit_once('/').expect("TEST_DATABASE_URL names a database, such as postgres");
    format!("{address}/{name}?{options}")
}
