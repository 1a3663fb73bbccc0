//! Groups and their members.

use crate::{ids::UserId, profiles::User, time::Timestamp, wire::Name};
use serde::{Deserialize, Serialize};

/// A member's role, in ascending order of rights. An unknown role comes first: it gives no rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Unknown(Name),
    Member,
    Admin,
    Owner,
}

crate::names! { Role { Member = "member", Admin = "admin", Owner = "owner" } else Unknown }

/// The row of a member. The row of a removed member stays as a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    pub user: User,
    /// None in direct and saved chats.
    pub role: Option<Role>,
    pub joined_at: Timestamp,
    pub read_no: u64,
    pub removed: bool,
    pub seq: u64,
}

crate::rows! { Member { user, role, joined_at, read_no, removed, seq } }

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddMember {
    pub user_id: UserId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeRole {
    /// `owner` transfers the ownership.
    #[serde(deserialize_with = "Role::read_known")]
    pub role: Role,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateGroup {
    pub title: Option<String>,
    pub description: Option<String>,
}
