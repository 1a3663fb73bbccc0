//! The rows of a timeline, and the place of each message relative to the message before it.

use super::window::Shown;
use crate::ui::time::Zone;
use protocol::{
    chat::{Message, MessageKind},
    ids::UserId,
    reducer::ChatState,
};
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

/// One row of the timeline. Its element remains when rows are added or removed around it, so it keeps the focus.
#[derive(Clone, PartialEq)]
pub struct Row {
    pub message: Arc<Message>,
    pub place: Place,
}

impl Row {
    /// Differs when the message must be drawn again: after an edit or a deletion. A reaction keeps the drawn text, which
    /// may be selected or expanded. Two edits can share a millisecond, so the text itself is compared, not its time.
    pub fn version(&self) -> u64 {
        let Message { text, deleted, edited_at, .. } = &*self.message;
        let mut hasher = DefaultHasher::new();
        (text, deleted, edited_at).hash(&mut hasher);
        hasher.finish()
    }
}

/// The place of a message relative to the message before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first of a group: messages of one sender in one minute.
    pub leads: bool,
    /// The first of its day.
    pub opens_day: bool,
    /// The first of the new messages.
    pub opens_unread: bool,
}

/// The first message of another user after `read_no`; none if messages before it are not held.
fn first_after(read_no: u64, chat: &ChatState, me: UserId) -> Option<u64> {
    let next = read_no + 1;
    let (_, held) = chat.known.containing(next)?;
    chat.messages.range(next..=held).find(|(_, message)| message.counts_for(me)).map(|(no, _)| *no)
}

/// The rows of the messages shown. If `read_no` is given, the messages after it are marked as new.
pub fn rows(chat: &ChatState, shown: Shown, me: Option<UserId>, zone: &Zone, read_no: Option<u64>) -> Vec<Row> {
    let mut before: Option<(Arc<Message>, i64)> = None;
    let first_unread = read_no.and_then(|read_no| first_after(read_no, chat, me?));
    let range = chat.messages.range(shown.first..=shown.last.max(shown.first));
    let row = |message: &Arc<Message>| {
        let (day, minute) = (zone.day(message.created_at), message.created_at.0 / 60_000);
        let follows = before.as_ref().is_some_and(|(before, _)| {
            before.sender_id == message.sender_id
                && before.kind != MessageKind::System
                && before.created_at.0 / 60_000 == minute
        });
        let opens_day = before.as_ref().is_none_or(|(_, before)| *before != day);
        let opens_unread = first_unread == Some(message.no);
        before = Some((message.clone(), day));
        let place = Place { leads: !follows || opens_day || opens_unread, opens_day, opens_unread };
        Row { message: message.clone(), place }
    };
    range.map(|(_, message)| message).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{chat, message, user};
    use protocol::time::Timestamp;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn places(chat: &ChatState, offset: i32, read_no: Option<u64>) -> Vec<Place> {
        let shown = Shown { first: 1, last: u64::MAX, last_no: 9 };
        let zone = Zone::new(vec![(0, offset)], Timestamp(0));
        rows(chat, shown, Some(user(1)), &zone, read_no).into_iter().map(|row| row.place).collect()
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
    fn two_edits_in_one_millisecond_are_two_versions() {
        let row = |text: &str, reacted| {
            let mut edited = message(1, 2, 0);
            (edited.text, edited.edited_at) = (text.to_owned(), Some(edited.created_at));
            edited.seq = if reacted { 9 } else { 1 };
            Row { message: Arc::new(edited), place: Place::default() }
        };
        assert_ne!(row("first", false).version(), row("second", false).version());
        assert_eq!(row("first", false).version(), row("first", true).version(), "a reaction keeps the text");
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
        for (messages, read_no, first) in [
            (all(), 0, Some(1)),
            (all(), 1, Some(4)),
            (all(), 4, Some(5)),
            (all(), 5, None),
            (vec![message(4, 2, 0), message(5, 2, 0)], 1, None),
            (without(3), 3, Some(4)),
        ] {
            let mut chat = chat(messages);
            chat.known = Default::default();
            let held: Vec<u64> = chat.messages.keys().copied().collect();
            held.into_iter().for_each(|no| chat.known.add(no, no));
            assert_eq!(first_after(read_no, &chat, user(1)), first, "{read_no}");
        }
        let chat = chat(all());
        let places = places(&chat, 0, Some(1));
        assert_eq!(places.iter().position(|place| place.opens_unread), Some(3));
        assert!(places[3].leads);
    }
}
