//! The request behind a page or a server function: its user, its device, and its refusal.

use crate::refusal::Refusal;
use http::HeaderValue;
use leptos::prelude::*;
use protocol::{
    error::{ApiError, ErrorCode},
    ids::UserId,
};
use services::{Actor, Node, Rejection, auth};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes the cookies of a session, which is a token and its user; without one it removes them. The first argument says
/// whether the browser uses https.
pub type SessionCookies = fn(bool, Option<(&str, UserId)>) -> [HeaderValue; 2];

/// The request, as server functions see it.
#[derive(Clone)]
pub struct Request {
    pub node: Node,
    pub actor: Option<Actor>,
    /// Whether the browser's session was ended: the user signed out elsewhere, or changed the password.
    pub ended: bool,
    pub device: auth::Device,
    pub session_cookies: SessionCookies,
    pub https: bool,
    /// The version of the front end's files.
    pub version: Arc<str>,
    /// Where a server function leaves its refusal, for the page that shows it.
    pub refused: Arc<Mutex<Option<Rejection>>>,
}

/// The request of a server function.
///
/// # Errors
/// Only outside a request.
pub fn request() -> Result<Request, Refusal> {
    use_context::<Request>()
        .ok_or_else(|| Refusal(ApiError::new(ErrorCode::Internal, "There is no request to answer.")))
}

/// The services, and the user who is signed in.
///
/// # Errors
/// `unauthenticated`.
pub fn signed_in() -> Result<(Node, Actor), Refusal> {
    let request = request()?;
    match request.actor {
        Some(actor) => Ok((request.node, actor)),
        None => refuse(Rejection::unauthenticated()),
    }
}

/// Refuses a form: its page is shown again with the values of the form.
///
/// # Errors
/// Always: the refusal.
pub fn refuse<T>(rejection: Rejection) -> Result<T, Refusal> {
    if let Some(request) = use_context::<Request>() {
        *request.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(rejection.clone());
    }
    Err(rejection.into())
}

/// The result of an operation; a refusal is left for the page.
///
/// # Errors
/// The operation's refusal.
pub fn answer<T>(result: services::Result<T>) -> Result<T, Refusal> {
    result.or_else(refuse)
}
