//! The state of the handlers, and the type of their routes.

use crate::config;
use axum::extract::FromRef;
use services::Node;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Routes with their documentation.
pub type Api = OpenApiRouter<App>;

/// The state of every handler.
#[derive(Clone)]
pub struct App {
    pub node: Node,
    pub config: Arc<config::Serve>,
    /// The version of the front end's files; a debug build has none, because its files change while it runs.
    pub version: Option<Arc<str>>,
}

impl App {
    /// The version of the pages.
    pub fn version(&self) -> Arc<str> {
        self.version.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").into())
    }
}

impl FromRef<App> for Node {
    fn from_ref(app: &App) -> Self {
        app.node.clone()
    }
}
