//! A server for each test, and clients that send raw bytes and JSON, also requests that no typed client can send.

use crate::{contract, database};
use futures::{SinkExt as _, StreamExt as _};
use protocol::frames::SUBPROTOCOL;
use serde_json::{Value, json};
use services::{Actor, Node, Settings, auth, infra::database as pool};
use std::{
    collections::HashMap,
    fs::File,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::HeaderValue},
};

pub const PASSWORD: &str = "correct horse battery";
/// How long a test waits for an event, at most. Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for an event that must happen.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("nothing happened in time")
}

/// The folders, the database and the flags of a server.
pub struct Home {
    pub folder: PathBuf,
    pub database_url: Option<String>,
    flags: Vec<&'static str>,
}

impl Home {
    /// With a fresh database in the PostgreSQL that the tests share.
    pub async fn new(flags: &[&'static str]) -> Arc<Self> {
        Self::make(Some(database::migrated().await), flags)
    }

    /// With the database at a URL, or with a private PostgreSQL.
    pub fn make(database_url: Option<String>, flags: &[&'static str]) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("messenger-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("site/pkg")).unwrap();
        std::fs::create_dir(folder.join("data")).unwrap();
        // The database's user must be able to enter.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        Arc::new(Self { folder, database_url, flags: flags.to_vec() })
    }

    /// The command `messenger` with these arguments, without the settings of this machine.
    pub fn messenger(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_messenger"));
        command.args(words).stdin(Stdio::null()).current_dir(&self.folder).kill_on_drop(true);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MESSENGER_")) {
            command.env_remove(name);
        }
        command.env("MESSENGER_LOG", "error").env("MESSENGER_LISTEN", "127.0.0.1:0");
        command.env("MESSENGER_SITE_DIR", "site").env("MESSENGER_DATA_DIR", "data");
        match &self.database_url {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        command
    }

    /// The process id of the private PostgreSQL, if it runs.
    pub fn postmaster(&self) -> Option<String> {
        let pid = std::fs::read_to_string(self.folder.join("data/postgres/postmaster.pid")).ok()?;
        pid.lines().next().map(str::to_owned)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // After a failed test its database still runs.
        if let Some(pid) = self.postmaster() {
            let _ = std::process::Command::new("sh").args(["-c", &format!("kill -QUIT {pid}")]).status();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    pub address: SocketAddr,
    pub home: Arc<Home>,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// With a fresh database.
    pub async fn start() -> Self {
        Self::at(Home::new(&[]).await).await
    }

    pub async fn at(home: Arc<Home>) -> Self {
        let serve = home.messenger(&["serve"]);
        Self::spawn(home, serve).await
    }

    /// With its warnings in the file `log` of its home.
    pub async fn logging(home: Arc<Home>) -> Self {
        let mut serve = home.messenger(&["serve"]);
        serve.env("MESSENGER_LOG", "warn").stderr(File::create(home.folder.join("log")).unwrap());
        Self::spawn(home, serve).await
    }

    async fn spawn(home: Arc<Home>, mut serve: Command) -> Self {
        let mut child = serve.args(&home.flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = soon(async {
            loop {
                let line = said.next_line().await.unwrap().expect("the server ended before it was up");
                if let Some(rest) = line.strip_prefix("Messenger is at http://") {
                    return rest.strip_suffix(" (Ctrl+C stops it)").unwrap().parse().unwrap();
                }
            }
        });
        Self { address: address.await, home, child, said }
    }

    /// `kill -9`.
    pub async fn kill(mut self) -> Arc<Home> {
        self.child.kill().await.unwrap();
        self.home
    }

    /// SIGTERM.
    pub async fn stop(mut self) -> ExitStatus {
        signal("TERM", self.child.id().unwrap()).await;
        let status = soon(self.child.wait()).await.unwrap();
        assert_eq!(self.said.next_line().await.unwrap().as_deref(), Some("Stopping …"));
        status
    }

    pub fn get(&self, path: &str) -> Ask {
        self.ask("GET", path)
    }

    pub fn post(&self, path: &str, body: Value) -> Ask {
        self.ask("POST", path).json(body)
    }

    pub fn patch(&self, path: &str, body: Value) -> Ask {
        self.ask("PATCH", path).json(body)
    }

    pub fn delete(&self, path: &str) -> Ask {
        self.ask("DELETE", path)
    }

    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask {
            address: self.address,
            host: self.address.to_string(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers: String::new(),
            body: Vec::new(),
        }
    }

    pub async fn person(&self, username: &str) -> Person {
        let register = json!({ "username": username, "password": PASSWORD });
        Person::from(self.post("/api/v1/auth/register", register).send().await.expect_status(201).json())
    }

    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let registered = futures::future::join_all(names.into_iter().map(|name| self.person(name))).await;
        registered.try_into().ok().unwrap()
    }

    /// Creates a group of the owner's; returns its id.
    pub async fn group(&self, owner: &Person, others: &[&Person]) -> String {
        let member_ids: Vec<&str> = others.iter().map(|other| other.id.as_str()).collect();
        let body = json!({ "kind": "group", "title": "A group", "member_ids": member_ids });
        let made = self.post("/api/v1/chats", body).by(owner).send().await.expect_status(201).json();
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn say(&self, sender: &Person, chat_id: &str, text: &str) -> Value {
        let body = json!({ "client_id": fresh_id(), "text": text });
        self.post(&format!("/api/v1/chats/{chat_id}/messages"), body).by(sender).send().await.expect_status(201).json()
    }

    /// The whole history, page by page.
    pub async fn history(&self, reader: &Person, chat_id: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let path = format!("/api/v1/chats/{chat_id}/messages?limit=100&after={}", all.len());
            let page = self.get(&path).by(reader).send().await.expect_status(200).json();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            if page["next"].is_null() {
                return all;
            }
        }
    }

    /// The cookie that the user's browser would send.
    pub async fn cookie(&self, person: &Person) -> String {
        let listed = self.get("/api/v1/auth/sessions").by(person).send().await.expect_status(200).json();
        let session = listed["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
        let actor =
            Actor { user_id: person.id.parse().unwrap(), session_id: session["id"].as_str().unwrap().parse().unwrap() };
        let db = pool::connect(self.home.database_url.as_deref().unwrap(), 1).await.unwrap();
        let node = Node::open(db, Settings::default()).await.unwrap();
        format!("messenger_session={}", auth::renew_session(&node, actor).await.unwrap())
    }

    /// Opens a socket with these headers; the status if the handshake is refused.
    pub async fn upgrade(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        for (name, value) in [("sec-websocket-protocol", SUBPROTOCOL)].iter().chain(headers) {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        match soon(tokio_tungstenite::connect_async(request)).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
                Ok(Socket(socket))
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no upgrade: {error}"),
        }
    }

    /// Opens a signed-in socket.
    pub async fn socket(&self, person: &Person) -> Socket {
        let mut socket = self.upgrade(&[]).await.unwrap();
        socket.send(json!({ "type": "auth", "access_token": person.access_token })).await;
        assert_eq!(socket.next().await["type"], "ready");
        socket
    }
}

pub async fn signal(name: &str, pid: impl std::fmt::Display) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().await.unwrap();
    assert!(sent.success());
}

pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A signed-in user.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub access_token: String,
    pub refresh_token: String,
}

impl From<Value> for Person {
    fn from(signed_in: Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&signed_in["user"]["id"]),
            access_token: text(&signed_in["access_token"]),
            refresh_token: text(&signed_in["refresh_token"]),
        }
    }
}

/// A request to be sent.
pub struct Ask {
    address: SocketAddr,
    host: String,
    method: String,
    path: String,
    headers: String,
    body: Vec<u8>,
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Sets the Host that a proxy would pass.
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub fn by(self, person: &Person) -> Self {
        let bearer = format!("Bearer {}", person.access_token);
        self.header("authorization", &bearer)
    }

    pub fn json(self, body: Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub async fn send(self) -> Answer {
        let Self { address, host, method, path, headers, body } = self;
        let head = format!(
            "{method} {path} HTTP/1.1\r\n{headers}host: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // The server may refuse a body before it has read all of it.
            let _ = stream.write_all(&body).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = Answer::parse(&soon(exchange).await);
        contract::check(&method, &path, &answer);
        answer
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        // Repeated headers, such as cookies, are lines of one value.
        let mut joined = HashMap::<String, String>::new();
        for (name, value) in headers {
            let lines = joined.entry(name.to_ascii_lowercase()).or_default();
            *lines = if lines.is_empty() { value.to_owned() } else { format!("{lines}\n{value}") };
        }
        Self { status, headers: joined, body: body.to_owned() }
    }

    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// The code of an error; checks the form of PROTOCOL section 3.
    #[track_caller]
    pub fn error_code(&self) -> String {
        let body = self.json();
        assert!(self.headers["content-type"].starts_with("application/json"));
        assert!(!body["message"].as_str().unwrap().is_empty() && body["fields"].is_object(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    /// The names of the refused fields.
    #[track_caller]
    pub fn refused_fields(&self) -> Vec<String> {
        self.json()["fields"].as_object().unwrap().keys().cloned().collect()
    }
}

/// A WebSocket of `messenger.v1`.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn send(&mut self, frame: Value) {
        self.try_send(frame).await.unwrap();
    }

    pub async fn try_send(&mut self, frame: Value) -> Result<(), tungstenite::Error> {
        self.0.send(Message::Text(frame.to_string().into())).await
    }

    pub async fn send_raw(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        self.0.send(message).await
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        self.try_next().await.unwrap_or_else(|code| panic!("the socket closed with {code}"))
    }

    /// The next frame, or the code of the close; 1006 without a close frame.
    pub async fn try_next(&mut self) -> Result<Value, u16> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.map_or(1005, |close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame of a type; skips other frames.
    pub async fn next_of(&mut self, frame_type: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == frame_type {
                return frame;
            }
        }
    }

    /// Sends a frame and waits for its response.
    pub async fn call(&mut self, mut frame: Value) -> Value {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let reference = NEXT.fetch_add(1, Ordering::Relaxed);
        frame["ref"] = reference.into();
        self.send(frame).await;
        loop {
            let answer = self.next().await;
            if answer["ref"] == reference {
                return answer;
            }
        }
    }

    /// The code that the socket is closed with; skips frames.
    pub async fn closed(mut self) -> u16 {
        loop {
            if let Err(code) = self.try_next().await {
                return code;
            }
        }
    }
}
