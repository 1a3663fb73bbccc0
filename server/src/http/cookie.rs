//! The session cookie of browsers.

use super::App;
use axum::http::{HeaderMap, HeaderValue};
use services::infra::tokens::SESSION_LIFE;

/// Under https the prefix confines the cookie to this host; browsers refuse the prefix over plain http.
const NAME: &str = "messenger_session";
const HTTPS_NAME: &str = "__Host-messenger_session";

/// The token in the cookie of a request.
pub fn session<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    // Only the name that this server sets: another site of the same domain could plant the other name.
    let wanted = if app.config.is_https() { HTTPS_NAME } else { NAME };
    app::cookie::of_request(headers, wanted)
}

/// The `Set-Cookie` that signs a browser in, or out if there is no token.
pub fn set_session(https: bool, token: Option<&str>) -> HeaderValue {
    let (name, secure) = if https { (HTTPS_NAME, "; Secure") } else { (NAME, "") };
    let life = if token.is_some() { SESSION_LIFE.as_secs() } else { 0 };
    let value = token.unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}");
    HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""))
}
