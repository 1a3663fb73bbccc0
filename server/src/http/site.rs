//! The files of the built front end.

use super::{App, Failure, pages};
use app::{
    Address,
    i18n::{self, Locale},
};
use axum::{
    body::Body,
    extract::{Path as Segment, Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use services::Rejection;
use sha2::{Digest as _, Sha256};
use std::{fs, path::Path, sync::Arc};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

/// The files whose content makes the version. Pages request them with `?v=` and the version.
const FILES: [&str; 9] = [
    "pkg/messenger.js",
    "pkg/messenger.wasm",
    "pkg/part.wasm",
    "pkg/messenger.css",
    "boot.js",
    "controls.js",
    "gestures.js",
    "notify.js",
    SERVICE_WORKER,
];
const SERVICE_WORKER: &str = "service-worker.js";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The version of the built front end: a hash of its files. `None` if a file is missing, and in debug builds.
pub fn version(site: &Path) -> Option<Arc<str>> {
    if cfg!(debug_assertions) {
        return None;
    }
    let mut hash = Sha256::new();
    for file in FILES {
        hash.update(fs::read(site.join(file)).ok()?);
    }
    for locale in Locale::ALL {
        hash.update(i18n::table(locale));
    }
    Some(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

/// Bytes of the longest path of a file.
const NAME_MAX: usize = 200;

/// The page of an address, a file of the built front end, or the page "not found".
pub async fn file(State(app): State<App>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Failure(Rejection::not_found()).into_response();
    }
    if request.uri().path_and_query().is_some_and(|url| Address::parse(url.as_str()).is_some()) {
        return pages::render(app, request.into_parts().0, None).await;
    }
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let has_version = names_version(&app, request.uri());
    if path != SERVICE_WORKER && is_of_other_version(&app, request.uri()) {
        return Failure(Rejection::not_found()).into_response();
    }
    let caching = caching(&path, has_version);
    let wants_page = pages::accepts_html(request.headers());
    let (parts, _) = request.into_parts();
    let files = ServeDir::new(&app.config.site_dir).append_index_html_on_directories(false).precompressed_br();
    let plain = Request::from_parts(parts.clone(), Body::empty());
    // A longer name than that of any file is an error of the file system.
    let found = if path.len() <= NAME_MAX { files.oneshot(plain).await.ok() } else { None };
    match found {
        Some(found) if found.status().is_success() || found.status() == StatusCode::NOT_MODIFIED => {
            let mut found = found.into_response();
            found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
            found
        }
        _ if wants_page => pages::render(app, parts, None).await,
        _ => Failure(Rejection::not_found()).into_response(),
    }
}

/// How long a browser may use a file without asking again. Files of one version never change; others
/// (icons, the manifest, tables of emoji) may be an hour old after an upgrade.
fn caching(path: &str, has_version: bool) -> &'static str {
    if path == SERVICE_WORKER || !has_version && (FILES.contains(&path) || path.starts_with("pkg/")) {
        "no-cache"
    } else if has_version && FILES.contains(&path) {
        IMMUTABLE
    } else {
        "public, max-age=3600"
    }
}

/// The interface's texts in one language, `en.json`: the front end of this version knows their order.
pub async fn texts(State(app): State<App>, Segment(file): Segment<String>, uri: Uri) -> Response {
    let locale = Locale::ALL.into_iter().find(|locale| file.strip_suffix(".json") == Some(locale.name()));
    match locale.filter(|_| !is_of_other_version(&app, &uri)) {
        Some(locale) => {
            let caching = if names_version(&app, &uri) { IMMUTABLE } else { "no-cache" };
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, caching)];
            (headers, i18n::table(locale)).into_response()
        }
        None => Failure(Rejection::not_found()).into_response(),
    }
}

/// Whether a request names a version, on a server that has one.
fn names_version(app: &App, uri: &Uri) -> bool {
    app.version.is_some() && uri.query().is_some_and(|query| query.starts_with("v="))
}

/// During a rolling upgrade nodes have two versions: a node never serves its own files under the other version.
fn is_of_other_version(app: &App, uri: &Uri) -> bool {
    let asked = uri.query().and_then(|query| query.strip_prefix("v="));
    asked.is_some_and(|asked| app.version.as_deref().is_some_and(|version| version != asked))
}

#[cfg(test)]
mod tests {
    use super::caching;

    #[test]
    fn only_files_of_one_version_are_immutable() {
        for (path, has_version, expected) in [
            ("pkg/messenger.wasm", true, "public, max-age=31536000, immutable"),
            ("pkg/messenger.css", true, "public, max-age=31536000, immutable"),
            ("boot.js", true, "public, max-age=31536000, immutable"),
            ("pkg/messenger.wasm", false, "no-cache"),
            ("pkg/other.wasm", false, "no-cache"),
            ("boot.js", false, "no-cache"),
            ("service-worker.js", true, "no-cache"),
            ("service-worker.js", false, "no-cache"),
            ("icon.svg", false, "public, max-age=3600"),
            ("icon.svg", true, "public, max-age=3600"),
            ("emoji/en.txt", false, "public, max-age=3600"),
            ("manifest.webmanifest", false, "public, max-age=3600"),
        ] {
            assert_eq!(caching(path, has_version), expected, "{path} {has_version}");
        }
    }
}
