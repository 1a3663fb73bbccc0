//! Pages.
use super::{Api, App};
use tower_http::services::ServeDir;

pub fn routes() -> Api {
    Api::new()
}

pub fn static_files(app: &App) -> ServeDir {
    ServeDir::new(&app.config.site_dir).precompressed_br()
}
