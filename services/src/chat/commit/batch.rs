//! One transaction: lock the chat's row, look up who and what is named, decide each change on its own,
//! number and write what remains, commit, publish in order, acknowledge.

use super::{Change, Item, Outcome, Reacting};
use crate::{
    Infra, Rejection, Result,
    chat::{self, audience, not_a_group, queries, tell_mine},
    groups::rules,
    infra::{Mutant, clock, database},
    live::Origin,
    profiles,
};
use protocol::{
    chat::{Chat, ChatEvent, ChatKind, ForwardedFrom, Message, MessageKind, Reaction},
    error::Problem,
    frames::ServerFrame,
    groups::{Member, Role},
    ids::{ChatId, ClientId, MessageId, UserId},
    limits,
    profiles::User,
    text::MessageText,
    time::Timestamp,
};
use sqlx::{PgConnection, Postgres, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The chat as the batch leaves it, and what it wrote.
struct Draft {
    chat_id: ChatId,
    now: Timestamp,
    row: queries::ChatRow,
    members: HashMap<UserId, queries::MemberRow>,
    members_changed: BTreeSet<UserId>,
    /// The last message each sender posted in this batch: they have read up to it.
    posted_up_to: BTreeMap<UserId, u64>,
    users: HashMap<UserId, User>,
    stored: HashMap<(UserId, ClientId), Message>,
    /// The messages that changes name, as they stand.
    rows: HashMap<u64, Message>,
    messages: Vec<Message>,
    /// The numbers of those edited, deleted or reacted to.
    changed: BTreeSet<u64>,
    /// The reactions that changes name and that are there.
    reacted: BTreeSet<queries::ReactionKey>,
    /// Those given in this batch, and those taken back.
    reactions_changed: BTreeMap<queries::ReactionKey, bool>,
    /// The members that texts mention, by user name.
    called: HashMap<String, UserId>,
    /// Who of those that are added has blocked whom.
    blocks: HashSet<(UserId, UserId)>,
    /// Frames in the order of their `seq`.
    frames: Vec<(ServerFrame, Option<Origin>)>,
    joined: BTreeSet<UserId>,
    left: BTreeSet<UserId>,
}

/// Commits some changes of one chat and answers each.
pub async fn commit(infra: &Infra, chat_id: ChatId, items: Vec<Item>) {
    let written = match database::within(write(infra, chat_id, &items)).await {
        Ok(written) => written,
        Err(rejection) => return refuse(items, &rejection),
    };
    let Written { tx, draft, outcomes, left } = written;
    if infra.is(Mutant::AckBeforeCommit) {
        tell(infra, items, draft, outcomes, left).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _ = tx.commit().await;
        return;
    }
    match database::within(async { Ok(tx.commit().await?) }).await {
        Ok(()) => tell(infra, items, draft, outcomes, left).await,
        Err(rejection) => {
            // It may be committed all the same, and then nobody was told.
            infra.live.resync_all();
            refuse(items, &rejection);
        }
    }
}

/// Publishes what was written, and answers each.
async fn tell(
    infra: &Infra,
    items: Vec<Item>,
    draft: Option<Draft>,
    outcomes: Vec<Result<Outcome>>,
    left: Vec<(UserId, u64)>,
) {
    publish(infra, draft, &items, left).await;
    for (item, outcome) in items.into_iter().zip(outcomes) {
        // Whoever asked may have gone; the change stands.
        let _ = item.answer.send(outcome);
    }
}

fn refuse(items: Vec<Item>, rejection: &Rejection) {
    for item in items {
        let _ = item.answer.send(Err(rejection.clone()));
    }
}

/// What is written and not committed yet.
struct Written {
    tx: Transaction<'static, Postgres>,
    /// None where nothing was changed.
    draft: Option<Draft>,
    outcomes: Vec<Result<Outcome>>,
    /// Who is out of the chat now, and their own change's number.
    left: Vec<(UserId, u64)>,
}

async fn write(infra: &Infra, chat_id: ChatId, items: &[Item]) -> Result<Written> {
    let mut tx = database::begin(&infra.db).await?;
    let Some(row) = queries::lock_chat(&mut tx, chat_id).await? else {
        let outcomes = items.iter().map(|_| Err(Rejection::not_found())).collect();
        return Ok(Written { tx, draft: None, outcomes, left: Vec::new() });
    };
    let first_message = row.last_no == 0;
    let mut draft = look_up(infra, &mut tx, (chat_id, row), items).await?;
    let outcomes: Vec<Result<Outcome>> = items.iter().map(|item| draft.apply(item)).collect();
    if draft.frames.is_empty() {
        return Ok(Written { tx, draft: None, outcomes, left: Vec::new() });
    }
    let opens = draft.row.kind == ChatKind::Direct && first_message && draft.row.last_no > 0;
    let both = if opens { queries::member_ids(&mut tx, chat_id).await? } else { Vec::new() };
    store(&mut tx, &draft, &both).await?;
    let left = list(&mut tx, &mut draft, &both).await?;
    Ok(Written { tx, draft: Some(draft), outcomes, left })
}

/// The chat as it stands, and whoever and whatever the changes name.
async fn look_up(
    infra: &Infra,
    tx: &mut PgConnection,
    (chat_id, row): (ChatId, queries::ChatRow),
    items: &[Item],
) -> Result<Draft> {
    let named: BTreeSet<UserId> =
        items.iter().flat_map(|item| [Some(item.actor), item.change.names()]).flatten().collect();
    let sends: Vec<(UserId, ClientId)> = items.iter().filter_map(Item::send_key).collect();
    let nos: Vec<u64> = items.iter().filter_map(|item| item.change.names_message()).collect();
    let reactions: BTreeSet<_> = items.iter().filter_map(Item::reaction).collect();
    let called: BTreeSet<&str> = items.iter().flat_map(|item| item.change.mentions()).map(String::as_str).collect();
    let added: Vec<(UserId, UserId)> = items.iter().filter_map(Item::addition).collect();
    let stored = if infra.is(Mutant::RetryInsertsTwice) {
        HashMap::new()
    } else {
        queries::messages_by_client_id(tx, chat_id, &sends).await?
    };
    let users = if items.iter().any(|item| item.change.names().is_some()) {
        let ids: Vec<UserId> = named.iter().copied().collect();
        profiles::queries::users(&mut *tx, &ids).await?
    } else {
        Vec::new()
    };
    Ok(Draft {
        chat_id,
        now: clock::now(),
        members: queries::members_named(tx, chat_id, &named).await?,
        stored,
        rows: queries::messages_named(tx, chat_id, &nos).await?,
        reacted: queries::reactions_named(tx, chat_id, &reactions).await?,
        reactions_changed: BTreeMap::new(),
        called: queries::members_called(tx, chat_id, &called).await?,
        blocks: queries::blocks_among(&mut *tx, &added).await?,
        users: users.into_iter().map(|user| (user.id, user)).collect(),
        row,
        members_changed: BTreeSet::new(),
        posted_up_to: BTreeMap::new(),
        messages: Vec::new(),
        changed: BTreeSet::new(),
        frames: Vec::new(),
        joined: BTreeSet::new(),
        left: BTreeSet::new(),
    })
}

/// Writes what was decided. `both` are the people of a direct chat whose first message this is.
async fn store(tx: &mut PgConnection, draft: &Draft, both: &[UserId]) -> Result<()> {
    let chat_id = draft.chat_id;
    queries::insert_messages(tx, chat_id, &draft.messages).await?;
    let changed = draft.changed.iter().filter_map(|no| draft.rows.get(no));
    queries::update_messages(tx, chat_id, changed).await?;
    let is_deleted = |no: &u64| draft.rows.get(no).is_some_and(|row| row.deleted);
    let deleted: Vec<u64> = draft.changed.iter().copied().filter(is_deleted).collect();
    queries::write_reactions(tx, chat_id, draft.now, &draft.reactions_changed, &deleted).await?;
    let members = draft.members_changed.iter().filter_map(|id| draft.members.get(id));
    queries::upsert_members(tx, chat_id, members).await?;
    if !both.is_empty() {
        // Before any member's row, as blocking takes them.
        queries::lock_mines(tx, both).await?;
    }
    queries::mark_posted(tx, chat_id, &draft.posted_up_to).await?;
    queries::update_chat(tx, chat_id, &draft.row).await
}

/// Puts the chat into the lists of those who came, and out of those of who left; answers these with their
/// own change's number.
async fn list(tx: &mut PgConnection, draft: &mut Draft, both: &[UserId]) -> Result<Vec<(UserId, u64)>> {
    let chat_id = draft.chat_id;
    if !draft.joined.is_empty() && !draft.left.is_empty() {
        let moved: Vec<UserId> = draft.joined.union(&draft.left).copied().collect();
        queries::lock_mines(tx, &moved).await?;
    }
    if !both.is_empty() {
        draft.joined.extend(queries::list_for(tx, chat_id, both, true).await?);
    } else if !draft.joined.is_empty() {
        let joined: Vec<UserId> = draft.joined.iter().copied().collect();
        queries::list_for(tx, chat_id, &joined, true).await?;
    }
    let left: Vec<UserId> = draft.left.iter().copied().collect();
    queries::unlist_for(tx, chat_id, &left).await
}

/// Tells the chat, in the order of the changes.
async fn publish(infra: &Infra, draft: Option<Draft>, items: &[Item], left: Vec<(UserId, u64)>) {
    let Some(draft) = draft else { return };
    let chat_id = draft.chat_id;
    // Without an audience the sockets that asked still get their answers. It comes first: whoever was
    // removed is in no newer one, so nothing of the chat follows their `removed`.
    let audience = audience(infra, chat_id, draft.row.members_seq).await.unwrap_or_default();
    for (user_id, mine) in left {
        infra.live.withhold(chat_id, user_id);
        infra.live.tell_own(user_id, &ServerFrame::Removed { chat_id, mine });
    }
    let joined: Vec<UserId> = draft.joined.into_iter().collect();
    tell_mine(infra, chat_id, &joined).await;
    // Whoever waited too long was answered already: their copy is the frame that all get.
    let late: HashSet<Origin> =
        items.iter().filter(|item| item.answer.is_closed()).filter_map(|item| item.origin).collect();
    for (frame, origin) in &draft.frames {
        infra.live.publish(chat_id, &audience, frame, origin.filter(|origin| !late.contains(origin)));
    }
}

impl Item {
    fn send_key(&self) -> Option<(UserId, ClientId)> {
        match &self.change {
            Change::Post { client_id, .. } => Some((self.actor, *client_id)),
            _ => None,
        }
    }

    fn reaction(&self) -> Option<queries::ReactionKey> {
        let Change::React { no, emoji, .. } = &self.change else { return None };
        Some(queries::ReactionKey { no: *no, emoji: emoji.clone(), user_id: self.actor })
    }

    /// Who is added, and by whom.
    fn addition(&self) -> Option<(UserId, UserId)> {
        let Change::AddMember(user_id) = &self.change else { return None };
        Some((*user_id, self.actor))
    }
}

impl Change {
    /// The other person a change is about.
    fn names(&self) -> Option<UserId> {
        match self {
            Self::AddMember(user_id) | Self::RemoveMember(user_id) | Self::ChangeRole { user_id, .. } => Some(*user_id),
            Self::Post { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::React { .. }
            | Self::UpdateGroup { .. } => None,
        }
    }

    /// The user names that its text mentions.
    fn mentions(&self) -> &[String] {
        match self {
            Self::Post { mentions, .. } | Self::Edit { mentions, .. } => mentions,
            _ => &[],
        }
    }

    /// Whether it puts something before the others' eyes, which somebody they have blocked may not.
    fn writes(&self) -> bool {
        match self {
            Self::React { how, .. } => *how != Reacting::TakeBack,
            _ => matches!(self, Self::Post { .. } | Self::Edit { .. }),
        }
    }

    /// The message a change is about.
    fn names_message(&self) -> Option<u64> {
        match self {
            Self::Edit { no, .. } | Self::Delete { no } | Self::React { no, .. } => Some(*no),
            _ => None,
        }
    }
}

impl Draft {
    /// Decides one change, and either takes it whole or refuses it without a trace.
    fn apply(&mut self, item: &Item) -> Result<Outcome> {
        let actor = self.members.get(&item.actor).filter(|member| !member.removed).ok_or_else(Rejection::not_found)?;
        let role = actor.role;
        // What was stored before is answered all the same.
        let is_repeat = item.send_key().is_some_and(|key| self.stored.contains_key(&key));
        if actor.blocked && item.change.writes() && !is_repeat {
            return Err(Rejection::forbidden("You cannot write to this person."));
        }
        let of_group = || if self.row.kind == ChatKind::Group { Ok(()) } else { Err(not_a_group()) };
        match &item.change {
            Change::Post { .. } => self.post(item),
            Change::Edit { no, text, base_seq, .. } => self.edit(item, *no, text, *base_seq),
            Change::Delete { no } => self.delete(item, *no, role),
            Change::React { no, emoji, how } => {
                let key = queries::ReactionKey { no: *no, emoji: emoji.clone(), user_id: item.actor };
                let given = *how == Reacting::Give || (*how == Reacting::Toggle && !self.reacted.contains(&key));
                if given { self.react(item, key) } else { self.unreact(item, key) }
            }
            Change::AddMember(user_id) => {
                of_group()?;
                rules::may_add(role)?;
                self.add_member(item.actor, *user_id)
            }
            Change::RemoveMember(user_id) => {
                of_group()?;
                let target = self.members.get(user_id).filter(|member| !member.removed);
                let target = target.ok_or_else(Rejection::not_found)?;
                let alone = self.row.member_count == 1;
                rules::may_remove(role, target.role, *user_id == item.actor, alone)?;
                self.remove_member(item.actor, *user_id)
            }
            Change::ChangeRole { user_id, role: new } => {
                of_group()?;
                rules::may_change_role(role, *user_id == item.actor)?;
                self.change_role(item.actor, *user_id, *new)
            }
            Change::UpdateGroup { title, description } => {
                of_group()?;
                rules::may_update(role)?;
                let title = title.as_ref().map(|title| title.as_str().to_owned());
                self.update_group(item.actor, title, description.clone())
            }
        }
    }

    fn post(&mut self, item: &Item) -> Result<Outcome> {
        let Change::Post { client_id, text, reply_to, forwarded_from, .. } = &item.change else {
            return Err(Rejection::internal("a post is none"));
        };
        if let Some(stored) = self.stored.get(&(item.actor, *client_id)) {
            return Ok(Outcome::Message { message: stored.clone(), new: false });
        }
        if reply_to.is_some_and(|no| no == 0 || no > self.row.last_no) {
            return Err(Rejection::field("reply_to", Problem::Unknown));
        }
        let message = Message {
            client_id: *client_id,
            kind: MessageKind::Text,
            text: text.as_str().to_owned(),
            reply_to: *reply_to,
            forwarded_from: forwarded_from.map(|id| ForwardedFrom { user_id: Some(id), name: None }),
            mentions: self.mentioned(&item.change),
            ..self.next_message(item.actor)
        };
        self.posted_up_to.insert(item.actor, message.no);
        self.write_message(message.clone(), item.origin);
        Ok(Outcome::Message { message, new: true })
    }

    /// The members whom a change's text mentions, each once, in its order.
    fn mentioned(&self, change: &Change) -> Vec<UserId> {
        let mut mentioned = Vec::new();
        for id in change.mentions().iter().filter_map(|name| self.called.get(name.as_str())) {
            if !mentioned.contains(id) {
                mentioned.push(*id);
            }
        }
        mentioned
    }

    fn edit(&mut self, item: &Item, no: u64, text: &MessageText, base_seq: Option<u64>) -> Result<Outcome> {
        let message = self.rows.get(&no).ok_or_else(Rejection::not_found)?;
        chat::rules::may_edit(message, item.actor, base_seq)?;
        if message.text == text.as_str() {
            return Ok(Outcome::Message { message: message.clone(), new: false });
        }
        let mentions = self.mentioned(&item.change);
        let edited = Message { text: text.as_str().to_owned(), mentions, edited_at: Some(self.now), ..message.clone() };
        Ok(self.rewrite(edited, item.origin))
    }

    fn delete(&mut self, item: &Item, no: u64, role: Option<Role>) -> Result<Outcome> {
        let message = self.rows.get(&no).ok_or_else(Rejection::not_found)?;
        chat::rules::may_delete(message, item.actor, role)?;
        if message.deleted {
            return Ok(Outcome::Message { message: message.clone(), new: false });
        }
        let tombstone = Message {
            text: String::new(),
            reactions: Vec::new(),
            mentions: Vec::new(),
            deleted: true,
            ..message.clone()
        };
        self.reactions_changed.retain(|key, _| key.no != no);
        Ok(self.rewrite(tombstone, item.origin))
    }

    fn react(&mut self, item: &Item, key: queries::ReactionKey) -> Result<Outcome> {
        let message = self.rows.get(&key.no).ok_or_else(Rejection::not_found)?;
        chat::rules::may_react(message)?;
        if self.reacted.contains(&key) {
            return Ok(Outcome::Message { message: message.clone(), new: false });
        }
        let mut message = message.clone();
        let kinds = message.reactions.len();
        match message.reactions.iter_mut().find(|reaction| reaction.emoji == key.emoji) {
            Some(reaction) => {
                reaction.count += 1;
                if reaction.by.len() < limits::REACTED_BY {
                    reaction.by.push(item.actor);
                }
            }
            None if kinds >= limits::REACTIONS => return Err(Rejection::field("emoji", Problem::TooMany)),
            None => message.reactions.push(Reaction { emoji: key.emoji.clone(), count: 1, by: vec![item.actor] }),
        }
        self.reacted.insert(key.clone());
        self.reactions_changed.insert(key, true);
        Ok(self.rewrite(message, item.origin))
    }

    fn unreact(&mut self, item: &Item, key: queries::ReactionKey) -> Result<Outcome> {
        let message = self.rows.get(&key.no).ok_or_else(Rejection::not_found)?;
        if message.deleted || !self.reacted.remove(&key) {
            return Ok(Outcome::Message { message: message.clone(), new: false });
        }
        let mut message = message.clone();
        for reaction in message.reactions.iter_mut().filter(|reaction| reaction.emoji == key.emoji) {
            reaction.count = reaction.count.saturating_sub(1);
            reaction.by.retain(|by| *by != item.actor);
        }
        message.reactions.retain(|reaction| reaction.count > 0);
        self.reactions_changed.insert(key, false);
        Ok(self.rewrite(message, item.origin))
    }

    fn add_member(&mut self, actor: UserId, user_id: UserId) -> Result<Outcome> {
        let user = self.users.get(&user_id).cloned().ok_or_else(|| Rejection::field("user_id", Problem::Unknown))?;
        if let Some(present) = self.members.get(&user_id).filter(|member| !member.removed) {
            return Ok(Outcome::Added { member: present.to_member(user), new: false });
        }
        // To whom they have blocked, they are as if they were not there.
        if self.blocks.contains(&(user_id, actor)) {
            return Err(Rejection::field("user_id", Problem::Unknown));
        }
        rules::may_grow(self.row.member_count)?;
        self.tell(actor, ChatEvent::MemberAdded { actor_id: actor, user_id });
        let (joined_at, read_no) = (self.now, self.row.last_no);
        let role = Some(Role::Member);
        let row = queries::MemberRow { user_id, role, joined_at, read_no, removed: false, blocked: false, seq: 0 };
        self.members.insert(user_id, row);
        self.row.member_count += 1;
        let member = self.write_member(user_id, user);
        self.left.remove(&user_id);
        self.joined.insert(user_id);
        self.write_row();
        Ok(Outcome::Added { member, new: true })
    }

    fn remove_member(&mut self, actor: UserId, user_id: UserId) -> Result<Outcome> {
        let user = self.users.get(&user_id).cloned().ok_or_else(Rejection::not_found)?;
        if let Some(member) = self.members.get_mut(&user_id) {
            member.removed = true;
        }
        self.row.member_count -= 1;
        self.write_member(user_id, user);
        self.joined.remove(&user_id);
        self.left.insert(user_id);
        let event = if actor == user_id {
            ChatEvent::MemberLeft { actor_id: actor }
        } else {
            ChatEvent::MemberRemoved { actor_id: actor, user_id }
        };
        self.tell(actor, event);
        self.write_row();
        Ok(Outcome::Done)
    }

    fn change_role(&mut self, actor: UserId, user_id: UserId, role: Role) -> Result<Outcome> {
        let user = self.users.get(&user_id).cloned();
        let target = self.members.get_mut(&user_id).filter(|member| !member.removed);
        let (Some(target), Some(user)) = (target, user) else { return Err(Rejection::not_found()) };
        if target.role == Some(role) {
            return Ok(Outcome::Done);
        }
        target.role = Some(role);
        self.write_member(user_id, user);
        if role == Role::Owner
            && let Some(former) = self.members.get_mut(&actor)
        {
            former.role = Some(Role::Admin);
            if let Some(user) = self.users.get(&actor).cloned() {
                self.write_member(actor, user);
            }
        }
        self.tell(actor, ChatEvent::RoleChanged { actor_id: actor, user_id });
        Ok(Outcome::Done)
    }

    fn update_group(&mut self, actor: UserId, title: Option<String>, description: Option<String>) -> Result<Outcome> {
        let title = title.filter(|title| self.row.title.as_ref() != Some(title));
        let description = description.filter(|text| *text != self.row.description);
        if title.is_none() && description.is_none() {
            return Ok(Outcome::Done);
        }
        if let Some(description) = description {
            self.row.description = description;
        }
        if let Some(title) = title {
            self.row.title = Some(title.clone());
            self.tell(actor, ChatEvent::TitleChanged { actor_id: actor, title });
        }
        self.write_row();
        Ok(Outcome::Done)
    }

    fn next_seq(&mut self) -> u64 {
        self.row.seq += 1;
        self.row.seq
    }

    /// The next place in the chat's order, for a message without anything in it.
    fn next_message(&mut self, sender_id: UserId) -> Message {
        let seq = self.next_seq();
        self.row.last_no += 1;
        self.row.active_at = self.now;
        Message {
            chat_id: self.chat_id,
            no: self.row.last_no,
            seq,
            id: MessageId::fresh(),
            client_id: ClientId::fresh(),
            sender_id,
            kind: MessageKind::System,
            text: String::new(),
            reply_to: None,
            forwarded_from: None,
            attachments: Vec::new(),
            reactions: Vec::new(),
            mentions: Vec::new(),
            event: None,
            created_at: self.now,
            edited_at: None,
            deleted: false,
        }
    }

    fn write_message(&mut self, message: Message, origin: Option<Origin>) {
        self.messages.push(message.clone());
        self.tell_of(message, origin);
    }

    /// Writes a message's row anew.
    fn rewrite(&mut self, message: Message, origin: Option<Origin>) -> Outcome {
        let message = Message { seq: self.next_seq(), ..message };
        self.changed.insert(message.no);
        self.tell_of(message.clone(), origin);
        Outcome::Message { message, new: true }
    }

    /// Keeps a message's newest row for the changes that follow, and its frame for everybody.
    fn tell_of(&mut self, message: Message, origin: Option<Origin>) {
        self.stored.insert((message.sender_id, message.client_id), message.clone());
        self.rows.insert(message.no, message.clone());
        self.frames.push((ServerFrame::Message { chat_id: self.chat_id, seq: message.seq, message }, origin));
    }

    /// Adds a system message.
    fn tell(&mut self, actor: UserId, event: ChatEvent) {
        let message = Message { event: Some(event), ..self.next_message(actor) };
        self.write_message(message, None);
    }

    fn write_member(&mut self, user_id: UserId, user: User) -> Member {
        let seq = self.next_seq();
        self.row.members_seq = seq;
        self.members_changed.insert(user_id);
        let row = self.members.entry(user_id).or_insert_with(|| queries::MemberRow {
            user_id,
            role: None,
            joined_at: self.now,
            read_no: 0,
            removed: false,
            blocked: false,
            seq,
        });
        row.seq = seq;
        let member = row.to_member(user);
        self.frames.push((ServerFrame::Member { chat_id: self.chat_id, seq, member: member.clone() }, None));
        member
    }

    fn write_row(&mut self) {
        let seq = self.next_seq();
        self.row.row_seq = seq;
        let chat = Chat {
            id: self.chat_id,
            kind: self.row.kind,
            title: self.row.title.clone(),
            description: self.row.description.clone(),
            avatar_url: self.row.avatar_url.clone(),
            last_no: self.row.last_no,
            member_count: self.row.member_count,
            seq,
        };
        self.frames.push((ServerFrame::Chat { chat_id: self.chat_id, seq, chat }, None));
    }
}
