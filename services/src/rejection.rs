//! How an operation refuses.

use protocol::error::{ApiError, ErrorCode, Problem};
use std::{fmt, time::Duration};

pub type Result<T> = std::result::Result<T, Rejection>;

/// A refusal in the form that the client receives. The cause of an internal error is logged, never sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    pub error: ApiError,
    /// How long the client should wait before it retries, if a retry can help.
    pub retry_after: Option<Duration>,
}

impl Rejection {
    pub fn new(code: ErrorCode, message: &'static str) -> Self {
        ApiError::new(code, message).into()
    }

    /// For a resource that does not exist, and equally for one that the actor has no permission to see.
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

    /// `wait` is the time until the next request is allowed.
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

    /// For a failure on the server's side.
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

/// SQLSTATE classes and codes after which a retry may succeed: connection failures (08), deadlocks and other
/// rollbacks (40), lack of resources (53), shutdown and cancelled statements (57), a transaction that was idle for
/// too long (25P03), a read-only database during a failover (25006), a lock that took too long (55P03).
const TRANSIENT: [&str; 7] = ["08", "40", "53", "57", "25P03", "25006", "55P03"];

impl From<sqlx::Error> for Rejection {
    fn from(error: sqlx::Error) -> Self {
        let is_transient = match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Protocol(_) => true,
            sqlx::Error::Database(cause) => {
                cause.code().is_some_and(|code| TRANSIENT.iter().any(|prefix| code.starts_with(prefix)))
            }
            _ => false,
        };
        if is_transient {
            tracing::warn!(cause = %error, "the database is unavailable");
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
