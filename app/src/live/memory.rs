//! Frees messages: a chat that is busy for hours must not fill the memory.

#[cfg(feature = "hydrate")]
use super::{Place, Store};
#[cfg(feature = "hydrate")]
use leptos::prelude::{GetValue as _, WithValue as _};
#[cfg(feature = "hydrate")]
use protocol::ids::ChatId;
use protocol::reducer::ChatState;

/// The number of newest messages that every chat keeps.
const NEWEST: u64 = 100;
/// The number of messages to keep on each side of the reader's place.
const AROUND: u64 = 100;
/// Messages are freed only when this many are beyond the windows: freeing one by one would cost too much.
const SLACK: u64 = 50;

/// The ranges of messages to keep, from first to last: the newest ones, and those around the reader's rows `at`.
fn windows(last_no: u64, at: Option<(u64, u64)>) -> Vec<(u64, u64)> {
    let newest = (last_no + 1).saturating_sub(NEWEST);
    match at.map(|(first, last)| (first.saturating_sub(AROUND), last + AROUND)) {
        None => vec![(newest, u64::MAX)],
        Some((first, last)) if last + 1 >= newest => vec![(first.min(newest), u64::MAX)],
        Some(around) => vec![around, (newest, u64::MAX)],
    }
}

/// Whether a chat holds more than `SLACK` messages outside of these windows.
fn is_crowded(chat: &ChatState, windows: &[(u64, u64)]) -> bool {
    let last_no = chat.summary.chat.last_no;
    let kept: u64 = windows.iter().map(|&(first, last)| (last.min(last_no) + 1).saturating_sub(first)).sum();
    chat.messages.len() as u64 > kept + SLACK
}

#[cfg(feature = "hydrate")]
impl Store {
    /// Frees the messages outside of the windows, in every chat that has many of them.
    pub fn free_messages(self) {
        let crowded: Vec<(ChatId, Vec<(u64, u64)>)> = self.read_untracked(|state| {
            let crowded = state.chats.iter().filter_map(|(id, chat)| {
                let windows = windows(chat.summary.chat.last_no, self.reader_in(*id));
                is_crowded(chat, &windows).then_some((*id, windows))
            });
            crowded.collect()
        });
        for (id, windows) in crowded {
            self.change(|state| state.forget_outside(id, &windows));
        }
    }

    /// The reader's place in a chat, as the first and the last message. In the open chat: the messages that it must
    /// keep. In another chat: the message at the last scroll position, twice.
    fn reader_in(self, chat_id: ChatId) -> Option<(u64, u64)> {
        let shown = self.shown.get_value().filter(|(shown, _)| *shown == chat_id).map(|(_, rows)| rows);
        shown.or_else(|| self.places.with_value(|places| places.get(&chat_id).map(|Place { no, .. }| (*no, *no))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{chat, message};

    #[test]
    fn the_newest_messages_and_those_around_the_reader_stay() {
        const ALL: u64 = u64::MAX;
        for (last_no, at, expected) in [
            (0, None, vec![(0, ALL)]),
            (1_000, None, vec![(901, ALL)]),
            (1_000, Some((1, 50)), vec![(0, 150), (901, ALL)]),
            (1_000, Some((300, 449)), vec![(200, 549), (901, ALL)]),
            (1_000, Some((799, 799)), vec![(699, 899), (901, ALL)]),
            (1_000, Some((800, 800)), vec![(700, ALL)]),
            (1_000, Some((851, 1_000)), vec![(751, ALL)]),
        ] {
            assert_eq!(windows(last_no, at), expected, "{at:?}");
        }
    }

    #[test]
    fn messages_are_freed_when_many_are_outside_of_the_windows() {
        for (held, at, crowded) in
            [(150, None, false), (151, None, true), (151, Some((1, 40)), false), (1_000, Some((1, 40)), true)]
        {
            let chat = chat((1..=held).map(|no| message(no, 2, 0)).collect());
            assert_eq!(is_crowded(&chat, &windows(held, at)), crowded, "{held} {at:?}");
        }
    }
}
