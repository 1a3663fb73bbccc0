//! Replays a room over the public WebSocket: one client for each speaker, and one task that cues them.

use super::Live;
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    frames::{ClientFrame, Request, SUBPROTOCOL},
    ids::{ChatId, ClientId},
    text::MessageText,
    time::Timestamp,
};
use serde::Deserialize;
use services::{
    Actor, Node, Result,
    auth::{self, Device},
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, interval, interval_at, sleep},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header},
    },
};

/// The shortest and the longest pause between two lines. Recorded pauses outside of this range are changed to it.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);
const BETWEEN_ROUNDS: Duration = Duration::from_secs(8);
const TYPING: Duration = Duration::from_secs(2);
const BEAT: Duration = Duration::from_secs(20);
/// An access token is valid for fifteen minutes.
const RENEW: Duration = Duration::from_secs(300);
const RECONNECT: Duration = Duration::from_millis(500);
const RECONNECT_MAX: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// An instruction for a client.
enum Cue {
    Type,
    Say(MessageText),
}

/// A client of one speaker.
struct Player {
    node: Node,
    address: SocketAddr,
    chat_id: ChatId,
    actor: Actor,
    cues: mpsc::Receiver<Cue>,
    /// The send without a response. It is repeated after a reconnect, with the same `client_id`.
    unanswered: Option<Request>,
}

/// Replays a room until dropped.
///
/// # Errors
/// `unavailable` when its people cannot be signed in.
pub async fn replay(node: Node, address: SocketAddr, live: Live, speed: f64) -> Result<()> {
    let device = Device::new(Some("Demo"), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let chat_id = live.room.chat_id();
    let mut players = JoinSet::new();
    let mut cast = HashMap::new();
    for person in &live.room.people {
        let actor = auth::open_session(&node, person.user_id, &device).await?;
        let (cue, cues) = mpsc::channel(16);
        players.spawn(play(Player { node: node.clone(), address, chat_id, actor, cues, unanswered: None }));
        cast.insert(person.user_id, cue);
    }
    if live.lines.is_empty() {
        return Ok(());
    }
    loop {
        let mut before = None;
        for line in &live.lines {
            let pause = pause(before, line.at).div_f64(speed);
            before = Some(line.at);
            let Some(cue) = cast.get(&line.sender) else { continue };
            let typing = TYPING.min(pause / 2);
            sleep(pause - typing).await;
            // A client without a connection misses cues; the room does not wait for it.
            let _ = cue.try_send(Cue::Type);
            sleep(typing).await;
            let _ = cue.try_send(Cue::Say(line.text.clone()));
        }
        sleep(BETWEEN_ROUNDS.div_f64(speed)).await;
    }
}

fn pause(before: Option<Timestamp>, at: Timestamp) -> Duration {
    let millis = before.map_or(0, |before| at.0 - before.0);
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(SHORTEST, LONGEST)
}

async fn play(mut player: Player) {
    let mut wait = RECONNECT;
    while !player.cues.is_closed() {
        let began = Instant::now();
        if let Err(error) = act(&mut player).await {
            tracing::debug!(%error, "a demo client lost its socket and reconnects");
        }
        if began.elapsed() > RECONNECT_MAX {
            wait = RECONNECT;
        }
        sleep(wait.mul_f64(rand::random_range(0.0..1.0))).await;
        wait = (wait * 2).min(RECONNECT_MAX);
    }
}

/// Performs the cues over one socket until it breaks or the cues end.
async fn act(player: &mut Player) -> std::result::Result<(), Broken> {
    let mut request = format!("ws://{}/ws", player.address).into_client_request()?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    sign_in(player, &mut socket).await?;
    if let Some(again) = &player.unanswered {
        send(&mut socket, again).await?;
    }
    let mut beat = interval(BEAT);
    let mut renewal = interval_at(Instant::now() + RENEW, RENEW);
    loop {
        tokio::select! {
            // One unanswered send at a time.
            cue = player.cues.recv(), if player.unanswered.is_none() => match cue {
                None => return Ok(socket.close(None).await?),
                Some(cue) => perform(player, &mut socket, cue).await?,
            },
            frame = socket.next() => match frame.ok_or("closed")?? {
                Message::Text(text) if is_answer(&text) => player.unanswered = None,
                _ => {}
            },
            _ = beat.tick() => send(&mut socket, &Request { reference: None, frame: ClientFrame::Ping }).await?,
            _ = renewal.tick() => sign_in(player, &mut socket).await?,
        }
    }
}

async fn sign_in(player: &Player, socket: &mut Socket) -> std::result::Result<(), Broken> {
    let access_token = auth::issue_tokens(&player.node, player.actor).await?.access_token;
    send(socket, &Request { reference: None, frame: ClientFrame::Auth { access_token } }).await
}

async fn perform(player: &mut Player, socket: &mut Socket, cue: Cue) -> std::result::Result<(), Broken> {
    let chat_id = player.chat_id;
    match cue {
        Cue::Type => send(socket, &Request { reference: None, frame: ClientFrame::Typing { chat_id } }).await,
        Cue::Say(text) => {
            let (client_id, text) = (ClientId::fresh(), text.into_string());
            let frame = ClientFrame::Send { chat_id, client_id, text, reply_to: None };
            let request = player.unanswered.insert(Request { reference: Some(1), frame });
            send(socket, request).await
        }
    }
}

/// Whether a frame is the response to the send, the only request with a `ref`. A refused send is not repeated.
fn is_answer(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "ref")]
        reference: Option<u64>,
    }
    serde_json::from_str::<Answer>(text).is_ok_and(|answer| answer.reference.is_some())
}

async fn send(socket: &mut Socket, request: &Request) -> std::result::Result<(), Broken> {
    Ok(socket.send(Message::text(serde_json::to_string(request)?)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_neither_too_short_nor_too_long() {
        for (before, at, seconds) in
            [(None, 5_000, 1), (Some(0), 0, 1), (Some(0), 3_000, 3), (Some(0), 60_000, 8), (Some(9), 0, 1)]
        {
            assert_eq!(pause(before.map(Timestamp), Timestamp(at)), Duration::from_secs(seconds));
        }
    }
}
