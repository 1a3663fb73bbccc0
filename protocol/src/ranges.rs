//! A set of numbers stored as ranges: the message numbers of a chat that a client holds.

/// Inclusive ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds `first..=last` and merges it with the ranges that it touches. An empty range changes nothing.
    pub fn add(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let from = self.0.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|&(start, _)| start <= last.saturating_add(1));
        let start = self.0.get(from).map_or(first, |r| r.0.min(first));
        let end = to.checked_sub(1).filter(|&i| i >= from).and_then(|i| self.0.get(i)).map_or(last, |r| r.1.max(last));
        self.0.splice(from..to.max(from), [(start, end)]);
    }

    /// Whether the set contains all of `first..=last`. It contains every empty range.
    #[must_use]
    pub fn covers(&self, first: u64, last: u64) -> bool {
        first > last || self.containing(first).is_some_and(|(_, end)| end >= last)
    }

    /// The range that contains `number`.
    #[must_use]
    pub fn containing(&self, number: u64) -> Option<(u64, u64)> {
        let at = self.0.partition_point(|&(_, end)| end < number);
        self.0.get(at).copied().filter(|&(start, _)| start <= number)
    }

    /// Removes the numbers outside all of these windows, which ascend and do not overlap.
    pub fn keep(&mut self, windows: &[(u64, u64)]) {
        let cut = |&(first, last): &(u64, u64)| {
            let parts = windows.iter().map(move |&(from, to)| (first.max(from), last.min(to)));
            parts.filter(|(first, last)| first <= last)
        };
        self.0 = self
            .0
            .iter()
            .flat_map(cut)
            .fold(Self::default(), |mut kept, (first, last)| {
                kept.add(first, last);
                kept
            })
            .0;
    }

    /// The range with the highest numbers.
    #[must_use]
    pub fn last(&self) -> Option<(u64, u64)> {
        self.0.last().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_merged() {
        for (added, held) in [
            (vec![(5, 9), (1, 3)], vec![(1, 3), (5, 9)]),
            (vec![(1, 3), (4, 6)], vec![(1, 6)]),
            (vec![(1, 3), (5, 9), (4, 4)], vec![(1, 9)]),
            (vec![(1, 2), (5, 6), (9, 10), (2, 9)], vec![(1, 10)]),
            (vec![(5, 9), (6, 7)], vec![(5, 9)]),
            (vec![(5, 9), (1, 20)], vec![(1, 20)]),
            (vec![(3, 2)], vec![]),
        ] {
            let mut ranges = Ranges::default();
            for (first, last) in &added {
                ranges.add(*first, *last);
            }
            assert_eq!(ranges.iter().collect::<Vec<_>>(), held, "{added:?}");
        }
    }

    #[test]
    fn a_range_is_covered_as_a_whole() {
        let mut ranges = Ranges::default();
        ranges.add(5, 9);
        assert!(ranges.covers(5, 9) && ranges.covers(7, 7) && ranges.covers(8, 7));
        assert!(!ranges.covers(4, 6) && !ranges.covers(9, 10) && !ranges.covers(1, 1));
    }

    proptest::proptest! {
        #[test]
        fn only_the_windows_stay(
            added in proptest::collection::vec((0u64..60, 0u64..8), 0..24),
            windows in proptest::collection::vec((0u64..20, 0u64..20), 0..3),
        ) {
            let mut ranges = Ranges::default();
            added.iter().for_each(|(first, length)| ranges.add(*first, first + length));
            let before = ranges.clone();
            let windows: Vec<_> = (0..).zip(windows).map(|(i, (from, length))| (i * 40 + from, i * 40 + from + length)).collect();
            ranges.keep(&windows);
            for number in 0..130 {
                let is_kept = windows.iter().any(|&(from, to)| from <= number && number <= to);
                proptest::prop_assert_eq!(ranges.covers(number, number), is_kept && before.covers(number, number));
            }
            let held: Vec<_> = ranges.iter().collect();
            proptest::prop_assert!(held.windows(2).all(|w| w[0].1 + 1 < w[1].0));
        }

        #[test]
        fn ranges_equal_a_set_of_numbers(added in proptest::collection::vec((0u64..60, 0u64..8), 0..24)) {
            let mut ranges = Ranges::default();
            let mut set = std::collections::BTreeSet::new();
            for (first, length) in added {
                ranges.add(first, first + length);
                set.extend(first..=first + length);
            }
            for number in 0..80 {
                proptest::prop_assert_eq!(ranges.covers(number, number), set.contains(&number));
            }
            let held: Vec<_> = ranges.iter().collect();
            proptest::prop_assert!(held.windows(2).all(|w| w[0].1 + 1 < w[1].0));
        }
    }
}
