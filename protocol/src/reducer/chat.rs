//! The state of one chat on a device.

use crate::{
    chat::{Chat, ChatSummary, History, Message, MessageKind, Reacted},
    frames::Head,
    groups::Member,
    ids::{ClientId, UserId},
    limits,
    ranges::Ranges,
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One chat, as far as the device has loaded it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatState {
    pub summary: ChatSummary,
    /// Every change up to here was applied, or replaced by a newer one.
    pub head: u64,
    /// The newest change known to exist.
    pub latest: u64,
    pub messages: BTreeMap<u64, Arc<Message>>,
    /// The numbers of `messages` that are held without a gap. A message held only as a quote is not in them.
    pub known: Ranges,
    pub members: BTreeMap<UserId, Arc<Member>>,
    /// Changes applied above the head, until the changes between are applied too.
    ahead: BTreeSet<u64>,
    /// The `seq` of the held row of the chat itself.
    row_seq: u64,
    /// The `seq` of the held role of the user.
    role_seq: u64,
    /// The last complete count, used while not all messages after `read_no` are held.
    counted: Counted,
    /// Whether a counted message has changed in a way that only the server can count.
    uncertain: bool,
    /// The head when messages were last freed.
    freed: u64,
}

/// The values of a chat that the chat list shows or sorts by. If they differ, the list has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    numbers: [u64; 6],
    flags: [bool; 3],
    active_at: Timestamp,
    muted_until: Option<Timestamp>,
    last_message_seq: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    unread: u32,
    mentions: u32,
    /// The messages after `read_no` and up to `last_no` are counted, as of change `seq`.
    read_no: u64,
    last_no: u64,
    seq: u64,
}

impl Counted {
    fn of(summary: &ChatSummary) -> Self {
        let ChatSummary { unread, mentions_unread: mentions, read_no, ref chat, .. } = *summary;
        Self { unread, mentions, read_no, last_no: chat.last_no, seq: chat.seq }
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
            ahead: BTreeSet::new(),
            row_seq: head,
            role_seq: head,
            counted: Counted::of(&summary),
            uncertain: false,
            freed: 0,
            summary,
        };
        if let Some(message) = state.summary.last_message.take() {
            state.hold(message);
        }
        state
    }

    /// The `after` of a request for changes, if any are missing.
    #[must_use]
    pub fn gap(&self) -> Option<u64> {
        (self.latest > self.head).then_some(self.head)
    }

    /// Drops all rows: the chat is too far behind to catch up.
    pub(super) fn forget_rows(&mut self, head: u64) {
        self.messages.clear();
        self.members.clear();
        self.known = Ranges::default();
        self.ahead.clear();
        (self.head, self.latest) = (head, self.latest.max(head));
    }

    pub(super) fn forget_outside(&mut self, windows: &[(u64, u64)]) {
        // While changes are missing, the held messages belong to different states of the chat.
        if self.latest > self.head || self.messages.values().any(|message| message.seq > self.head) {
            return;
        }
        let ChatSummary { unread, mentions_unread: mentions, read_no, ref chat, .. } = self.summary;
        let last_no = chat.last_no;
        // Later counts start from this count, as if the server had sent it.
        self.counted = Counted { unread, mentions, read_no, last_no, seq: self.head };
        let is_kept = |no: u64| no == last_no || windows.iter().any(|&(first, last)| first <= no && no <= last);
        let kept = self.messages.iter().filter(|(no, _)| is_kept(**no));
        let quoted: BTreeSet<u64> = kept.filter_map(|(_, message)| message.reply_to).collect();
        self.messages.retain(|no, _| is_kept(*no) || quoted.contains(no));
        self.known.keep(windows);
        self.freed = self.head;
    }

    pub(super) fn listed(&self) -> Listed {
        let ChatSummary {
            my_seq, read_no, unread, mentions_unread, marked_unread, pinned, archived, muted_until, ..
        } = self.summary;
        Listed {
            numbers: [my_seq, read_no, self.row_seq, self.summary.chat.last_no, unread.into(), mentions_unread.into()],
            flags: [marked_unread, pinned, archived],
            active_at: self.active_at(),
            muted_until,
            last_message_seq: self.last_message().map(|message| message.seq),
        }
    }

    /// The chat's row and its newest messages without a gap, at most `limit`, complete as of the row's `seq`.
    #[must_use]
    pub fn window(&self, limit: u64) -> (ChatSummary, Vec<Arc<Message>>) {
        let mut summary = self.summary.clone();
        summary.chat.seq = self.head;
        summary.last_message = self.last_message().map(|message| message.as_ref().clone());
        let window = self.known.last().map(|(first, last)| first.max((last + 1).saturating_sub(limit))..=last);
        let messages = window.into_iter().flat_map(|window| self.messages.range(window));
        (summary, messages.map(|(_, message)| message.clone()).collect())
    }

    /// When the chat was last active, as far as is known.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        let message = self.messages.last_key_value().map(|(_, message)| message.created_at);
        self.summary.active_at.max(message.unwrap_or_default())
    }

    /// The newest message, if it is held.
    #[must_use]
    pub fn last_message(&self) -> Option<&Arc<Message>> {
        self.messages.get(&self.summary.chat.last_no)
    }

    pub(super) fn apply_summary(&mut self, summary: ChatSummary) {
        let seq = summary.chat.seq;
        self.latest = self.latest.max(seq);
        if let Some(message) = summary.last_message.clone() {
            self.hold_change(message);
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
            self.summary.archived_no = summary.archived_no;
            self.summary.draft = summary.draft;
        }
        self.summary.read_no = read_no;
        self.summary.read_by_others_no = read_by_others_no;
        self.summary.chat.last_no = last_no;
        self.summary.active_at = active_at;
    }

    pub(super) fn apply_row(&mut self, row: Chat) {
        if row.seq <= self.row_seq {
            return;
        }
        self.row_seq = row.seq;
        let last_no = self.summary.chat.last_no.max(row.last_no);
        let resolved = self.summary.chat.title.take();
        self.summary.chat = Chat { last_no, ..row };
        // The title of a direct chat is the peer's name; its row carries none.
        if self.summary.chat.title.is_none() {
            self.summary.chat.title = resolved;
        }
    }

    pub(super) fn apply_member(&mut self, mut member: Member, me: Option<UserId>) {
        if Some(member.user.id) != me && !member.removed {
            self.summary.read_by_others_no = self.summary.read_by_others_no.max(member.read_no);
        } else if Some(member.user.id) == me && member.seq > self.role_seq {
            (self.summary.role, self.role_seq) = (member.role, member.seq);
        }
        // Read marks only move forward, even where an older row carries the newer mark.
        let held = self.members.get(&member.user.id);
        member.read_no = member.read_no.max(held.map_or(0, |held| held.read_no));
        match held {
            Some(held) if held.seq >= member.seq => self.mark_member(member.user.id, member.read_no),
            _ => {
                self.members.insert(member.user.id, Arc::new(member));
            }
        }
    }

    pub(super) fn apply_message(&mut self, message: Message, me: Option<UserId>) {
        // Posting a message reads up to it; causing a system message does not.
        if message.kind != MessageKind::System {
            self.apply_read(message.sender_id, message.no, me);
        }
        self.hold_change(message);
    }

    /// Holds a row that a change brought, unless a newer row of the message may have been freed.
    fn hold_change(&mut self, message: Message) {
        if message.seq > self.freed || self.messages.contains_key(&message.no) {
            self.hold(message);
        }
    }

    pub(super) fn apply_reacted(&mut self, no: u64, reacted: &[Reacted]) {
        let Some(message) = self.messages.get_mut(&no) else { return };
        for reaction in &mut Arc::make_mut(message).reactions {
            let listed =
                reacted.iter().filter(|reacted| reacted.emoji == reaction.emoji).map(|reacted| reacted.user.id);
            let unnamed: Vec<UserId> = listed.filter(|id| !reaction.by.contains(id)).collect();
            reaction.by.extend(unnamed);
        }
    }

    pub(super) fn apply_read(&mut self, user_id: UserId, no: u64, me: Option<UserId>) {
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

    pub(super) fn apply_window(&mut self, history: History) {
        // Rows read before messages were freed may be older than the freed ones: the changes since are read again.
        if history.seq < self.freed {
            self.rewind(history.seq);
        }
        if let (Some(first), Some(last)) = (history.items.first(), history.items.last()) {
            self.known.add(first.no, last.no);
        }
        history.items.into_iter().for_each(|message| self.hold(message));
        history.replies.into_iter().for_each(|message| self.hold_alone(message));
        self.latest = self.latest.max(history.seq);
    }

    pub(super) fn hold(&mut self, message: Message) {
        self.known.add(message.no, message.no);
        self.hold_alone(message);
    }

    /// Holds a quoted message, whose neighbours may be missing.
    pub(super) fn hold_alone(&mut self, message: Message) {
        let no = message.no;
        self.summary.chat.last_no = self.summary.chat.last_no.max(no);
        match self.messages.get_mut(&no) {
            Some(held) if held.seq >= message.seq => {}
            Some(held) => {
                let Counted { read_no, last_no, seq, .. } = self.counted;
                let was_counted = message.seq > seq && no > read_no && no <= last_no;
                self.uncertain |= was_counted && held.mentions != message.mentions;
                *held = Arc::new(message);
            }
            None => {
                // The older row may have been counted in another way.
                let Counted { read_no, last_no, seq, .. } = self.counted;
                self.uncertain |= message.seq > seq && no > read_no && no <= last_no;
                self.messages.insert(no, Arc::new(message));
            }
        }
    }

    /// The head to send in `heads`. Zero if only the server can count: it then returns the count, because its head
    /// differs.
    pub(super) fn named_head(&self) -> u64 {
        if self.uncertain { 0 } else { self.head }
    }

    /// Applies the entry of this chat in `heads`.
    pub(super) fn apply_head(&mut self, head: &Head) {
        let Head { seq, read_no, last_no, unread, mentions_unread: mentions } = *head;
        self.latest = self.latest.max(seq);
        self.summary.read_no = self.summary.read_no.max(read_no);
        self.take_count(Counted { unread, mentions, read_no, last_no, seq });
        self.summary.chat.last_no = self.summary.chat.last_no.max(last_no);
    }

    /// All changes after `after` and up to `seq` were applied.
    pub(super) fn caught_up(&mut self, after: u64, seq: u64, more: bool) {
        // If there are more pages, at least one change above this page exists.
        self.latest = self.latest.max(seq + u64::from(more));
        if after <= self.head {
            self.head = self.head.max(seq);
            self.absorb();
        }
    }

    /// The held message of this sender with this `client_id`.
    #[must_use]
    pub fn sent_as(&self, sender_id: UserId, client_id: ClientId) -> Option<&Arc<Message>> {
        self.messages.values().rev().find(|message| message.sender_id == sender_id && message.client_id == client_id)
    }

    pub(super) fn rewind(&mut self, seq: u64) {
        self.latest = self.latest.max(self.head);
        self.head = self.head.min(seq);
    }

    /// Change `seq` was applied.
    pub(super) fn advance(&mut self, seq: u64) {
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

    /// Takes a count of the server, unless a newer one is held.
    fn take_count(&mut self, counted: Counted) {
        if (counted.read_no, counted.seq) >= (self.counted.read_no, self.counted.seq) {
            self.counted = counted;
            self.uncertain = false;
        }
    }

    /// Counts the unread messages, and un-archives the chat when a new message arrived.
    pub(super) fn count(&mut self, me: Option<UserId>) {
        let Some(me) = me else { return };
        self.summary.unread = self.unread_of(self.counted.unread, |message| message.counts_for(me));
        self.summary.mentions_unread = self.unread_of(self.counted.mentions, |message| message.mentions(me));
        let Counted { read_no: counted_from, last_no: counted_to, .. } = self.counted;
        let (read_no, last_no) = (self.summary.read_no, self.summary.chat.last_no);
        if self.known.covers(read_no + 1, last_no) {
            self.uncertain = false;
        } else if read_no > counted_from
            && (self.counted.unread > limits::UNREAD_EXACT
                || !self.known.covers(counted_from + 1, read_no.min(counted_to)))
        {
            self.uncertain = true;
        }
        let muted = self.summary.muted_until.is_some_and(|until| self.active_at() < until);
        if last_no > self.summary.archived_no && !muted {
            self.summary.archived = false;
        }
    }

    /// The number of unread messages that `is_of_sort` selects: counted from the rows, if all are held; else
    /// the last complete count, corrected by the rows that changed since.
    fn unread_of(&self, server_count: u32, is_of_sort: impl Fn(&Message) -> bool) -> u32 {
        let Counted { read_no: counted_from, last_no: counted_to, seq, .. } = self.counted;
        let (read_no, last_no) = (self.summary.read_no, self.summary.chat.last_no);
        let rows = |first: u64, last: u64| {
            let held = (first <= last).then(|| self.messages.range(first..=last));
            held.into_iter().flatten().map(|(_, message)| message)
        };
        let unread_between = |first, last| rows(first, last).filter(|message| is_of_sort(message)).count() as u64;
        let count = if self.known.covers(read_no + 1, last_no) {
            unread_between(read_no + 1, last_no)
        } else {
            // Subtract the counted messages that were deleted or read since, and add the new messages.
            let deleted = rows(counted_from + 1, counted_to).filter(|message| {
                message.deleted
                    && message.seq > seq
                    && is_of_sort(&Message { deleted: false, ..message.as_ref().clone() })
            });
            let read = unread_between(counted_from + 1, read_no.min(counted_to));
            let gone = if server_count > limits::UNREAD_EXACT { 0 } else { deleted.count() as u64 + read };
            // Above its limit the server does not count, so nothing can be subtracted.
            let still = u64::from(server_count).saturating_sub(gone);
            // Messages that were read on another device may not be held. At most those after the read mark are unread.
            still.min(counted_to.saturating_sub(read_no)) + unread_between(counted_to.max(read_no) + 1, last_no)
        };
        let most = u64::from(limits::UNREAD_EXACT) + 1;
        u32::try_from(count.min(most)).unwrap_or(u32::MAX)
    }
}
