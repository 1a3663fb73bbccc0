//! Loads the data of a page. Each feature loads the data of its own pages.

use super::{caller::Request, forms::after_sign_in, zone};
use crate::{
    address::{self, Address, At, Filter, Section},
    auth, chat, choices,
    cookie::of_request as cookie,
    groups,
    i18n::{Language, Locale, translated},
    profiles,
    seed::{Failed, Page, Seed},
    settings,
    ui::{Refused, error_text, time::Zone},
};
use http::{HeaderMap, StatusCode, header};
use protocol::{
    chat::ChatSummary,
    error::{ApiError, ErrorCode},
    ids::ClientId,
    limits::{HISTORY_MAX, WELCOME_MAX},
    profiles::Me,
    time::Timestamp,
};
use services::{Actor, Node, groups::MembersPage, infra::clock};

/// The chats of the list in a document: more than fit on a screen. The browser gets the others with its `welcome`; a
/// page without JavaScript has a button.
const DOCUMENT_CHATS: u32 = 40;

/// A page about to be rendered.
pub enum Loaded {
    Page { seed: Box<Seed>, status: StatusCode },
    Redirect(Address),
}

/// Loads everything that a document shows. A chat's head is read before its rows.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn load(request: &Request, headers: &HeaderMap, url: &str) -> services::Result<Loaded> {
    let mut seed = preferences(headers, url);
    let Some(actor) = request.actor else { return Ok(signed_out(request, seed)) };
    let limit = match Address::parse(url) {
        // A filter chooses among these chats.
        Some(Address::Chats(filter)) if filter != Filter::All => WELCOME_MAX,
        _ => DOCUMENT_CHATS,
    };
    load_lists(&request.node, actor, headers, (&mut seed, limit)).await?;
    if let (Some(Address::Chats(_)), Some(cursor)) = (Address::parse(url), address::cursor(url)) {
        let page = services::chat::list(&request.node, actor, None, Some(&cursor), Some(HISTORY_MAX)).await?;
        (seed.chats, seed.older_chats) = (page.items, page.next);
    }
    finish(&request.node, actor, seed).await
}

/// Loads the page that a browser navigates to. The browser already has the list of chats.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn load_next(request: &Request, headers: &HeaderMap, url: &str) -> services::Result<Loaded> {
    let mut seed = preferences(headers, url);
    let Some(actor) = request.actor else { return Ok(signed_out(request, seed)) };
    put_me(&mut seed, headers, services::profiles::me(&request.node, actor).await?);
    finish(&request.node, actor, seed).await
}

fn signed_out(request: &Request, seed: Seed) -> Loaded {
    match Address::parse(&seed.address) {
        Some(Address::Login(_)) if request.ended => page(seed, Page::Ended),
        Some(Address::Login(_) | Address::Register(_) | Address::Settings(Section::Language | Section::Appearance)) => {
            page(seed, Page::Plain)
        }
        address => Loaded::Redirect(Address::Login(address.and_then(Address::into_next))),
    }
}

/// Loads the page's own data.
async fn finish(node: &Node, actor: Actor, mut seed: Seed) -> services::Result<Loaded> {
    let loaded = match Address::parse(&seed.address) {
        Some(Address::Home) => return Ok(Loaded::Redirect(Address::CHATS)),
        Some(Address::Login(next) | Address::Register(next)) => return Ok(Loaded::Redirect(after_sign_in(next))),
        Some(address) => load_page(node, actor, address, &mut seed).await,
        None => Ok(Page::Missing),
    };
    match loaded {
        Ok(loaded) => Ok(page(seed, loaded)),
        Err(rejection) if matches!(rejection.code(), ErrorCode::NotFound | ErrorCode::InvalidInput) => {
            Ok(page(seed, Page::Missing))
        }
        Err(rejection) => Err(rejection),
    }
}

/// The page for a failed request. It gives the reason and a link back.
#[must_use]
pub fn failed(headers: &HeaderMap, url: &str, failed: Failed) -> Loaded {
    let status = status_of(failed.code);
    Loaded::Page { seed: Box::new(Seed { page: Page::Failed(failed), ..preferences(headers, url) }), status }
}

/// Shows a refused form on the page that it was sent from.
#[must_use]
pub fn refused_on(loaded: Loaded, mut refused: Refused) -> Loaded {
    match loaded {
        Loaded::Page { mut seed, .. } => {
            let status = status_of(refused.error.code);
            refused.error = worded(refused.error, &seed.locale);
            seed.forms.refused = Some(refused);
            Loaded::Page { seed, status }
        }
        redirect @ Loaded::Redirect(_) => redirect,
    }
}

/// An error with its sentence in the reader's language; with words for its code if the locale files lack the sentence.
#[must_use]
pub fn worded(error: ApiError, locale: &str) -> ApiError {
    let locale = Locale::of(locale);
    let message =
        translated(&error.message, locale).unwrap_or_else(|| Language::of(locale).text(error_text(error.code)));
    ApiError { message: message.to_owned(), ..error }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

fn page(mut seed: Seed, page: Page) -> Loaded {
    let status = if page == Page::Missing { StatusCode::NOT_FOUND } else { StatusCode::OK };
    seed.page = page;
    seed.forms.client_id = Some(ClientId::fresh());
    Loaded::Page { seed: Box::new(seed), status }
}

/// Loads what every document of a reader shows: the account and the list of chats.
async fn load_lists(
    node: &Node,
    actor: Actor,
    headers: &HeaderMap,
    (seed, limit): (&mut Seed, u32),
) -> services::Result<()> {
    let welcome = services::chat::newest(node, actor, limit).await?;
    if cookie(headers, zone::COOKIE).is_none() {
        seed.offsets = zone::offsets(welcome.user.time_zone.as_deref(), Timestamp(seed.now));
    }
    if cookie(headers, "theme").is_none()
        && let Some(theme) = &welcome.user.theme
    {
        seed.choices.insert("theme".into(), theme.clone());
    }
    put_me(seed, headers, welcome.user);
    seed.older_chats = welcome.chats.last().filter(|_| welcome.more).map(services::chat::cursor_after);
    (seed.mine, seed.chats, seed.users) = (welcome.mine, welcome.chats, welcome.users);
    Ok(())
}

/// Puts the reader's account into a seed. Without a cookie, the account gives the language.
fn put_me(seed: &mut Seed, headers: &HeaderMap, me: Me) {
    if let Some(locale) = me.locale.as_ref().filter(|_| cookie(headers, "locale").is_none()) {
        seed.locale.clone_from(locale);
    }
    seed.me = Some(me);
}

async fn load_page(node: &Node, actor: Actor, address: Address, seed: &mut Seed) -> services::Result<Page> {
    let cursor = address::cursor(&seed.address);
    let cursor = cursor.as_deref();
    Ok(match address {
        Address::Chat(chat_id, at) => {
            let at = in_zone(at, &Zone::new(seed.offsets.clone(), Timestamp(seed.now)));
            let (conversation, summary) = chat::page::load(node, actor, chat_id, at).await?;
            put(seed, summary);
            Page::Conversation(conversation)
        }
        Address::Info { chat_id, query } => {
            let members = MembersPage { cursor, language: &seed.locale, ..MembersPage::default() };
            let (info, summary) = groups::page::load_info(node, actor, chat_id, (&query, members)).await?;
            put(seed, summary);
            Page::Info(info)
        }
        Address::NewChat { query } => Page::New(groups::page::load_new(node, &query, cursor, &[]).await?),
        Address::NewGroup { query, member_ids, .. } => {
            Page::New(groups::page::load_new(node, &query, cursor, &member_ids).await?)
        }
        Address::Person(name) => Page::Person(profiles::page::load(node, actor, &name).await?),
        Address::Settings(Section::Sessions) => Page::Sessions(auth::page::load(node, actor).await?),
        Address::Settings(Section::Privacy) => Page::Privacy(settings::page::load(node, actor, cursor).await?),
        Address::Home | Address::Login(_) | Address::Register(_) | Address::Chats(_) | Address::Settings(_) => {
            Page::Plain
        }
    })
}

/// A day begins at the reader's midnight.
fn in_zone(at: At, zone: &Zone) -> At {
    match at {
        At::Day(day) => At::Day(zone.midnight(day)),
        at => at,
    }
}

/// Puts a chat's row into the list, in place of an earlier one.
fn put(seed: &mut Seed, summary: ChatSummary) {
    seed.chats.retain(|chat| chat.chat.id != summary.chat.id);
    seed.chats.push(summary);
}

/// The language, the choices and the time zone in the cookies. Without a cookie, `Accept-Language` gives the language.
fn preferences(headers: &HeaderMap, url: &str) -> Seed {
    let now = clock::now();
    Seed {
        locale: locale(headers).to_owned(),
        choices: choices::choices(|name| cookie(headers, name).map(str::to_owned)),
        offsets: zone::offsets(cookie(headers, zone::COOKIE), now),
        now: now.0,
        address: url.to_owned(),
        ..Seed::default()
    }
}

/// The language in the cookie; without a cookie, the language of `Accept-Language`.
#[must_use]
pub fn locale(headers: &HeaderMap) -> &str {
    let chosen = cookie(headers, "locale").filter(|locale| matches!(*locale, "en" | "ru"));
    chosen.unwrap_or_else(|| accepted_locale(headers))
}

/// The first language of `Accept-Language` that the interface has.
fn accepted_locale(headers: &HeaderMap) -> &'static str {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let languages = accepted.split(',').map(|part| part.trim().to_ascii_lowercase());
    languages.filter_map(|tag| ["en", "ru"].into_iter().find(|known| tag.starts_with(known))).next().unwrap_or("en")
}
