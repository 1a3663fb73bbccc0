//! `/ws`: one socket from its upgrade to its close (PROTOCOL section 5).

mod dispatch;
mod wire;

use crate::http::{Api, App, Failure, cookie, origin, proxy};
use axum::{
    body::Body,
    extract::{Request as HttpRequest, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use dispatch::Dispatch;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use protocol::{
    error::ErrorCode,
    frames::{ClientFrame, Request, SUBPROTOCOL, ServerFrame, close},
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
use tokio::{
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use wire::{Broken, Incoming, Reader, Writer};

const SIGN_IN_WITHIN: Duration = Duration::from_secs(5);
/// Frames before the sign-in: each costs the verification of a token or an error.
const FRAMES_BEFORE_SIGN_IN: usize = 20;
const PING_EVERY: Duration = Duration::from_secs(12);
const DEAD_AFTER: Duration = Duration::from_secs(30);
const SEND_WITHIN: Duration = Duration::from_secs(30);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// How long the data of a client is read that does not keep to the protocol.
const DISCARD_FOR: Duration = Duration::from_secs(1);
/// The time over which a restart spreads its closes: for each socket, and at most.
const SPREAD_EACH: Duration = Duration::from_millis(2);
const SPREAD_MOST: Duration = Duration::from_secs(5);
/// How long a socket stays open after its access token has expired.
const GRACE: Duration = Duration::from_secs(60);

pub fn routes() -> Api {
    Api::new().route("/ws", axum::routing::get(upgrade))
}

async fn upgrade(State(app): State<App>, mut request: HttpRequest) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("unreadable"));
    let cookie = cookie::session(&app, headers);
    let ours = match origin {
        Some(origin) => origin::check_own(&app, headers, origin),
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
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let offers = offers_protocol(&parts.headers);
    let Ok(accepted) = create_response(&HttpRequest::from_parts(parts.clone(), ())) else {
        proxy::report_missing_upgrade(&parts.headers);
        return Failure(invalid("This address accepts only WebSocket connections.")).into_response();
    };
    app.node.tasks.spawn(converse(app.clone(), upgraded, signed_in));
    let mut accepted = accepted.map(|()| Body::empty());
    if offers {
        accepted.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    accepted
}

fn offers_protocol(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offer| offer.to_str().ok());
    offers.flat_map(|offer| offer.split(',')).any(|name| name.trim() == SUBPROTOCOL)
}

/// Waits for the connection of a socket, and serves it.
async fn converse(app: App, upgraded: OnUpgrade, signed_in: Option<Verified>) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        tracing::error!("a socket is not on a TCP connection");
        return;
    };
    let (reading, writing) = parts.io.into_inner().into_split();
    let (reader, writer) = (Reader::new(reading, &parts.read_buf), Writer::new(writing));
    run(app, reader, writer, signed_in).await;
}

async fn run(app: App, mut reader: Reader, mut writer: Writer, by_cookie: Option<Verified>) {
    let (verified, reference) = match by_cookie {
        Some(verified) => (verified, None),
        None => match Box::pin(sign_in(&app, &mut reader, &mut writer)).await {
            Ok(signed_in) => signed_in,
            Err(ended) => return end(&mut reader, &mut writer, ended).await,
        },
    };
    // Subscribe before `welcome` is read: a change sent twice is harmless, a missed change is not.
    let subscription = Subscription::open(&app.node, verified.actor);
    let here = presence::Here::open(&app.node, verified.actor.user_id);
    subscription.outbound.reply(ready(&app, reference, verified));
    let token_life = by_cookie.is_none().then(|| expiry(verified));
    let mut dispatch = Dispatch::new(&app.node, verified.actor, &subscription);
    let ended = tokio::select! {
        ended = write(&mut writer, &subscription.outbound) => ended,
        ended = read(&app, &mut reader, &mut dispatch, token_life) => ended,
        () = restart(&app, &subscription.outbound) => End::Gone,
    };
    // The parked frames of an ended session are dropped.
    if !subscription.outbound.is_signed_out() {
        let _ = timeout(CLOSE_WITHIN, dispatch.finish()).await;
    }
    drop((subscription, here));
    end(&mut reader, &mut writer, ended).await;
}

/// How a conversation ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client has disconnected.
    Gone,
    /// The client has closed the socket, with this code.
    Closed(u16),
    /// The server closes the socket, with this code.
    Close(u16),
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone => Self::Gone,
            Broken::Rules(code) => Self::Close(code),
        }
    }
}

/// Ends the conversation politely: the connection closes when both sides have sent a close frame.
async fn end(reader: &mut Reader, writer: &mut Writer, ended: End) {
    let polite = async {
        match ended {
            End::Gone => {}
            End::Closed(code) => drop(writer.close(code).await),
            End::Close(code) => {
                if writer.close(code).await.is_ok() {
                    hear_close(reader).await;
                }
            }
        }
    };
    if timeout(CLOSE_WITHIN, polite).await.is_err() {
        tracing::debug!(?ended, "a socket did not close cleanly");
    }
}

/// Waits for the client's close. Its other frames are not answered.
async fn hear_close(reader: &mut Reader) {
    loop {
        match reader.next().await {
            Ok(Incoming::Close(_)) | Err(Broken::Gone) => return,
            Ok(_) => {}
            Err(Broken::Rules(_)) => return drop(timeout(DISCARD_FOR, reader.discard()).await),
        }
    }
}

/// Waits for the sign-in, or returns how the conversation ends instead.
async fn sign_in(app: &App, reader: &mut Reader, writer: &mut Writer) -> Result<(Verified, Option<u64>), End> {
    tokio::select! {
        signed_in = timeout(SIGN_IN_WITHIN, first_frame(app, reader, writer)) => {
            signed_in.unwrap_or(Err(End::Close(close::SIGNED_OUT)))
        }
        () = app.node.shutdown.cancelled() => Err(End::Close(close::RESTARTING)),
    }
}

/// Waits for a valid `auth` frame and refuses others.
async fn first_frame(app: &App, reader: &mut Reader, writer: &mut Writer) -> Result<(Verified, Option<u64>), End> {
    for _ in 0..FRAMES_BEFORE_SIGN_IN {
        let text = match reader.next().await? {
            Incoming::Text(text) => text,
            // Not JSON, so not an `auth` frame.
            Incoming::Binary => Default::default(),
            Incoming::Ping(payload) => {
                writer.write([wire::pong(&payload)].into()).await.map_err(|_| End::Gone)?;
                continue;
            }
            Incoming::Pong => continue,
            Incoming::Close(code) => return Err(End::Closed(code)),
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
        writer.write([reply].into()).await.map_err(|_| End::Gone)?;
    }
    Err(End::Close(close::TOO_FAST))
}

/// Sends the queued frames.
async fn write(writer: &mut Writer, outbound: &Outbound) -> End {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.tick().await;
    loop {
        let frames = tokio::select! {
            next = outbound.next() => match next {
                Next::Write(frames) => frames,
                Next::Close(close) => return End::Close(close.code()),
            },
            _ = ping.tick() => [wire::ping()].into(),
        };
        tokio::select! {
            sent = timeout(SEND_WITHIN, writer.write(frames)) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return End::Gone,
            },
            // The client reads slowly, and the rest must not be sent.
            () = outbound.is_interrupted() => writer.drop_waiting(),
        }
    }
}

/// Reads and dispatches frames in order.
async fn read(app: &App, reader: &mut Reader, dispatch: &mut Dispatch<'_>, mut token_life: Option<Instant>) -> End {
    let mut heard = Instant::now();
    loop {
        if !dispatch.has_room() {
            // While the server does not read, it cannot know whether the client is silent.
            heard = Instant::now();
        }
        let ends = token_life.unwrap_or_else(|| heard + DEAD_AFTER).min(heard + DEAD_AFTER);
        let incoming = tokio::select! {
            // Back-pressure: while too much is in progress, nothing is read.
            () = dispatch.progress() => continue,
            incoming = reader.next(), if dispatch.has_room() => incoming,
            () = tokio::time::sleep_until(ends) => {
                return if token_life == Some(ends) { End::Close(close::SIGNED_OUT) } else { End::Gone };
            }
        };
        heard = Instant::now();
        // Frames of an ended session are ignored; the writer closes the socket.
        if dispatch.is_closing() {
            return std::future::pending().await;
        }
        let text = match incoming {
            Ok(Incoming::Text(text)) => Some(text),
            Ok(Incoming::Binary) => None,
            Ok(Incoming::Ping(payload)) => {
                let _ = dispatch.count();
                if dispatch.is_flooding() {
                    return End::Close(Close::TooFast.code());
                }
                dispatch.pong(wire::pong(&payload));
                continue;
            }
            Ok(Incoming::Pong) => continue,
            Ok(Incoming::Close(code)) => return End::Closed(code),
            Err(broken) => return broken.into(),
        };
        let text = text.as_deref();
        if let Err(rejection) = dispatch.count() {
            if dispatch.is_flooding() {
                return End::Close(Close::TooFast.code());
            }
            dispatch.refuse(text.and_then(dispatch::reference_of), &rejection);
            continue;
        }
        match request(text) {
            Ok(Request { reference, frame: ClientFrame::Auth { access_token } }) => {
                match Box::pin(renewed(app, dispatch.actor(), &access_token)).await {
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

fn ready(app: &App, reference: Option<u64>, verified: Verified) -> Bytes {
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

/// When the socket of a token closes unless the token is renewed.
fn expiry(verified: Verified) -> Instant {
    let remaining = verified.expires_at - clock::now().0 / 1_000;
    Instant::now() + Duration::from_secs(u64::try_from(remaining).unwrap_or(0)) + GRACE
}
