//! Users and their profiles.

use crate::{ids::UserId, present, time::Timestamp, wire::Name};
use serde::{Deserialize, Serialize};

/// A user as others see them. `online` and `last_seen_at` are set only in responses for which the server
/// checked the reader's permission.
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

/// Who may see when a user was last online. A choice of a newer version counts as `nobody`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastSeen {
    Everyone,
    Shared,
    Nobody,
    Unknown(Name),
}

crate::names! { LastSeen { Everyone = "everyone", Shared = "shared", Nobody = "nobody" } else Unknown }

/// The caller's own profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    #[serde(flatten)]
    pub user: User,
    pub email: Option<String>,
    /// `en` or `ru`; none: the browser's language.
    pub locale: Option<String>,
    /// `light` or `dark`; none: as in the system.
    pub theme: Option<String>,
    /// A name of the IANA time zone database.
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

/// Changes the caller's profile. An absent field stays as it is; `null` or an empty string clears an optional one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateMe {
    pub display_name: Option<String>,
    pub bio: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub email: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub locale: Option<Option<String>>,
    /// `light`, `dark`, or `system`, which means none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub theme: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub time_zone: Option<Option<String>>,
    /// `everyone`, `shared` or `nobody`.
    pub last_seen: Option<String>,
}
