//! After catch-up the state is the same, for any selection and any order of the frames that arrived.

use super::*;

/// A chat on the server: the current rows, and the frame of each change.
struct Life {
    seq: u64,
    messages: BTreeMap<u64, Message>,
    members: BTreeMap<UserId, Member>,
    row: Chat,
    frames: Vec<ServerFrame>,
}

impl Life {
    /// The chat that `device` holds.
    fn new() -> Self {
        let messages = (1..=3).map(|no| (no, message(no, no + 1, 2))).collect();
        Self { seq: 4, messages, members: BTreeMap::new(), row: summary(4, 3, 3, 0).chat, frames: vec![] }
    }

    /// Makes one change. Its kind and target are random.
    fn change(&mut self, (kind, target): (u8, u64)) {
        self.seq += 1;
        let (seq, newest) = (self.seq, self.messages.len() as u64);
        match kind {
            0..=3 => {
                // Edit the message if it exists, else post the next one.
                let mut row = message(target.min(newest + 1), seq, 2 + u128::from(target % 2));
                if let Some(held) = self.messages.get(&row.no) {
                    row = Message { seq, text: row.text, edited_at: Some(Timestamp(9)), ..held.clone() };
                }
                if self.messages.get(&row.no).is_some_and(|held| held.deleted) {
                    (row.text, row.edited_at, row.deleted) = (String::new(), None, true);
                }
                self.put(row);
            }
            4 => {
                let held = self.messages.get(&target.clamp(1, newest)).cloned();
                let Some(held) = held else { return };
                self.put(Message { seq, text: String::new(), deleted: true, ..held });
            }
            5 => {
                let user = user(2 + u128::from(target % 4));
                let removed = target % 3 == 0;
                let member =
                    Member { user, role: Some(Role::Member), joined_at: Timestamp(0), read_no: 0, removed, seq };
                self.members.insert(member.user.id, member.clone());
                self.frames.push(ServerFrame::Member { chat_id: CHAT, seq, member });
            }
            _ => {
                self.row = Chat { title: Some(format!("as of {seq}")), seq, last_no: newest, ..self.row.clone() };
                self.frames.push(ServerFrame::Chat { chat_id: CHAT, seq, chat: self.row.clone() });
            }
        }
    }

    fn put(&mut self, message: Message) {
        self.messages.insert(message.no, message.clone());
        self.frames.push(frame(message));
    }

    /// A page of changes, as the server returns it.
    fn changes(&self, after: u64, limit: usize) -> Changes {
        let mut seqs: Vec<u64> = self.messages.values().map(|row| row.seq).collect();
        seqs.extend(self.members.values().map(|row| row.seq));
        seqs.push(self.row.seq);
        seqs.retain(|seq| *seq > after);
        seqs.sort_unstable();
        let more = seqs.len() > limit;
        let last = if more { seqs[limit - 1] } else { self.seq };
        let on_page = |seq: u64| seq > after && seq <= last;
        let mut messages: Vec<Message> = self.messages.values().filter(|row| on_page(row.seq)).cloned().collect();
        messages.sort_by_key(|row| row.seq);
        Changes {
            chat_id: CHAT,
            messages,
            members: self.members.values().filter(|row| on_page(row.seq)).cloned().collect(),
            chat: on_page(self.row.seq).then(|| self.row.clone()),
            seq: last,
            more,
            users: vec![],
        }
    }

    fn newest(&self) -> u64 {
        self.messages.len() as u64
    }

    fn unread(&self) -> u32 {
        self.messages.values().filter(|row| row.no > 3 && row.counts_for(user(1).id)).count() as u32
    }

    /// The state of a device that connects for the first time.
    fn snapshot(&self) -> State {
        let mut end = summary(self.seq, self.newest(), 3, self.unread());
        end.chat.title.clone_from(&self.row.title);
        let mut state = State { me: Some(me()), mine: 1, ..State::default() };
        state.apply_summary(end);
        state.apply_history(CHAT, history(self.messages.values().cloned().collect(), self.seq));
        state.apply_members(CHAT, self.members.values().cloned().collect());
        state
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]

    /// Frames are dropped, repeated and reordered. After catch-up in pages, the state equals the final snapshot.
    #[test]
    fn any_history_caught_up_equals_the_end(
        changes in proptest::collection::vec((0u8..8, 1u64..12), 1..40),
        delivered in proptest::collection::vec(0usize..40, 0..60),
        limit in 1usize..9,
    ) {
        let mut life = Life::new();
        changes.into_iter().for_each(|change| life.change(change));
        let mut state = device();
        for frame in delivered.iter().filter_map(|index| life.frames.get(*index)) {
            state.apply(frame.clone());
        }
        // `heads` reports changes of which no frame arrived.
        state.apply(heads(life.seq, life.messages.len() as u64, 3, 0));
        let mut pages = 0;
        while let Some(after) = state.chats[&CHAT].gap() {
            state.apply_changes(after, life.changes(after, limit));
            pages += 1;
            proptest::prop_assert!(pages <= 60, "catch-up ends");
        }
        let snapshot = life.snapshot();
        let (held, fresh) = (&state.chats[&CHAT], &snapshot.chats[&CHAT]);
        proptest::prop_assert_eq!(held.head, life.seq);
        proptest::prop_assert_eq!(&held.messages, &fresh.messages);
        // Read marks are not compared: a message moves its sender's mark without a change of the member's row.
        let members = |chat: &ChatState| -> Vec<_> {
            chat.members.values().map(|member| (member.user.id, member.seq, member.role, member.removed)).collect()
        };
        proptest::prop_assert_eq!(members(held), members(fresh));
        proptest::prop_assert_eq!(&held.summary.chat.title, &fresh.summary.chat.title);
        proptest::prop_assert_eq!(held.summary.unread, fresh.summary.unread);
        proptest::prop_assert_eq!(held.summary.chat.last_no, fresh.summary.chat.last_no);
    }

    /// The same on a device that frees messages. Its count is right without the freed messages. When they are loaded
    /// again, they equal the messages of the snapshot.
    #[test]
    fn any_history_with_messages_freed_and_loaded_again_equals_the_end(
        changes in proptest::collection::vec((0u8..8, 1u64..12), 1..40),
        steps in proptest::collection::vec((0u8..4, 0usize..40, 1u64..12), 0..60),
        limit in 1usize..9,
    ) {
        let mut life = Life::new();
        changes.into_iter().for_each(|change| life.change(change));
        let mut state = device();
        let truth = heads(life.seq, life.newest(), 3, life.unread());
        let catch_up = |state: &mut State| {
            while let Some(after) = state.chats[&CHAT].gap() {
                state.apply_changes(after, life.changes(after, limit));
            }
        };
        for (step, index, first) in steps {
            match (step, life.frames.get(index)) {
                (0, _) => state.forget_outside(CHAT, &[(first, first + 1), (life.newest().max(first + 2), u64::MAX)]),
                (1, _) => catch_up(&mut state),
                (_, Some(frame)) => _ = state.apply(frame.clone()),
                _ => {}
            }
        }
        state.apply(truth.clone());
        catch_up(&mut state);
        state.forget_outside(CHAT, &[(life.newest(), u64::MAX)]);
        proptest::prop_assert_eq!(state.chats[&CHAT].last_message().map(|message| message.no), Some(life.newest()));
        // If only the server can count, the device sends head 0 to request the count.
        if state.held().chats[&CHAT] == 0 {
            state.apply(truth);
        }
        proptest::prop_assert_eq!(state.chats[&CHAT].summary.unread, life.unread());
        state.apply_history(CHAT, history(life.messages.values().cloned().collect(), life.seq));
        let (snapshot, held) = (life.snapshot(), &state.chats[&CHAT]);
        let fresh = &snapshot.chats[&CHAT];
        proptest::prop_assert_eq!((held.head, held.gap()), (life.seq, None));
        proptest::prop_assert_eq!(&held.messages, &fresh.messages);
        proptest::prop_assert_eq!(&held.known, &fresh.known);
        proptest::prop_assert_eq!(held.summary.unread, life.unread());
        proptest::prop_assert_eq!(&held.summary.chat.title, &fresh.summary.chat.title);
        proptest::prop_assert_eq!(held.summary.chat.last_no, fresh.summary.chat.last_no);
    }
}
