//! The server's side of the pages: who is asking, what a page shows, how a form is refused.

use crate::{
    Refusal, Seed,
    address::{Address, At, Section},
    choices::choices,
    seed::{Opened, Page, Refused},
};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use protocol::{
    chat::{ChatSummary, Window},
    error::{ApiError, ErrorCode},
    groups::Member,
    ids::{ChatId, ClientId},
    time::Timestamp,
};
use services::{Actor, Node, Rejection, auth, chat, groups, infra::clock, profiles};
use std::sync::{Arc, Mutex, PoisonError};

/// What a request brings to pages and server functions.
#[derive(Clone)]
pub struct Request {
    pub node: Node,
    pub actor: Option<Actor>,
    pub device: auth::Device,
    /// Writes the cookie of a session, or without a token removes it.
    pub session_cookie: fn(bool, Option<&str>) -> HeaderValue,
    pub https: bool,
    /// Where a server function leaves its refusal for the page that shows it.
    pub refused: Arc<Mutex<Option<ApiError>>>,
}

/// A page about to be rendered.
pub enum Loaded {
    Page { seed: Box<Seed>, status: StatusCode },
    Redirect(Address),
}

/// The request that a server function serves.
///
/// # Errors
/// Only outside a request.
pub fn request() -> Result<Request, Refusal> {
    use_context::<Request>()
        .ok_or_else(|| Refusal(ApiError::new(ErrorCode::Internal, "There is no request to answer.")))
}

/// The services, and who is asking.
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

/// Refuses a form: its page is shown again with what was typed.
///
/// # Errors
/// Always: the refusal.
pub fn refuse<T>(rejection: impl Into<Refusal>) -> Result<T, Refusal> {
    let refusal = rejection.into();
    if let Some(request) = use_context::<Request>() {
        *request.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal.0.clone());
    }
    Err(refusal)
}

/// The answer of an operation, its refusal kept for the page.
///
/// # Errors
/// What the operation refused.
pub fn answer<T>(result: services::Result<T>) -> Result<T, Refusal> {
    result.or_else(refuse)
}

/// The messages that a form names, as `2,3,5`.
///
/// # Errors
/// `invalid_input` for none, or more than a hundred.
pub fn numbers(text: &str) -> Result<Vec<u64>, Refusal> {
    let numbers: Option<Vec<u64>> = text.split(',').map(|no| no.trim().parse().ok()).collect();
    match numbers.filter(|numbers| numbers.len() <= protocol::limits::HISTORY_MAX as usize) {
        Some(mut numbers) => {
            numbers.sort_unstable();
            numbers.dedup();
            Ok(numbers)
        }
        None => refuse(Rejection::field("nos", protocol::error::Problem::Malformed)),
    }
}

/// Signs the browser in: a cookie that names the session.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn sign_in_browser(actor: Actor) -> Result<(), Refusal> {
    let request = request()?;
    let token = answer(auth::renew_session(&request.node, actor).await)?;
    add_cookie((request.session_cookie)(request.https, Some(&token)));
    Ok(())
}

/// Removes the browser's cookie.
///
/// # Errors
/// Only outside a request.
pub fn sign_out_browser() -> Result<(), Refusal> {
    let request = request()?;
    add_cookie((request.session_cookie)(request.https, None));
    Ok(())
}

/// Remembers a choice in the browser for a year.
pub fn remember(name: &str, value: &str) {
    let life = if value.is_empty() { 0 } else { 365 * 24 * 60 * 60 };
    let secure = if use_context::<Request>().is_some_and(|request| request.https) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age={life}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        add_cookie(cookie);
    }
}

/// Ends a form: the browser goes on to a page.
pub fn redirect(to: &Address) {
    leptos_axum::redirect(&to.href());
}

fn add_cookie(cookie: HeaderValue) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(header::SET_COOKIE, cookie);
    }
}

/// Reads everything a page shows, the chat's head before its rows.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn load(request: &Request, parts: &Parts, address: &str) -> services::Result<Loaded> {
    let parsed = Address::parse(address);
    let mut seed = preferences(&parts.headers, address);

    let Some(actor) = request.actor else {
        return Ok(match parsed {
            Some(Address::Login | Address::Register | Address::Settings(Section::Language | Section::Appearance)) => {
                page(seed)
            }
            _ => Loaded::Redirect(Address::Login),
        });
    };
    if matches!(parsed, Some(Address::Home | Address::Login | Address::Register)) {
        return Ok(Loaded::Redirect(Address::CHATS));
    }
    let welcome = chat::hello(&request.node, actor, None, &Default::default()).await?;
    if cookie(&parts.headers, "locale").is_none()
        && let Some(locale) = &welcome.user.locale
    {
        seed.locale.clone_from(locale);
    }
    if cookie(&parts.headers, "theme").is_none()
        && let Some(theme) = &welcome.user.theme
    {
        seed.choices.insert("theme".into(), theme.clone());
    }
    (seed.me, seed.mine, seed.chats, seed.users) = (Some(welcome.user), welcome.mine, welcome.chats, welcome.users);
    match fill(request, actor, parsed, &mut seed).await {
        Ok(()) => {}
        Err(rejection) if matches!(rejection.code(), ErrorCode::NotFound | ErrorCode::InvalidInput) => {
            seed.page.missing = true;
        }
        Err(rejection) => return Err(rejection),
    }
    Ok(page(seed))
}

fn page(seed: Seed) -> Loaded {
    let status = if seed.page.missing { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Loaded::Page { seed: Box::new(seed), status }
}

async fn fill(request: &Request, actor: Actor, address: Option<Address>, seed: &mut Seed) -> services::Result<()> {
    let node = &request.node;
    match address.ok_or_else(Rejection::not_found)? {
        Address::Chat(chat_id, at) => open(request, actor, chat_id, at, seed).await?,
        Address::Info { chat_id, query } => {
            let summary = chat::summary(node, actor, chat_id).await?;
            let seq = summary.chat.seq;
            seed.page.blocked = has_blocked(node, actor, &summary).await?;
            keep(seed, summary, seq);
            seed.page.members = Some((chat_id, members(node, actor, chat_id).await?));
            find(node, query, seed).await?;
        }
        Address::NewChat { query } => find(node, query, seed).await?,
        Address::NewGroup { query, member_ids, .. } => {
            find(node, query, seed).await?;
            seed.page.chosen = profiles::by_ids(node, &member_ids).await?;
            seed.page.client_id = Some(ClientId::fresh());
        }
        Address::Person(username) => {
            let person = profiles::by_username(node, actor, &username).await?;
            seed.page.blocked = chat::blocks::has_blocked(node, actor, person.id).await?;
            seed.page.person = Some(person);
        }
        Address::Settings(Section::Sessions) => seed.page.sessions = auth::sessions(node, actor).await?,
        Address::Settings(Section::Privacy) => seed.page.found = chat::blocks::list(node, actor).await?,
        Address::Home | Address::Login | Address::Register | Address::Chats(_) | Address::Settings(_) => {}
    }
    Ok(())
}

/// Reads the part of a conversation that the address points to.
async fn open(request: &Request, actor: Actor, chat_id: ChatId, at: At, seed: &mut Seed) -> services::Result<()> {
    let node = &request.node;
    let midnight = match at {
        At::Day(day) => Some(Timestamp(day.0 - i64::from(seed.offset) * 60_000)),
        _ => None,
    };
    let window = match (&at, at.message(), midnight) {
        (At::Before(no), ..) => Window::Before(*no),
        (At::After(no), ..) => Window::After(*no),
        (_, Some(no), _) => Window::Around(no),
        (.., Some(midnight)) => Window::At(midnight),
        _ => Window::Newest,
    };
    let seen = matches!(at, At::Seen(_));
    let history = chat::history(node, actor, chat_id, window, None).await?;
    let of_day = |day: Timestamp| {
        let first = history.items.iter().find(|message| message.created_at >= day);
        // After the last day there is the last message.
        first.or(history.items.last()).map(|message| message.no)
    };
    let at = at.message().or_else(|| of_day(midnight?));
    let summary = chat::summary(node, actor, chat_id).await?;
    let read_no = summary.read_no;
    seed.page.blocked = has_blocked(node, actor, &summary).await?;
    // The rows are newer than the number they are caught up from, never older.
    keep(seed, summary, history.seq);
    if seen {
        seed.page.members = Some((chat_id, members(node, actor, chat_id).await?));
    }
    seed.page.opened = Some(Opened { chat_id, history, read_no, at });
    seed.page.client_id = Some(ClientId::fresh());
    Ok(())
}

/// Whether the reader has blocked the other one of a direct chat.
async fn has_blocked(node: &Node, actor: Actor, summary: &ChatSummary) -> services::Result<bool> {
    let Some(peer) = &summary.peer else { return Ok(false) };
    chat::blocks::has_blocked(node, actor, peer.id).await
}

/// The first hundred members of a chat.
async fn members(node: &Node, actor: Actor, chat_id: ChatId) -> services::Result<Vec<Member>> {
    let page = groups::MembersPage { limit: Some(100), ..Default::default() };
    Ok(groups::members(node, actor, chat_id, page).await?.items)
}

/// Puts a chat among those of the list, as of `seq`.
fn keep(seed: &mut Seed, mut summary: ChatSummary, seq: u64) {
    summary.chat.seq = summary.chat.seq.min(seq);
    seed.chats.retain(|chat| chat.chat.id != summary.chat.id);
    seed.chats.push(summary);
}

async fn find(node: &Node, query: String, seed: &mut Seed) -> services::Result<()> {
    seed.page.query = query;
    seed.page.found = profiles::find(node, &seed.page.query).await?;
    Ok(())
}

/// Language, theme and zone: by cookie, else as the browser asks.
fn preferences(headers: &HeaderMap, address: &str) -> Seed {
    let locale = cookie(headers, "locale").filter(|locale| matches!(*locale, "en" | "ru"));
    Seed {
        locale: locale.unwrap_or_else(|| accepted_locale(headers)).to_owned(),
        choices: choices(|name| cookie(headers, name).map(str::to_owned)),
        offset: cookie(headers, "tz")
            .and_then(|tz| tz.parse().ok())
            .filter(|tz| (-900..=900).contains(tz))
            .unwrap_or(0),
        now: clock::now().0,
        page: Page { address: address.to_owned(), ..Page::default() },
        ..Seed::default()
    }
}

/// The first language of `Accept-Language` that we speak.
fn accepted_locale(headers: &HeaderMap) -> &'static str {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let languages = accepted.split(',').map(|part| part.trim().to_ascii_lowercase());
    languages.filter_map(|tag| ["en", "ru"].into_iter().find(|known| tag.starts_with(known))).next().unwrap_or("en")
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next()
}

/// The document without a page, which is nobody's: a browser keeps it for when it has no network. It is
/// the same for everybody, so its scripts carry no nonce.
#[must_use]
pub fn shell(version: Option<&str>) -> Response {
    let document = Owner::new().with(|| crate::shell(version, None).to_html());
    let headers = [(header::CONTENT_SECURITY_POLICY, policy("'self'")), (header::CACHE_CONTROL, "no-cache".into())];
    (headers, axum::response::Html(document)).into_response()
}

/// What a page of ours may load, with its scripts.
fn policy(scripts: &str) -> String {
    format!(
        "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; worker-src 'self'; \
         object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// A loaded page as HTML. The policy of its scripts names the nonce they carry.
pub async fn render(version: Option<Arc<str>>, request: Request, parts: Parts, loaded: Loaded) -> Response {
    let (seed, status) = match loaded {
        Loaded::Redirect(to) => return axum::response::Redirect::to(&to.href()).into_response(),
        Loaded::Page { seed, status } => (*seed, status),
    };
    let context = {
        let seed = seed.clone();
        move || {
            provide_context(request.clone());
            provide_context(seed.clone());
            let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
            let policy = policy(&format!("'nonce-{nonce}' 'strict-dynamic'"));
            if let (Some(response), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
    };
    let render =
        leptos_axum::render_app_async_with_context(context, move || crate::shell(version.as_deref(), Some(&seed)));
    let mut response = render(http::Request::from_parts(parts, axum::body::Body::empty())).await;
    *response.status_mut() = status;
    response
}

/// Puts a refused form onto the page that it was sent from.
#[must_use]
pub fn refused_on(loaded: Loaded, refused: Refused) -> Loaded {
    match loaded {
        Loaded::Page { mut seed, .. } => {
            let status = StatusCode::from_u16(refused.error.code.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            seed.page.refused = Some(refused);
            Loaded::Page { seed, status }
        }
        redirect @ Loaded::Redirect(_) => redirect,
    }
}
