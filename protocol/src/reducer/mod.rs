//! The client's state and the one function that rows and frames change it by (PROTOCOL section 6).
//!
//! Rows are state, not operations: applying one twice, or in another order, is harmless. What was
//! missed is not guessed; `ChatState::gap` says from where to ask.

mod chat;

use crate::{
    chat::{Changes, ChatSummary, History, Message, Reacted},
    error::ErrorCode,
    frames::{ClientFrame, Heads, Held, ServerFrame, Welcome},
    groups::Member,
    ids::{ChatId, ClientId, UserId},
    limits,
    profiles::{Me, User},
    time::Timestamp,
};
pub use chat::{ChatState, Mark};
use serde::Serialize;
use std::{cmp::Reverse, collections::HashMap};

/// Everything one person's device knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub me: Option<Me>,
    /// The number of the newest change to one's own chats that was applied.
    pub mine: u64,
    pub users: HashMap<UserId, User>,
    pub chats: HashMap<ChatId, ChatState>,
    /// Sends that are not stored yet, oldest first.
    pub outbox: Vec<Unsent>,
    /// Chats one was removed from, by the `mine` of the removal: an older frame must not revive them.
    gone: HashMap<ChatId, u64>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsent {
    pub chat_id: ChatId,
    pub client_id: ClientId,
    pub text: String,
    pub reply_to: Option<u64>,
    pub written_at: Timestamp,
    /// Why the server refused it; none while it is on its way.
    pub refused: Option<ErrorCode>,
}

crate::rows! { Unsent { chat_id, client_id, text, reply_to, written_at, refused } }

/// Where `State::apply` leaves the caller with something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// Something may be missing: send `heads`.
    Heads,
    /// One's own list of chats has changed unseen: send `hello`.
    Hello,
    /// The welcome did not hold all chats: read the rest of the list, then `know_all_chats` up to here.
    Rest {
        mine: u64,
    },
    /// This session has ended.
    SignIn,
}

impl State {
    /// Applies one server frame. `after` of a `changes` answer is taken from the request that asked.
    pub fn apply(&mut self, frame: ServerFrame) -> Need {
        match frame {
            ServerFrame::Welcome(welcome) => return self.apply_welcome(welcome),
            ServerFrame::Heads(heads) => return self.apply_heads(heads),
            // A change of a chat that this device does not have: its list is not whole.
            ServerFrame::Message { chat_id, .. }
            | ServerFrame::Chat { chat_id, .. }
            | ServerFrame::Member { chat_id, .. }
                if !self.chats.contains_key(&chat_id) && !self.gone.contains_key(&chat_id) =>
            {
                return Need::Hello;
            }
            ServerFrame::Ack { message } => self.apply_message(message),
            ServerFrame::Message { message, .. } => self.apply_message(message),
            ServerFrame::Chat { chat_id, seq, chat } => {
                if let Some(state) = self.chats.get_mut(&chat_id) {
                    state.apply_row(chat);
                    state.advance(seq);
                }
            }
            ServerFrame::Member { chat_id, seq, member } => {
                self.learn(member.user.clone());
                let me = self.me_id();
                if let Some(state) = self.chats.get_mut(&chat_id) {
                    state.apply_member(member, me);
                    state.advance(seq);
                }
            }
            ServerFrame::Mine { mine, chat, users } => {
                self.learn_all(users);
                self.apply_summary(chat);
                return self.advance_mine(mine);
            }
            ServerFrame::Removed { chat_id, mine } => {
                self.remove(chat_id, mine);
                return self.advance_mine(mine);
            }
            ServerFrame::Read { chat_id, user_id, no } => self.apply_read(chat_id, user_id, no),
            ServerFrame::User { user } => self.learn(user),
            ServerFrame::Presence { user_id, online, last_seen_at } => {
                self.set_presence(user_id, Some(online), last_seen_at);
            }
            ServerFrame::Unknown { chat_id: Some(chat_id), seq: Some(seq) } => {
                if let Some(chat) = self.chats.get_mut(&chat_id) {
                    chat.latest = chat.latest.max(seq);
                }
            }
            ServerFrame::Resync {} => return Need::Heads,
            ServerFrame::Revoked {} => return Need::SignIn,
            // A page of changes needs to know what it answers: `apply_changes`.
            ServerFrame::Changes(_)
            | ServerFrame::Ready { .. }
            | ServerFrame::Typing { .. }
            | ServerFrame::Pong {}
            | ServerFrame::Error { .. }
            | ServerFrame::Unknown { .. } => {}
        }
        Need::Nothing
    }

    /// A number beyond the next one means that a change between was missed; `welcome` brings it.
    fn advance_mine(&mut self, mine: u64) -> Need {
        if mine > self.mine + 1 {
            return Need::Hello;
        }
        self.mine = self.mine.max(mine);
        Need::Nothing
    }

    /// The answer to `hello`.
    pub fn apply_welcome(&mut self, welcome: Welcome) -> Need {
        self.learn_all(welcome.users);
        self.learn(welcome.user.user.clone());
        self.me = Some(welcome.user);
        for chat_id in welcome.gone {
            self.remove(chat_id, welcome.mine);
        }
        for summary in welcome.chats {
            self.apply_summary(summary);
        }
        if welcome.more && welcome.mine > self.mine {
            return Need::Rest { mine: welcome.mine };
        }
        self.know_all_chats(welcome.mine);
        Need::Nothing
    }

    /// Notes that one's own chats are known as of `mine`.
    pub fn know_all_chats(&mut self, mine: u64) {
        self.mine = self.mine.max(mine);
    }

    /// The answer to `heads`: what differs has moved on, or its read mark has.
    fn apply_heads(&mut self, heads: Heads) -> Need {
        for chat_id in heads.gone {
            self.remove(chat_id, heads.mine);
        }
        let me = self.me_id();
        for (chat_id, head) in heads.chats {
            let Some(chat) = self.chats.get_mut(&chat_id) else { continue };
            chat.apply_head(&head);
            chat.count(me);
        }
        if heads.mine > self.mine { Need::Hello } else { Need::Nothing }
    }

    /// A chat as the server holds it for this reader, whole.
    pub fn apply_summary(&mut self, summary: ChatSummary) {
        let id = summary.chat.id;
        if self.gone.get(&id).is_some_and(|&gone| summary.my_seq <= gone) {
            return;
        }
        self.gone.remove(&id);
        if let Some(peer) = &summary.peer {
            self.learn(peer.clone());
        }
        summary.last_message.iter().for_each(|message| self.drop_stored(message));
        let me = self.me_id();
        match self.chats.get_mut(&id) {
            Some(chat) => chat.apply_summary(summary),
            None => {
                self.chats.insert(id, ChatState::new(summary));
            }
        }
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.count(me);
        }
    }

    /// Drops a chat that is no longer one's own.
    pub fn remove(&mut self, chat_id: ChatId, mine: u64) {
        if self.chats.get(&chat_id).is_some_and(|chat| chat.summary.my_seq > mine) {
            return;
        }
        self.chats.remove(&chat_id);
        self.outbox.retain(|unsent| unsent.chat_id != chat_id);
        let gone = self.gone.entry(chat_id).or_default();
        *gone = mine.max(*gone);
    }

    /// A new or changed message; it also ends the wait of the send that made it.
    pub fn apply_message(&mut self, message: Message) {
        self.drop_stored(&message);
        let me = self.me_id();
        let Some(chat) = self.chats.get_mut(&message.chat_id) else { return };
        let seq = message.seq;
        chat.apply_message(message, me);
        chat.advance(seq);
        chat.count(me);
    }

    /// A page of changes that was asked for with `after`.
    pub fn apply_changes(&mut self, after: u64, changes: Changes) {
        self.learn_all(changes.users);
        changes.messages.iter().for_each(|message| self.drop_stored(message));
        let me = self.me_id();
        let Some(chat) = self.chats.get_mut(&changes.chat_id) else { return };
        for message in changes.messages {
            chat.apply_message(message, me);
        }
        for member in changes.members {
            chat.apply_member(member, me);
        }
        if let Some(row) = changes.chat {
            chat.apply_row(row);
        }
        chat.caught_up(after, changes.seq, changes.more);
        chat.count(me);
    }

    /// A window of a chat's history.
    pub fn apply_history(&mut self, chat_id: ChatId, history: History) {
        self.learn_all(history.users);
        history.items.iter().for_each(|message| self.drop_stored(message));
        let me = self.me_id();
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        if let (Some(first), Some(last)) = (history.items.first(), history.items.last()) {
            chat.known.add(first.no, last.no);
        }
        history.items.into_iter().for_each(|message| chat.hold(message));
        history.replies.into_iter().for_each(|message| chat.hold_alone(message));
        chat.latest = chat.latest.max(history.seq);
        chat.count(me);
    }

    /// Who reacted to a message as listed: its row names only the first of each kind.
    pub fn apply_reacted(&mut self, chat_id: ChatId, no: u64, reacted: Vec<Reacted>) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.apply_reacted(no, &reacted);
        }
        self.learn_all(reacted.into_iter().map(|reacted| reacted.user).collect());
    }

    /// The members of a chat as listed.
    pub fn apply_members(&mut self, chat_id: ChatId, members: Vec<Member>) {
        let me = self.me_id();
        for member in members {
            self.learn(member.user.clone());
            if let Some(chat) = self.chats.get_mut(&chat_id) {
                chat.apply_member(member, me);
            }
        }
    }

    /// A read mark, anybody's; marks only move forward.
    pub fn apply_read(&mut self, chat_id: ChatId, user_id: UserId, no: u64) {
        let me = self.me_id();
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        chat.apply_read(user_id, no, me);
        chat.count(me);
    }

    /// Rows as of change `seq` are about to be taken in from what was kept: what is newer is asked for again.
    pub fn rewind(&mut self, chat_id: ChatId, seq: u64) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.rewind(seq);
        }
    }

    /// Puts a message on its way; it is shown at once.
    pub fn send(&mut self, mut unsent: Unsent) {
        // A clock that was set back does not change the order.
        let newest = self.outbox.last().map(|last| Timestamp(last.written_at.0 + 1));
        unsent.written_at = unsent.written_at.max(newest.unwrap_or_default());
        self.put(unsent);
    }

    /// Takes over the outbox as it is kept for all of this person's tabs; `before` is what was kept until now.
    pub fn share_outbox(&mut self, before: &[Unsent], kept: &[Unsent]) {
        let is_in = |unsents: &[Unsent], client_id| unsents.iter().any(|unsent| unsent.client_id == client_id);
        // Another tab has seen to it.
        self.outbox.retain(|unsent| !is_in(before, unsent.client_id) || is_in(kept, unsent.client_id));
        for unsent in kept {
            match self.outbox.iter_mut().find(|own| own.client_id == unsent.client_id) {
                Some(own) => own.clone_from(unsent),
                None => self.put(unsent.clone()),
            }
        }
    }

    fn put(&mut self, unsent: Unsent) {
        let Unsent { chat_id, client_id, .. } = unsent;
        let is_stored = |me| self.chats.get(&chat_id).is_some_and(|chat| chat.holds(me, client_id));
        if self.outbox.iter().any(|other| other.client_id == client_id) || self.me_id().is_some_and(is_stored) {
            return;
        }
        let place = self.outbox.partition_point(|other| other.written_at <= unsent.written_at);
        self.outbox.insert(place, unsent);
    }

    /// Marks a send as refused, or as on its way again.
    pub fn set_refused(&mut self, client_id: ClientId, refused: Option<ErrorCode>) {
        if let Some(unsent) = self.outbox.iter_mut().find(|unsent| unsent.client_id == client_id) {
            unsent.refused = refused;
        }
    }

    /// Forgets a refused send.
    pub fn discard(&mut self, client_id: ClientId) {
        self.outbox.retain(|unsent| unsent.client_id != client_id);
    }

    /// What is stored waits no longer, whichever frame or page brought the news.
    fn drop_stored(&mut self, message: &Message) {
        if Some(message.sender_id) == self.me_id() {
            self.discard(message.client_id);
        }
    }

    /// What waits to be sent to a chat, oldest first.
    pub fn unsent(&self, chat_id: ChatId) -> impl DoubleEndedIterator<Item = &Unsent> {
        self.outbox.iter().filter(move |unsent| unsent.chat_id == chat_id)
    }

    pub fn learn_all(&mut self, users: Vec<User>) {
        for user in users {
            self.learn(user);
        }
    }

    /// Takes a person's row; presence, which rows do not carry, is kept.
    pub fn learn(&mut self, user: User) {
        let known = self.users.get(&user.id).map(|known| (known.online, known.last_seen_at));
        let (online, last_seen_at) = known.unwrap_or_default();
        let user = User { online: user.online.or(online), last_seen_at: user.last_seen_at.or(last_seen_at), ..user };
        if let Some(me) = &mut self.me
            && me.user.id == user.id
        {
            me.user = user.clone();
        }
        // A direct chat is called after its other person.
        let peers = self.chats.values_mut().map(|chat| &mut chat.summary);
        for summary in peers.filter(|summary| summary.peer.as_ref().is_some_and(|peer| peer.id == user.id)) {
            summary.chat.title = Some(user.display_name.clone());
            summary.peer = Some(User { online: None, last_seen_at: None, ..user.clone() });
        }
        self.users.insert(user.id, user);
    }

    /// How it stands with somebody who is known.
    pub fn set_presence(&mut self, user_id: UserId, online: Option<bool>, last_seen_at: Option<Timestamp>) {
        if let Some(user) = self.users.get_mut(&user_id) {
            (user.online, user.last_seen_at) = (online, last_seen_at);
        }
    }

    /// Forgets who is here, where nobody tells it any more.
    pub fn forget_presence(&mut self) {
        self.users.values_mut().for_each(|user| (user.online, user.last_seen_at) = (None, None));
    }

    #[must_use]
    pub fn me_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.user.id)
    }

    /// Asks for what has changed among one's chats.
    #[must_use]
    pub fn hello(&self) -> ClientFrame {
        let Held { chats, read } = self.held();
        ClientFrame::Hello { mine: Some(self.mine), chats, read }
    }

    /// Asks which of them have moved on.
    #[must_use]
    pub fn heads(&self) -> ClientFrame {
        let Held { chats, read } = self.held();
        ClientFrame::Heads { mine: self.mine, chats, read }
    }

    /// What `hello` and `heads` name: the newest 500 chats.
    #[must_use]
    pub fn held(&self) -> Held {
        let mut held = Held::default();
        for chat in self.newest_chats().take(limits::HEADS_MAX) {
            let id = chat.summary.chat.id;
            held.chats.insert(id, chat.named_head());
            if chat.summary.unread > 0 {
                held.read.insert(id, chat.summary.read_no);
            }
        }
        held
    }

    /// When a chat was last active: by what it holds, or what waits to be sent.
    #[must_use]
    pub fn active_at(&self, chat: &ChatState) -> Timestamp {
        let unsent = self.unsent(chat.summary.chat.id).next_back().map(|unsent| unsent.written_at);
        chat.active_at().max(unsent.unwrap_or_default())
    }

    /// The chats of the list: pinned first, then by newest activity.
    pub fn newest_chats(&self) -> impl Iterator<Item = &ChatState> {
        let mut chats: Vec<&ChatState> = self.chats.values().collect();
        chats.sort_by_key(|chat| (Reverse(chat.summary.pinned), Reverse(self.active_at(chat)), chat.summary.chat.id));
        chats.into_iter()
    }
}

#[cfg(test)]
mod tests;
