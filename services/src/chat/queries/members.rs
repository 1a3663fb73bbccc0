//! The members of a chat, and values of the chat that only a member may read.

use super::{number, rows::NamedMemberRow};
use crate::{Result, infra::clock, live::Audience, profiles::queries::like_literal};
use protocol::{
    groups::Member,
    ids::{ChatId, UserId},
    time::Timestamp,
};
use sqlx::{FromRow as _, PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

/// A chat's `seq` and `last_no`; none unless `user` is a member.
pub async fn head_for(db: &PgPool, chat_id: ChatId, user: UserId) -> Result<Option<(u64, u64)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "select c.seq, c.last_no from chats c join members m on m.chat_id = c.chat_id
         where c.chat_id = $1 and m.user_id = $2 and not m.removed",
    )
    .bind(chat_id.0)
    .bind(user.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(seq, last_no)| (number(seq), number(last_no))))
}

/// The members of a chat and its `members_seq`, in one snapshot; none if the chat does not exist.
pub async fn audience(db: &PgPool, chat_id: ChatId) -> Result<Option<Audience>> {
    let row: Option<(i64, Vec<Uuid>, bool)> = sqlx::query_as(
        "select members_seq, array(select user_id from members where chat_id = $1 and not removed),
             exists (select 1 from members where chat_id = $1 and blocked)
         from chats where chat_id = $1",
    )
    .bind(chat_id.0)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(members_seq, users, blocked)| Audience {
        members_seq: number(members_seq),
        members: users.into_iter().map(UserId).collect(),
        blocked,
    }))
}

/// A place in the list of members: a rank by role, an id and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPlace {
    pub rank: i32,
    pub user_id: UserId,
    pub name: String,
}

/// The order of the list of members, and where a page of it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersFrom {
    pub in_russian: bool,
    /// When the first page was read: a name that changes later does not move its member.
    pub as_of: Timestamp,
    pub after: Option<MemberPlace>,
}

macro_rules! rank {
    () => {
        "case m.role when 'owner' then 0 when 'admin' then 1 else 2 end"
    };
}

/// The name at the time of the first page.
macro_rules! name_then {
    () => {
        "case when u.renamed_at > $4 then u.former_name else u.display_name end"
    };
}

macro_rules! members_by {
    ($collation:literal) => {
        concat!(
            "select m.user_id, m.role, m.joined_at, ",
            read_no!("own", "$2"),
            " as read_no, m.removed, m.blocked, m.seq,
                 u.username, u.display_name, u.bio, u.avatar_url, ",
            rank!(),
            " as rank, ",
            name_then!(),
            " as name
             from members m join users u on u.user_id = m.user_id
             join members own on own.chat_id = m.chat_id and own.user_id = $2 and not own.removed
             where m.chat_id = $1 and not m.removed
               and ($3::text is null or u.username like $3 || '%' or u.folded like $3 || '%' or u.folded like '% ' || $3 || '%')
               and ($5::int4 is null or (",
            rank!(),
            ", ",
            name_then!(),
            " collate \"", $collation, "\", m.user_id) > ($5, $6, $7))
             order by rank, ",
            name_then!(),
            " collate \"", $collation, "\", m.user_id limit $8"
        )
    };
}

/// A page of the members, as shown to `reader`, by role and then by name; empty unless `reader` is a member. `query` is
/// the beginning of a name, folded.
pub async fn members(
    db: &PgPool,
    (chat_id, reader): (ChatId, UserId),
    query: Option<&str>,
    from: &MembersFrom,
    limit: i64,
) -> Result<Vec<(Member, MemberPlace)>> {
    let after = from.after.as_ref();
    // The collations of ICU sort as `Intl.Collator` of the browser does.
    let statement = if from.in_russian { members_by!("ru-x-icu") } else { members_by!("en-x-icu") };
    let rows = sqlx::query(statement)
        .bind(chat_id.0)
        .bind(reader.0)
        .bind(query.map(like_literal))
        .bind(clock::to_database(from.as_of))
        .bind(after.map(|place| place.rank))
        .bind(after.map(|place| &place.name))
        .bind(after.map(|place| place.user_id.0))
        .bind(limit)
        .fetch_all(db)
        .await?;
    let read = |row: &PgRow| -> sqlx::Result<_> {
        let member = NamedMemberRow::from_row(row)?.0;
        let user_id = member.user.id;
        Ok((member, MemberPlace { rank: row.try_get("rank")?, user_id, name: row.try_get("name")? }))
    };
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}
