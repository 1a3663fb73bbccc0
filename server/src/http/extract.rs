//! Extractors of the handlers. Every invalid part of a request is an error of PROTOCOL section 3.

use super::{App, Failure, cookie, peer};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use protocol::error::{ApiError, ErrorCode, Fields, Problem};
use serde::de::{DeserializeOwned, value::MapDeserializer};
use serde_json::Value;
use services::{
    Actor, Rejection,
    auth::{self, Device},
    infra::tokens::TokenType,
};
use std::time::Duration;
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

/// How long a body may take to arrive.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A JSON body.
pub struct Body<T>(pub T);

/// The query string.
pub struct Params<T>(pub T);

/// An id in the path. A malformed id is `not_found`.
pub struct Id<T>(pub T);

/// The caller, by the bearer token or by the browser's cookie.
#[derive(Clone, Copy)]
pub struct Caller(pub Actor);

/// The caller's device.
pub struct ClientDevice(pub Device);

impl<T: DeserializeOwned + PartialSchema, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let typed = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !typed.is_some_and(|typed| typed.trim_start().to_ascii_lowercase().starts_with("application/json")) {
            let message = "Send the body as application/json.";
            return Err(Rejection::new(ErrorCode::UnsupportedMediaType, message).into());
        }
        let unreadable = || Rejection::new(ErrorCode::InvalidInput, "The body could not be read.");
        let read = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state)).await;
        let bytes = read.map_err(|_| unreadable())?.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Rejection::new(ErrorCode::TooLarge, "The body is too large.")
            } else {
                unreadable()
            }
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| misread::<T>(&bytes, &error).into())
    }
}

/// The error of a body: every field that is missing or malformed, or else the position where parsing
/// failed.
fn misread<T: DeserializeOwned + PartialSchema>(bytes: &[u8], error: &serde_json::Error) -> Rejection {
    let mut fields = Fields::default();
    if let Ok(Value::Object(body)) = serde_json::from_slice(bytes) {
        if let RefOr::T(Schema::Object(expected)) = T::schema() {
            let missing = expected.required.iter().filter(|name| !body.contains_key(*name));
            missing.for_each(|name| fields.refuse(name, Problem::Required));
        }
        for (name, value) in body {
            // Parsed alone, a field fails with its own path if it is malformed, else for the missing fields.
            let alone = MapDeserializer::new(std::iter::once((name.as_str(), value)));
            let read = serde_path_to_error::deserialize::<_, T>(alone);
            if read.is_err_and(|error: serde_path_to_error::Error<serde_json::Error>| error.path().iter().len() > 0) {
                fields.refuse(&name, Problem::Malformed);
            }
        }
    }
    fields.check().map_or_else(Rejection::from, |()| {
        // Only the position: serde's message may quote the input.
        let what = if error.is_data() { "The body does not have the expected fields" } else { "The body is not JSON" };
        let message = format!("{what} (line {}, column {}).", error.line(), error.column());
        ApiError::new(ErrorCode::InvalidInput, message).into()
    })
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let read = |query: &str| serde_urlencoded::from_str::<T>(query);
        read(query).map(Self).map_err(|_| {
            let mut fields = Fields::default();
            for pair in query.split('&').filter(|pair| read(pair).is_err()) {
                let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name);
                fields.refuse(&name.unwrap_or_default(), Problem::Malformed);
            }
            // Every pair is valid, so one of them is repeated.
            fields.check().map_or_else(Rejection::from, |()| Rejection::field("query", Problem::Malformed)).into()
        })
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Rejection::not_found().into())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let (typ, token) = match bearer(&parts.headers) {
            Some(token) => (TokenType::Access, token),
            None => (TokenType::Session, cookie::session(app, &parts.headers).ok_or_else(Rejection::unauthenticated)?),
        };
        Ok(Self(auth::authenticate(&app.node, typ, token).await?.actor))
    }
}

impl FromRequestParts<App> for ClientDevice {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        Ok(Self(device(parts, app)))
    }
}

/// The device of a request.
pub fn device(parts: &Parts, app: &App) -> Device {
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Device::new(user_agent, peer::address(&parts.headers, &parts.extensions, &app.config.trusted_proxies))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
