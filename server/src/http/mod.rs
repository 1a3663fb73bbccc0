//! The HTTP side: how a request is checked, who the caller is, and the headers of every response.
//! Must not know roles or sockets: `roles` passes the routes.

pub mod api;
pub mod cookie;
mod document;
mod error;
mod extract;
mod guard;
pub mod health;
pub mod origin;
pub mod pages;
mod peer;
pub mod proxy;
mod rendering;
mod site;
mod state;

pub use error::{Failure, Result};
pub use extract::{Body, Caller, ClientDevice, Id, Params};
pub use state::{Api, App};

use crate::config;
use axum::{
    Router, middleware,
    response::IntoResponse,
    routing::{any, get},
};
use services::{Node, Rejection};
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

/// The server of some routes, with the front end's files and the document of the API beside them.
pub fn router(node: Node, config: config::Serve, routes: Api) -> Router {
    // If a router exists already, this call fails, and the executor of the first router stays.
    let _ = any_spawner::Executor::init_custom_executor(rendering::Eager);
    let version = site::version(&config.site_dir);
    let app = App { node, version, config: Arc::new(config) };
    let (routes, document) = document::split(routes);
    let docs = utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/api/openapi.json", document);
    Router::new()
        .merge(routes)
        .merge(docs)
        .merge(health::routes())
        .route("/pkg/texts/{file}", get(site::texts))
        .route("/api", any(not_found))
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(site::file)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(guard::in_time))
        .layer(middleware::from_fn_with_state(app.clone(), guard::same_origin))
        .layer(axum::extract::DefaultBodyLimit::max(protocol::limits::FRAME_BYTES))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            Failure(Rejection::internal("a handler panicked")).into_response()
        }))
        .layer(middleware::from_fn_with_state(app.clone(), pages::refusals_as_pages))
        .layer(middleware::from_fn_with_state(app.clone(), guard::harden))
        .with_state(app)
}

/// The OpenAPI document of some routes, as JSON.
///
/// # Errors
/// If it cannot be serialised.
pub fn document(routes: Api) -> serde_json::Result<String> {
    document::split(routes).1.to_pretty_json()
}

async fn not_found() -> Failure {
    Failure(Rejection::not_found())
}

async fn method_not_allowed() -> Failure {
    Failure(Rejection::new(protocol::error::ErrorCode::MethodNotAllowed, "This path does not accept this method."))
}
