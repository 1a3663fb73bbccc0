//! `/api/v1/auth` and the public keys.

use crate::http::{Api, Body, Caller, ClientDevice, Id, Result};
use axum::{Json, extract::State, http::StatusCode};
use protocol::{
    Page,
    auth::{ChangePassword, Refresh, Register, Session, SignIn, SignedIn, Tokens},
    ids::SessionId,
};
use services::{Node, auth};
use utoipa_axum::routes;

pub fn routes() -> Api {
    Api::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(password))
        .routes(routes!(sessions, revoke_others))
        .routes(routes!(revoke))
        .routes(routes!(jwks))
}

/// Register and sign in.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", request_body = Register,
    responses((status = 201, body = SignedIn)))]
async fn register(
    State(node): State<Node>,
    ClientDevice(device): ClientDevice,
    Body(data): Body<Register>,
) -> Result<(StatusCode, Json<SignedIn>)> {
    let (actor, user) = auth::register(&node, &device, data).await?;
    let tokens = auth::issue_tokens(&node, actor).await?;
    Ok((StatusCode::CREATED, Json(SignedIn { tokens, user })))
}

/// Sign in.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = SignIn,
    responses((status = 200, body = SignedIn)))]
async fn login(
    State(node): State<Node>,
    ClientDevice(device): ClientDevice,
    Body(data): Body<SignIn>,
) -> Result<Json<SignedIn>> {
    let (actor, user) = auth::sign_in(&node, &device, data).await?;
    let tokens = auth::issue_tokens(&node, actor).await?;
    Ok(Json(SignedIn { tokens, user }))
}

/// Exchange a refresh token, which works once, for a new pair of tokens.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = Refresh,
    responses((status = 200, body = Tokens)))]
async fn refresh(State(node): State<Node>, Body(data): Body<Refresh>) -> Result<Json<Tokens>> {
    Ok(Json(auth::refresh(&node, &data.refresh_token).await?))
}

/// End this session.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", security(("bearer" = [])),
    responses((status = 204)))]
async fn logout(State(node): State<Node>, Caller(actor): Caller) -> Result<StatusCode> {
    auth::sign_out(&node, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the password; all other sessions end.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth", security(("bearer" = [])),
    request_body = ChangePassword, responses((status = 204)))]
async fn password(
    State(node): State<Node>,
    Caller(actor): Caller,
    Body(data): Body<ChangePassword>,
) -> Result<StatusCode> {
    auth::change_password(&node, actor, data).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's sessions: the signed-in devices.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = Page<Session>)))]
async fn sessions(State(node): State<Node>, Caller(actor): Caller) -> Result<Json<Page<Session>>> {
    Ok(Json(Page::whole(auth::sessions(&node, actor).await?)))
}

/// End all other sessions of the caller.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 204)))]
async fn revoke_others(State(node): State<Node>, Caller(actor): Caller) -> Result<StatusCode> {
    auth::revoke_other_sessions(&node, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of the caller's sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth", security(("bearer" = [])),
    params(("id" = SessionId, Path)), responses((status = 204)))]
async fn revoke(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<SessionId>) -> Result<StatusCode> {
    auth::revoke_session(&node, actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The public keys of the tokens (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", responses((status = 200, body = Object)))]
async fn jwks(State(node): State<Node>) -> Json<serde_json::Value> {
    Json(node.tokens.jwks())
}
