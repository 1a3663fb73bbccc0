//! The browser's end of the WebSocket: one task that keeps a socket open (PROTOCOL section 5).

use super::{
    Connection, Store,
    keep::Wipe,
    poll,
    session::{self, Session},
};
use crate::ui::effect;
use futures::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    channel::mpsc,
    future::{Either, select},
    stream::SplitStream,
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

/// How often the task checks for gaps, silence and heads.
pub const TICK_MS: u32 = 300;
/// A socket without a frame for so long is dead.
pub const SILENCE_MS: f64 = 30_000.0;
/// The same after the reader has come back and the page has asked for heads.
const PROBED_MS: f64 = 5_000.0;
/// A socket that has not opened by then does not open.
const OPENING_MS: f64 = 10_000.0;
/// After so many sockets that did not open, the page polls.
const POLL_AFTER: u32 = 2;
pub const BACKOFF_MS: (f64, f64) = (500.0, 30_000.0);

/// An event that wakes the task between frames.
#[derive(Clone, Copy, PartialEq)]
pub enum Wake {
    /// There is something to send.
    Work,
    /// The network or the reader is back.
    Return,
    /// The network has gone, and with it the socket.
    Gone,
}

pub type Wakes = mpsc::UnboundedReceiver<Wake>;

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
            if failures < POLL_AFTER || !poll::run(store, &mut wakes).await {
                lose(store);
                rest(&mut wakes, failures).await;
            }
        }
    });
}

/// There is no connection: what is shown is as of the last frame.
fn lose(store: Store) {
    store.connection.set(Connection::Waiting);
    store.change(State::forget_presence);
    let heard = store.heard.get_value();
    store.as_of.update(|as_of| *as_of = as_of.or(Some(heard)));
}

/// Waits before the next try, with exponential back-off and full jitter: clients must not return to a restarted
/// server all at once. Returns at once when the network or the reader is back.
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

/// Runs one socket from its opening to its end. Returns whether it ever opened.
async fn run(store: Store, wakes: &mut Wakes) -> bool {
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
        // However many frames arrive.
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
    // Events of the document bubble up to the window.
    let _ = window().add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    // It lives as long as the page.
    handler.forget();
}

pub fn now() -> f64 {
    js_sys::Date::now()
}
