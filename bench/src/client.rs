//! A client of the public REST and WebSocket interfaces, built on `protocol` only.

use crate::Result;
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    auth::{Register, SignedIn},
    chat::{Changes, ChatSummary, CreateChat, History, Message, PostMessage},
    frames::{ClientFrame, Request, SUBPROTOCOL, Welcome},
    ids::{ChatId, ClientId, UserId},
    limits,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message as Frame,
        client::IntoClientRequest as _,
        http::{HeaderValue, header},
    },
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A signed-in user.
#[derive(Clone)]
pub struct Person {
    pub address: SocketAddr,
    pub user_id: UserId,
    access_token: String,
}

pub struct Socket(Stream);
pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a WebSocket, which is not signed in.
pub async fn open(address: SocketAddr) -> Result<Stream> {
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

impl Person {
    pub async fn register(address: SocketAddr, username: &str) -> Result<Self> {
        let password = "a password for a benchmark".to_owned();
        let body = Register { username: username.into(), password, display_name: None, email: None };
        let signed_in: SignedIn = ask(address, "POST /api/v1/auth/register", None, Some(&body)).await?;
        Ok(Self { address, user_id: signed_in.user.user.id, access_token: signed_in.tokens.access_token })
    }

    pub async fn create_group(&self, others: &[Person]) -> Result<ChatId> {
        let member_ids = others.iter().map(|other| other.user_id).collect();
        let body = CreateChat::group("Load", member_ids);
        let made: ChatSummary = ask(self.address, "POST /api/v1/chats", Some(self), Some(&body)).await?;
        Ok(made.chat.id)
    }

    /// The whole history of a chat, over REST.
    pub async fn history(&self, chat_id: ChatId) -> Result<Vec<Message>> {
        let mut all = Vec::new();
        let mut next = Some("0".to_owned());
        while let Some(after) = next {
            let line = format!("GET /api/v1/chats/{chat_id}/messages?limit={}&after={after}", limits::HISTORY_MAX);
            let page: History = ask(self.address, &line, Some(self), None::<&()>).await?;
            all.extend(page.items);
            next = page.next;
        }
        Ok(all)
    }

    /// Sends a message over REST and returns the HTTP status.
    pub async fn post(&self, chat_id: ChatId, client_id: ClientId, text: &str) -> Result<u16> {
        let body = PostMessage { client_id, text: text.to_owned(), reply_to: None };
        let line = format!("POST /api/v1/chats/{chat_id}/messages");
        Ok(timeout(PATIENCE, exchange(self.address, &line, Some(&self.access_token), Some(&body))).await??.0)
    }

    /// Connects again with the heads that the device holds, and catches up with one page for each changed
    /// chat. Returns the socket, the time of the welcome, and those pages.
    pub async fn reconnect(&self, mine: u64, held: &HashMap<ChatId, u64>) -> Result<(Socket, Instant, Vec<Changes>)> {
        let (mut socket, welcome) = self.hello(Some(mine), held.clone()).await?;
        let welcomed = Instant::now();
        let moved: BTreeMap<ChatId, u64> =
            welcome.chats.iter().map(|chat| (chat.chat.id, held.get(&chat.chat.id).copied().unwrap_or(0))).collect();
        let (count, mut pages) = (moved.len(), Vec::new());
        if count > 0 {
            let frame = ClientFrame::Changes { chat_id: None, after: None, chats: Some(moved) };
            let mut text = socket.call(3, frame).await?;
            loop {
                if text.contains("\"ref\":3") {
                    pages.push(serde_json::from_str(&text)?);
                }
                if pages.len() == count {
                    break;
                }
                text = timeout(PATIENCE, socket.next()).await??;
            }
        }
        Ok((socket, welcomed, pages))
    }

    /// The state of a device after its first welcome: `mine`, and the head of each chat.
    pub async fn heads(&self) -> Result<(u64, HashMap<ChatId, u64>)> {
        let (_, welcome) = self.hello(None, HashMap::new()).await?;
        Ok((welcome.mine, welcome.chats.iter().map(|chat| (chat.chat.id, chat.chat.seq)).collect()))
    }

    /// A signed-in socket that has received its welcome.
    pub async fn connect(&self) -> Result<Socket> {
        Ok(self.hello(None, HashMap::new()).await?.0)
    }

    async fn hello(&self, mine: Option<u64>, chats: HashMap<ChatId, u64>) -> Result<(Socket, Welcome)> {
        let mut socket = Socket(timeout(PATIENCE, open(self.address)).await??);
        socket.call(1, ClientFrame::Auth { access_token: self.access_token.clone() }).await?;
        let welcome =
            serde_json::from_str(&socket.call(2, ClientFrame::Hello { mine, chats, read: HashMap::new() }).await?)?;
        Ok((socket, welcome))
    }
}

impl Socket {
    /// Sends a frame and waits for its response.
    pub async fn call(&mut self, reference: u64, frame: ClientFrame) -> Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "ref")]
            reference: u64,
            #[serde(rename = "type")]
            kind: String,
        }
        let request = Request { reference: Some(reference), frame };
        self.0.send(Frame::text(serde_json::to_string(&request)?)).await?;
        loop {
            let text = timeout(PATIENCE, self.next()).await??;
            // Fifty clients receive every message: parse only responses.
            if !text.contains("\"ref\":") {
                continue;
            }
            let answer: Answer = serde_json::from_str(&text)?;
            if answer.kind == "error" {
                return Err(format!("the server refused: {text}").into());
            }
            if answer.reference == reference {
                return Ok(text);
            }
        }
    }

    /// Reads and discards frames, as an idle client does.
    pub async fn listen(&mut self) -> Result<()> {
        loop {
            self.next().await?;
        }
    }

    async fn next(&mut self) -> Result<String> {
        loop {
            match self.0.next().await.ok_or("the socket ended")?? {
                Frame::Text(text) => return Ok(text.as_str().to_owned()),
                Frame::Close(why) => return Err(format!("the server closed the socket: {why:?}").into()),
                _ => {}
            }
        }
    }
}

/// One HTTP/1.1 request on its own connection. A status other than 2xx is an error.
async fn ask<T: DeserializeOwned>(
    address: SocketAddr,
    line: &str,
    by: Option<&Person>,
    body: Option<&impl Serialize>,
) -> Result<T> {
    let token = by.map(|person| person.access_token.as_str());
    let (status, body) = timeout(PATIENCE, exchange(address, line, token, body)).await??;
    if !(200..300).contains(&status) {
        return Err(format!("{line}: {status} {body}").into());
    }
    Ok(serde_json::from_str(&body)?)
}

/// Sends one HTTP/1.1 request; returns the status and the body of the response.
pub async fn exchange(
    address: SocketAddr,
    line: &str,
    token: Option<&str>,
    body: Option<&impl Serialize>,
) -> Result<(u16, String)> {
    let body = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
    let mut head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    if let Some(token) = token {
        head += &format!("authorization: Bearer {token}\r\n");
    }
    head += &format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("not an HTTP response")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("not an HTTP response")?;
    // A truncated body is no response.
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    if length.is_some_and(|length: usize| length != body.len()) {
        return Err("the response is truncated".into());
    }
    Ok((status, body.to_owned()))
}
