//! Carries the frames of a session by HTTP while no WebSocket opens: slower, without typing and presence.

use super::{
    Connection, Store,
    browser::now,
    exchange::{Exchange, fitting},
    offline::Wipe,
    post,
    session::{self, Session, TICK_MS},
    wake::{Wake, Wakes},
};
use futures::{
    StreamExt as _,
    future::{Either, select},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, server_fn::ServerFn as _};
use protocol::{error::ErrorCode, frames::Reply, ids::UserId, time::Timestamp};
use std::pin::pin;

/// The interval between two polls.
const POLL_MS: f64 = 3_000.0;
/// The longest wait for a response.
const RESPONSE_MS: u32 = 10_000;
/// After this, a WebSocket is worth another try.
const RETRY_MS: f64 = 60_000.0;

/// Polls for a minute, or until the network or the reader is back. Returns true if a WebSocket is worth another try,
/// and false at once if an exchange fails, the session has ended or the network is gone.
pub async fn run(store: Store, wakes: &mut Wakes) -> bool {
    let Some(me) = store.me_untracked() else { return false };
    let mut session = Session::new(store);
    session.hello();
    let (began, mut polled) = (now(), now());
    while now() - began < RETRY_MS {
        let mut frames = session.take_out();
        while !frames.is_empty() {
            let batch: Vec<String> = frames.drain(..fitting(&frames)).collect();
            if !exchange_batch(store, &mut session, me, &batch).await {
                return false;
            }
        }
        let wake = select(wakes.next(), TimeoutFuture::new(TICK_MS)).await;
        match wake {
            Either::Left((Some(Wake::Gone) | None, _)) => return false,
            // The network may be another one now, which lets a WebSocket through.
            Either::Left((Some(Wake::Return), _)) => return true,
            Either::Left((Some(Wake::Work), _)) | Either::Right(_) => {}
        }
        if now() - polled >= POLL_MS {
            polled = now();
            session.heads();
        }
        session.look_around();
        session.flush_outbox();
    }
    true
}

/// Sends frames and handles their replies. Returns false when the polling is to end.
async fn exchange_batch(store: Store, session: &mut Session, me: UserId, frames: &[String]) -> bool {
    let replies = match send(me, frames).await {
        Ok(replies) => replies,
        Err(ErrorCode::Unauthenticated) => {
            session::end(Wipe::Rows);
            return false;
        }
        Err(_) => return false,
    };
    if !replies.lines().filter_map(|line| Reply::parse(line).ok()).all(|reply| session.take(reply)) {
        return false;
    }
    store.heard.set_value(Timestamp(now() as i64));
    if store.connection.get_untracked() != Connection::Polling {
        store.connection.set(Connection::Polling);
    }
    true
}

async fn send(me: UserId, frames: &[String]) -> Result<String, ErrorCode> {
    let away = ErrorCode::Unavailable;
    let fields = web_sys::UrlSearchParams::new().map_err(|_| away)?;
    fields.append("user_id", &me.to_string());
    fields.append("frames", &frames.join("\n"));
    let response = pin!(post::request(Exchange::url(), fields));
    match select(response, TimeoutFuture::new(RESPONSE_MS)).await {
        Either::Left((Ok(body), _)) => serde_json::from_slice(&body).map_err(|_| away),
        Either::Left((Err(error), _)) => Err(error.code),
        Either::Right(_) => Err(away),
    }
}
