//! Faults that a debug build takes into itself on request, so that the verifier can show that it would
//! notice them. A release build has none of them.

/// Which promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Acknowledges and publishes before the commit (G1).
    AckBeforeCommit,
    /// Stores a repeated send again (G2).
    RetryInsertsTwice,
    /// Orders a history by clocks (G3).
    OrderByTime,
    /// Catches up but for the last page (G4).
    ReplayDropsLastPage,
    /// Delivers to whoever was in the chat when it was first asked (G6).
    StaleMembers,
}

impl Mutant {
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ack-before-commit" => Self::AckBeforeCommit,
            "retry-inserts-twice" => Self::RetryInsertsTwice,
            "order-by-time" => Self::OrderByTime,
            "replay-drops-last-page" => Self::ReplayDropsLastPage,
            "stale-members" => Self::StaleMembers,
            _ => return None,
        })
    }
}
