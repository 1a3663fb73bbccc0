//! The browser's clock and events.

use super::Store;
use crate::ui::time::Zone;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::{JsCast as _, closure::Closure};

/// Milliseconds since 1970.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// The interval at which the page compares its day with the clock. A timer for midnight would sleep with the device.
const CLOCK_MS: u64 = 10_000;

/// Keeps the store's day and time zone: they change at midnight, when clocks are set forward or back, and when the
/// reader travels.
pub fn follow_clock(store: Store) {
    let look = move || {
        let (before, now) = (store.zone.get_untracked(), Zone::here());
        if before.agrees(&now) {
            store.zone.update_untracked(|zone| *zone = now);
        } else {
            store.zone.set(now);
        }
    };
    look();
    listen("focus", look);
    listen("visibilitychange", look);
    set_interval(look, Duration::from_millis(CLOCK_MS));
}

/// Calls the handler at every event of the window until the page is closed.
pub fn listen(event: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    // Events of the document bubble up to the window.
    let _ = window().add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    handler.forget();
}
