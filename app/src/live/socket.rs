//! Carries the frames of a session by one WebSocket, from its opening to its end (PROTOCOL section 5).

use super::{
    Connection, Store,
    browser::now,
    offline::Wipe,
    session::{self, SILENCE_MS, Session, TICK_MS},
    wake::{Wake, Wakes},
};
use futures::{
    SinkExt as _, StreamExt as _,
    future::{Either, select},
    stream::SplitStream,
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{
    frames::{Reply, SUBPROTOCOL, close},
    time::Timestamp,
};
use std::pin::pin;

/// The longest wait for a frame after the reader has come back and the page has asked for heads.
const PROBED_MS: f64 = 5_000.0;
/// A socket that has not opened within this time counts as failed.
const OPENING_MS: f64 = 10_000.0;

/// Runs one socket from its opening to its end. Returns whether it ever opened.
pub async fn run(store: Store, wakes: &mut Wakes) -> bool {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss" } else { "ws" };
    let url = format!("{scheme}://{}/ws", location.host().unwrap_or_default());
    let Ok(socket) = WebSocket::open_with_protocol(&url, SUBPROTOCOL) else { return false };
    let (mut sink, mut stream) = socket.split();
    let mut session = Session::new(store);
    let mut pulse = Pulse { heard: now(), opened: false, probed: None };
    let mut looked = now();
    loop {
        for text in session.take_out() {
            if sink.send(Message::Text(text)).await.is_err() {
                return pulse.opened;
            }
        }
        match next(&mut stream, wakes).await {
            Event::Frame(text) => {
                pulse = Pulse { heard: now(), opened: true, probed: None };
                store.heard.set_value(Timestamp(pulse.heard as i64));
                if Reply::parse(&text).is_ok_and(|reply| !session.take(reply)) {
                    return true;
                }
                if store.connection.get_untracked() != Connection::Open {
                    store.connection.set(Connection::Open);
                }
            }
            Event::Closed(code) => {
                if code == close::SIGNED_OUT {
                    session::end(Wipe::Rows);
                }
                return pulse.opened;
            }
            Event::Wake(wake) if wake == Some(Wake::Gone) || pulse.is_lost() => return pulse.opened,
            Event::Wake(Some(Wake::Return)) if pulse.probed.is_none() => {
                if pulse.opened {
                    session.heads();
                }
                pulse.probed = Some(now());
            }
            Event::Wake(_) => {}
        }
        // A busy socket must not delay the checks.
        if now() - looked >= f64::from(TICK_MS) {
            looked = now();
            session.look_around();
        }
        session.flush_outbox();
    }
}

/// When a socket was last alive.
struct Pulse {
    heard: f64,
    opened: bool,
    /// When the page asked for heads because the reader is back.
    probed: Option<f64>,
}

impl Pulse {
    /// After sleep, for example, a laptop has a socket that is dead but open.
    fn is_lost(&self) -> bool {
        let silence = now() - self.heard;
        silence > if self.opened { SILENCE_MS } else { OPENING_MS }
            || self.probed.is_some_and(|probed| now() - probed > PROBED_MS)
    }
}

enum Event {
    Frame(String),
    /// With a close code, or 0.
    Closed(u16),
    /// None when only time has passed.
    Wake(Option<Wake>),
}

async fn next(stream: &mut SplitStream<WebSocket>, wakes: &mut Wakes) -> Event {
    let wake = pin!(wakes.next());
    match select(stream.next(), select(wake, TimeoutFuture::new(TICK_MS))).await {
        Either::Left((Some(Ok(Message::Text(text))), _)) => Event::Frame(text),
        Either::Left((Some(Ok(Message::Bytes(_))), _)) => Event::Wake(None),
        Either::Left((Some(Err(WebSocketError::ConnectionClose(closed))), _)) => Event::Closed(closed.code),
        Either::Left((Some(Err(_)) | None, _)) => Event::Closed(0),
        Either::Right((Either::Left((wake, _)), _)) => Event::Wake(wake),
        Either::Right((Either::Right(_), _)) => Event::Wake(None),
    }
}
