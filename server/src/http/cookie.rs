//! The session cookie of browsers.

use super::App;
use axum::http::{HeaderMap, HeaderValue};
use protocol::ids::UserId;
use services::infra::tokens::SESSION_LIFE;

/// Under https the prefix confines the cookie to this host; browsers refuse the prefix over plain http.
const NAME: &str = "messenger_session";
const HTTPS_NAME: &str = "__Host-messenger_session";
/// Names the user of the session, for the offline page, which cannot read the session cookie.
const PERSON: &str = "person";

/// The token in the cookie of a request.
pub fn session<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    // Only the name that this server sets: another site of the same domain could plant the other name.
    let wanted = if app.config.is_https() { HTTPS_NAME } else { NAME };
    app::cookie::of_request(headers, wanted)
}

/// Whether the browser knows whose session its cookie is.
pub fn names(headers: &HeaderMap, user_id: UserId) -> bool {
    app::cookie::of_request(headers, PERSON).and_then(|id| id.parse().ok()) == Some(user_id)
}

/// The `Set-Cookie` headers that sign a browser in, or out if there is no token.
pub fn set_session(https: bool, session: Option<(&str, UserId)>) -> [HeaderValue; 2] {
    let (name, secure) = if https { (HTTPS_NAME, "; Secure") } else { (NAME, "") };
    let life = if session.is_some() { SESSION_LIFE.as_secs() } else { 0 };
    let (token, person) = session.map(|(token, user_id)| (token, user_id.to_string())).unwrap_or_default();
    let attributes = format!("Path=/; SameSite=Lax; Max-Age={life}{secure}");
    [format!("{PERSON}={person}; {attributes}"), format!("{name}={token}; HttpOnly; {attributes}")]
        .map(|cookie| HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static("")))
}
