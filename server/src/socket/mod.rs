//! `/ws`: one socket from its upgrade to its close (PROTOCOL section 5).

mod dispatch;

use crate::http::{Api, App, Failure, cookie, origin, proxy};
use axum::{
    extract::{
        State,
        ws::{self, CloseFrame, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use dispatch::Dispatch;
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use protocol::{
    error::ErrorCode,
    frames::{ClientFrame, Request, SUBPROTOCOL, ServerFrame, close},
    limits,
};
use services::{
    Actor, Rejection, auth,
    infra::{
        clock,
        tokens::{TokenType, Verified},
    },
    live::{Close, Next, Outbound, Subscription, encode},
    profiles::presence,
};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

const SIGN_IN_WITHIN: Duration = Duration::from_secs(5);
/// Frames before the sign-in: each costs the verification of a token or an error.
const FRAMES_BEFORE_SIGN_IN: usize = 20;
const PING_EVERY: Duration = Duration::from_secs(12);
const DEAD_AFTER: Duration = Duration::from_secs(30);
const SEND_WITHIN: Duration = Duration::from_secs(30);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// The time over which a restart spreads its closes: for each socket, and at most.
const SPREAD_EACH: Duration = Duration::from_millis(2);
const SPREAD_MOST: Duration = Duration::from_secs(5);
/// How long a socket stays open after its access token has expired.
const GRACE: Duration = Duration::from_secs(60);
/// The default buffers take 128 KiB per socket.
const BUFFER_BYTES: usize = 4 * 1024;

pub fn routes() -> Api {
    Api::new().route("/ws", axum::routing::get(upgrade))
}

async fn upgrade(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("unreadable"));
    let cookie = cookie::session(&app, &headers);
    let ours = match origin {
        Some(origin) => origin::check_own(&app, &headers, origin),
        None => cookie.is_none(),
    };
    if !ours {
        return Failure(Rejection::forbidden("Sockets from other sites are refused.")).into_response();
    }
    let signed_in = match cookie {
        Some(token) => match auth::authenticate(&app.node, TokenType::Session, token).await {
            Ok(verified) => Some(verified),
            Err(rejection) if rejection.code() == ErrorCode::Unavailable => return Failure(rejection).into_response(),
            Err(_) => None,
        },
        None => None,
    };
    let Ok(upgrade) = upgrade else {
        proxy::report_missing_upgrade(&headers);
        return Failure(invalid("This address accepts only WebSocket connections.")).into_response();
    };
    let tasks = app.node.tasks.clone();
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(4 * 1024 * 1024)
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .on_upgrade(move |socket| tasks.track_future(run(app, socket, signed_in)))
}

async fn run(app: App, mut socket: WebSocket, by_cookie: Option<Verified>) {
    let (verified, reference) = match by_cookie {
        Some(verified) => (verified, None),
        None => {
            let signed_in = tokio::select! {
                signed_in = timeout(SIGN_IN_WITHIN, first_frame(&app, &mut socket)) => signed_in,
                () = app.node.shutdown.cancelled() => Ok(Err(close::RESTARTING)),
            };
            match signed_in {
                Ok(Ok(signed_in)) => signed_in,
                Ok(Err(code)) => return close_with(socket, code).await,
                Err(_) => return close_with(socket, close::SIGNED_OUT).await,
            }
        }
    };
    // Subscribe before `welcome` is read: a change sent twice is harmless, a missed change is not.
    let subscription = Subscription::open(&app.node, verified.actor);
    let here = presence::Here::open(&app.node, verified.actor.user_id);
    let outbound = subscription.outbound.clone();
    outbound.push_required(ready(&app, reference, verified));
    let (mut sink, mut stream) = socket.split();
    let token_life = by_cookie.is_none().then(|| expiry(verified));
    let mut dispatch = Dispatch::new(&app.node, verified.actor, &subscription);

    let code = tokio::select! {
        code = write(&mut sink, &outbound) => code,
        code = read(&app, &mut stream, &mut dispatch, token_life) => code,
        () = restart(&app, &outbound) => None,
    };
    // The parked frames of an ended session are dropped.
    if !outbound.is_signed_out() {
        let _ = timeout(CLOSE_WITHIN, dispatch.finish()).await;
    }
    drop((subscription, here));
    let Some(code) = code else { return };
    let frame = CloseFrame { code, reason: "".into() };
    let polite = async {
        sink.send(ws::Message::Close(Some(frame))).await?;
        // The handshake ends with the client's close.
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<_, axum::Error>(())
    };
    if !matches!(timeout(CLOSE_WITHIN, polite).await, Ok(Ok(()))) {
        tracing::debug!(code, "a socket did not close cleanly");
    }
}

/// Waits for a valid `auth` frame and refuses others; returns the code to close with after too many.
async fn first_frame(app: &App, socket: &mut WebSocket) -> Result<(Verified, Option<u64>), u16> {
    for _ in 0..FRAMES_BEFORE_SIGN_IN {
        let text = match socket.recv().await {
            Some(Ok(ws::Message::Text(text))) => text,
            // Not JSON, so not an `auth` frame.
            Some(Ok(ws::Message::Binary(_))) => ws::Utf8Bytes::default(),
            Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_))) => continue,
            Some(Err(error)) if is_too_large(&error) => return Err(close::TOO_LARGE),
            Some(Ok(ws::Message::Close(_))) => {
                let _ = socket.recv().await;
                return Err(1000);
            }
            Some(Err(_)) | None => return Err(1000),
        };
        let (reference, rejection) = match serde_json::from_str::<Request>(&text) {
            Ok(Request { reference, frame: ClientFrame::Auth { access_token } }) => {
                match auth::authenticate(&app.node, TokenType::Access, &access_token).await {
                    Ok(verified) => return Ok((verified, reference)),
                    Err(rejection) => (reference, rejection),
                }
            }
            Ok(request) => (request.reference, Rejection::unauthenticated()),
            Err(_) => (dispatch::reference_of(&text), Rejection::unauthenticated()),
        };
        let reply = dispatch::error(reference, &rejection);
        if socket.send(text_frame(reply)).await.is_err() {
            return Err(1000);
        }
    }
    Err(close::TOO_FAST)
}

/// Sends the queued frames; returns the code to close with, or none if the client has disconnected.
async fn write(sink: &mut SplitSink<WebSocket, ws::Message>, outbound: &Outbound) -> Option<u16> {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.tick().await;
    loop {
        let message = tokio::select! {
            next = outbound.next() => match next {
                Next::Frame(bytes) => text_frame(bytes),
                Next::Close(close) => return Some(close.code()),
            },
            _ = ping.tick() => ws::Message::Ping(Default::default()),
        };
        match timeout(SEND_WITHIN, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

/// Reads and dispatches frames in order; returns the code to close with, or none if the client has disconnected.
async fn read(
    app: &App,
    stream: &mut futures::stream::SplitStream<WebSocket>,
    dispatch: &mut Dispatch<'_>,
    mut token_life: Option<Instant>,
) -> Option<u16> {
    let mut heard = Instant::now();
    loop {
        if !dispatch.has_room() {
            // While the server does not read, it cannot know whether the client is silent.
            heard = Instant::now();
        }
        let ends = token_life.unwrap_or_else(|| heard + DEAD_AFTER).min(heard + DEAD_AFTER);
        let message = tokio::select! {
            // Back-pressure: while too much is in progress, nothing is read.
            () = dispatch.progress() => continue,
            message = stream.next(), if dispatch.has_room() => message,
            () = tokio::time::sleep_until(ends) => {
                return (token_life == Some(ends)).then_some(close::SIGNED_OUT);
            }
        };
        heard = Instant::now();
        // Frames of an ended session are ignored; the writer closes the socket.
        if dispatch.is_closing() {
            return std::future::pending().await;
        }
        let text = match message {
            Some(Ok(ws::Message::Text(text))) => Some(text),
            Some(Ok(ws::Message::Binary(_))) => None,
            Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_))) => continue,
            Some(Ok(ws::Message::Close(_))) => {
                // The next read sends the reply to the close.
                let _ = timeout(CLOSE_WITHIN, stream.next()).await;
                return None;
            }
            Some(Err(error)) => return is_too_large(&error).then_some(close::TOO_LARGE),
            None => return None,
        };
        let text = text.as_deref();
        if let Err(rejection) = dispatch.count() {
            if dispatch.is_flooding() {
                return Some(Close::TooFast.code());
            }
            dispatch.refuse(text.and_then(dispatch::reference_of), &rejection);
            continue;
        }
        match request(text) {
            Ok(Request { reference, frame: ClientFrame::Auth { access_token } }) => {
                match renewed(app, dispatch.actor(), &access_token).await {
                    Ok(verified) => {
                        token_life = token_life.map(|_| expiry(verified));
                        dispatch.reply(ready(app, reference, verified));
                    }
                    Err(rejection) => dispatch.refuse(reference, &rejection),
                }
            }
            Ok(request) => dispatch.take(request, text.map_or(0, str::len)),
            Err((reference, rejection)) => dispatch.refuse(reference, &rejection),
        }
    }
}

/// Parses a frame; an error carries the `ref` of the frame. A binary frame has no text.
fn request(text: Option<&str>) -> Result<Request, (Option<u64>, Rejection)> {
    let text = text.ok_or_else(|| (None, invalid("Frames are JSON text.")))?;
    serde_json::from_str(text)
        .map_err(|_| (dispatch::reference_of(text), invalid("This frame is not part of the protocol.")))
}

/// Verifies a later `auth` frame: its token must belong to the session of the socket.
async fn renewed(app: &App, actor: Actor, token: &str) -> services::Result<Verified> {
    let verified = auth::authenticate(&app.node, TokenType::Access, token).await?;
    if verified.actor == actor { Ok(verified) } else { Err(Rejection::unauthenticated()) }
}

/// Closes the socket when the node stops, after a random delay, so that the clients do not all reconnect at once (no
/// stampede); returns when a slow client has had time to read the close.
async fn restart(app: &App, outbound: &Outbound) {
    app.node.shutdown.cancelled().await;
    let spread = (SPREAD_EACH * u32::try_from(app.node.live.count()).unwrap_or(u32::MAX)).min(SPREAD_MOST);
    tokio::time::sleep(spread.mul_f64(rand::random())).await;
    outbound.close(Close::Restarting);
    tokio::time::sleep(CLOSE_WITHIN).await;
}

async fn close_with(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    let polite = async {
        if socket.send(ws::Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(CLOSE_WITHIN, polite).await;
}

fn ready(app: &App, reference: Option<u64>, verified: Verified) -> axum::body::Bytes {
    let frame = ServerFrame::Ready {
        user_id: verified.actor.user_id,
        session_id: verified.actor.session_id,
        version: app.version().as_ref().into(),
    };
    encode(reference, &frame)
}

fn invalid(message: &'static str) -> Rejection {
    Rejection::new(ErrorCode::InvalidInput, message)
}

fn text_frame(bytes: axum::body::Bytes) -> ws::Message {
    ws::Utf8Bytes::try_from(bytes).map_or(ws::Message::Text("{}".into()), ws::Message::Text)
}

/// When the socket of a token closes unless the token is renewed.
fn expiry(verified: Verified) -> Instant {
    let remaining = verified.expires_at - clock::now().0 / 1_000;
    Instant::now() + Duration::from_secs(u64::try_from(remaining).unwrap_or(0)) + GRACE
}

fn is_too_large(error: &axum::Error) -> bool {
    use tokio_tungstenite::tungstenite::Error::Capacity;
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    std::iter::from_fn(|| {
        let this = cause?;
        cause = this.source();
        Some(this)
    })
    .any(|cause| matches!(cause.downcast_ref(), Some(Capacity(_))))
}
