//! People.

use crate::{ids::UserId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A person as others see them. `online` and `last_seen_at` are set only where they were checked for
/// their reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    pub bio: String,
    pub avatar_url: Option<String>,
    pub online: Option<bool>,
    pub last_seen_at: Option<Timestamp>,
}

/// Who may see when a person was last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LastSeen {
    Everyone,
    Shared,
    Nobody,
}

impl LastSeen {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Shared => "shared",
            Self::Nobody => "nobody",
        }
    }
}

/// Oneself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    #[serde(flatten)]
    pub user: User,
    pub email: Option<String>,
    /// `en`, `ru`, or none: the browser's.
    pub locale: Option<String>,
    /// `light`, `dark`, or none: the system's.
    pub theme: Option<String>,
    /// An IANA name.
    pub time_zone: Option<String>,
    pub last_seen: LastSeen,
}

/// What of oneself is changed; what is absent stays. An empty `locale` or `theme` clears it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateMe {
    pub display_name: Option<String>,
    pub bio: Option<String>,
    pub email: Option<String>,
    pub locale: Option<String>,
    pub theme: Option<String>,
    pub time_zone: Option<String>,
    pub last_seen: Option<LastSeen>,
}
