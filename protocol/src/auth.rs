//! Registration, sign-in and sessions.

use crate::{ids::SessionId, profiles::Me, time::Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Register {
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub password: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// The user name.
    #[serde(default)]
    pub login: String,
    #[serde(default)]
    pub password: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePassword {
    #[serde(default)]
    pub current: String,
    #[serde(default)]
    pub new: String,
}

/// The tokens of an API client: an access token that is valid for minutes and a refresh token that works once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    pub access_token: String,
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    pub refresh_token: String,
}

/// The response to registration and sign-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    #[serde(flatten)]
    pub tokens: Tokens,
    pub user: Me,
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub id: SessionId,
    /// The browser and the operating system, or the device's own name for itself.
    pub device: String,
    pub ip: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// Whether this is the session of the request.
    pub current: bool,
}

crate::rows! { Session { id, device, ip, created_at, last_used_at, current } }
