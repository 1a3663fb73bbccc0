//! The rows of a timeline, and the place of each message relative to the message before it.

use super::window::Shown;
use protocol::{
    chat::{ChatSummary, Message, MessageKind},
    ids::UserId,
    reducer::ChatState,
};
use std::sync::Arc;

/// One row of the timeline. Its element remains when rows are added or removed around it, so it keeps the focus.
#[derive(Clone, PartialEq)]
pub struct Row {
    pub message: Arc<Message>,
    pub place: Place,
}

/// The place of a message relative to the message before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first of a group: messages of one sender in one minute.
    pub leads: bool,
    /// The first of its day.
    pub opens_day: bool,
    /// The first that was unread when the page was opened.
    pub opens_unread: bool,
}

/// The messages that were unread when the conversation was opened: from after `read_no` to `last_no`.
#[derive(Clone, Copy)]
pub struct Unread {
    pub read_no: u64,
    pub last_no: u64,
}

impl Unread {
    pub fn of(chat: &ChatState) -> Self {
        let ChatSummary { read_no, chat, .. } = &chat.summary;
        Self { read_no: *read_no, last_no: chat.last_no }
    }

    /// The first unread message of another user; none if messages before it are not held.
    fn first(self, chat: &ChatState, me: UserId) -> Option<u64> {
        let next = self.read_no + 1;
        let (_, held) = chat.known.containing(next).filter(|_| next <= self.last_no)?;
        let mut messages = chat.messages.range(next..=self.last_no.min(held));
        messages.find(|(_, message)| message.counts_for(me)).map(|(no, _)| *no)
    }
}

/// The rows of the messages shown; `offset` is the reader's time zone, in minutes east of UTC.
pub fn rows(chat: &ChatState, shown: Shown, me: Option<UserId>, offset: i32, unread: Option<Unread>) -> Vec<Row> {
    let mut before: Option<Arc<Message>> = None;
    let first_unread = unread.and_then(|unread| unread.first(chat, me?));
    let range = chat.messages.range(shown.first..=shown.last.max(shown.first));
    let row = |message: &Arc<Message>| {
        let (day, minute) = (message.created_at.local_day(offset), message.created_at.0 / 60_000);
        let follows = before.as_ref().is_some_and(|before| {
            before.sender_id == message.sender_id
                && before.kind != MessageKind::System
                && before.created_at.0 / 60_000 == minute
        });
        let opens_day = before.as_ref().is_none_or(|before| before.created_at.local_day(offset) != day);
        let opens_unread = first_unread == Some(message.no);
        before = Some(message.clone());
        let place = Place { leads: !follows || opens_day || opens_unread, opens_day, opens_unread };
        Row { message: message.clone(), place }
    };
    range.map(|(_, message)| message).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{chat, message, user};

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn places(chat: &ChatState, offset: i32, unread: Option<Unread>) -> Vec<Place> {
        let shown = Shown { first: 1, last: u64::MAX, last_no: 9 };
        rows(chat, shown, Some(user(1)), offset, unread).into_iter().map(|row| row.place).collect()
    }

    #[test]
    fn messages_of_one_sender_in_one_minute_are_a_group() {
        let mut event = message(6, 2, DAY + 2 * MINUTE);
        event.kind = MessageKind::System;
        let chat = chat(vec![
            message(1, 2, MINUTE),
            message(2, 2, MINUTE + 59_999),
            message(3, 2, 2 * MINUTE),
            message(4, 3, 2 * MINUTE),
            message(5, 3, DAY + 2 * MINUTE),
            event,
            message(7, 2, DAY + 2 * MINUTE),
        ]);
        let places = places(&chat, 0, None);
        assert_eq!(places.iter().map(|p| p.leads).collect::<Vec<_>>(), [true, false, true, true, true, true, true]);
        assert_eq!(
            places.iter().map(|p| p.opens_day).collect::<Vec<_>>(),
            [true, false, false, false, true, false, false]
        );
    }

    #[test]
    fn a_day_begins_at_the_readers_midnight() {
        let chat = chat(vec![message(1, 2, DAY - MINUTE), message(2, 2, DAY)]);
        assert!(places(&chat, 0, None)[1].opens_day);
        assert!(!places(&chat, 60, None)[1].opens_day);
    }

    #[test]
    fn the_divider_stands_before_the_first_unread_message_of_another_user() {
        let mut deleted = message(2, 2, 0);
        deleted.deleted = true;
        let all = || vec![message(1, 2, 0), deleted.clone(), message(3, 1, 0), message(4, 2, 0), message(5, 2, 0)];
        let without = |no: u64| all().into_iter().filter(move |message| message.no != no).collect();
        for (messages, read_no, last_no, first) in [
            (all(), 0, 5, Some(1)),
            (all(), 1, 5, Some(4)),
            (all(), 4, 5, Some(5)),
            (all(), 5, 5, None),
            // Message 4 arrived after the opening.
            (all(), 1, 3, None),
            (vec![message(4, 2, 0), message(5, 2, 0)], 1, 5, None),
            (without(3), 3, 5, Some(4)),
        ] {
            let mut chat = chat(messages);
            chat.known = Default::default();
            let held: Vec<u64> = chat.messages.keys().copied().collect();
            held.into_iter().for_each(|no| chat.known.add(no, no));
            assert_eq!(Unread { read_no, last_no }.first(&chat, user(1)), first, "{read_no}..{last_no}");
        }
        let chat = chat(all());
        let places = places(&chat, 0, Some(Unread { read_no: 1, last_no: 5 }));
        assert_eq!(places.iter().position(|place| place.opens_unread), Some(3));
        assert!(places[3].leads);
    }
}
