//! Decisions without IO.

use crate::{Rejection, Result};
use protocol::{
    chat::{ChatSummary, Window},
    error::Problem,
    ids::ChatId,
    limits,
    time::Timestamp,
};

/// # Errors
/// `invalid_input` for none or more than a hundred.
pub fn limit(asked: Option<u32>) -> Result<u32> {
    match asked {
        None => Ok(limits::HISTORY_DEFAULT),
        Some(limit @ 1..=limits::HISTORY_MAX) => Ok(limit),
        Some(_) => Err(Rejection::field("limit", Problem::TooLong)),
    }
}

/// The first and last `no` of a window, inclusive; the first is greater where it is empty.
#[must_use]
pub fn bounds(window: Window, last_no: u64, limit: u64) -> (u64, u64) {
    let (first, last) = match window {
        Window::Newest | Window::At(_) => (last_no.saturating_sub(limit - 1), last_no),
        Window::Before(no) => {
            let last = no.saturating_sub(1).min(last_no);
            (last.saturating_sub(limit - 1), last)
        }
        Window::After(no) => (no.saturating_add(1), no.saturating_add(limit)),
        Window::Around(no) => {
            let first = no.clamp(1, last_no.max(1)).saturating_sub(limit / 2).max(1);
            (first, first + limit - 1)
        }
    };
    (first.max(1), last.min(last_no))
}

/// Bytes of message text in one answer over the socket. With what surrounds the text, an answer stays
/// well below what may wait for a socket, whoever writes what.
const ANSWER_TEXT: usize = 256 * 1024;

/// How many of these texts, by their bytes, fit into one answer; the first always does.
#[must_use]
pub fn fitting(texts: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fit = |(place, bytes): &(usize, usize)| {
        sum += bytes;
        *place == 0 || sum <= ANSWER_TEXT
    };
    texts.enumerate().take_while(fit).count()
}

/// Where a list of chats goes on: after this one.
#[must_use]
pub fn chat_cursor(last: &ChatSummary) -> String {
    format!("{}_{}", last.active_at.0, last.chat.id)
}

/// # Errors
/// `invalid_input`.
pub fn parse_chat_cursor(cursor: &str) -> Result<(Timestamp, ChatId)> {
    let parsed = cursor.split_once('_').and_then(|(time, id)| Some((Timestamp(time.parse().ok()?), id.parse().ok()?)));
    parsed.ok_or_else(|| Rejection::field("cursor", Problem::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        for (window, last_no, limit, expected) in [
            (Window::Newest, 100, 50, (51, 100)),
            (Window::Newest, 3, 50, (1, 3)),
            (Window::Newest, 0, 50, (1, 0)),
            (Window::Before(51), 100, 50, (1, 50)),
            (Window::Before(1), 100, 50, (1, 0)),
            (Window::Before(0), 100, 50, (1, 0)),
            (Window::Before(1_000), 100, 50, (51, 100)),
            (Window::After(0), 100, 50, (1, 50)),
            (Window::After(90), 100, 50, (91, 100)),
            (Window::After(100), 100, 50, (101, 100)),
            (Window::After(u64::MAX), 100, 50, (u64::MAX, 100)),
            (Window::Around(50), 100, 20, (40, 59)),
            (Window::Around(1), 100, 20, (1, 20)),
            (Window::Around(100), 100, 20, (90, 100)),
            (Window::Around(999), 100, 20, (90, 100)),
            (Window::Around(5), 0, 20, (1, 0)),
        ] {
            let (first, last) = bounds(window, last_no, limit);
            let empty = expected.0 > expected.1;
            assert!((first, last) == expected || (empty && first > last), "{window:?} of {last_no}: {first}..={last}");
        }
    }

    #[test]
    fn answers_are_cut_by_bytes_and_never_empty() {
        for (texts, expected) in [
            (vec![], 0),
            (vec![10; 200], 200),
            (vec![ANSWER_TEXT, 1], 1),
            (vec![ANSWER_TEXT * 2, 1], 1),
            (vec![ANSWER_TEXT / 2; 5], 2),
        ] {
            assert_eq!(fitting(texts.into_iter()), expected);
        }
    }

    #[test]
    fn limits_are_refused_not_cut() {
        assert_eq!(limit(None).unwrap(), 50);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        assert!(limit(Some(0)).is_err() && limit(Some(101)).is_err());
    }
}
