//! The set-up of the tests: a node over its own database, users, chats, connected devices.

use crate::database;
use bytes::{Buf as _, Bytes};
use protocol::{
    auth::Register,
    chat::{Message, PostMessage, Window},
    error::ErrorCode,
    frames::{Reply, ServerFrame},
    ids::{ChatId, ClientId},
};
use services::{
    Actor, Node, Result, Settings,
    auth::{self, Device},
    chat::{self, commit::Reacting},
    groups::{self, NewGroup},
    infra::database as pool,
    live::{Close, Next, Subscription, encode},
};
use sqlx::{PgPool, Postgres};
use std::{collections::VecDeque, net::IpAddr, ops::Deref, sync::Mutex, time::Duration};

pub const PASSWORD: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(20);

/// A node over its own database, without rate limits.
pub struct World {
    node: Node,
    pub url: String,
}

impl Deref for World {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }).await
    }

    /// With the documented rate limits.
    pub async fn with_rates() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let url = database::migrated().await;
        Self { node: node(&url, settings).await, url }
    }

    /// Another node over the same database.
    pub async fn another_node(&self) -> Node {
        node(&self.url, Settings { limits: false, ..Settings::default() }).await
    }

    /// Registers users with the same password, and signs them in.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Actor; N] {
        let registered = futures::future::join_all(names.into_iter().map(|name| register(self, name))).await;
        registered.try_into().unwrap()
    }

    /// A new group of this owner.
    pub async fn group(&self, owner: Actor, others: &[Actor]) -> ChatId {
        let member_ids = others.iter().map(|other| other.user_id).collect();
        let new = NewGroup { title: "A group".into(), member_ids, client_id: None };
        groups::create(self, owner, new).await.unwrap().0.chat.id
    }

    pub async fn direct(&self, one: Actor, other: Actor) -> ChatId {
        chat::open_direct(self, one, other.user_id).await.unwrap().0.chat.id
    }
}

async fn node(url: &str, settings: Settings) -> Node {
    Node::open(pool::connect(url, 4).await.unwrap(), settings).await.unwrap()
}

pub fn device(address: [u8; 4]) -> Device {
    Device::new(Some("a test"), IpAddr::from(address))
}

pub fn home() -> Device {
    device([192, 0, 2, 1])
}

pub fn registration(username: &str) -> Register {
    Register { username: username.into(), password: PASSWORD.into(), display_name: None, email: None }
}

pub async fn register(node: &Node, username: &str) -> Actor {
    auth::register(node, &home(), registration(username)).await.unwrap().0
}

pub fn draft(text: &str) -> PostMessage {
    PostMessage { client_id: ClientId::fresh(), text: text.into(), reply_to: None }
}

pub async fn say(node: &Node, sender: Actor, chat_id: ChatId, text: &str) -> Message {
    chat::post_message(node, sender, chat_id, draft(text)).await.unwrap().0
}

/// The whole history, read page by page.
pub async fn history(node: &Node, reader: Actor, chat_id: ChatId) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::new();
    loop {
        let after = all.last().map_or(0, |message| message.no);
        let page = chat::history(node, reader, chat_id, Window::After(after), Some(100)).await.unwrap();
        all.extend(page.items);
        if page.next.is_none() {
            return all;
        }
    }
}

/// Sends many messages in order.
pub async fn say_all(node: &Node, sender: Actor, chat_id: ChatId, count: usize) {
    let begun: Vec<_> =
        (0..count).map(|n| chat::begin_post(node, sender, chat_id, draft(&n.to_string()), None).unwrap()).collect();
    for posted in begun {
        posted.await.unwrap();
    }
}

/// Returns once this many statements in this database wait for locks.
pub async fn waiting_for_locks(db: &PgPool, count: i64) {
    holds(
        db,
        "select count(*) >= $1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        count,
    )
    .await;
}

/// Returns once a statement waits for this table.
pub async fn waiting_for_table(db: &PgPool, table: &'static str) {
    holds(db, "select exists (select 1 from pg_locks where not granted and relation = to_regclass($1))", table).await;
}

/// Returns once a query returns true.
pub async fn holds<T>(db: &PgPool, question: &'static str, of: T)
where
    T: Copy + Send + for<'q> sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres> + 'static,
{
    let holds = async {
        while !sqlx::query_scalar::<_, bool>(question).bind(of).fetch_one(db).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("it does not hold: {question}"));
}

/// The code of the refusal; none for a success.
pub fn refused<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|rejection| rejection.code())
}

/// Reacts to the message of this chat and number.
pub async fn react(
    node: &Node,
    actor: Actor,
    (chat_id, no): (ChatId, u64),
    emoji: &str,
    how: Reacting,
) -> Result<Message> {
    chat::react(node, actor, chat_id, chat::React { no, emoji, how }).await
}

/// The names of the refused fields.
pub fn refused_fields<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    result.unwrap_err().error.fields.into_keys().collect()
}

/// A device with an open socket.
pub struct Listener {
    pub node: Node,
    pub subscription: Subscription,
    /// Frames that were taken from the queue.
    taken: Mutex<VecDeque<Bytes>>,
}

impl Listener {
    pub fn open(node: &Node, actor: Actor) -> Self {
        Self { node: node.clone(), subscription: Subscription::open(node, actor), taken: Mutex::default() }
    }

    /// The next frame, or the close of the socket.
    pub async fn next(&self) -> std::result::Result<Reply, Close> {
        if let Some(frame) = self.taken.lock().unwrap().pop_front() {
            return Ok(Reply::parse(std::str::from_utf8(&frame).unwrap()).unwrap());
        }
        let next = tokio::time::timeout(PATIENCE, self.subscription.outbound.next());
        match next.await.expect("no frame in time") {
            Next::Write(runs) => {
                self.taken.lock().unwrap().extend(runs.into_iter().flat_map(texts));
                Box::pin(self.next()).await
            }
            Next::Close(close) => Err(close),
        }
    }

    pub async fn next_frame(&self) -> ServerFrame {
        self.next().await.unwrap().frame
    }

    /// The frames sent so far.
    pub async fn replies(&self) -> Vec<Reply> {
        self.subscription.outbound.reply(encode(None, &ServerFrame::Pong {}));
        let mut replies = Vec::new();
        loop {
            let reply = self.next().await.unwrap();
            if reply.frame == (ServerFrame::Pong {}) {
                return replies;
            }
            replies.push(reply);
        }
    }

    pub async fn frames(&self) -> Vec<ServerFrame> {
        self.replies().await.into_iter().map(|reply| reply.frame).collect()
    }
}

/// The texts of WebSocket frames that stand back to back.
fn texts(mut run: Bytes) -> Vec<Bytes> {
    let mut texts = Vec::new();
    while !run.is_empty() {
        assert_eq!(run.get_u8(), 0x81, "a whole text message");
        let length = match run.get_u8() {
            126 => usize::from(run.get_u16()),
            127 => usize::try_from(run.get_u64()).unwrap(),
            short => usize::from(short),
        };
        texts.push(run.split_to(length));
    }
    texts
}

/// The `seq` of a frame of a chat.
pub fn seq_of(frame: &ServerFrame) -> Option<u64> {
    match frame {
        ServerFrame::Message { seq, .. } | ServerFrame::Chat { seq, .. } | ServerFrame::Member { seq, .. } => {
            Some(*seq)
        }
        ServerFrame::Ack { message } => Some(message.seq),
        _ => None,
    }
}
