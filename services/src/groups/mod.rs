//! Groups: creation, members, roles, title. Changes pass through the commit queue of `chat`, which applies the
//! permissions in `rules`.

pub(crate) mod rules;

use crate::{
    Actor, Node, Rejection, Result,
    chat::{
        self,
        commit::{self, Change, Outcome},
        queries::{self, MembersFrom},
    },
    infra::{clock, database},
    live::{self, Published},
    profiles,
};
use protocol::{
    Page,
    chat::{ChatEvent, ChatKind, ChatSummary, Message},
    error::{Fields, Problem},
    groups::{Member, Role, UpdateGroup},
    ids::{ChatId, ClientId, UserId},
    limits,
    text::{self, Description, Title},
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The request to create a group.
#[derive(Clone, Debug)]
pub struct NewGroup {
    pub title: String,
    pub member_ids: Vec<UserId>,
    /// A retry repeats it, so that the group is created once.
    pub client_id: Option<ClientId>,
}

/// Creates a group with its first members. The flag is false if an earlier try with the same `client_id` created it.
///
/// # Errors
/// `invalid_input` for `title` or `member_ids`; `rate_limited`: each member counts as a change; `not_found` for a retry
/// after the actor left the group or it was deleted.
pub async fn create(node: &Node, actor: Actor, new: NewGroup) -> Result<(ChatSummary, bool)> {
    let others: BTreeSet<UserId> = new.member_ids.iter().copied().filter(|id| *id != actor.user_id).collect();
    let others: Vec<UserId> = others.into_iter().collect();
    node.rates.changes.take_many(actor.user_id, others.len() + 1)?;
    let title = check_new(node, actor, &new.title, &others).await?;
    let chat_id = match new.client_id {
        // The prefix keeps this id different from the ids of direct and saved chats.
        Some(client_id) => ChatId(Uuid::new_v5(&actor.user_id.0, &[b"group", &client_id.0.as_bytes()[..]].concat())),
        None => ChatId::fresh(),
    };
    let mut members = vec![(actor.user_id, Some(Role::Owner))];
    members.extend(others.iter().map(|id| (*id, Some(Role::Member))));
    let new = queries::NewChat { chat_id, kind: ChatKind::Group, title: Some(title.as_str()), members: &members };
    let is_new = insert(node, actor.user_id, new).await?;
    if is_new {
        let users: Vec<UserId> = members.iter().map(|(id, _)| *id).collect();
        live::deliver(node, Published::mine(chat_id, users)).await;
    }
    Ok((chat::summary(node, actor, chat_id).await?, is_new))
}

/// Checks the title and the members of a new group.
async fn check_new(node: &Node, actor: Actor, title: &str, others: &[UserId]) -> Result<Title> {
    let mut fields = Fields::default();
    let title = fields.take("title", Title::parse(title));
    let added: Vec<(UserId, UserId)> = others.iter().map(|other| (*other, actor.user_id)).collect();
    if others.len() >= limits::GROUP_MEMBERS {
        fields.refuse("member_ids", Problem::TooLong);
    } else if profiles::queries::users(&node.db, others).await?.len() != others.len()
        || !queries::blocks_among(&node.db, &added).await?.is_empty()
    {
        // A user who has blocked the actor looks like an unknown user.
        fields.refuse("member_ids", Problem::Unknown);
    }
    fields.check()?;
    title.ok_or_else(|| Rejection::internal("a refused title passed the check"))
}

/// Writes a new group. False if it exists already.
async fn insert(node: &Node, owner: UserId, new: queries::NewChat<'_>) -> Result<bool> {
    let (chat_id, members) = (new.chat_id, new.members);
    let event = ChatEvent::GroupCreated { actor_id: owner, title: new.title.unwrap_or_default().to_owned() };
    let mut tx = database::begin(&node.db).await?;
    let Some(mut row) = queries::insert_chat(&mut tx, new).await? else { return Ok(false) };
    // A late retry must not create a deleted group again.
    if queries::was_listed(&mut tx, chat_id, owner).await? {
        return Err(Rejection::not_found());
    }
    let message = first_message(chat_id, owner, event, members.len() as u64 + 2);
    (row.last_no, row.seq) = (message.no, message.seq);
    let marks = BTreeMap::from([(owner, message.no)]);
    queries::write_messages(&mut tx, chat_id, std::iter::once(&message)).await?;
    let users: Vec<UserId> = members.iter().map(|(id, _)| *id).collect();
    queries::add_to_lists(&mut tx, chat_id, &users, true).await?;
    tx.commit_with(&queries::last_statements(chat_id, &marks, &row)).await?;
    Ok(true)
}

/// Changes the title or the description. An update that changes nothing sends no frame and takes no `seq`.
///
/// # Errors
/// `invalid_input`, `not_found`, `forbidden` for members without admin rights.
pub async fn update(node: &Node, actor: Actor, chat_id: ChatId, data: UpdateGroup) -> Result<ChatSummary> {
    let mut fields = Fields::default();
    let title = data.title.and_then(|raw| fields.take("title", Title::parse(&raw)));
    let description = data.description.and_then(|raw| fields.take("description", Description::parse(&raw)));
    fields.check()?;
    let change = Change::UpdateGroup { title, description: description.map(Description::into_string) };
    commit::submit(node, chat_id, actor.user_id, change, None)?.await?;
    chat::summary(node, actor, chat_id).await
}

/// Deletes a group for all members.
///
/// # Errors
/// `not_found`, `forbidden` for all but the owner.
pub async fn delete(node: &Node, actor: Actor, chat_id: ChatId) -> Result<()> {
    let mut tx = queries::begin_locked(&node.db, chat_id).await?.ok_or_else(Rejection::not_found)?;
    let names = queries::Names { users: [actor.user_id].into(), ..queries::Names::default() };
    let named = queries::named(&mut tx, chat_id, &names).await?.ok_or_else(Rejection::not_found)?;
    let own = named.members.get(&actor.user_id).filter(|member| !member.removed).ok_or_else(Rejection::not_found)?;
    chat::rules::check_group(&named.row.kind)?;
    rules::may_delete(own.role)?;
    let users = queries::member_ids(&mut tx, chat_id).await?;
    let departed = queries::remove_from_lists(&mut tx, chat_id, &users).await?;
    queries::delete_chat(&mut tx, chat_id).await?;
    tx.commit().await?;
    // The members are read again, and the chat has none, so earlier changes that are not yet delivered reach no user.
    live::deliver(node, Published { departed, ..Published::in_chat(chat_id, u64::MAX, Vec::new()) }).await;
    Ok(())
}

/// A page of the members, by role and then by name in the order of the reader's language. A removal, or one change of
/// a name, between two pages neither skips nor repeats a member.
///
/// # Errors
/// `not_found`; `invalid_input` for a malformed cursor or a limit out of range.
pub async fn members(node: &Node, actor: Actor, chat_id: ChatId, page: MembersPage<'_>) -> Result<Page<Member>> {
    queries::head_for(&node.db, chat_id, actor.user_id).await?.ok_or_else(Rejection::not_found)?;
    let limit = chat::rules::limit(page.limit)?;
    let from = match page.cursor {
        Some(cursor) => rules::parse_members_cursor(cursor, clock::now())?,
        None => MembersFrom { in_russian: page.language == "ru", as_of: clock::now(), after: None },
    };
    let query = page.query.map(|query| text::fold(query.trim())).filter(|query| !query.is_empty());
    // PostgreSQL's text cannot hold NUL, so no name contains it.
    if query.as_ref().is_some_and(|query| query.contains('\0')) {
        return Ok(Page::whole(Vec::new()));
    }
    let reader = (chat_id, actor.user_id);
    let items = queries::members(&node.db, reader, query.as_deref(), &from, i64::from(limit) + 1).await?;
    let page = Page::cut(items, limit, |(_, last)| rules::members_cursor(&from, last));
    Ok(page.map(|(member, _)| member))
}

/// A page of the list of members.
#[derive(Clone, Copy, Debug, Default)]
pub struct MembersPage<'a> {
    pub query: Option<&'a str>,
    pub cursor: Option<&'a str>,
    pub limit: Option<u32>,
    /// The reader's language, `en` or `ru`. A cursor keeps the language of its first page.
    pub language: &'a str,
}

/// Adds a user. The flag is false if the user was a member already.
///
/// # Errors
/// `not_found`, `forbidden`; `invalid_input` for an unknown user; `conflict` when the group is full.
pub async fn add_member(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId) -> Result<(Member, bool)> {
    match commit::submit(node, chat_id, actor.user_id, Change::AddMember(user_id), None)?.await? {
        Outcome::Added { member, new } => Ok((member, new)),
        _ => Err(Rejection::internal("an addition has the outcome of another change")),
    }
}

/// Removes a member. With the actor's own id, the actor leaves the group.
///
/// # Errors
/// `not_found`, `forbidden`; `conflict` for an owner who leaves before a transfer of ownership.
pub async fn remove_member(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId) -> Result<()> {
    commit::submit(node, chat_id, actor.user_id, Change::RemoveMember(user_id), None)?.await.map(drop)
}

/// Changes a member's role; `owner` transfers ownership.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn change_role(node: &Node, actor: Actor, chat_id: ChatId, user_id: UserId, role: Role) -> Result<()> {
    commit::submit(node, chat_id, actor.user_id, Change::ChangeRole { user_id, role }, None)?.await.map(drop)
}

pub(crate) fn first_message(chat_id: ChatId, sender_id: UserId, event: ChatEvent, seq: u64) -> Message {
    Message { event: Some(event), ..chat::empty_message(chat_id, (1, seq), sender_id) }
}
