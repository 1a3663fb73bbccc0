//! The client's state, and the functions that apply rows and frames to it (PROTOCOL section 6).
//!
//! Rows are state, not operations: applying a row twice, or in another order, is harmless. The reducer
//! never guesses a missed change: `ChatState::gap` returns the `after` of a request for changes.

mod chat;
mod touched;

use crate::{
    chat::{Changes, ChatSummary, History, Message, Reacted},
    error::ErrorCode,
    frames::{ClientFrame, Heads, Held, ServerFrame, Welcome},
    groups::Member,
    ids::{ChatId, ClientId, UserId},
    limits,
    profiles::{LastSeen, Me, User},
    time::Timestamp,
};
pub use chat::ChatState;
use chat::Listed;
use serde::Serialize;
use std::{cmp::Reverse, collections::HashMap};
pub use touched::{Part, Touched};

/// All data of one user's device. The fields are public for reading. Only the methods change them, because they
/// record the touched parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub me: Option<Me>,
    /// The number of the newest applied change to the user's own list of chats.
    pub mine: u64,
    pub users: HashMap<UserId, User>,
    pub chats: HashMap<ChatId, ChatState>,
    /// Messages that the server has not stored yet, oldest first.
    pub outbox: Vec<Unsent>,
    /// Who is typing in a chat, and when the typing of each user ends unless another frame arrives.
    typing: HashMap<ChatId, HashMap<UserId, Timestamp>>,
    /// Chats that the user was removed from, with the `mine` of the removal: an older frame must not revive them.
    gone: HashMap<ChatId, u64>,
    /// The parts that have changed since `take_touched`.
    touched: Touched,
}

/// A message that the server has not stored yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsent {
    pub chat_id: ChatId,
    pub client_id: ClientId,
    pub text: String,
    pub reply_to: Option<u64>,
    pub written_at: Timestamp,
    /// Why the server refused the message; none while it waits.
    pub refused: Option<ErrorCode>,
    /// The draft that the server held when the message was written: it is part of the message.
    pub draft: Option<String>,
}

crate::rows! { Unsent { chat_id, client_id, text, reply_to, written_at, refused, draft } }

/// The caller's next step after `State::apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// Something may be missing: send `heads`.
    Heads,
    /// A change to the list of chats was missed: send `hello`.
    Hello,
    /// The welcome did not hold all chats: read the rest of the list, then call `know_all_chats`.
    Rest {
        mine: u64,
    },
    /// This session has ended.
    SignIn,
}

impl State {
    /// The parts touched since the last call.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    fn touch(&mut self, part: Part) {
        self.touched.insert(part);
    }

    /// Changes a chat that is held, counts its unread messages, and records the touched parts.
    fn change_chat(&mut self, chat_id: ChatId, change: impl FnOnce(&mut ChatState, Option<UserId>)) {
        let (me, before) = (self.me_id(), self.listed(chat_id));
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            change(chat, me);
            chat.count(me);
        }
        self.touch_chat(chat_id, before);
    }

    fn listed(&self, chat_id: ChatId) -> Option<Listed> {
        self.chats.get(&chat_id).map(ChatState::listed)
    }

    fn touch_chat(&mut self, chat_id: ChatId, before: Option<Listed>) {
        let now = self.listed(chat_id);
        if now != before {
            self.touch(Part::Chats);
        }
        if now.is_some() || before.is_some() {
            self.touch(Part::Chat(chat_id));
        }
    }

    /// An unsent message is part of its chat, and its time is part of the chat's place in the list.
    fn touch_unsent(&mut self, chat_id: ChatId) {
        self.touched.extend([Part::Outbox, Part::Chats, Part::Chat(chat_id)]);
    }

    /// Applies one server frame, but not `changes`: see `apply_changes`.
    pub fn apply(&mut self, frame: ServerFrame) -> Need {
        match frame {
            ServerFrame::Welcome(welcome) => return self.apply_welcome(welcome),
            ServerFrame::Heads(heads) => return self.apply_heads(heads),
            // A change of a chat that this device does not hold: its list is incomplete.
            ServerFrame::Message { chat_id, .. }
            | ServerFrame::Chat { chat_id, .. }
            | ServerFrame::Member { chat_id, .. }
                if !self.chats.contains_key(&chat_id) && !self.gone.contains_key(&chat_id) =>
            {
                return Need::Hello;
            }
            ServerFrame::Ack { message } => self.apply_message(message),
            ServerFrame::Message { message, .. } => {
                self.stop_typing(message.chat_id, |user_id, _| user_id == message.sender_id);
                self.apply_message(message);
            }
            ServerFrame::Chat { chat_id, seq, chat } => self.change_chat(chat_id, |state, _| {
                state.apply_row(chat);
                state.advance(seq);
            }),
            ServerFrame::Member { chat_id, seq, member } => {
                self.learn(member.user.clone());
                self.change_chat(chat_id, |state, me| {
                    state.apply_member(member, me);
                    state.advance(seq);
                });
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
            // A page of changes needs the `after` of its request: `apply_changes`. Typing needs a time: `set_typing`.
            ServerFrame::Changes(_)
            | ServerFrame::Ready { .. }
            | ServerFrame::Typing { .. }
            | ServerFrame::Pong {}
            | ServerFrame::Error { .. }
            | ServerFrame::Unknown { .. } => {}
        }
        Need::Nothing
    }

    /// Records that a user types in a chat until a time.
    pub fn set_typing(&mut self, chat_id: ChatId, user_id: UserId, until: Timestamp) {
        if self.typing.entry(chat_id).or_default().insert(user_id, until).is_none() {
            self.touch(Part::Typing(chat_id));
        }
    }

    /// The users who are typing in a chat.
    pub fn typing(&self, chat_id: ChatId) -> impl Iterator<Item = UserId> {
        self.typing.get(&chat_id).into_iter().flat_map(|typing| typing.keys().copied())
    }

    /// Ends the typing that no frame has continued.
    pub fn expire_typing(&mut self, now: Timestamp) {
        let chats: Vec<ChatId> = self.typing.keys().copied().collect();
        chats.into_iter().for_each(|chat_id| self.stop_typing(chat_id, |_, until| until <= now));
    }

    fn stop_typing(&mut self, chat_id: ChatId, stops: impl Fn(UserId, Timestamp) -> bool) {
        let Some(typing) = self.typing.get_mut(&chat_id) else { return };
        let before = typing.len();
        typing.retain(|user_id, until| !stops(*user_id, *until));
        let now = typing.len();
        if now == 0 {
            self.typing.remove(&chat_id);
        }
        if now < before {
            self.touch(Part::Typing(chat_id));
        }
    }

    /// A number above the next one means that a change in between was missed; a `welcome` contains it.
    fn advance_mine(&mut self, mine: u64) -> Need {
        if mine > self.mine + 1 {
            return Need::Hello;
        }
        self.mine = self.mine.max(mine);
        Need::Nothing
    }

    /// The response to `hello`.
    pub fn apply_welcome(&mut self, welcome: Welcome) -> Need {
        self.learn_all(welcome.users);
        self.learn(welcome.user.user.clone());
        self.set_me(welcome.user);
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

    /// Records that the user's list of chats is complete as of `mine`.
    pub fn know_all_chats(&mut self, mine: u64) {
        self.mine = self.mine.max(mine);
    }

    pub fn set_me(&mut self, me: Me) {
        self.me = Some(me);
        self.touch(Part::Me);
    }

    /// Applies the user's choice of who may see the user's presence.
    pub fn set_last_seen(&mut self, last_seen: LastSeen) {
        if let Some(me) = &mut self.me {
            me.last_seen = last_seen;
            self.touch(Part::Me);
        }
    }

    /// Applies the response to `heads`: the chats with a head or read mark that differs from this device's.
    fn apply_heads(&mut self, heads: Heads) -> Need {
        for chat_id in heads.gone {
            self.remove(chat_id, heads.mine);
        }
        for (chat_id, head) in heads.chats {
            self.change_chat(chat_id, |chat, _| chat.apply_head(&head));
        }
        if heads.mine > self.mine { Need::Hello } else { Need::Nothing }
    }

    /// The whole row of a chat, as the server holds it for this user.
    pub fn apply_summary(&mut self, mut summary: ChatSummary) {
        let id = summary.chat.id;
        if self.gone.get(&id).is_some_and(|&gone| summary.my_seq <= gone) {
            return;
        }
        self.gone.remove(&id);
        summary.draft.take_if(|draft| self.is_sent(id, draft));
        if let Some(peer) = &summary.peer {
            self.learn(peer.clone());
        }
        summary.last_message.iter().for_each(|message| self.drop_stored(message));
        if self.chats.contains_key(&id) {
            return self.change_chat(id, |chat, _| chat.apply_summary(summary));
        }
        let mut chat = ChatState::new(summary);
        chat.count(self.me_id());
        self.chats.insert(id, chat);
        self.touch_chat(id, None);
    }

    /// Drops a chat that the user is no longer a member of.
    pub fn remove(&mut self, chat_id: ChatId, mine: u64) {
        if self.chats.get(&chat_id).is_some_and(|chat| chat.summary.my_seq > mine) {
            return;
        }
        let before = self.listed(chat_id);
        self.chats.remove(&chat_id);
        self.touch_chat(chat_id, before);
        // The texts of unsent messages stay: the user can still copy them.
        let mut has_lost = false;
        for unsent in self.outbox.iter_mut().filter(|unsent| unsent.chat_id == chat_id) {
            unsent.refused = Some(ErrorCode::NotFound);
            has_lost = true;
        }
        if has_lost {
            self.touch(Part::Outbox);
        }
        let gone = self.gone.entry(chat_id).or_default();
        *gone = mine.max(*gone);
    }

    /// A new or changed message. The unsent message that became this one is dropped.
    pub fn apply_message(&mut self, message: Message) {
        self.drop_stored(&message);
        self.change_chat(message.chat_id, |chat, me| {
            let seq = message.seq;
            chat.apply_message(message, me);
            chat.advance(seq);
        });
    }

    /// A page of changes, requested with `after`.
    pub fn apply_changes(&mut self, after: u64, changes: Changes) {
        self.learn_all(changes.users);
        changes.messages.iter().for_each(|message| self.drop_stored(message));
        self.change_chat(changes.chat_id, |chat, me| {
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
        });
    }

    /// A window of a chat's history.
    pub fn apply_history(&mut self, chat_id: ChatId, history: History) {
        self.learn_from(&history);
        self.change_chat(chat_id, |chat, _| chat.apply_window(history));
    }

    /// Replaces the rows of a chat that is too far behind with its newest window.
    pub fn start_over(&mut self, chat_id: ChatId, newest: History) {
        self.learn_from(&newest);
        self.change_chat(chat_id, |chat, _| {
            chat.forget_rows(newest.seq);
            chat.apply_window(newest);
        });
    }

    fn learn_from(&mut self, history: &History) {
        self.learn_all(history.users.clone());
        history.items.iter().for_each(|message| self.drop_stored(message));
    }

    /// Frees the messages of a chat outside these windows, which ascend and do not overlap. The newest message
    /// and the messages that are quoted by kept messages stay. The number of unread messages does not change.
    pub fn forget_outside(&mut self, chat_id: ChatId, windows: &[(u64, u64)]) {
        self.change_chat(chat_id, |chat, _| chat.forget_outside(windows));
    }

    /// Applies all users who reacted to a message. The message's row contains only the first users of each emoji.
    pub fn apply_reacted(&mut self, chat_id: ChatId, no: u64, reacted: Vec<Reacted>) {
        self.change_chat(chat_id, |chat, _| chat.apply_reacted(no, &reacted));
        self.learn_all(reacted.into_iter().map(|reacted| reacted.user).collect());
    }

    /// Members of a chat, from a list.
    pub fn apply_members(&mut self, chat_id: ChatId, members: Vec<Member>) {
        members.iter().for_each(|member| self.learn(member.user.clone()));
        self.change_chat(chat_id, |chat, me| members.into_iter().for_each(|member| chat.apply_member(member, me)));
    }

    /// A user's read mark, the reader's own or another member's. Marks only move forward.
    pub fn apply_read(&mut self, chat_id: ChatId, user_id: UserId, no: u64) {
        self.change_chat(chat_id, |chat, me| chat.apply_read(user_id, no, me));
    }

    /// Marks a chat as read up to `no` on this device. Returns whether this removed the mark "unread".
    pub fn mark_read(&mut self, chat_id: ChatId, no: u64) -> bool {
        let mut was_marked = false;
        self.change_chat(chat_id, |chat, me| {
            if let Some(me) = me {
                chat.apply_read(me, no, Some(me));
            }
            was_marked = std::mem::take(&mut chat.summary.marked_unread);
        });
        was_marked
    }

    /// Rows stored as of change `seq` are about to be applied: newer changes are requested again.
    pub fn rewind(&mut self, chat_id: ChatId, seq: u64) {
        self.change_chat(chat_id, |chat, _| chat.rewind(seq));
    }

    /// Adds a message to the outbox; it is shown at once.
    pub fn send(&mut self, mut unsent: Unsent) {
        // A clock that was set back does not change the order.
        let newest = self.outbox.last().map(|last| Timestamp(last.written_at.0 + 1));
        unsent.written_at = unsent.written_at.max(newest.unwrap_or_default());
        self.put(unsent);
    }

    /// Applies the stored outbox that this user's tabs share. `before` is the outbox that was stored before.
    pub fn share_outbox(&mut self, before: &[Unsent], stored: &[Unsent]) {
        let is_in = |unsents: &[Unsent], client_id| unsents.iter().any(|unsent| unsent.client_id == client_id);
        // Another tab has sent or discarded the message.
        self.drop_unsent(|unsent| is_in(before, unsent.client_id) && !is_in(stored, unsent.client_id));
        for unsent in stored {
            match self.outbox.iter_mut().find(|own| own.client_id == unsent.client_id) {
                Some(own) if own == unsent => {}
                Some(own) => {
                    own.clone_from(unsent);
                    self.touch_unsent(unsent.chat_id);
                }
                None => self.put(unsent.clone()),
            }
        }
    }

    fn put(&mut self, unsent: Unsent) {
        let Unsent { chat_id, client_id, .. } = unsent;
        let is_stored = |me| self.chats.get(&chat_id).is_some_and(|chat| chat.sent_as(me, client_id).is_some());
        if self.outbox.iter().any(|other| other.client_id == client_id) || self.me_id().is_some_and(is_stored) {
            return;
        }
        let place = self.outbox.partition_point(|other| other.written_at <= unsent.written_at);
        self.outbox.insert(place, unsent);
        let draft = self.chats.get(&chat_id).and_then(|chat| chat.summary.draft.clone());
        if draft.is_some_and(|draft| self.is_sent(chat_id, &draft)) {
            self.chats.entry(chat_id).and_modify(|chat| chat.summary.draft = None);
        }
        self.touch_unsent(chat_id);
    }

    /// Whether a draft is an unsent message now. The message notes the draft until the server has removed it.
    fn is_sent(&mut self, chat_id: ChatId, draft: &str) -> bool {
        let is_of = |unsent: &Unsent| unsent.draft.as_deref() == Some(draft) || unsent.text == draft.trim();
        let Some(unsent) = self.outbox.iter_mut().find(|unsent| unsent.chat_id == chat_id && is_of(unsent)) else {
            return false;
        };
        if unsent.draft.as_deref() != Some(draft) {
            unsent.draft = Some(draft.to_owned());
            self.touch(Part::Outbox);
        }
        true
    }

    /// Marks an unsent message as refused, or as waiting again.
    pub fn set_refused(&mut self, client_id: ClientId, refused: Option<ErrorCode>) {
        if let Some(unsent) = self.outbox.iter_mut().find(|unsent| unsent.client_id == client_id) {
            unsent.refused = refused;
            let chat_id = unsent.chat_id;
            self.touch_unsent(chat_id);
        }
    }

    /// Changes the text of an unsent message, which then waits again.
    pub fn reword(&mut self, client_id: ClientId, text: String) {
        if let Some(unsent) = self.outbox.iter_mut().find(|unsent| unsent.client_id == client_id) {
            unsent.text = text;
        }
        self.set_refused(client_id, None);
    }

    /// Drops an unsent message.
    pub fn discard(&mut self, client_id: ClientId) {
        self.drop_unsent(|unsent| unsent.client_id == client_id);
    }

    fn drop_unsent(&mut self, drops: impl Fn(&Unsent) -> bool) {
        let dropped: Vec<ChatId> =
            self.outbox.extract_if(.., |unsent| drops(unsent)).map(|unsent| unsent.chat_id).collect();
        dropped.into_iter().for_each(|chat_id| self.touch_unsent(chat_id));
    }

    /// Drops a message from the outbox when a frame or a page shows that the server has stored it.
    fn drop_stored(&mut self, message: &Message) {
        if Some(message.sender_id) == self.me_id() {
            self.discard(message.client_id);
        }
    }

    /// The unsent messages of a chat, oldest first.
    pub fn unsent(&self, chat_id: ChatId) -> impl DoubleEndedIterator<Item = &Unsent> {
        self.outbox.iter().filter(move |unsent| unsent.chat_id == chat_id)
    }

    pub fn learn_all(&mut self, users: Vec<User>) {
        for user in users {
            self.learn(user);
        }
    }

    /// Applies a user's row. Rows contain no presence, so the known presence stays.
    pub fn learn(&mut self, user: User) {
        let known = self.users.get(&user.id);
        let (online, last_seen_at) = known.map(|known| (known.online, known.last_seen_at)).unwrap_or_default();
        let user = User { online: user.online.or(online), last_seen_at: user.last_seen_at.or(last_seen_at), ..user };
        if known == Some(&user) {
            return;
        }
        self.touched.extend([Part::Users, Part::User(user.id)]);
        if let Some(me) = &mut self.me
            && me.user.id == user.id
        {
            me.user = user.clone();
            self.touched.insert(Part::Me);
        }
        // The title of a direct chat is the peer's name.
        for (chat_id, ChatState { summary, .. }) in &mut self.chats {
            if summary.peer.as_ref().is_some_and(|peer| peer.id == user.id) {
                summary.chat.title = Some(user.display_name.clone());
                summary.peer = Some(User { online: None, last_seen_at: None, ..user.clone() });
                self.touched.extend([Part::Chats, Part::Chat(*chat_id)]);
            }
        }
        self.users.insert(user.id, user);
    }

    /// The presence of a known user.
    pub fn set_presence(&mut self, user_id: UserId, online: Option<bool>, last_seen_at: Option<Timestamp>) {
        if let Some(user) = self.users.get_mut(&user_id)
            && (user.online, user.last_seen_at) != (online, last_seen_at)
        {
            (user.online, user.last_seen_at) = (online, last_seen_at);
            self.touch(Part::User(user_id));
        }
    }

    /// Forgets all presence: without a connection it is out of date.
    pub fn forget_presence(&mut self) {
        let known: Vec<UserId> = self.users.keys().copied().collect();
        known.into_iter().for_each(|user_id| self.set_presence(user_id, None, None));
    }

    #[must_use]
    pub fn me_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.user.id)
    }

    /// The request for all changes that this device does not hold.
    #[must_use]
    pub fn hello(&self) -> ClientFrame {
        let Held { chats, read } = self.held();
        ClientFrame::Hello { mine: Some(self.mine), chats, read }
    }

    /// The request for the heads that differ from those of this device.
    #[must_use]
    pub fn heads(&self) -> ClientFrame {
        let Held { chats, read } = self.held();
        ClientFrame::Heads { mine: self.mine, chats, read }
    }

    /// The newest 500 chats, as `hello` and `heads` send them.
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

    /// When a chat was last active: its newest message, sent or unsent.
    #[must_use]
    pub fn active_at(&self, chat: &ChatState) -> Timestamp {
        let unsent = self.unsent(chat.summary.chat.id).next_back().map(|unsent| unsent.written_at);
        chat.active_at().max(unsent.unwrap_or_default())
    }

    /// The chats of the list: pinned first, then by newest activity.
    pub fn newest_chats(&self) -> impl Iterator<Item = &ChatState> {
        let mut chats: Vec<&ChatState> = self.chats.values().collect();
        let place =
            |chat: &&ChatState| (Reverse(chat.summary.pinned), Reverse(self.active_at(chat)), chat.summary.chat.id);
        chats.sort_by_cached_key(place);
        chats.into_iter()
    }
}

#[cfg(test)]
mod tests;
