//! The events that wake the connection's task between frames.

use super::{Store, browser::listen};
use crate::ui::effect;
use futures::channel::mpsc;
use leptos::prelude::*;

/// An event that wakes the task between frames.
#[derive(Clone, Copy, PartialEq)]
pub enum Wake {
    /// There is something to send.
    Work,
    /// The network or the reader is back.
    Return,
    /// The network is gone, so the socket is dead.
    Gone,
}

pub type Wakes = mpsc::UnboundedReceiver<Wake>;

/// The wake events of this page, until it is closed.
pub fn wakes(store: Store) -> Wakes {
    let (wake, wakes) = mpsc::unbounded::<Wake>();
    let on = |event: &str, kind: Wake| {
        let wake = wake.clone();
        listen(event, move || {
            let _ = wake.unbounded_send(kind);
        });
    };
    on("online", Wake::Return);
    on("focus", Wake::Return);
    on("pageshow", Wake::Return);
    on("offline", Wake::Gone);
    let shown = wake.clone();
    listen("visibilitychange", move || {
        if !document().hidden() {
            let _ = shown.unbounded_send(Wake::Return);
        }
    });
    effect(move || {
        store.outgoing.track();
        let _ = wake.unbounded_send(Wake::Work);
    });
    wakes
}
