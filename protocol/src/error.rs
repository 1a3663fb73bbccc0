//! The error type of every response: REST, WebSocket, server functions and pages.

use crate::{chat::Message, wire::Name};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// The kind of an error, for programs (PROTOCOL section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    InvalidInput,
    Unauthenticated,
    SecondFactorRequired,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unavailable,
    Internal,
    Unknown(Name),
}

crate::names! {
    ErrorCode {
        InvalidInput = "invalid_input",
        Unauthenticated = "unauthenticated",
        SecondFactorRequired = "second_factor_required",
        Forbidden = "forbidden",
        NotFound = "not_found",
        MethodNotAllowed = "method_not_allowed",
        Conflict = "conflict",
        TooLarge = "too_large",
        UnsupportedMediaType = "unsupported_media_type",
        RateLimited = "rate_limited",
        Unavailable = "unavailable",
        Internal = "internal",
    } else Unknown
}

impl ErrorCode {
    /// The HTTP status. No other place maps a code to a status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidInput => 422,
            Self::Unauthenticated | Self::SecondFactorRequired => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal | Self::Unknown(_) => 500,
        }
    }
}

/// Why a field was refused. The wire carries the snake-case name, and pages word it in the reader's language;
/// `ApiError::message` words it in English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    Required,
    TooShort,
    TooLong,
    /// Control, invisible or bidi characters, or characters that a user name cannot have.
    Characters,
    Malformed,
    CommonPassword,
    WrongPassword,
    /// The new value is the old one.
    Unchanged,
    Taken,
    Unknown,
    /// A limit is reached, or fields were given that exclude each other.
    TooMany,
}

crate::names! {
    Problem {
        Required = "required",
        TooShort = "too_short",
        TooLong = "too_long",
        Characters = "characters",
        Malformed = "malformed",
        CommonPassword = "common_password",
        WrongPassword = "wrong_password",
        Unchanged = "unchanged",
        Taken = "taken",
        Unknown = "unknown",
        TooMany = "too_many",
    }
}

impl Problem {
    fn sentence(self) -> &'static str {
        match self {
            Self::Required => "is required",
            Self::TooShort => "is too short",
            Self::TooLong => "is too long",
            Self::Characters => "has characters that are not allowed",
            Self::Malformed => "is not of the expected form",
            Self::CommonPassword => "is too easy to guess",
            Self::WrongPassword => "is wrong",
            Self::Unchanged => "is the same as before",
            Self::Taken => "is taken",
            Self::Unknown => "is unknown",
            Self::TooMany => "is one too many",
        }
    }
}

/// The body of every error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    pub code: ErrorCode,
    /// A sentence in English, for readers of logs and responses.
    pub message: String,
    /// All refused fields by name, each with the name of a `Problem`.
    pub fields: BTreeMap<String, String>,
    /// With a `conflict` over a message: the newest row of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Box<Message>>,
}

crate::rows! { ApiError { code, message, fields, current } }

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: BTreeMap::new(), current: None }
    }

    /// The error of one refused field.
    #[must_use]
    pub fn field(name: &str, problem: Problem) -> Self {
        let mut fields = Fields::default();
        fields.refuse(name, problem);
        fields.into_error()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

/// Collects the refused fields of a form, so that one response names all of them.
#[derive(Default)]
pub struct Fields(Vec<(String, Problem)>);

impl Fields {
    /// Refuses a field. If it was refused before, the first problem stays.
    pub fn refuse(&mut self, name: &str, problem: Problem) {
        if self.0.iter().all(|(refused, _)| refused != name) {
            self.0.push((name.to_owned(), problem));
        }
    }

    /// Returns a parsed value, or refuses its field.
    pub fn take<T>(&mut self, name: &str, parsed: Result<T, Problem>) -> Option<T> {
        parsed.map_err(|problem| self.refuse(name, problem)).ok()
    }

    /// # Errors
    /// `invalid_input` with all fields refused so far.
    pub fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    #[must_use]
    pub fn into_error(self) -> ApiError {
        let sentences: Vec<String> =
            self.0.iter().map(|(name, problem)| format!("{name} {}", problem.sentence())).collect();
        ApiError {
            code: ErrorCode::InvalidInput,
            message: format!("{}.", sentences.join("; ")),
            fields: self.0.into_iter().map(|(name, problem)| (name, problem.name().to_owned())).collect(),
            current: None,
        }
    }
}
