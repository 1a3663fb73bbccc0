//! `/api/v1/chats/{id}/members`.

use crate::http::{Api, Body, Caller, Id, Params, Result};
use app::server_context::locale;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use protocol::{
    Page,
    groups::{AddMember, ChangeRole, Member},
    ids::{ChatId, UserId},
};
use serde::Deserialize;
use services::{Node, groups};
use utoipa_axum::routes;

pub fn routes() -> Api {
    Api::new().routes(routes!(members, add_member)).routes(routes!(change_role, remove_member))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct MembersQuery {
    /// The beginning of a name, without regard to case and accents.
    query: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The members of a chat, by role and name. `Accept-Language` (`en` or `ru`) selects the order of names.
#[utoipa::path(get, path = "/api/v1/chats/{id}/members", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path), MembersQuery),
    responses((status = 200, body = Page<Member>)))]
async fn members(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Params(query): Params<MembersQuery>,
    headers: HeaderMap,
) -> Result<Json<Page<Member>>> {
    let page = groups::MembersPage {
        query: query.query.as_deref(),
        cursor: query.cursor.as_deref(),
        limit: query.limit,
        language: locale(&headers),
    };
    Ok(Json(groups::members(&node, actor, id, page).await?))
}

/// Add a member.
#[utoipa::path(post, path = "/api/v1/chats/{id}/members", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path)), request_body = AddMember,
    responses((status = 201, body = Member), (status = 200, body = Member)))]
async fn add_member(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Body(data): Body<AddMember>,
) -> Result<(StatusCode, Json<Member>)> {
    let (member, new) = groups::add_member(&node, actor, id, data.user_id).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(member)))
}

/// Change a member's role. `owner` transfers the ownership.
#[utoipa::path(patch, path = "/api/v1/chats/{id}/members/{user_id}", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("user_id" = UserId, Path)), request_body = ChangeRole,
    responses((status = 204)))]
async fn change_role(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, user_id)): Id<(ChatId, UserId)>,
    Body(data): Body<ChangeRole>,
) -> Result<StatusCode> {
    groups::change_role(&node, actor, id, user_id, data.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a member, or leave the group.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/members/{user_id}", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("user_id" = UserId, Path)),
    responses((status = 204)))]
async fn remove_member(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, user_id)): Id<(ChatId, UserId)>,
) -> Result<StatusCode> {
    groups::remove_member(&node, actor, id, user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
