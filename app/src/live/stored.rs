//! Which messages of a chat the device has stored, so that only the differences are written.

use protocol::{chat::Message, ids::ChatId};
use std::{collections::BTreeSet, sync::Arc};

/// Maximum number of stored messages per chat.
pub const ROWS: u64 = 100;

/// The writes that bring the stored messages of a chat up to date.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    pub put: Vec<Arc<Message>>,
    /// Keys.
    pub delete: Vec<String>,
    /// Whether, after these writes, the stored messages are exactly those of the window.
    pub is_whole: bool,
}

/// The beginning of the keys of a chat's messages.
pub fn keys(chat_id: ChatId) -> String {
    format!("{chat_id}/")
}

/// The key of a message. Keys are in the order of the messages, and show which version of a message is stored.
pub fn key(chat_id: ChatId, message: &Message) -> String {
    format!("{}{:016}/{}", keys(chat_id), message.no, message.seq)
}

fn no(key: &str) -> Option<u64> {
    key.split('/').nth(1)?.parse().ok()
}

/// The difference between the stored messages of a chat, given by their keys, and the newest messages in memory (the
/// window). If the window follows the older stored messages without a gap, they stay. Behind a gap, a shorter window is
/// not stored: a tab that only shows the list of chats holds one message per chat.
pub fn difference(chat_id: ChatId, stored: &[String], window: Vec<Arc<Message>>) -> Difference {
    let first = window.first().map_or(0, |message| message.no);
    let (older, rest): (Vec<&String>, Vec<&String>) = stored.iter().partition(|key| no(key) < Some(first));
    let continues = older.last().is_some_and(|key| no(key) == first.checked_sub(1));
    // A single message may come from the list of chats: do not store it if nothing of the chat is stored.
    if window.len() < 2 && stored.is_empty() || !continues && window.len() < older.len() {
        return Difference::default();
    }
    let room = if continues { (ROWS as usize).saturating_sub(window.len()) } else { 0 };
    let (dropped, kept) = older.split_at(older.len().saturating_sub(room));
    let now: BTreeSet<String> = window.iter().map(|message| key(chat_id, message)).collect();
    let outdated = rest.iter().filter(|key| !now.contains(**key));
    Difference {
        delete: dropped.iter().chain(outdated).map(|key| (*key).clone()).collect(),
        put: window.into_iter().filter(|message| !stored.contains(&key(chat_id, message))).collect(),
        is_whole: kept.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::message;

    /// The `no` and `seq` of each message.
    type Rows = Vec<(u64, u64)>;

    fn window(rows: &Rows) -> Vec<Arc<Message>> {
        rows.iter().map(|&(no, seq)| Arc::new(Message { seq, ..message(no, 2, 0) })).collect()
    }

    fn range(first: u64, last: u64) -> Rows {
        (first..=last).map(|no| (no, no)).collect()
    }

    #[test]
    fn only_the_differences_are_written() {
        let chat_id = message(1, 2, 0).chat_id;
        let keys_of = |rows: &[Arc<Message>]| rows.iter().map(|row| key(chat_id, row)).collect::<Vec<_>>();
        let edited: Rows = (1..=100).map(|no| (no, if no == 7 { 101 } else { no })).collect();
        for (name, stored, now, put, delete, is_whole) in [
            ("nothing changed", range(1, 100), range(1, 100), vec![], vec![], true),
            ("a new message", range(1, 100), range(2, 101), range(101, 101), range(1, 1), true),
            ("an edit", range(1, 100), edited, vec![(7, 101)], range(7, 7), true),
            ("a chat that was not read", vec![], range(9, 9), vec![], vec![], false),
            ("a chat that was read", vec![], range(1, 9), range(1, 9), vec![], true),
            ("a new message in a tab of the list", range(1, 9), range(10, 10), range(10, 10), vec![], false),
            ("the last message in a tab of the list", range(1, 9), range(9, 9), vec![], vec![], false),
            ("the oldest make room", range(1, 100), range(101, 103), range(101, 103), range(1, 3), false),
            ("a short window behind a gap", range(1, 9), range(20, 22), vec![], vec![], false),
            ("a long window behind a gap", range(1, 2), range(20, 22), range(20, 22), range(1, 2), true),
        ] {
            let written = difference(chat_id, &keys_of(&window(&stored)), window(&now));
            assert_eq!(keys_of(&written.put), keys_of(&window(&put)), "{name}");
            assert_eq!(written.delete, keys_of(&window(&delete)), "{name}");
            assert_eq!(written.is_whole, is_whole, "{name}");
        }
    }

    #[test]
    fn keys_are_in_the_order_of_the_messages() {
        let chat_id = message(1, 2, 0).chat_id;
        let rows = window(&vec![(9, 120), (10, 7), (99, 8), (100, 5)]);
        assert!(rows.is_sorted_by_key(|row| key(chat_id, row)));
    }
}
