//! The session cookie of browsers.

use super::App;
use app::cookie::PERSON;
use axum::http::{HeaderMap, HeaderValue};
use protocol::ids::UserId;
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

/// Whether the cookie `person` of a request names this user.
pub fn names(headers: &HeaderMap, user_id: UserId) -> bool {
    app::cookie::of_request(headers, PERSON).and_then(|id| id.parse().ok()) == Some(user_id)
}

/// The `Set-Cookie` headers that sign a browser in, or out if there is no token.
pub fn set_session(https: bool, session: Option<(&str, UserId)>) -> [HeaderValue; 2] {
    let name = if https { HTTPS_NAME } else { NAME };
    let (token, person) = session.unzip();
    let session = set(https, &format!("{name}={}; HttpOnly", token.unwrap_or_default()), token.is_some());
    [session, set_person(https, person)]
}

/// The `Set-Cookie` header that names the user of the session, or nobody.
pub fn set_person(https: bool, person: Option<UserId>) -> HeaderValue {
    let id = person.map(|id| id.to_string()).unwrap_or_default();
    set(https, &format!("{PERSON}={id}"), person.is_some())
}

fn set(https: bool, cookie: &str, lives: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let life = if lives { SESSION_LIFE.as_secs() } else { 0 };
    let header = format!("{cookie}; Path=/; SameSite=Lax; Max-Age={life}{secure}");
    HeaderValue::from_str(&header).unwrap_or(HeaderValue::from_static(""))
}
