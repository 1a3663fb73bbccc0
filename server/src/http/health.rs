//! The health of the server, for operators and monitoring.

use super::App;
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use clap::Args;
use serde_json::{Value, json};
use services::infra::database;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// The process is up.
async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The state of each dependency.
async fn readyz(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let stopping = app.node.draining.load(Ordering::Relaxed) || app.node.shutdown.is_cancelled();
    let ping = async { Ok(database::ping(&app.node.db).await?) };
    let database = database::within(ping).await.is_ok();
    let ready = database && !stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |fine: bool| if fine { "ok" } else { "unavailable" };
    (status, Json(json!({ "status": word(ready), "database": word(database), "stopping": stopping })))
}

#[derive(Args)]
pub struct Healthcheck {
    /// The address to request.
    #[arg(long, default_value = "http://127.0.0.1:3000/readyz")]
    url: String,
}

/// Requests the readiness of a server.
///
/// # Errors
/// If it is not ready, or does not respond within five seconds.
pub async fn check(check: Healthcheck) -> Result<(), String> {
    let url = check.url.parse::<axum::http::Uri>().map_err(|error| format!("{}: {error}", check.url))?;
    let host = url.host().unwrap_or("127.0.0.1");
    let address = format!("{host}:{}", url.port_u16().unwrap_or(80));
    let path = url.path();
    let ask = async {
        let mut stream = TcpStream::connect(&address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(Duration::from_secs(5), ask).await {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => Ok(()),
        Ok(Ok(answer)) => Err(format!("not ready: {}", answer.lines().next().unwrap_or_default())),
        Ok(Err(error)) => Err(format!("no response from {address}: {error}")),
        Err(_) => Err(format!("no response from {address} within five seconds")),
    }
}
