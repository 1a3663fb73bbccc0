//! Permissions in groups. Decisions without IO.

use crate::{
    Rejection, Result,
    chat::queries::{MemberPlace, MembersFrom},
};
use protocol::{error::Problem, groups::Role, limits, time::Timestamp};

fn at_least(role: Option<Role>, needed: Role, otherwise: &'static str) -> Result<()> {
    if role >= Some(needed) { Ok(()) } else { Err(Rejection::forbidden(otherwise)) }
}

pub fn may_add(actor: Option<Role>) -> Result<()> {
    at_least(actor, Role::Admin, "Only admins add members.")
}

pub fn may_update(actor: Option<Role>) -> Result<()> {
    at_least(actor, Role::Admin, "Only admins change the group.")
}

pub fn may_delete(actor: Option<Role>) -> Result<()> {
    at_least(actor, Role::Owner, "Only the owner deletes the group.")
}

pub fn may_grow(members: u64) -> Result<()> {
    if members < limits::GROUP_MEMBERS as u64 { Ok(()) } else { Err(Rejection::conflict("The group is full.")) }
}

/// A member is removed by a member of a higher role. Everybody may leave, an owner only after a transfer of ownership.
pub fn may_remove(actor: Option<Role>, target: Option<Role>, oneself: bool, alone: bool) -> Result<()> {
    if oneself {
        let owner = actor == Some(Role::Owner);
        let stays = owner && !alone;
        return if stays {
            Err(Rejection::conflict("Transfer the group to another member before you leave it."))
        } else {
            Ok(())
        };
    }
    at_least(actor, Role::Admin, "Only admins remove members.")?;
    // A role of a newer version may have the rights of an admin.
    let is_unknown = matches!(target, Some(Role::Unknown(_)));
    if target < actor && (!is_unknown || actor == Some(Role::Owner)) {
        Ok(())
    } else {
        Err(Rejection::forbidden("Only the owner removes admins."))
    }
}

pub fn may_change_role(actor: Option<Role>, oneself: bool) -> Result<()> {
    at_least(actor, Role::Owner, "Only the owner changes roles.")?;
    if oneself { Err(Rejection::conflict("Transfer the group to another member.")) } else { Ok(()) }
}

/// In milliseconds.
const CURSOR_LIFE: i64 = 60 * 60 * 1_000;

/// The cursor of the page after the member at this place. The name comes last, because it may contain a dot.
pub fn members_cursor(from: &MembersFrom, last: &MemberPlace) -> String {
    let language = if from.in_russian { "ru" } else { "en" };
    format!("{language}.{}.{}.{}.{}", from.as_of.0, last.rank, last.user_id, last.name)
}

/// Parses a cursor. An old one is read as one of the last hour: the cursors of a list contain the names as of its first
/// page, and former names are not public for longer.
pub fn parse_members_cursor(cursor: &str, now: Timestamp) -> Result<MembersFrom> {
    let parsed = || {
        let mut parts = cursor.splitn(5, '.');
        let language = parts.next().filter(|language| matches!(*language, "en" | "ru"))?;
        let as_of = Timestamp(parts.next()?.parse().ok()?).max(Timestamp(now.0 - CURSOR_LIFE));
        let (rank, user_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        // PostgreSQL's text cannot hold NUL.
        let name = parts.next().filter(|name| !name.contains('\0'))?.to_owned();
        Some(MembersFrom { in_russian: language == "ru", as_of, after: Some(MemberPlace { rank, user_id, name }) })
    };
    parsed().ok_or_else(|| Rejection::field("cursor", Problem::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::error::ErrorCode::{self, Conflict, Forbidden};
    use protocol::ids::UserId;

    #[test]
    fn a_cursor_is_parsed_back_but_shows_no_name_of_long_ago() {
        let after = MemberPlace { rank: 2, user_id: UserId::fresh(), name: "A. Name".to_owned() };
        let from = |as_of| MembersFrom { in_russian: true, as_of: Timestamp(as_of), after: Some(after.clone()) };
        let now = Timestamp(1_764_400_000_000);
        for (as_of, read_as) in
            [(now.0 - 1, now.0 - 1), (now.0 - CURSOR_LIFE - 1, now.0 - CURSOR_LIFE), (0, now.0 - CURSOR_LIFE)]
        {
            assert_eq!(parse_members_cursor(&members_cursor(&from(as_of), &after), now).unwrap(), from(read_as));
        }
    }

    const NONE: Option<Role> = None;
    const MEMBER: Option<Role> = Some(Role::Member);
    const ADMIN: Option<Role> = Some(Role::Admin);
    const OWNER: Option<Role> = Some(Role::Owner);

    fn refused(result: Result<()>) -> Option<ErrorCode> {
        result.err().map(|rejection| rejection.code())
    }

    #[test]
    fn admins_manage_and_members_do_not() {
        for (role, add, update, delete) in [
            (NONE, Some(Forbidden), Some(Forbidden), Some(Forbidden)),
            (MEMBER, Some(Forbidden), Some(Forbidden), Some(Forbidden)),
            (ADMIN, None, None, Some(Forbidden)),
            (OWNER, None, None, None),
        ] {
            assert_eq!(
                (refused(may_add(role)), refused(may_update(role)), refused(may_delete(role))),
                (add, update, delete)
            );
        }
    }

    #[test]
    fn removal_needs_a_higher_role() {
        for (actor, target, oneself, alone, expected) in [
            (MEMBER, MEMBER, false, false, Some(Forbidden)),
            (ADMIN, MEMBER, false, false, None),
            (ADMIN, ADMIN, false, false, Some(Forbidden)),
            (ADMIN, OWNER, false, false, Some(Forbidden)),
            (OWNER, ADMIN, false, false, None),
            (MEMBER, MEMBER, true, false, None),
            (ADMIN, ADMIN, true, false, None),
            (OWNER, OWNER, true, false, Some(Conflict)),
            (OWNER, OWNER, true, true, None),
        ] {
            assert_eq!(refused(may_remove(actor, target, oneself, alone)), expected, "{actor:?} {target:?} {oneself}");
        }
    }

    #[test]
    fn only_the_owner_changes_roles() {
        for (actor, oneself, expected) in [
            (MEMBER, false, Some(Forbidden)),
            (ADMIN, false, Some(Forbidden)),
            (OWNER, false, None),
            (OWNER, true, Some(Conflict)),
        ] {
            assert_eq!(refused(may_change_role(actor, oneself)), expected);
        }
    }
}
