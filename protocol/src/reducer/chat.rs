//! One chat as far as a device knows it.

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
    /// Changes applied beyond the head, waiting for those between.
    ahead: BTreeSet<u64>,
    /// The number at which the chat's own row is known.
    row_seq: u64,
    /// The number at which one's own role is known.
    role_seq: u64,
    /// The server's count, where rows after `read_no` are not all held.
    counted: Counted,
    /// What was counted has changed in a way that only the server knows.
    uncertain: bool,
}

/// What the chat list shows of a chat, and sorts it by: compared to see whether the list has changed.
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
    /// The read mark and the last message it was counted between, as of change `seq`.
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

    /// Drops all rows: the chat is too far behind to catch up.
    pub(super) fn forget_rows(&mut self, head: u64) {
        self.messages.clear();
        self.members.clear();
        self.known = Ranges::default();
        self.ahead.clear();
        (self.head, self.latest) = (head, self.latest.max(head));
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

    /// The chat as a page shows it, with the newest rows of its last window, complete as of its head.
    #[must_use]
    pub fn window(&self, limit: usize) -> (ChatSummary, Option<History>) {
        let mut summary = self.summary.clone();
        summary.chat.seq = self.head;
        summary.last_message = self.last_message().map(|message| message.as_ref().clone());
        let history = self.known.last().map(|(first, last)| {
            let first = first.max((last + 1).saturating_sub(limit as u64));
            let items = self.messages.range(first..=last).map(|(_, message)| message.as_ref().clone()).collect();
            let last_no = self.summary.chat.last_no;
            History { items, seq: self.head, last_no, ..History::default() }
        });
        (summary, history)
    }

    /// When the chat was last active, by what is known of it.
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
        // A direct chat's title is the reader's own; its row carries none.
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

    pub(super) fn apply_message(&mut self, message: Message, me: Option<UserId>) {
        // Posting reads up to one's own message; what the server tells of somebody's deed does not.
        if message.kind != MessageKind::System {
            self.apply_read(message.sender_id, message.no, me);
        }
        self.hold(message);
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

    /// Holds what is quoted, which is no part of a stretch of the history.
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
                // It may have counted otherwise before it was changed.
                let Counted { read_no, last_no, seq, .. } = self.counted;
                self.uncertain |= message.seq > seq && no > read_no && no <= last_no;
                self.messages.insert(no, Arc::new(message));
            }
        }
    }

    /// The number to name in `heads`: one that differs, where only the server can count.
    pub(super) fn named_head(&self) -> u64 {
        if self.uncertain { 0 } else { self.head }
    }

    /// What `heads` says of this chat.
    pub(super) fn apply_head(&mut self, head: &Head) {
        let Head { seq, read_no, last_no, unread, mentions_unread: mentions } = *head;
        self.latest = self.latest.max(seq);
        self.summary.read_no = self.summary.read_no.max(read_no);
        self.take_count(Counted { unread, mentions, read_no, last_no, seq });
        self.summary.chat.last_no = self.summary.chat.last_no.max(last_no);
    }

    /// Notes that all changes after `after` and up to `seq` were applied.
    pub(super) fn caught_up(&mut self, after: u64, seq: u64, more: bool) {
        // Where there is more, something beyond the page is missing, whatever was heard of it.
        self.latest = self.latest.max(seq + u64::from(more));
        if after <= self.head {
            self.head = self.head.max(seq);
            self.absorb();
        }
    }

    /// Whether a message is held by its sender's own name for it.
    pub(super) fn holds(&self, sender_id: UserId, client_id: ClientId) -> bool {
        self.messages.values().any(|message| message.sender_id == sender_id && message.client_id == client_id)
    }

    pub(super) fn rewind(&mut self, seq: u64) {
        self.latest = self.latest.max(self.head);
        self.head = self.head.min(seq);
    }

    /// Notes that change `seq` was applied.
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

    /// Takes the server's count, unless a newer one is known.
    fn take_count(&mut self, counted: Counted) {
        if (counted.read_no, counted.seq) >= (self.counted.read_no, self.counted.seq) {
            self.counted = counted;
            self.uncertain = false;
        }
    }

    /// Counts what is unread, and finds out whether something new has brought the chat back from the archive.
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

    /// How many unread messages there are of a sort: from the rows where all of them are held, else on from
    /// the server's count of them.
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
            // What was counted and is deleted or read since, and what is new since.
            let deleted = rows(counted_from + 1, counted_to).filter(|message| {
                message.deleted
                    && message.seq > seq
                    && is_of_sort(&Message { deleted: false, ..message.as_ref().clone() })
            });
            let read = unread_between(counted_from + 1, read_no.min(counted_to));
            let gone = if server_count > limits::UNREAD_EXACT { 0 } else { deleted.count() as u64 + read };
            // Of more than the server counts, nobody knows what is left.
            let still = u64::from(server_count).saturating_sub(gone);
            // Nobody knows how many of the rows read elsewhere that are not held had counted.
            still.min(counted_to.saturating_sub(read_no)) + unread_between(counted_to.max(read_no) + 1, last_no)
        };
        let most = u64::from(limits::UNREAD_EXACT) + 1;
        u32::try_from(count.min(most)).unwrap_or(u32::MAX)
    }
}
