//! The one place where a rejection becomes an HTTP response.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use services::Rejection;
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Failure>;

/// A rejection as a response.
pub struct Failure(pub Rejection);

impl<E: Into<Rejection>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Rejection { error, retry_after } = self.0;
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&error)).into_response();
        // A browser gets a page instead: `pages::refusals_as_pages`.
        response.extensions_mut().insert(error.code);
        set_retry_after(&mut response, retry_after);
        response
    }
}

/// Sets how long the client should wait before it retries.
pub fn set_retry_after(response: &mut Response, wait: Option<Duration>) {
    if let Some(wait) = wait {
        // Rounded up: a client that waits this long is not refused again.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    }
}
