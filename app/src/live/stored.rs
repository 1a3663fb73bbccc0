//! Which messages of a chat the device has stored, so that only the differences are written.

use protocol::chat::Message;
use std::{collections::BTreeMap, sync::Arc};

/// The stored messages of one chat: the `seq` of each by its `no`.
#[derive(Debug, Default, PartialEq)]
pub struct Stored(BTreeMap<u64, u64>);

/// The writes that bring the stored messages up to date.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    pub put: Vec<Arc<Message>>,
    pub delete: Vec<u64>,
}

impl Stored {
    /// Replaces the stored messages by a window, and returns the difference.
    pub fn replace(&mut self, window: Vec<Arc<Message>>) -> Difference {
        let now: BTreeMap<u64, u64> = window.iter().map(|message| (message.no, message.seq)).collect();
        let delete = self.0.keys().copied().filter(|no| !now.contains_key(no)).collect();
        let put = window.into_iter().filter(|message| self.0.get(&message.no) != Some(&message.seq)).collect();
        self.0 = now;
        Difference { put, delete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::message;

    fn window(rows: &[(u64, u64)]) -> Vec<Arc<Message>> {
        rows.iter().map(|&(no, seq)| Arc::new(Message { seq, ..message(no, 2, 0) })).collect()
    }

    #[test]
    fn only_the_differences_are_written() {
        let first: Vec<(u64, u64)> = (1..=100).map(|no| (no, no)).collect();
        for (name, window_now, put, delete) in [
            ("nothing changed", first.clone(), vec![], vec![]),
            ("a new message moves the window", (2..=101).map(|no| (no, no)).collect(), vec![101], vec![1]),
            (
                "an edit",
                first.iter().map(|&(no, seq)| (no, if no == 7 { 101 } else { seq })).collect(),
                vec![7],
                vec![],
            ),
            ("another window", vec![(200, 200), (201, 201)], vec![200, 201], (1..=100).collect()),
            ("no window", vec![], vec![], (1..=100).collect()),
        ] {
            let mut stored = Stored::default();
            assert_eq!(stored.replace(window(&first)).put.len(), 100);
            let difference = stored.replace(window(&window_now));
            assert_eq!(difference.put.iter().map(|message| message.no).collect::<Vec<_>>(), put, "{name}");
            assert_eq!(difference.delete, delete, "{name}");
            assert_eq!(stored.replace(window(&window_now)), Difference::default(), "{name}: written once");
        }
    }
}
