//! People.

use crate::{ids::UserId, present, time::Timestamp};
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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

// Read flat, for the browser's sake: see `ChatSummary`.
impl<'de> Deserialize<'de> for Me {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Flat {
            id: UserId,
            username: String,
            display_name: String,
            bio: String,
            avatar_url: Option<String>,
            online: Option<bool>,
            last_seen_at: Option<Timestamp>,
            email: Option<String>,
            locale: Option<String>,
            theme: Option<String>,
            time_zone: Option<String>,
            last_seen: LastSeen,
        }
        let flat = Flat::deserialize(deserializer)?;
        let user = User {
            id: flat.id,
            username: flat.username,
            display_name: flat.display_name,
            bio: flat.bio,
            avatar_url: flat.avatar_url,
            online: flat.online,
            last_seen_at: flat.last_seen_at,
        };
        let Flat { email, locale, theme, time_zone, last_seen, .. } = flat;
        Ok(Self { user, email, locale, theme, time_zone, last_seen })
    }
}

/// What of oneself is changed: an absent field stays, `null` or an empty one clears what may be absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateMe {
    pub display_name: Option<String>,
    pub bio: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub email: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub locale: Option<Option<String>>,
    /// `light`, `dark`, or `system`, which is the same as none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub theme: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub time_zone: Option<Option<String>>,
    pub last_seen: Option<LastSeen>,
}
