//! The client's state and the one function that rows and frames change it by (PROTOCOL section 6).
//!
//! Rows are state, not operations: applying one twice, or in another order, is harmless. What was
//! missed is not guessed; `ChatState::gap` says from where to ask.

use crate::{
    chat::{Changes, Chat, ChatSummary, History, Message, MessageKind},
    error::ErrorCode,
    frames::{Heads, ServerFrame, Welcome},
    groups::Member,
    ids::{ChatId, ClientId, UserId},
    limits,
    profiles::{Me, User},
    ranges::Ranges,
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Everything one person's device knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub me: Option<Me>,
    /// The number of the newest change to one's own chats that was applied.
    pub mine: u64,
    pub users: HashMap<UserId, User>,
    pub chats: HashMap<ChatId, ChatState>,
    /// Chats one was removed from, by the `mine` of the removal: an older frame must not revive them.
    gone: HashMap<ChatId, u64>,
}

/// One chat as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatState {
    pub summary: ChatSummary,
    /// Every change up to here has been applied, or replaced by a newer one.
    pub head: u64,
    /// The newest change heard of.
    pub latest: u64,
    pub messages: BTreeMap<u64, Arc<Message>>,
    /// Which numbers of `messages` are held without a hole.
    pub known: Ranges,
    pub members: BTreeMap<UserId, Arc<Member>>,
    /// Sends that are not stored yet, oldest first.
    pub outbox: Vec<Unsent>,
    /// Changes applied beyond the head, waiting for those between.
    ahead: BTreeSet<u64>,
    /// The number at which the chat's own row is known.
    row_seq: u64,
    /// The number at which one's own role is known.
    role_seq: u64,
    /// The server's count, where rows after `read_no` are not all held.
    counted: Counted,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    pub client_id: ClientId,
    pub text: String,
    pub reply_to: Option<u64>,
    pub written_at: Timestamp,
    /// Why the server refused it; none while it is on its way.
    pub refused: Option<ErrorCode>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    unread: u32,
    /// The read mark and the last message it was counted between, as of change `seq`.
    read_no: u64,
    last_no: u64,
    seq: u64,
}

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
                if let Some(user) = self.users.get_mut(&user_id) {
                    (user.online, user.last_seen_at) = (Some(online), last_seen_at);
                }
            }
            ServerFrame::Resync {} => return Need::Heads,
            ServerFrame::Revoked {} => return Need::SignIn,
            // A page of changes needs to know what it answers: `apply_changes`.
            ServerFrame::Changes(_)
            | ServerFrame::Ready { .. }
            | ServerFrame::Typing { .. }
            | ServerFrame::Pong {}
            | ServerFrame::Error { .. } => {}
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
        for (chat_id, head) in heads.chats {
            let Some(chat) = self.chats.get_mut(&chat_id) else { continue };
            chat.latest = chat.latest.max(head.seq);
            chat.summary.read_no = chat.summary.read_no.max(head.read_no);
            chat.summary.mentions_unread = head.mentions_unread;
            chat.take_count(Counted {
                unread: head.unread,
                read_no: head.read_no,
                last_no: head.last_no,
                seq: head.seq,
            });
            chat.summary.chat.last_no = chat.summary.chat.last_no.max(head.last_no);
            chat.count(self.me.as_ref().map(|me| me.user.id));
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
        let gone = self.gone.entry(chat_id).or_default();
        *gone = mine.max(*gone);
    }

    /// A new or changed message; it also ends the wait of the send that made it.
    pub fn apply_message(&mut self, message: Message) {
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
        // Where there is more, something beyond the page is missing, whatever was heard of it.
        chat.latest = chat.latest.max(changes.seq + u64::from(changes.more));
        if after <= chat.head {
            chat.head = chat.head.max(changes.seq);
            chat.absorb();
        }
        chat.count(me);
    }

    /// A window of a chat's history.
    pub fn apply_history(&mut self, chat_id: ChatId, history: History) {
        self.learn_all(history.users);
        let me = self.me_id();
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        if let (Some(first), Some(last)) = (history.items.first(), history.items.last()) {
            chat.known.add(first.no, last.no);
        }
        for message in history.items.into_iter().chain(history.replies) {
            chat.hold(message);
        }
        chat.latest = chat.latest.max(history.seq);
        chat.count(me);
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

    /// Puts a message on its way; it is shown at once.
    pub fn send(&mut self, chat_id: ChatId, unsent: Unsent) {
        if let Some(chat) = self.chats.get_mut(&chat_id)
            && !chat.outbox.iter().any(|other| other.client_id == unsent.client_id)
        {
            chat.outbox.push(unsent);
        }
    }

    /// Marks a send as refused, or as on its way again.
    pub fn set_refused(&mut self, chat_id: ChatId, client_id: ClientId, refused: Option<ErrorCode>) {
        let outbox = self.chats.get_mut(&chat_id).map(|chat| &mut chat.outbox);
        if let Some(unsent) = outbox.into_iter().flatten().find(|unsent| unsent.client_id == client_id) {
            unsent.refused = refused;
        }
    }

    /// Forgets a refused send.
    pub fn discard(&mut self, chat_id: ChatId, client_id: ClientId) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.outbox.retain(|unsent| unsent.client_id != client_id);
        }
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

    #[must_use]
    pub fn me_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.user.id)
    }

    /// What `hello` and `heads` name: the newest 500 chats and their heads.
    #[must_use]
    pub fn heads(&self) -> HashMap<ChatId, u64> {
        self.newest_chats().take(limits::HEADS_MAX).map(|chat| (chat.summary.chat.id, chat.head)).collect()
    }

    /// The chats of the list: pinned first, then by newest activity.
    pub fn newest_chats(&self) -> impl Iterator<Item = &ChatState> {
        let mut chats: Vec<&ChatState> = self.chats.values().collect();
        chats.sort_by_key(|chat| {
            (std::cmp::Reverse(chat.summary.pinned), std::cmp::Reverse(chat.active_at()), chat.summary.chat.id)
        });
        chats.into_iter()
    }
}

impl Counted {
    fn of(summary: &ChatSummary) -> Self {
        let ChatSummary { unread, read_no, ref chat, .. } = *summary;
        Self { unread, read_no, last_no: chat.last_no, seq: chat.seq }
    }
}

impl ChatState {
    #[must_use]
    pub fn new(summary: ChatSummary) -> Self {
        let head = summary.chat.seq;
        let mut state = Self {
            head,
            latest: head,
            messages: BTreeMap::new(),
            known: Ranges::default(),
            members: BTreeMap::new(),
            outbox: Vec::new(),
            ahead: BTreeSet::new(),
            row_seq: head,
            role_seq: head,
            counted: Counted::of(&summary),
            summary,
        };
        if let Some(message) = state.summary.last_message.take() {
            state.hold(message);
        }
        state
    }

    /// Where to ask for changes after, if something was missed.
    #[must_use]
    pub fn gap(&self) -> Option<u64> {
        (self.latest > self.head).then_some(self.head)
    }

    /// Drops the rows of a chat that is too far behind; what is unsent stays.
    pub fn forget_rows(&mut self, head: u64) {
        self.messages.clear();
        self.members.clear();
        self.known = Ranges::default();
        self.ahead.clear();
        (self.head, self.latest) = (head, self.latest.max(head));
    }

    /// When the chat was last active: by what it holds, or what waits to be sent.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        let message = self.messages.last_key_value().map(|(_, message)| message.created_at);
        let unsent = self.outbox.last().map(|unsent| unsent.written_at);
        self.summary.active_at.max(message.unwrap_or_default()).max(unsent.unwrap_or_default())
    }

    /// The newest message, if it is held.
    #[must_use]
    pub fn last_message(&self) -> Option<&Arc<Message>> {
        self.messages.get(&self.summary.chat.last_no)
    }

    fn apply_summary(&mut self, summary: ChatSummary) {
        let seq = summary.chat.seq;
        self.latest = self.latest.max(seq);
        if let Some(message) = summary.last_message.clone() {
            self.hold(message);
        }
        let read_no = self.summary.read_no.max(summary.read_no);
        let read_by_others_no = self.summary.read_by_others_no.max(summary.read_by_others_no);
        let last_no = self.summary.chat.last_no.max(summary.chat.last_no);
        let active_at = self.summary.active_at.max(summary.active_at);
        let newer =
            summary.my_seq > self.summary.my_seq || (summary.my_seq == self.summary.my_seq && seq >= self.row_seq);
        if seq >= self.row_seq {
            self.row_seq = seq;
            self.take_count(Counted::of(&summary));
            self.summary.chat = summary.chat.clone();
            self.summary.peer = summary.peer.clone();
            self.summary.mentions_unread = summary.mentions_unread;
        }
        if seq >= self.role_seq {
            (self.summary.role, self.role_seq) = (summary.role, seq);
        }
        if newer {
            self.summary.my_seq = summary.my_seq;
            self.summary.marked_unread = summary.marked_unread;
            self.summary.muted_until = summary.muted_until;
            self.summary.pinned = summary.pinned;
            self.summary.archived = summary.archived;
            self.summary.draft = summary.draft;
        }
        self.summary.read_no = read_no;
        self.summary.read_by_others_no = read_by_others_no;
        self.summary.chat.last_no = last_no;
        self.summary.active_at = active_at;
    }

    fn apply_row(&mut self, row: Chat) {
        if row.seq <= self.row_seq {
            return;
        }
        self.row_seq = row.seq;
        let last_no = self.summary.chat.last_no.max(row.last_no);
        let resolved = self.summary.chat.title.take();
        self.summary.chat = Chat { last_no, ..row };
        // A direct chat's title is the reader's own; its row carries none.
        if self.summary.chat.title.is_none() {
            self.summary.chat.title = resolved;
        }
    }

    fn apply_member(&mut self, mut member: Member, me: Option<UserId>) {
        if Some(member.user.id) != me && !member.removed {
            self.summary.read_by_others_no = self.summary.read_by_others_no.max(member.read_no);
        } else if Some(member.user.id) == me && member.seq > self.role_seq {
            (self.summary.role, self.role_seq) = (member.role, member.seq);
        }
        // Read marks only move forward, whichever row is the newer.
        let held = self.members.get(&member.user.id);
        member.read_no = member.read_no.max(held.map_or(0, |held| held.read_no));
        match held {
            Some(held) if held.seq >= member.seq => self.mark_member(member.user.id, member.read_no),
            _ => {
                self.members.insert(member.user.id, Arc::new(member));
            }
        }
    }

    fn apply_message(&mut self, message: Message, me: Option<UserId>) {
        // Posting reads up to one's own message; what the server tells of somebody's deed does not.
        if message.kind != MessageKind::System {
            self.apply_read(message.sender_id, message.no, me);
        }
        self.hold(message);
    }

    fn apply_read(&mut self, user_id: UserId, no: u64, me: Option<UserId>) {
        let summary = &mut self.summary;
        let mark = if Some(user_id) == me { &mut summary.read_no } else { &mut summary.read_by_others_no };
        *mark = no.max(*mark);
        self.mark_member(user_id, no);
    }

    fn mark_member(&mut self, user_id: UserId, no: u64) {
        if let Some(member) = self.members.get_mut(&user_id)
            && member.read_no < no
        {
            Arc::make_mut(member).read_no = no;
        }
    }

    fn hold(&mut self, message: Message) {
        let no = message.no;
        self.known.add(no, no);
        self.summary.chat.last_no = self.summary.chat.last_no.max(no);
        match self.messages.get_mut(&no) {
            Some(held) if held.seq >= message.seq => {}
            Some(held) => *held = Arc::new(message),
            None => {
                self.messages.insert(no, Arc::new(message));
            }
        }
    }

    /// Notes that change `seq` was applied.
    fn advance(&mut self, seq: u64) {
        self.latest = self.latest.max(seq);
        if seq > self.head {
            self.ahead.insert(seq);
            self.absorb();
        }
    }

    fn absorb(&mut self) {
        while let Some(&next) = self.ahead.first() {
            if next > self.head + 1 {
                break;
            }
            self.ahead.pop_first();
            self.head = self.head.max(next);
        }
    }

    /// What is stored waits no longer, whichever frame or page brought the news.
    fn drop_stored(&mut self, me: UserId) {
        let messages = &self.messages;
        self.outbox.retain(|unsent| {
            !messages.values().rev().any(|message| message.sender_id == me && message.client_id == unsent.client_id)
        });
    }

    /// Takes the server's count, unless a newer one is known.
    fn take_count(&mut self, counted: Counted) {
        if (counted.read_no, counted.seq) >= (self.counted.read_no, self.counted.seq) {
            self.counted = counted;
        }
    }

    /// Counts what is unread: from the rows where all of them are held, else on from the server's count.
    fn count(&mut self, me: Option<UserId>) {
        let Some(me) = me else { return };
        self.drop_stored(me);
        let Counted { unread, read_no: counted_from, last_no: counted_to, seq } = self.counted;
        let (read_no, last_no) = (self.summary.read_no, self.summary.chat.last_no);
        let rows = |first: u64, last: u64| {
            let held = (first <= last).then(|| self.messages.range(first..=last));
            held.into_iter().flatten().map(|(_, message)| message)
        };
        let unread_between = |first, last| rows(first, last).filter(|message| message.counts_for(me)).count() as u64;
        let count = if self.known.covers(read_no + 1, last_no) {
            unread_between(read_no + 1, last_no)
        } else {
            // What was counted and is deleted or read since, and what is new since.
            let deleted = rows(counted_from + 1, counted_to).filter(|message| {
                message.deleted && message.seq > seq && message.sender_id != me && message.kind != MessageKind::System
            });
            let read = unread_between(counted_from + 1, read_no.min(counted_to));
            let still = u64::from(unread).saturating_sub(deleted.count() as u64 + read);
            // Nobody knows how many of the rows read elsewhere that are not held had counted.
            still.min(counted_to.saturating_sub(read_no)) + unread_between(counted_to.max(read_no) + 1, last_no)
        };
        let most = u64::from(limits::UNREAD_EXACT) + 1;
        self.summary.unread = u32::try_from(count.min(most)).unwrap_or(u32::MAX);
        if read_no >= last_no {
            self.summary.mentions_unread = 0;
        }
    }
}

#[cfg(test)]
mod tests;
