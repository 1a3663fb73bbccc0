//! The HTTP side: routes, who asks, what every answer carries.

pub mod api;
mod error;
mod extract;
pub mod guard;
pub mod health;
pub mod pages;
mod rendering;
mod site;

pub use error::{Failure, Result};
pub use extract::{Body, Caller, ClientDevice, Id, Params};

use crate::{config, roles};
use axum::{Router, extract::FromRef, middleware, response::IntoResponse, routing::any};
use services::{Node, Rejection};
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// Routes with their documentation.
pub type Api = OpenApiRouter<App>;

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    pub node: Node,
    pub config: Arc<config::Serve>,
    /// Of the front end's files; a debug build has none, because they change under way.
    pub version: Option<Arc<str>>,
}

impl FromRef<App> for Node {
    fn from_ref(app: &App) -> Self {
        app.node.clone()
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Messenger", description = "Errors are `ApiError` everywhere; live frames travel over `/ws`."),
    modifiers(&Bearer),
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let components = document.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", scheme);
    }
}

/// Everything that a server of this configuration answers.
pub fn router(node: Node, config: config::Serve) -> Router {
    // A second router finds the first one's executor, which is the same.
    let _ = any_spawner::Executor::init_custom_executor(rendering::Eager);
    let version = site::version(&config.site_dir);
    let app = App { node, version, config: Arc::new(config) };
    let (routes, document) =
        Api::with_openapi(Document::openapi()).merge(roles::routes(&app.config.role)).split_for_parts();
    let docs = utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/api/openapi.json", document);
    Router::new()
        .merge(routes)
        .merge(docs)
        .merge(health::routes())
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

async fn not_found() -> Failure {
    Failure(Rejection::not_found())
}

async fn method_not_allowed() -> Failure {
    Failure(Rejection::new(protocol::error::ErrorCode::MethodNotAllowed, "This path does not take this method."))
}
