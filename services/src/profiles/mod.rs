//! The profiles of users, for themselves and for others. About chats, this module knows only which users share one.

pub mod presence;
pub(crate) mod queries;
pub(crate) mod rules;

use crate::{
    Actor, Node, Rejection, Result,
    infra::database,
    live::{self, Frame, Keep, Published},
};
use protocol::{
    Page,
    error::{Fields, Problem},
    frames::ServerFrame,
    ids::UserId,
    profiles::{LastSeen, Me, UpdateMe, User},
    text::{self, Bio, DisplayName, Username},
};

/// Maximum number of users in one request by id.
const IDS_MAX: usize = 100;
const FOUND_MAX: u32 = 20;

/// # Errors
/// `unauthenticated` if the account no longer exists.
pub async fn me(node: &Node, actor: Actor) -> Result<Me> {
    queries::me(&node.db, actor.user_id).await?.ok_or_else(Rejection::unauthenticated)
}

/// Changes the fields that `data` contains. If the public profile changed, users who share a chat are notified.
///
/// # Errors
/// `invalid_input` for every refused field.
pub async fn update_me(node: &Node, actor: Actor, data: UpdateMe) -> Result<Me> {
    let update = parse_update(data)?;
    node.rates.changes.take(actor.user_id)?;
    let mut tx = database::begin(&node.db).await?;
    // One change at a time: `before` must be the profile that this change replaces.
    queries::lock_user(&mut tx, actor.user_id).await?;
    let before = queries::me(&mut *tx, actor.user_id).await?.ok_or_else(Rejection::unauthenticated)?;
    let privacy = update.last_seen.as_ref().filter(|choice| **choice != before.last_seen);
    let _announced = privacy.map(|_| presence::PrivacyChange::of(node, &[actor.user_id]));
    let me = queries::update_me(&mut tx, actor.user_id, update).await?.ok_or_else(Rejection::unauthenticated)?;
    tx.commit().await?;
    if me.user != before.user {
        let acquaintances = queries::acquaintances(&node.db, actor.user_id).await?;
        let frame = Frame::new(Keep::IfRoom, &ServerFrame::User { user: me.user.clone() });
        live::deliver(node, Published::for_users(acquaintances, frame)).await;
    }
    Ok(me)
}

/// Checks all fields of an update.
fn parse_update(data: UpdateMe) -> Result<queries::Update> {
    let mut fields = Fields::default();
    let display_name = data.display_name.and_then(|raw| fields.take("display_name", DisplayName::parse(&raw)));
    let bio = data.bio.and_then(|raw| fields.take("bio", Bio::parse(&raw)));
    let last_seen = data.last_seen.map(|name| LastSeen::from_name(&name).ok_or(Problem::Unknown));
    let last_seen = last_seen.and_then(|parsed| fields.take("last_seen", parsed));
    // An empty text clears an optional field.
    let clearable = |value: Option<Option<String>>| value.map(|value| value.unwrap_or_default().trim().to_owned());
    let (email, locale, time_zone) = (clearable(data.email), clearable(data.locale), clearable(data.time_zone));
    let theme = clearable(data.theme).map(|theme| if theme == "system" { String::new() } else { theme });
    let chosen = |value: &'_ Option<String>| value.clone().filter(|value| !value.is_empty());
    if let Some(email) = chosen(&email) {
        fields.take("email", rules::parse_email(&email));
    }
    for (name, value, known) in [("locale", &locale, rules::LOCALES), ("theme", &theme, rules::THEMES)] {
        if chosen(value).is_some_and(|value| !known.contains(&value.as_str())) {
            fields.refuse(name, Problem::Unknown);
        }
    }
    if chosen(&time_zone).is_some_and(|zone| !rules::is_time_zone(&zone)) {
        fields.refuse("time_zone", Problem::Malformed);
    }
    fields.check()?;
    Ok(queries::Update {
        display_name: display_name.map(DisplayName::into_string),
        bio: bio.map(Bio::into_string),
        email,
        locale,
        theme,
        time_zone,
        last_seen,
    })
}

/// A user, with their presence if the actor has permission to see it.
///
/// # Errors
/// `not_found`.
pub async fn by_id(node: &Node, actor: Actor, user_id: UserId) -> Result<User> {
    let user = queries::users(&node.db, &[user_id]).await?.pop().ok_or_else(Rejection::not_found)?;
    presence::shown_to(node, actor, user).await
}

/// A user, with their presence if the actor has permission to see it.
///
/// # Errors
/// `not_found`.
pub async fn by_username(node: &Node, actor: Actor, username: &str) -> Result<User> {
    let user = called(node, username).await?;
    presence::shown_to(node, actor, user).await
}

/// The user with a user name.
///
/// # Errors
/// `not_found`.
pub(crate) async fn called(node: &Node, username: &str) -> Result<User> {
    let username = Username::parse(username).map_err(|_| Rejection::not_found())?;
    queries::by_username(&node.db, username.as_str()).await?.ok_or_else(Rejection::not_found)
}

/// The users with some ids. Unknown ids are skipped.
///
/// # Errors
/// `invalid_input` for more than a hundred.
pub async fn by_ids(node: &Node, ids: &[UserId]) -> Result<Vec<User>> {
    if ids.len() > IDS_MAX {
        return Err(Rejection::field("ids", Problem::TooLong));
    }
    queries::users(&node.db, ids).await
}

/// A page of the users with a user name, or a word in the display name, that begins with the query. If there are none:
/// users with similar names. The cursor is the last user name of the page before.
///
/// # Errors
/// `invalid_input` for a malformed cursor.
pub async fn find(node: &Node, query: &str, cursor: Option<&str>) -> Result<Page<User>> {
    let query: String = query.trim().trim_start_matches('@').chars().take(64).collect();
    let query = text::fold(&query);
    // PostgreSQL's text cannot hold NUL, so no name contains it.
    if query.is_empty() || query.contains('\0') {
        return Ok(Page::whole(Vec::new()));
    }
    let after = cursor.map(Username::parse).transpose();
    let after = after.map_err(|_| Rejection::field("cursor", Problem::Malformed))?;
    let after = after.as_ref().map(Username::as_str);
    let found = queries::beginning_with(&node.db, &query, after, i64::from(FOUND_MAX) + 1).await?;
    if found.is_empty() && after.is_none() {
        return Ok(Page::whole(queries::similar_to(&node.db, &query, FOUND_MAX.into()).await?));
    }
    Ok(Page::cut(found, FOUND_MAX, |last| last.username.clone()))
}
