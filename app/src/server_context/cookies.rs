//! The cookies that pages set.

use super::caller::{Request, answer, request};
use crate::refusal::Refusal;
use http::{HeaderValue, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use services::{Actor, auth};

/// Signs the browser in: its cookies name the session and the user.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn sign_in_browser(actor: Actor) -> Result<(), Refusal> {
    let request = request()?;
    let token = answer(auth::renew_session(&request.node, actor).await)?;
    (request.session_cookies)(request.https, Some((&token, actor.user_id))).into_iter().for_each(add);
    Ok(())
}

/// Removes the cookies of the session.
///
/// # Errors
/// Only outside a request.
pub fn sign_out_browser() -> Result<(), Refusal> {
    let request = request()?;
    (request.session_cookies)(request.https, None).into_iter().for_each(add);
    Ok(())
}

/// Keeps a choice in the browser for a year; an empty value removes it.
pub fn remember(name: &str, value: &str) {
    let life = if value.is_empty() { 0 } else { 365 * 24 * 60 * 60 };
    let secure = if use_context::<Request>().is_some_and(|request| request.https) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age={life}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        add(cookie);
    }
}

fn add(cookie: HeaderValue) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(header::SET_COOKIE, cookie);
    }
}
