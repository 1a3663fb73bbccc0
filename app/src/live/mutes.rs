//! Mutes end by the server's clock, which may differ from the clock of the device.

use super::{Store, now};
use leptos::prelude::*;
use protocol::{chat::ChatSummary, time::Timestamp};
#[cfg(feature = "hydrate")]
use {crate::ui::effect_from, protocol::reducer::Part, std::time::Duration};

/// The longest wait of a timer. A browser's timers overflow after 24 days.
#[cfg(feature = "hydrate")]
const WAIT_MAX: i64 = 24 * 60 * 60 * 1_000;

/// A difference between two comparisons, in milliseconds, that no slow response explains.
const CLOCK_SET: i64 = 60_000;

impl Store {
    /// Whether a chat is muted. The memo or effect that calls it runs again when a mute ends.
    #[must_use]
    pub fn is_muted(self, chat: &ChatSummary) -> bool {
        self.mutes_ended.track();
        chat.is_muted(self.server_time())
    }

    fn server_time(self) -> Timestamp {
        Timestamp(now(self).0 + self.server_ahead.get_value().unwrap_or(0))
    }

    /// Compares the clocks. The response took some time, so the highest difference is the most exact, unless a clock
    /// was set since.
    pub(super) fn set_server_time(self, time: i64) {
        let ahead = time - now(self).0;
        let exact = |known: &i64| (ahead..ahead + CLOCK_SET).contains(known);
        self.server_ahead.update_value(|known| *known = Some(known.filter(exact).unwrap_or(ahead)));
    }
}

/// Notifies the readers of `is_muted` when the next mute ends.
#[cfg(feature = "hydrate")]
pub fn watch(store: Store) {
    effect_from(move |timer: Option<Option<TimeoutHandle>>| {
        if let Some(Some(timer)) = timer {
            timer.clear();
        }
        store.mutes_ended.track();
        let now = store.server_time();
        let next = store.read(Part::Chats, |state| {
            let ends = state.chats.values().filter_map(|chat| chat.summary.muted_until);
            ends.filter(|end| *end > now).min()
        })?;
        let wait = (next.0 - now.0).min(WAIT_MAX);
        let notify = move || store.mutes_ended.update(|n| *n += 1);
        set_timeout_with_handle(notify, Duration::from_millis(wait as u64 + 1)).ok()
    });
}
