//! The files of the built front end.

use super::{App, Failure, pages};
use app::Address;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use services::Rejection;
use sha2::{Digest as _, Sha256};
use std::{fs, path::Path, sync::Arc};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

/// What a browser keeps of one version.
const FILES: [&str; 5] =
    ["pkg/messenger.js", "pkg/messenger.wasm", "pkg/messenger.css", "boot.js", "service-worker.js"];

/// Names the files by what is in them; none where there are none yet, and in debug builds.
pub fn version(site: &Path) -> Option<Arc<str>> {
    if cfg!(debug_assertions) {
        return None;
    }
    let mut hash = Sha256::new();
    for file in FILES {
        hash.update(fs::read(site.join(file)).ok()?);
    }
    Some(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

/// A file of the built front end, or a page of our own that says there is nothing here.
pub async fn file(State(app): State<App>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Failure(Rejection::not_found()).into_response();
    }
    if request.uri().path_and_query().is_some_and(|url| Address::parse(url.as_str()).is_some()) {
        return pages::render(app, request.into_parts().0, None).await;
    }
    // Two nodes may be of two versions: one never gives its files for the other's.
    let asked = request.uri().query().and_then(|query| query.strip_prefix("v="));
    let is_other = asked.is_some_and(|asked| app.version.as_deref().is_some_and(|version| version != asked));
    if is_other && request.uri().path() != "/service-worker.js" {
        return Failure(Rejection::not_found()).into_response();
    }
    let wants_page = pages::accepts_html(request.headers());
    let (parts, _) = request.into_parts();
    let files = ServeDir::new(&app.config.site_dir).append_index_html_on_directories(false).precompressed_br();
    let plain = Request::from_parts(parts.clone(), Body::empty());
    match files.oneshot(plain).await {
        Ok(found) if found.status() != StatusCode::NOT_FOUND => found.into_response(),
        _ if wants_page => pages::render(app, parts, None).await,
        _ => Failure(Rejection::not_found()).into_response(),
    }
}
