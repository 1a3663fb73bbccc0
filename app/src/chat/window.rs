//! Which messages of a chat are in the document, where the reader is among them, and what counts as read.
//! This module only calculates: `scroll` measures the document and scrolls it.

use protocol::{chat::ChatSummary, ranges::Ranges};

/// The maximum number of rows in the document.
const ROWS_MAX: u64 = 150;
/// The number of rows that are added at a time.
const ROWS_STEP: u64 = 50;
/// The timeline follows new messages while the reader is closer to the end than this. It is less than one message.
const NEAR_END_PX: f64 = 40.0;
/// The window moves when the reader is closer than this to its first or last row.
const NEAR_EDGE_PX: f64 = 800.0;

/// Which messages the reader wants to see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// The newest, and new ones as they arrive.
    End,
    From(u64),
}

impl Wanted {
    /// The window that begins `ROWS_STEP` messages before `no`, but not before `held_from`.
    pub fn before(no: u64, held_from: u64) -> Self {
        Self::From(no.saturating_sub(ROWS_STEP).max(held_from))
    }
}

/// The messages in the document, and the number of the newest message of the chat.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    pub first: u64,
    pub last: u64,
    pub last_no: u64,
}

impl Shown {
    /// The part of the held messages to show. While changes are missing, the newest message may be held without those
    /// before it: then the messages around `shown` stay, the last message shown until now.
    pub fn of(held: &Ranges, last_no: u64, wanted: Wanted, shown: Option<u64>) -> Self {
        let around = match (wanted, shown) {
            (Wanted::From(no), _) | (Wanted::End, Some(no)) => no,
            (Wanted::End, None) => last_no,
        };
        let Some((first, last)) = held.containing(around).or_else(|| held.last()) else {
            return Self { last_no, ..Self::default() };
        };
        match wanted {
            Wanted::End => Self { first: first.max((last + 1).saturating_sub(ROWS_MAX - ROWS_STEP)), last, last_no },
            Wanted::From(no) => {
                let first = first.max(no.min((last + 1).saturating_sub(ROWS_STEP)));
                Self { first, last: last.min(first + ROWS_MAX - 1), last_no }
            }
        }
    }

    /// Whether there are enough rows to show the timeline.
    pub fn is_enough(self) -> bool {
        self.last > 0 && (self.first == 1 || self.last - self.first + 1 >= ROWS_STEP)
    }

    pub fn holds(self, no: u64) -> bool {
        self.first <= no && no <= self.last
    }

    pub fn reaches_end(self) -> bool {
        self.last == self.last_no
    }

    /// The window further up; `held_from` is the first message held without a gap.
    pub fn earlier(self, held_from: u64) -> Wanted {
        Wanted::before(self.first, held_from)
    }

    /// The window further down. It drops at most `ROWS_STEP` rows at the top. A short window drops none, because the
    /// reader may be at its top.
    pub fn later(self) -> Wanted {
        Wanted::From(self.first.max((self.last + ROWS_STEP + 1).saturating_sub(ROWS_MAX)))
    }
}

/// The messages to load before the timeline can go to `no`. If `no` is held as a quote, its neighbours may be missing.
pub fn around(no: u64, last_no: u64) -> (u64, u64) {
    (no.saturating_sub(ROWS_STEP / 2).max(1), (no + ROWS_STEP / 2).min(last_no))
}

/// The scroll offset of the timeline, its visible height and the height of its content, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    pub top: i32,
    pub height: i32,
    pub content: i32,
}

/// Where in the window the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// At the newest message of the chat.
    End,
    /// Near the first row, with more messages above it.
    NearFirst,
    /// Near the last row, with more messages below it.
    NearLast,
    Inside,
}

impl View {
    pub fn spot(self, shown: Shown) -> Spot {
        let (above, below) = (f64::from(self.top), f64::from(self.below()));
        if below < NEAR_END_PX && shown.reaches_end() {
            Spot::End
        } else if above < NEAR_EDGE_PX && shown.first > 1 {
            Spot::NearFirst
        } else if below < NEAR_EDGE_PX && !shown.reaches_end() {
            Spot::NearLast
        } else {
            Spot::Inside
        }
    }

    /// The distance that the reader has scrolled since the offset was `before`. When the content shrinks, the browser
    /// moves the offset to the new end; the reader did not scroll then.
    pub fn scrolled_since(self, before: i32) -> i32 {
        let clamped = self.top < before && self.below() <= 1;
        if clamped { 0 } else { self.top - before }
    }

    fn below(self) -> i32 {
        self.content - self.top - self.height
    }
}

/// Whole pixels to scroll. Halves round up, also negative ones. If they rounded away from zero, a difference of half a
/// pixel would move the timeline down and up again for ever.
pub fn pixels(moved: f64) -> i32 {
    (moved + 0.5).floor() as i32
}

/// The first unread message.
pub fn unread(summary: &ChatSummary) -> Option<u64> {
    (summary.unread > 0).then_some(summary.read_no + 1)
}

/// The first unread message, if a jump to `no` skips it.
pub fn skipped(summary: &ChatSummary, no: u64) -> Option<u64> {
    unread(summary).filter(|next| *next < no && no < summary.chat.last_no)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(ranges: &[(u64, u64)]) -> Ranges {
        let mut held = Ranges::default();
        ranges.iter().for_each(|&(first, last)| held.add(first, last));
        held
    }

    #[test]
    fn the_window_is_a_bounded_stretch_without_a_gap() {
        for (ranges, last_no, wanted, expected) in [
            (vec![], 9, Wanted::End, (0, 0)),
            (vec![(1, 20)], 20, Wanted::End, (1, 20)),
            (vec![(1, 500)], 500, Wanted::End, (401, 500)),
            (vec![(1, 500)], 500, Wanted::From(100), (100, 249)),
            (vec![(1, 500)], 500, Wanted::From(480), (451, 500)),
            (vec![(1, 30), (60, 90)], 90, Wanted::End, (60, 90)),
            (vec![(1, 30), (60, 90)], 90, Wanted::From(5), (1, 30)),
            (vec![(1, 30), (60, 90)], 90, Wanted::From(45), (60, 90)),
            (vec![(60, 90)], 99, Wanted::End, (60, 90)),
            (vec![(301, 500)], 500, Wanted::From(10), (301, 450)),
        ] {
            let Shown { first, last, .. } = Shown::of(&held(&ranges), last_no, wanted, None);
            assert_eq!((first, last), expected, "{ranges:?} {wanted:?}");
        }
    }

    #[test]
    fn while_changes_are_missing_the_shown_messages_stay() {
        for (ranges, shown, expected) in [
            // After a reconnect, the newest message arrives before those in between.
            (vec![(1, 100), (105, 105)], 100, (1, 100)),
            (vec![(1, 100), (103, 105)], 100, (1, 100)),
            (vec![(1, 105)], 100, (6, 105)),
            (vec![(20, 30), (35, 35)], 30, (20, 30)),
            // The rows were replaced by the newest ones.
            (vec![(56, 105)], 30, (56, 105)),
        ] {
            let Shown { first, last, .. } = Shown::of(&held(&ranges), 105, Wanted::End, Some(shown));
            assert_eq!((first, last), expected, "{ranges:?} {shown}");
        }
    }

    #[test]
    fn the_window_moves_by_steps_and_never_beyond_the_held_messages() {
        let shown = Shown { first: 200, last: 349, last_no: 500 };
        for (held_from, expected) in [(1, 150), (180, 180), (200, 200)] {
            assert_eq!(shown.earlier(held_from), Wanted::From(expected), "{held_from}");
        }
        for (shown, expected) in [
            (shown, 250),
            (Shown { first: 1, last: 60, last_no: 500 }, 1),
            (Shown { first: 10, last: 60, last_no: 500 }, 10),
        ] {
            assert_eq!(shown.later(), Wanted::From(expected), "{shown:?}");
        }
    }

    #[test]
    fn going_down_step_by_step_shows_every_message() {
        let (held, mut wanted, mut seen) = (held(&[(1, 1_000)]), Wanted::From(1), 0);
        loop {
            let shown = Shown::of(&held, 1_000, wanted, None);
            assert!(shown.first <= seen + 1 && shown.last - shown.first < ROWS_MAX, "{shown:?}");
            seen = shown.last;
            if shown.reaches_end() {
                break;
            }
            wanted = shown.later();
        }
        assert_eq!(seen, 1_000);
    }

    #[test]
    fn the_timeline_needs_fifty_rows_or_the_first_message() {
        for (first, last, enough) in [(0, 0, false), (1, 1, true), (9, 9, false), (51, 100, true), (52, 100, false)] {
            assert_eq!(Shown { first, last, last_no: 100 }.is_enough(), enough, "{first}..{last}");
        }
    }

    #[test]
    fn the_spot_depends_on_the_distance_to_the_edges() {
        let (middle, newest) =
            (Shown { first: 100, last: 249, last_no: 500 }, Shown { first: 401, last: 500, last_no: 500 });
        for (top, shown, spot) in [
            (9_361, newest, Spot::End),
            (9_360, newest, Spot::Inside),
            (5_000, newest, Spot::Inside),
            (799, newest, Spot::NearFirst),
            (799, Shown { first: 1, ..newest }, Spot::Inside),
            (799, middle, Spot::NearFirst),
            (8_601, middle, Spot::NearLast),
            (9_400, middle, Spot::NearLast),
        ] {
            assert_eq!(View { top, height: 600, content: 10_000 }.spot(shown), spot, "{top} {shown:?}");
        }
    }

    #[test]
    fn shrinking_content_does_not_count_as_scrolling() {
        for (before, top, content, scrolled) in [
            (100, 150, 1_000, 50),
            (150, 100, 1_000, -50),
            (500, 400, 1_000, 0),
            (500, 399, 1_000, 0),
            (500, 398, 1_000, -102),
        ] {
            assert_eq!(View { top, height: 600, content }.scrolled_since(before), scrolled, "{before} {top}");
        }
    }

    #[test]
    fn halves_round_up() {
        for (moved, expected) in [(0.0, 0), (0.5, 1), (-0.5, 0), (1.5, 2), (-1.5, -1), (0.49, 0), (-0.51, -1)] {
            assert_eq!(pixels(moved), expected, "{moved}");
        }
    }

    #[test]
    fn a_jump_needs_the_messages_around_its_target() {
        for (no, last_no, expected) in [(1, 100, (1, 26)), (50, 100, (25, 75)), (99, 100, (74, 100)), (5, 9, (1, 9))] {
            assert_eq!(around(no, last_no), expected, "{no}");
        }
    }
}
