//! How an operation says no.

use protocol::error::{ApiError, ErrorCode, Problem};
use std::{fmt, time::Duration};

pub type Result<T> = std::result::Result<T, Rejection>;

/// A refusal, fit to be sent as it is. Its cause, if there is one, went to the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    pub error: ApiError,
    /// When trying again may help.
    pub retry_after: Option<Duration>,
}

impl Rejection {
    pub fn new(code: ErrorCode, message: &'static str) -> Self {
        ApiError::new(code, message).into()
    }

    /// What does not exist, and what one may not see: the same answer.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "There is nothing here.")
    }

    #[must_use]
    pub fn forbidden(message: &'static str) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    #[must_use]
    pub fn conflict(message: &'static str) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "Sign in first.")
    }

    #[must_use]
    pub fn unavailable() -> Self {
        let error =
            ApiError::new(ErrorCode::Unavailable, "The service cannot do this right now. Try again in a moment.");
        Self { error, retry_after: Some(Duration::from_secs(2)) }
    }

    /// Too often; after `wait` there is room again.
    #[must_use]
    pub fn rate_limited(wait: Duration) -> Self {
        let error = ApiError::new(ErrorCode::RateLimited, "Too many requests. Wait a while and try again.");
        Self { error, retry_after: Some(wait) }
    }

    #[must_use]
    pub fn field(name: &str, problem: Problem) -> Self {
        ApiError::field(name, problem).into()
    }

    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.error.code
    }

    /// A failure of our own: its cause is logged, never sent.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "operation failed");
        Self::new(ErrorCode::Internal, "Something went wrong on our side.")
    }
}

impl From<ApiError> for Rejection {
    fn from(error: ApiError) -> Self {
        Self { error, retry_after: None }
    }
}

impl From<sqlx::Error> for Rejection {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Protocol(_) => true,
            // Connection failures, shutdown, lack of resources, and transactions to be tried again.
            sqlx::Error::Database(cause) => {
                cause.code().is_some_and(|code| ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class)))
            }
            _ => false,
        };
        if away {
            tracing::warn!(cause = %error, "database is away");
            Self::unavailable()
        } else {
            Self::internal(error)
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Rejection {}
