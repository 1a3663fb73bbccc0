//! Keeps this page connected: by a WebSocket, else by polling; after a failure it tries again with back-off.

use super::{
    Connection, Store, poll,
    session::BACKOFF_MS,
    socket,
    wake::{Wake, Wakes, wakes},
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{Either, select},
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::time::Timestamp;

/// The page polls after this many attempts in a row to open a socket have failed.
const POLL_AFTER: u32 = 2;

/// Starts the connection's task, which runs until the page is closed.
pub fn start(store: Store) {
    let mut wakes = wakes(store);
    leptos::task::spawn_local(async move {
        let mut failures = 0;
        loop {
            let opened = socket::run(store, &mut wakes).await;
            failures = if opened { 0 } else { failures + 1 };
            if failures < POLL_AFTER || !poll::run(store, &mut wakes).await {
                lose(store);
                rest(&mut wakes, failures).await;
            }
        }
    });
}

/// Shows that the connection is lost, and when the last frame arrived. Presence and typing are no longer known.
fn lose(store: Store) {
    store.connection.set(Connection::Waiting);
    store.change(|state| {
        state.forget_presence();
        state.expire_typing(Timestamp(i64::MAX));
    });
    let heard = store.heard.get_value();
    store.as_of.update(|as_of| *as_of = as_of.or(Some(heard)));
}

/// Waits before the next try, with exponential back-off and full jitter, so that clients do not all return to a
/// restarted server at the same moment. The wait ends early when the network or the reader is back.
async fn rest(wakes: &mut Wakes, failures: u32) {
    while wakes.next().now_or_never().flatten().is_some() {}
    let max_ms = (BACKOFF_MS.0 * f64::from(1 << failures.min(6))).min(BACKOFF_MS.1);
    let mut pause = TimeoutFuture::new((js_sys::Math::random() * max_ms) as u32 + 50);
    loop {
        match select(pause, wakes.next()).await {
            Either::Right((Some(Wake::Return) | None, _)) | Either::Left(_) => return,
            Either::Right((_, unfinished)) => pause = unfinished,
        }
    }
}
