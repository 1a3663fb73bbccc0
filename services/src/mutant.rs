//! Bugs that a debug build has on request, to show that the verifier detects them. A release build has none of
//! them.

/// A bug, named by the broken guarantee of PROTOCOL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Acknowledges and publishes before the commit (G1).
    AckBeforeCommit,
    /// Stores a repeated send again (G2).
    RetryInsertsTwice,
    /// Orders a history by clocks (G3).
    OrderByTime,
    /// Catch-up omits the last page (G4).
    ReplayDropsLastPage,
    /// Skips frames of a socket when it writes its queue (G4).
    DrainSkipsFrame,
    /// Delivers every change to the members of the first fan-out, also after a removal (G6).
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
            "drain-skips-frame" => Self::DrainSkipsFrame,
            "stale-members" => Self::StaleMembers,
            _ => return None,
        })
    }
}
