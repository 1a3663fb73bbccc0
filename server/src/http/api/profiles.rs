//! `/api/v1/me` and `/api/v1/users`.

use crate::http::{Api, Body, Caller, Id, Params, Result};
use axum::{Json, extract::State, http::StatusCode};
use protocol::{
    Page,
    error::Problem,
    ids::UserId,
    profiles::{Me, UpdateMe, User},
};
use serde::Deserialize;
use services::{Node, Rejection, chat, profiles};
use utoipa_axum::routes;

pub fn routes() -> Api {
    Api::new()
        .routes(routes!(me, update_me))
        .routes(routes!(blocks))
        .routes(routes!(block, unblock))
        .routes(routes!(users))
        .routes(routes!(user))
}

/// The caller's profile and settings.
#[utoipa::path(get, path = "/api/v1/me", tag = "profiles", security(("bearer" = [])),
    responses((status = 200, body = Me)))]
async fn me(State(node): State<Node>, Caller(actor): Caller) -> Result<Json<Me>> {
    Ok(Json(profiles::me(&node, actor).await?))
}

/// Change the caller's profile and settings. Absent fields keep their values.
#[utoipa::path(patch, path = "/api/v1/me", tag = "profiles", security(("bearer" = [])), request_body = UpdateMe,
    responses((status = 200, body = Me)))]
async fn update_me(State(node): State<Node>, Caller(actor): Caller, Body(data): Body<UpdateMe>) -> Result<Json<Me>> {
    Ok(Json(profiles::update_me(&node, actor, data).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct BlocksQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The users whom the caller has blocked, the latest block first.
#[utoipa::path(get, path = "/api/v1/me/blocks", tag = "profiles", security(("bearer" = [])), params(BlocksQuery),
    responses((status = 200, body = Page<User>)))]
async fn blocks(
    State(node): State<Node>,
    Caller(actor): Caller,
    Params(page): Params<BlocksQuery>,
) -> Result<Json<Page<User>>> {
    Ok(Json(chat::blocks::list(&node, actor, page.cursor.as_deref(), page.limit).await?))
}

/// Block a user: the user can no longer write to the caller, add the caller to groups, or see the caller's presence.
#[utoipa::path(put, path = "/api/v1/me/blocks/{user_id}", tag = "profiles", security(("bearer" = [])),
    params(("user_id" = UserId, Path)), responses((status = 204)))]
async fn block(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<UserId>) -> Result<StatusCode> {
    chat::blocks::block(&node, actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblock a user.
#[utoipa::path(delete, path = "/api/v1/me/blocks/{user_id}", tag = "profiles", security(("bearer" = [])),
    params(("user_id" = UserId, Path)), responses((status = 204)))]
async fn unblock(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<UserId>) -> Result<StatusCode> {
    chat::blocks::unblock(&node, actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// At most a hundred ids, separated by commas.
    ids: Option<String>,
    /// The beginning of a name, without regard to case and accents.
    query: Option<String>,
    /// With `query`: the `next` of the page before.
    cursor: Option<String>,
}

/// Users by id, or by name.
#[utoipa::path(get, path = "/api/v1/users", tag = "profiles", security(("bearer" = [])), params(UsersQuery),
    responses((status = 200, body = Page<User>)))]
async fn users(
    State(node): State<Node>,
    _caller: Caller,
    Params(wanted): Params<UsersQuery>,
) -> Result<Json<Page<User>>> {
    let page = match wanted.ids {
        Some(ids) => {
            let ids: Option<Vec<UserId>> =
                ids.split(',').filter(|id| !id.is_empty()).map(|id| id.trim().parse().ok()).collect();
            let ids = ids.ok_or_else(|| Rejection::field("ids", Problem::Malformed))?;
            Page::whole(profiles::by_ids(&node, &ids).await?)
        }
        None => profiles::find(&node, &wanted.query.unwrap_or_default(), wanted.cursor.as_deref()).await?,
    };
    Ok(Json(page))
}

/// A user by id, or by user name after an `@`.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "profiles", security(("bearer" = [])),
    params(("id" = String, Path)), responses((status = 200, body = User)))]
async fn user(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<String>) -> Result<Json<User>> {
    let user = match id.strip_prefix('@') {
        Some(username) => profiles::by_username(&node, actor, username).await?,
        None => profiles::by_id(&node, actor, id.parse().map_err(|_| Rejection::not_found())?).await?,
    };
    Ok(Json(user))
}
