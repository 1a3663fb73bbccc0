//! Pages and the server functions behind their forms. Renders `app`; decides nothing itself.

use super::{Api, App, Failure, cookie, error::set_retry_after, extract, origin};
use app::{Address, Refused, server_context as context};
use axum::{
    body::{Body, Bytes},
    extract::{Path as Segment, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use leptos::prelude::provide_context;
use protocol::{error::ErrorCode, limits};
use services::{
    Rejection, auth,
    infra::{clock, tokens::TokenType},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::timeout;

/// A cookie older than this is renewed, in seconds.
const COOKIE_AGE: i64 = 24 * 60 * 60;

pub fn routes() -> Api {
    Api::new().route("/shell", get(shell)).route("/fn/{*name}", post(server_function).get(form_page))
}

/// The page of a refused form is under the address of the form's action. A reload, or a link back, leads to its page.
async fn form_page(Segment(form): Segment<String>) -> Redirect {
    Redirect::to(&context::page_of(&form, &[]).href())
}

async fn shell(State(app): State<App>) -> Response {
    context::shell(app.version.as_deref())
}

/// Renders the page of a request, with a refused form if there is one.
pub async fn render(app: App, parts: Parts, refused: Option<Refused>) -> Response {
    let (request, cookies) = match page_request(&app, &parts).await {
        Ok(request) => request,
        Err(rejection) => return Failure(rejection).into_response(),
    };
    let loaded = match context::load(&request, &parts.headers, url_of(&parts.uri)).await {
        Ok(loaded) => loaded,
        Err(rejection) => return Failure(rejection).into_response(),
    };
    let loaded = match refused {
        Some(refused) => context::refused_on(loaded, refused),
        None => loaded,
    };
    let mut response = context::render(app.version, parts, loaded).await;
    add_cookies(&mut response, cookies);
    response
}

fn add_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Replaces a refusal with a page if the browser shows the response as a document: after a form or a page request.
pub async fn refusals_as_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_shown = accepts_html(request.headers()) && !request.uri().path().starts_with("/api");
    let (mut parts, body) = request.into_parts();
    let asked = parts.clone();
    let response = next.run(Request::from_parts(asked, body)).await;
    let Some(code) = response.extensions().get::<ErrorCode>().copied().filter(|_| is_shown) else { return response };
    let back = came_from(&app, &parts.headers).unwrap_or_else(|| uri_of(&Address::CHATS));
    let failed = context::Failed { code, back: url_of(&back).to_owned() };
    let loaded = context::failed(&parts.headers, url_of(&parts.uri), failed);
    parts.method = Method::GET;
    let mut page = context::render(app.version, parts, loaded).await;
    if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    page
}

/// The path with its query.
fn url_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |url| url.as_str())
}

/// The user and device of a request, and new cookies if the old ones have aged or their session has ended.
async fn page_request(app: &App, parts: &Parts) -> Result<(context::Request, Vec<HeaderValue>), Rejection> {
    let https = app.config.is_https();
    let (mut actor, mut ended, mut cookies) = (None, false, Vec::new());
    if let Some(token) = cookie::session(app, &parts.headers) {
        match auth::authenticate(&app.node, TokenType::Session, token).await {
            Ok(verified) => {
                actor = Some(verified.actor);
                let user_id = verified.actor.user_id;
                if clock::now().0 / 1_000 - verified.issued_at > COOKIE_AGE {
                    let token = auth::renew_session(&app.node, verified.actor).await?;
                    cookies.extend(cookie::set_session(https, Some((&token, user_id))));
                } else if !cookie::names(&parts.headers, user_id) {
                    cookies.push(cookie::set_person(https, Some(user_id)));
                }
            }
            Err(rejection) if rejection.code() == ErrorCode::Unavailable => return Err(rejection),
            // The sign-in page gives the reason once.
            Err(_) if matches!(Address::parse(url_of(&parts.uri)), Some(Address::Login(_))) => {
                ended = auth::was_ended(&app.node, TokenType::Session, token).await;
                if ended {
                    cookies.extend(cookie::set_session(https, None));
                }
            }
            Err(_) => {}
        }
    }
    let request = context::Request {
        node: app.node.clone(),
        actor,
        ended,
        device: extract::device(parts, app),
        session_cookies: cookie::set_session,
        https,
        version: app.version(),
        refused: Arc::default(),
    };
    Ok((request, cookies))
}

/// Runs a server function. A form refused without JavaScript is shown again on its page, with its values.
async fn server_function(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match timeout(extract::BODY_WITHIN, axum::body::to_bytes(body, limits::FRAME_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Failure(Rejection::new(ErrorCode::TooLarge, "The form is too large.")).into_response(),
        Err(_) => {
            return Failure(Rejection::new(ErrorCode::InvalidInput, "The form could not be read.")).into_response();
        }
    };
    let (context, cookies) = match page_request(&app, &parts).await {
        Ok(request) => request,
        Err(rejection) => return Failure(rejection).into_response(),
    };
    let mut response = call(app, parts, body, context).await;
    if !response.headers().contains_key(header::SET_COOKIE) {
        add_cookies(&mut response, cookies);
    }
    response
}

async fn call(app: App, parts: Parts, body: Bytes, context: context::Request) -> Response {
    let refused: Arc<Mutex<Option<Rejection>>> = context.refused.clone();
    let is_form = accepts_html(&parts.headers);
    let values = if is_form { fields(&body) } else { Vec::new() };
    if let Some(asked) = context::Asked::of(parts.uri.path(), &values) {
        let mut parts = form_page_request(&app, parts, &values);
        parts.extensions.insert(asked);
        return render(app, parts, None).await;
    }
    let call = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let response = leptos_axum::handle_server_fns_with_context(move || provide_context(context.clone()), call).await;
    let response = response.into_response();
    if response.status() == StatusCode::BAD_REQUEST {
        return Failure(Rejection::not_found()).into_response();
    }
    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    if refused.is_none() && is_unread(&response) {
        refused = Some(Rejection::new(ErrorCode::InvalidInput, "The form could not be read."));
    }
    if !is_form {
        // The script shows this sentence, so it is in the language of the request.
        let worded = |Rejection { error, retry_after }| {
            Failure(Rejection { error: context::worded(error, context::locale(&parts.headers)), retry_after })
        };
        return refused.map_or(response, |rejection| worded(rejection).into_response());
    }
    let Some(Rejection { error, retry_after }) = refused else { return see_other(response) };
    let form = parts.uri.path().trim_start_matches("/fn/").to_owned();
    let parts = form_page_request(&app, parts, &values);
    if error.code == ErrorCode::Unauthenticated && form != "sign_in" {
        let next = Address::parse(url_of(&parts.uri)).and_then(Address::into_next);
        return Redirect::to(&Address::Login(next).href()).into_response();
    }
    let mut page = render(app, parts, Some(Refused { form, error, values })).await;
    set_retry_after(&mut page, retry_after);
    page
}

/// The fields of a form, without its passwords: the user must type a password again.
fn fields(body: &[u8]) -> Vec<(String, String)> {
    let typed = form_urlencoded::parse(body).into_owned();
    typed.filter(|(name, _)| !matches!(name.as_str(), "password" | "current" | "new")).collect()
}

/// The request for the page that a form was on.
fn form_page_request(app: &App, mut parts: Parts, values: &[(String, String)]) -> Parts {
    let form = parts.uri.path().trim_start_matches("/fn/");
    let page = came_from(app, &parts.headers).filter(|uri| !uri.path().starts_with("/fn/"));
    parts.uri = page.unwrap_or_else(|| uri_of(&context::page_of(form, values)));
    parts.method = Method::GET;
    parts
}

/// Whether a server function did not run because it could not read its fields.
fn is_unread(response: &Response) -> bool {
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    response.status() == StatusCode::INTERNAL_SERVER_ERROR || location.is_some_and(|to| to.contains("__err="))
}

/// After a form the browser gets its page, by GET.
fn see_other(mut response: Response) -> Response {
    if response.status() == StatusCode::FOUND {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    response
}

/// The page of this server that a form was on, if the browser names it.
fn came_from(app: &App, headers: &HeaderMap) -> Option<Uri> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?.parse::<Uri>().ok()?;
    let origin = format!("{}://{}", referer.scheme_str().unwrap_or("http"), referer.authority()?);
    let url = referer.path_and_query()?.as_str();
    // As a link, a path that begins with two slashes would lead to another host.
    let leads_away = matches!(url.as_bytes(), [_, b'/' | b'\\', ..]);
    if origin::is_own(app, headers, &origin) && !leads_away { url.parse().ok() } else { None }
}

fn uri_of(address: &Address) -> Uri {
    Uri::try_from(address.href()).unwrap_or_default()
}

pub fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
