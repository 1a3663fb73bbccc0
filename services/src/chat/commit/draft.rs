//! Decides each change of a batch on its own, without IO, and numbers the accepted ones.

use super::{Change, Item, Outcome, Reacting};
use crate::{
    Rejection, Result,
    chat::{self, queries},
    groups::rules,
    live::Origin,
};
use protocol::{
    chat::{Chat, ChatEvent, ChatKind, ForwardedFrom, Message, MessageKind, Reaction},
    error::{Fields, Problem},
    frames::ServerFrame,
    groups::{Member, Role},
    ids::{ChatId, ClientId, UserId},
    limits,
    profiles::User,
    text::MessageText,
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The state of the chat after the changes decided so far, and the rows and frames that they write.
pub struct Draft {
    pub chat_id: ChatId,
    pub now: Timestamp,
    pub row: queries::ChatRow,
    /// The title or the description changed.
    pub has_new_texts: bool,
    pub members: HashMap<UserId, queries::MemberRow>,
    pub members_changed: BTreeSet<UserId>,
    /// The last message of each sender in this batch: posting moves the sender's read mark to it.
    pub posted_up_to: BTreeMap<UserId, u64>,
    pub users: HashMap<UserId, User>,
    pub stored: HashMap<(UserId, ClientId), Message>,
    /// The current rows of the messages that the changes refer to, and of the new messages.
    pub rows: HashMap<u64, Message>,
    /// The `no` of each message that is new, edited, deleted or reacted to.
    pub written: BTreeSet<u64>,
    /// The reactions that the changes refer to and that already exist.
    pub reacted: BTreeSet<queries::ReactionKey>,
    /// Reactions given in this batch (true) or taken back (false).
    pub reactions_changed: BTreeMap<queries::ReactionKey, bool>,
    /// The mentioned members, by user name.
    pub called: HashMap<String, UserId>,
    /// Pairs of an added user and the actor whom this user has blocked.
    pub blocks: HashSet<(UserId, UserId)>,
    /// Frames in the order of their `seq`.
    pub frames: Vec<(ServerFrame, Option<Origin>)>,
    pub joined: BTreeSet<UserId>,
    pub departed: BTreeSet<UserId>,
}

impl Draft {
    /// Decides one change: applies it completely, or refuses it without any effect.
    pub fn apply(&mut self, item: &Item) -> Result<Outcome> {
        let actor = self.members.get(&item.actor).filter(|member| !member.removed).ok_or_else(Rejection::not_found)?;
        let role = actor.role;
        // A repeated send returns the stored message, also to a user who was blocked since.
        let is_repeat = item.send_key().is_some_and(|key| self.stored.contains_key(&key));
        if actor.blocked && item.change.writes() && !is_repeat {
            return Err(Rejection::forbidden("You cannot write to this person."));
        }
        // A newer node knows the rules of this kind of chat; the client sends the change again.
        if matches!(self.row.kind, ChatKind::Unknown(_)) && !is_repeat {
            return Err(Rejection::unavailable());
        }
        let of_group = || chat::rules::check_group(&self.row.kind);
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
            return Err(Rejection::internal("`post` was called for another change"));
        };
        if let Some(stored) = self.stored.get(&(item.actor, *client_id)) {
            return Ok(Outcome::Message { message: stored.clone(), new: false });
        }
        let mut fields = Fields::default();
        if reply_to.is_some_and(|no| no == 0 || no > self.row.last_no) {
            fields.refuse("reply_to", Problem::Unknown);
        }
        let text = fields.take("text", text.clone()).map(MessageText::into_string).unwrap_or_default();
        fields.check()?;
        let message = Message {
            client_id: *client_id,
            kind: MessageKind::Text,
            text,
            reply_to: *reply_to,
            forwarded_from: forwarded_from.map(|id| ForwardedFrom { user_id: Some(id), name: None }),
            mentions: self.mentioned(&item.change),
            ..self.next_message(item.actor)
        };
        self.posted_up_to.insert(item.actor, message.no);
        self.record(message.clone(), item.origin);
        Ok(Outcome::Message { message, new: true })
    }

    /// The members mentioned in a change's text, each once, in the order of the text.
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
        // A user who has blocked the actor looks like an unknown user.
        if self.blocks.contains(&(user_id, actor)) {
            return Err(Rejection::field("user_id", Problem::Unknown));
        }
        rules::may_grow(self.row.member_count)?;
        self.post_event(actor, ChatEvent::MemberAdded { actor_id: actor, user_id });
        let (joined_at, read_no) = (self.now, self.row.last_no);
        let role = Some(Role::Member);
        let row = queries::MemberRow { user_id, role, joined_at, read_no, removed: false, blocked: false, seq: 0 };
        self.members.insert(user_id, row);
        self.row.member_count += 1;
        let member = self.write_member(user_id, user);
        self.departed.remove(&user_id);
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
        self.departed.insert(user_id);
        let event = if actor == user_id {
            ChatEvent::MemberLeft { actor_id: actor }
        } else {
            ChatEvent::MemberRemoved { actor_id: actor, user_id }
        };
        self.post_event(actor, event);
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
        self.post_event(actor, ChatEvent::RoleChanged { actor_id: actor, user_id });
        Ok(Outcome::Done)
    }

    fn update_group(&mut self, actor: UserId, title: Option<String>, description: Option<String>) -> Result<Outcome> {
        let title = title.filter(|title| self.row.title.as_ref() != Some(title));
        let description = description.filter(|text| *text != self.row.description);
        if title.is_none() && description.is_none() {
            return Ok(Outcome::Done);
        }
        self.has_new_texts = true;
        if let Some(description) = description {
            self.row.description = description;
        }
        if let Some(title) = title {
            self.row.title = Some(title.clone());
            self.post_event(actor, ChatEvent::TitleChanged { actor_id: actor, title });
        }
        self.write_row();
        Ok(Outcome::Done)
    }

    fn next_seq(&mut self) -> u64 {
        self.row.seq += 1;
        self.row.seq
    }

    /// An empty message with the next `no` and `seq`.
    fn next_message(&mut self, sender_id: UserId) -> Message {
        let seq = self.next_seq();
        self.row.last_no += 1;
        // The clocks of two nodes differ, and a chat must not fall back in the lists.
        self.row.active_at = self.row.active_at.max(self.now);
        Message { created_at: self.now, ..chat::empty_message(self.chat_id, (self.row.last_no, seq), sender_id) }
    }

    /// Writes a new version of a message's row.
    fn rewrite(&mut self, message: Message, origin: Option<Origin>) -> Outcome {
        let message = Message { seq: self.next_seq(), ..message };
        self.record(message.clone(), origin);
        Outcome::Message { message, new: true }
    }

    /// Records a message's newest row for the later changes of the batch, and its frame for the fan-out.
    fn record(&mut self, message: Message, origin: Option<Origin>) {
        self.stored.insert((message.sender_id, message.client_id), message.clone());
        self.rows.insert(message.no, message.clone());
        self.written.insert(message.no);
        self.frames.push((ServerFrame::Message { chat_id: self.chat_id, seq: message.seq, message }, origin));
    }

    /// Adds a system message.
    fn post_event(&mut self, actor: UserId, event: ChatEvent) {
        let message = Message { event: Some(event), ..self.next_message(actor) };
        self.record(message, None);
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

#[cfg(test)]
mod tests;
