//! The browser's end of the WebSocket: one task that keeps a socket open (PROTOCOL section 5).

use super::{
    Connection, Store,
    keep::Wipe,
    session::{self, Session},
};
use crate::ui::effect;
use futures::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    channel::mpsc,
    future::{Either, select},
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{
    frames::{Reply, SUBPROTOCOL, close},
    reducer::State,
    time::Timestamp,
};
use std::pin::pin;
use wasm_bindgen::{JsCast as _, closure::Closure};

/// How often something is looked at: gaps, silence, heads.
pub const TICK_MS: u32 = 300;
/// No frame for so long, and the socket is dead, whatever it says.
pub const SILENCE_MS: f64 = 30_000.0;
/// No frame for so long after somebody has come back and asked.
const PROBED_MS: f64 = 5_000.0;
pub const BACKOFF_MS: (f64, f64) = (500.0, 30_000.0);

/// What wakes the task between frames.
#[derive(Clone, Copy, PartialEq)]
enum Wake {
    /// Something is to be sent.
    Work,
    /// The network is back, or the reader.
    Return,
    /// The network has gone: what is open is dead.
    Gone,
}

type Wakes = mpsc::UnboundedReceiver<Wake>;

/// Starts the task that lives as long as the page.
pub fn start(store: Store) {
    let (wake, mut wakes) = mpsc::unbounded::<Wake>();
    let on = |event: &str, what: Wake| {
        let wake = wake.clone();
        listen(event, move || {
            let _ = wake.unbounded_send(what);
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
    leptos::task::spawn_local(async move {
        let mut failures = 0;
        loop {
            let opened = run(store, &mut wakes).await;
            failures = if opened { 0 } else { failures + 1 };
            store.connection.set(Connection::Waiting);
            store.change(State::forget_presence);
            let heard = store.heard.get_value();
            store.as_of.update(|as_of| *as_of = as_of.or(Some(heard)));
            rest(&mut wakes, failures).await;
        }
    });
}

/// Waits before the next try: with full jitter, so that a restarted server is not met by everybody at
/// once; not at all once the network or the reader is back.
async fn rest(wakes: &mut Wakes, failures: u32) {
    while wakes.next().now_or_never().flatten().is_some() {}
    let most = (BACKOFF_MS.0 * f64::from(1 << failures.min(6))).min(BACKOFF_MS.1);
    let mut waited = TimeoutFuture::new((js_sys::Math::random() * most) as u32 + 50);
    loop {
        match select(waited, wakes.next()).await {
            Either::Right((Some(Wake::Return) | None, _)) | Either::Left(_) => return,
            Either::Right((_, still)) => waited = still,
        }
    }
}

/// One socket from its opening to its end; answers whether it ever opened.
async fn run(store: Store, wakes: &mut Wakes) -> bool {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss" } else { "ws" };
    let url = format!("{scheme}://{}/ws", location.host().unwrap_or_default());
    let Ok(socket) = WebSocket::open_with_protocol(&url, SUBPROTOCOL) else { return false };
    let (mut sink, mut stream) = socket.split();
    let mut session = Session::new(store);
    let mut heard = now();
    let mut looked = now();
    let mut probed = None;
    let mut opened = false;
    loop {
        for text in session.take_out() {
            if sink.send(Message::Text(text)).await.is_err() {
                return opened;
            }
        }
        let (frame, wake) = {
            let tick = TimeoutFuture::new(TICK_MS);
            let frame = pin!(stream.next());
            let wake = pin!(wakes.next());
            match select(frame, select(wake, tick)).await {
                Either::Left((frame, _)) => (Some(frame), None),
                Either::Right((Either::Left((wake, _)), _)) => (None, wake),
                Either::Right((Either::Right(_), _)) => (None, None),
            }
        };
        match frame {
            Some(Some(Ok(Message::Text(text)))) => {
                (heard, opened, probed) = (now(), true, None);
                store.heard.set_value(Timestamp(heard as i64));
                let Ok(reply) = Reply::parse(&text) else { continue };
                if !session.take(reply) {
                    return opened;
                }
            }
            Some(Some(Ok(Message::Bytes(_)))) => {}
            Some(Some(Err(WebSocketError::ConnectionClose(closed)))) if closed.code == close::SIGNED_OUT => {
                session::end(Wipe::Rows);
                return opened;
            }
            Some(Some(Err(_)) | None) => return opened,
            // A laptop that slept wakes up to a socket that is dead but open.
            None if now() - heard > SILENCE_MS || wake == Some(Wake::Gone) => return opened,
            None if probed.is_some_and(|probed| now() - probed > PROBED_MS) => return opened,
            None => {
                if wake == Some(Wake::Return) && probed.is_none() {
                    if opened {
                        session.heads();
                    }
                    probed = Some(now());
                }
            }
        }
        // However busy the socket is.
        if now() - looked >= f64::from(TICK_MS) {
            looked = now();
            session.look_around();
        }
        session.flush_outbox();
    }
}

/// Lets the server render times in the reader's zone from the next page on.
pub fn remember_zone() {
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        let _ = document.set_cookie(&format!("tz={}; path=/; max-age=31536000; samesite=lax", zone()));
    }
}

/// Minutes east of UTC.
pub fn zone() -> i32 {
    -js_sys::Date::new_0().get_timezone_offset() as i32
}

pub fn listen(event: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    // What the window is told of and the document is, both hear.
    let _ = window().add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    // It lives as long as the page.
    handler.forget();
}

pub fn now() -> f64 {
    js_sys::Date::now()
}
