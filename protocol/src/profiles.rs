//! People.

use crate::{ids::UserId, present, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A person as others see them. `online` and `last_seen_at` are set only where they were checked for
/// their reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

crate::rows! { User { id, username, display_name, bio, avatar_url, online, last_seen_at } }

/// Who may see when a person was last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum LastSeen {
    Everyone,
    Shared,
    Nobody,
}

crate::names! { LastSeen { Everyone = "everyone", Shared = "shared", Nobody = "nobody" } }

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

crate::readable!(Me, |value| {
    let mut row = crate::wire::Row::of(value)?;
    Some(Self {
        email: row.take("email")?,
        locale: row.take("locale")?,
        theme: row.take("theme")?,
        time_zone: row.take("time_zone")?,
        last_seen: row.take("last_seen")?,
        user: User::from_row(&mut row)?,
    })
});

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
    /// `everyone`, `shared` or `nobody`.
    pub last_seen: Option<String>,
}
