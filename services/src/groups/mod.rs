//! Groups: making them, their members, their title. Changes go through `chat`'s commit queue; the
//! rights are in `rules`, decided inside the commit.

pub(crate) mod rules;

use crate::{
    Actor, Node, Rejection, Result,
    chat::{
        self,
        commit::{self, Change, Outcome},
        queries,
    },
    infra::database,
    profiles,
};
use protocol::{
    Page,
    chat::{ChatEvent, ChatKind, ChatSummary, Message},
    error::{Fields, Problem},
    frames::ServerFrame,
    groups::{Member, Role, UpdateGroup},
    ids::{ChatId, ClientId, UserId},
    limits,
    text::{Bio, Title},
};
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

/// A group about to be made.
#[derive(Clone, Debug)]
pub struct NewGroup {
    pub title: String,
    pub member_ids: Vec<UserId>,
    /// Repeated with a retry, so that a group is made once.
    pub client_id: Option<ClientId>,
}

/// Makes a group with its first members. The flag tells whether it is new, or was made by an earlier
/// try with the same `client_id`.
///
/// # Errors
/// `invalid_input` naming `title` or `member_ids`; `not_found` for one that was left or deleted since.
pub async fn create(node: &Node, actor: Actor, new: NewGroup) -> Result<(ChatSummary, bool)> {
    node.rates.changes.take(actor.user_id)?;
    let mut fields = Fields::default();
    let title = fields.take("title", Title::parse(&new.title));
    let others: BTreeSet<UserId> = new.member_ids.into_iter().filter(|id| *id != actor.user_id).collect();
    let others: Vec<UserId> = others.into_iter().collect();
    let added: Vec<(UserId, UserId)> = others.iter().map(|other| (*other, actor.user_id)).collect();
    if others.len() >= limits::GROUP_MEMBERS {
        fields.refuse("member_ids", Problem::TooLong);
    } else if profiles::queries::users(&node.db, &others).await?.len() != others.len()
        || !queries::blocks_among(&node.db, &added).await?.is_empty()
    {
        // To whom they have blocked, they are as if they were not there.
        fields.refuse("member_ids", Problem::Unknown);
    }
    fields.check()?;
    let Some(title) = title else { return Err(Rejection::internal("unchecked")) };

    let chat_id = match new.client_id {
        // The word keeps it apart from the chats that two people's ids make.
        Some(client_id) => ChatId(Uuid::new_v5(&actor.user_id.0, &[b"group", &client_id.0.as_bytes()[..]].concat())),
        None => ChatId::fresh(),
    };
    let mut members = vec![(actor.user_id, Some(Role::Owner))];
    members.extend(others.iter().map(|id| (*id, Some(Role::Member))));
    let mut tx = database::begin(&node.db).await?;
    let row = queries::NewChat { chat_id, kind: ChatKind::Group, title: Some(title.as_str()), members: &members };
    if !queries::insert_chat(&mut tx, row).await? {
        drop(tx);
        return Ok((chat::summary(node, actor, chat_id).await?, false));
    }
    // A late retry must not bring a deleted group back.
    if queries::was_listed(&mut tx, chat_id, actor.user_id).await? {
        return Err(Rejection::not_found());
    }
    let event = ChatEvent::GroupCreated { actor_id: actor.user_id, title: title.into_string() };
    let message = first_message(chat_id, actor.user_id, event, members.len() as u64 + 2);
    queries::insert_first_message(&mut tx, chat_id, &message).await?;
    let everybody: Vec<UserId> = members.iter().map(|(id, _)| *id).collect();
    queries::list_for(&mut tx, chat_id, &everybody, true).await?;
    tx.commit().await?;
    chat::tell_mine(node, chat_id, &everybody).await;
    Ok((chat::summary(node, actor, chat_id).await?, true))
}

/// Changes title or description.
///
/// # Errors
/// `invalid_input`, `not_found`, `forbidden` for members who are not admins.
pub async fn update(node: &Node, actor: Actor, chat_id: ChatId, data: UpdateGroup) -> Result<ChatSummary> {
    let mut fields = Fields::default();
    let title = data.title.and_then(|raw| fields.take("title", Title::parse(&raw)));
    let description = data.description.and_then(|raw| fields.take("description", Bio::parse(&raw)));
    fields.check()?;
    let change = Change::UpdateGroup { title, description: description.map(Bio::into_string) };
    commit::submit(node, chat_id, actor.user_id, change, None)?.await?;
    chat::summary(node, actor, chat_id).await
}

/// Deletes a group, for everybody.
///
/// # Errors
/// `not_found`, `forbidden` for anybody but the owner.
pub async fn delete(node: &Node, actor: Actor, chat_id: ChatId) -> Result<()> {
    let mut tx = database::begin(&node.db).await?;
    let row = queries::lock_chat(&mut tx, chat_id).await?.ok_or_else(Rejection::not_found)?;
    let members = queries::members_named(&mut tx, chat_id, &[actor.user_id].into()).await?;
    let own = members.get(&actor.user_id).filter(|member| !member.removed).ok_or_else(Rejection::not_found)?;
    if row.kind != ChatKind::Group {
        return Err(chat::not_a_group());
    }
    rules::may_delete(own.role)?;
    let everybody = queries::member_ids(&mut tx, chat_id).await?;
    let left = queries::unlist_for(&mut tx, chat_id, &everybody).await?;
    queries::delete_chat(&mut tx, chat_id).await?;
    tx.commit().await?;
    // What was committed before and is still to be published finds nobody.
    node.live.set_audience(chat_id, u64::MAX, HashSet::new());
    for (user_id, mine) in left {
        node.live.withhold(chat_id, user_id);
        node.live.tell_own(user_id, &ServerFrame::Removed { chat_id, mine });
    }
    Ok(())
}

/// A page of the members, by power and name.
///
/// # Errors
/// `not_found`, `invalid_input` for a cursor or a limit that is none.
pub async fn members(node: &Node, actor: Actor, chat_id: ChatId, page: MembersPage<'_>) -> Result<Page<Member>> {
    queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let (offset, limit) = (chat::rules::parse_offset(page.cursor)?, i64::from(chat::rules::limit(page.limit)?));
    let query = page.query.map(|query| query.trim().to_lowercase()).filter(|query| !query.is_empty());
    // PostgreSQL's text has no NUL, and so no name has one.
    if query.as_ref().is_some_and(|query| query.contains('\0')) {
        return Ok(Page::whole(Vec::new()));
    }
    let items = queries::members(&node.db, chat_id, actor.user_id, query.as_deref(), (offset, limit + 1)).await?;
    Ok(chat::rules::page_of(items, offset, limit))
}

/// Which members are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct MembersPage<'a> {
    pub query: Option<&'a str>,
    pub cursor: Option<&'a str>,
    pub limit: Option<u32>,
}

/// Adds somebody. The flag tells whether they were in already.
///
/// # Errors
/// `not_found`, `forbidden`, `invalid_input` for nobody, `conflict` when the group is full.
pub async fn add_member(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId) -> Result<(Member, bool)> {
    match commit::submit(node, chat_id, actor.user_id, Change::AddMember(user_id), None)?.await? {
        Outcome::Added { member, new } => Ok((member, new)),
        _ => Err(Rejection::internal("an addition ended as something else")),
    }
}

/// Removes somebody, or oneself: leaving.
///
/// # Errors
/// `not_found`, `forbidden`, `conflict` for an owner who has not handed over.
pub async fn remove_member(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId) -> Result<()> {
    commit::submit(node, chat_id, actor.user_id, Change::RemoveMember(user_id), None)?.await.map(drop)
}

/// Changes a role; `owner` hands the group over.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn change_role(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId, role: Role) -> Result<()> {
    commit::submit(node, chat_id, actor.user_id, Change::ChangeRole { user_id, role }, None)?.await.map(drop)
}

pub(crate) fn first_message(chat_id: ChatId, sender_id: UserId, event: ChatEvent, seq: u64) -> Message {
    Message { event: Some(event), ..chat::empty_message(chat_id, (1, seq), sender_id) }
}
