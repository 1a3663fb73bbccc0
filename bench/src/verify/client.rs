//! One user as a sequential process: performs one operation at a time, retries sends with unknown
//! outcome, and keeps a reducer as the browser does.

use super::history::{Action, How, Recorder, Row, What};
use crate::{
    Result,
    client::{self, exchange},
};
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use protocol::{
    auth::{Register, SignIn, SignedIn},
    chat::{Changes, ChatSummary, CreateChat, EditMessage, History, MarkRead, Message, PostMessage},
    error::{ApiError, ErrorCode},
    frames::{ClientFrame, Reply, Request, ServerFrame},
    groups::AddMember,
    ids::{ChatId, ClientId, UserId},
    limits,
    reducer::{Need, State},
};
use rand::{Rng as _, rngs::StdRng};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message as Frame;

/// A response later than this is not awaited: the outcome is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// Longest wait before a lost connection is opened again.
const BACK_WITHIN: u64 = 300;
/// Pause between two operations.
const PACE_MS: u64 = 12;
const PASSWORD: &str = "a password for a verifier";

/// State shared by all processes.
pub struct World {
    pub address: SocketAddr,
    pub recorder: Recorder,
    /// Set at the end: no process begins another operation.
    pub is_over: AtomicBool,
    next_op: AtomicU64,
    next_text: AtomicU64,
}

impl World {
    pub fn new(address: SocketAddr, recorder: Recorder) -> Self {
        Self {
            address,
            recorder,
            is_over: AtomicBool::new(false),
            next_op: AtomicU64::new(1),
            next_text: AtomicU64::new(1),
        }
    }
}

pub struct Client {
    world: Arc<World>,
    username: String,
    pub user_id: UserId,
    token: String,
    rng: StdRng,
    link: Option<Link>,
    state: State,
    /// Sends with unknown outcome.
    unknown: Vec<(ChatId, ClientId, String)>,
    /// The user's own acknowledged messages.
    own: Vec<(ChatId, u64)>,
    chats: Vec<ChatId>,
    /// The members that this user, as owner of the group, removes and adds again.
    moves: Option<(ChatId, Vec<UserId>)>,
    /// Requests that the reducer made while frames were read.
    needs: Vec<Need>,
}

type Sink = SplitSink<client::Stream, Frame>;

/// An open socket. Its frames are recorded on arrival.
struct Link {
    sink: Sink,
    replies: mpsc::UnboundedReceiver<Reply>,
    reader: JoinHandle<()>,
    next_ref: u64,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The outcome of an operation.
enum End {
    Done(Option<Box<Message>>),
    Refused(ErrorCode),
    Unknown,
}

impl Client {
    pub async fn register(world: Arc<World>, username: &str, rng: StdRng) -> Result<Self> {
        let body = Register { username: username.into(), password: PASSWORD.into(), display_name: None, email: None };
        let (status, body) = exchange(world.address, "POST /api/v1/auth/register", None, Some(&body)).await?;
        let signed_in: SignedIn = serde_json::from_str(&body).map_err(|_| format!("{status} {body}"))?;
        Ok(Self {
            world,
            username: username.into(),
            user_id: signed_in.user.user.id,
            token: signed_in.tokens.access_token,
            rng,
            link: None,
            state: State::default(),
            unknown: Vec::new(),
            own: Vec::new(),
            chats: Vec::new(),
            moves: None,
            needs: Vec::new(),
        })
    }

    /// Creates a chat and records its members.
    pub async fn create(&self, chat: CreateChat, members: Vec<UserId>) -> Result<ChatId> {
        let made: ChatSummary = self.get_by("POST /api/v1/chats", Some(&chat)).await?;
        self.world.recorder.note(None, What::Chat { chat_id: made.chat.id, members });
        Ok(made.chat.id)
    }

    pub fn join(&mut self, chat_id: ChatId) {
        self.chats.push(chat_id);
    }

    pub fn move_members(&mut self, chat_id: ChatId, members: Vec<UserId>) {
        self.moves = Some((chat_id, members));
    }

    /// Performs operations until `is_over` is set.
    pub async fn live(&mut self) {
        while !self.world.is_over.load(Ordering::Relaxed) {
            if !self.is_connected().await {
                sleep(Duration::from_millis(self.rng.random_range(0..BACK_WITHIN))).await;
                continue;
            }
            self.step().await;
            self.catch_up().await;
            sleep(Duration::from_millis(self.rng.random_range(0..PACE_MS))).await;
        }
    }

    /// Resolves every unknown send after the last fault.
    pub async fn settle(&mut self) -> Result<()> {
        let settled = async {
            while !self.unknown.is_empty() {
                if self.is_connected().await {
                    self.resend().await;
                } else {
                    sleep(Duration::from_millis(BACK_WITHIN)).await;
                }
            }
        };
        Ok(timeout(Duration::from_secs(60), settled).await.map_err(|_| "a send is still unknown")?)
    }

    /// Returns when the client has a socket and is caught up.
    pub async fn is_ready(&mut self) -> Result<()> {
        let ready = async {
            while !self.is_connected().await || !self.is_caught_up().await {
                sleep(Duration::from_millis(BACK_WITHIN)).await;
            }
        };
        Ok(timeout(Duration::from_secs(60), ready).await.map_err(|_| format!("{} does not catch up", self.username))?)
    }

    /// Sends some messages, one after the other.
    pub async fn send_some(&mut self, chat_id: ChatId, count: usize) {
        for _ in 0..count {
            self.send(chat_id).await;
        }
    }

    /// Returns when every frame has arrived that was sent to this socket before now.
    ///
    /// # Errors
    /// If the socket has closed.
    pub async fn drained(&mut self) -> Result<()> {
        match self.call(ClientFrame::Ping).await {
            Some(ServerFrame::Pong {}) => Ok(()),
            _ => Err(format!("the socket of {} has closed without a fault", self.username).into()),
        }
    }

    async fn step(&mut self) {
        if !self.unknown.is_empty() && self.rng.random_bool(0.6) {
            return self.resend().await;
        }
        let Some(chat_id) = pick(&mut self.rng, &self.chats) else { return };
        match self.rng.random_range(0..100) {
            0..45 => self.send(chat_id).await,
            45..57 => self.edit().await,
            57..63 => self.delete().await,
            63..75 => self.mark_read(chat_id).await,
            75..86 => self.read_page(chat_id, "", How::Newest).await,
            86..93 => {
                let before = self.last_no(chat_id);
                let position = self.rng.random_range(0..=before);
                let side = if self.rng.random_bool(0.5) { "before" } else { "after" };
                self.read_page(chat_id, &format!("?{side}={position}"), How::Page).await;
            }
            93..97 => self.link = None,
            97..98 => self.sign_in_again().await,
            _ => self.move_somebody().await,
        }
    }

    async fn send(&mut self, chat_id: ChatId) {
        let text = format!("{} {}", self.username, self.world.next_text.fetch_add(1, Ordering::Relaxed));
        self.post(chat_id, ClientId::fresh(), text).await;
    }

    async fn resend(&mut self) {
        let place = self.rng.random_range(0..self.unknown.len());
        let (chat_id, client_id, text) = self.unknown.swap_remove(place);
        self.post(chat_id, client_id, text).await;
    }

    async fn post(&mut self, chat_id: ChatId, client_id: ClientId, text: String) {
        let op = self.invoke(Action::Send { chat_id, client_id, text: text.clone() });
        let end = if self.rng.random_bool(0.7) {
            self.frame(ClientFrame::Send { chat_id, client_id, text: text.clone(), reply_to: None }).await
        } else {
            let body = PostMessage { client_id, text: text.clone(), reply_to: None };
            self.rest(&format!("POST /api/v1/chats/{chat_id}/messages"), Some(&body)).await
        };
        match &end {
            End::Done(Some(message)) => {
                self.own.push((chat_id, message.no));
            }
            End::Unknown => {
                self.unknown.push((chat_id, client_id, text));
            }
            _ => {}
        }
        self.end(op, end);
    }

    async fn edit(&mut self) {
        let Some((chat_id, no)) = pick(&mut self.rng, &self.own) else { return };
        let text = format!("{} {} edited", self.username, self.world.next_text.fetch_add(1, Ordering::Relaxed));
        let op = self.invoke(Action::Edit { chat_id, no, text: text.clone() });
        let end = if self.rng.random_bool(0.5) {
            self.frame(ClientFrame::Edit { chat_id, no, text, base_seq: None }).await
        } else {
            let body = EditMessage { text, base_seq: None };
            self.rest(&format!("PATCH /api/v1/chats/{chat_id}/messages/{no}"), Some(&body)).await
        };
        self.end(op, end);
    }

    async fn delete(&mut self) {
        let Some((chat_id, no)) = pick(&mut self.rng, &self.own) else { return };
        let op = self.invoke(Action::Delete { chat_id, no });
        let end = if self.rng.random_bool(0.5) {
            self.frame(ClientFrame::Delete { chat_id, no }).await
        } else {
            self.rest(&format!("DELETE /api/v1/chats/{chat_id}/messages/{no}"), None::<&()>).await
        };
        self.end(op, end);
    }

    async fn mark_read(&mut self, chat_id: ChatId) {
        let no = self.rng.random_range(0..=self.last_no(chat_id));
        let op = self.invoke(Action::Read { chat_id, no });
        let end = self.rest(&format!("POST /api/v1/chats/{chat_id}/read"), Some(&MarkRead { no })).await;
        self.end(op, end);
    }

    async fn read_page(&mut self, chat_id: ChatId, position: &str, how: How) {
        let since = self.world.recorder.now();
        let line = format!("GET /api/v1/chats/{chat_id}/messages{position}");
        if let Ok(page) = self.get::<History>(&line).await {
            let rows = page.items.iter().map(Row::from).collect();
            self.world.recorder.note(Some(self.user_id), What::Saw { chat_id, how, since, rows });
        }
    }

    async fn sign_in_again(&mut self) {
        let _ = self.rest("POST /api/v1/auth/logout", None::<&()>).await;
        self.sign_in().await;
    }

    async fn sign_in(&mut self) {
        self.link = None;
        let body = SignIn { login: self.username.clone(), password: PASSWORD.into() };
        if let Ok(signed_in) = self.get_by::<SignedIn>("POST /api/v1/auth/login", Some(&body)).await {
            self.token = signed_in.tokens.access_token;
        }
    }

    async fn move_somebody(&mut self) {
        let Some((chat_id, members)) = &self.moves else { return };
        let (chat_id, Some(user_id)) = (*chat_id, pick(&mut self.rng, members)) else { return };
        if self.rng.random_bool(0.5) {
            let op = self.invoke(Action::Add { chat_id, user_id });
            let line = format!("POST /api/v1/chats/{chat_id}/members");
            let end = self.rest(&line, Some(&AddMember { user_id })).await;
            self.end(op, end);
        } else {
            let op = self.invoke(Action::Remove { chat_id, user_id });
            let end = self.rest(&format!("DELETE /api/v1/chats/{chat_id}/members/{user_id}"), None::<&()>).await;
            self.end(op, end);
        }
    }

    fn last_no(&self, chat_id: ChatId) -> u64 {
        self.state.chats.get(&chat_id).map_or(0, |chat| chat.summary.chat.last_no)
    }

    fn invoke(&self, action: Action) -> u64 {
        let op = self.world.next_op.fetch_add(1, Ordering::Relaxed);
        self.world.recorder.note(Some(self.user_id), What::Invoke { op, action });
        op
    }

    fn end(&self, op: u64, end: End) {
        let what = match end {
            End::Done(message) => What::Acknowledged { op, row: message.as_deref().map(Row::from) },
            End::Refused(code) => What::Refused { op, code },
            End::Unknown => What::Unknown { op },
        };
        self.world.recorder.note(Some(self.user_id), what);
    }

    /// Reads every chat completely, by every method, after the last fault.
    pub async fn read_whole(&mut self) -> Result<()> {
        self.is_ready().await?;
        let mut fresh = State::default();
        let mut link = self.connect(&mut fresh).await?;
        for chat_id in self.chats.clone() {
            let line = format!("GET /api/v1/chats/{chat_id}");
            let (status, body) = exchange(self.world.address, &line, Some(&self.token), None::<&()>).await?;
            if status == 404 {
                continue;
            }
            let summary: ChatSummary = serde_json::from_str(&body)?;
            let (read_no, unread) = (summary.read_no, summary.unread);
            self.world.recorder.note(Some(self.user_id), What::Marks { chat_id, read_no, unread });
            let held = self.state.chats.get(&chat_id).map(|chat| {
                let (first, last) = chat.known.last().unwrap_or((1, 0));
                let newest = if first <= last { Some(chat.messages.range(first..=last)) } else { None };
                newest.into_iter().flatten().map(|(_, message)| Row::from(message.as_ref())).collect()
            });
            self.finally(chat_id, How::Live, held.unwrap_or_default());
            let history = self.whole_history(chat_id).await?;
            self.finally(chat_id, How::Page, history);
            let changes = self.whole_changes(chat_id).await?;
            self.finally(chat_id, How::Changes, changes);
            let rows = fresh_rows(&mut link, chat_id).await?;
            self.finally(chat_id, How::Fresh, rows);
        }
        Ok(())
    }

    fn finally(&self, chat_id: ChatId, how: How, rows: Vec<Row>) {
        self.world.recorder.note(Some(self.user_id), What::Final { chat_id, how, rows });
    }

    async fn whole_history(&self, chat_id: ChatId) -> Result<Vec<Row>> {
        let (mut rows, mut next) = (Vec::new(), Some("0".to_owned()));
        while let Some(after) = next {
            let line = format!("GET /api/v1/chats/{chat_id}/messages?limit={}&after={after}", limits::HISTORY_MAX);
            let page: History = self.get(&line).await?;
            rows.extend(page.items.iter().map(Row::from));
            next = page.next;
        }
        Ok(rows)
    }

    async fn whole_changes(&self, chat_id: ChatId) -> Result<Vec<Row>> {
        let (mut rows, mut after) = (BTreeMap::new(), 0);
        loop {
            let page: Changes = self.get(&format!("GET /api/v1/chats/{chat_id}/changes?after={after}")).await?;
            keep_newest(&mut rows, &page);
            after = page.seq;
            if !page.more {
                return Ok(rows.into_values().collect());
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, line: &str) -> Result<T> {
        self.get_by(line, None::<&()>).await
    }

    async fn get_by<T: DeserializeOwned>(&self, line: &str, body: Option<&impl Serialize>) -> Result<T> {
        let asked = exchange(self.world.address, line, Some(&self.token), body);
        let (status, body) = timeout(ANSWER_WITHIN, asked).await??;
        serde_json::from_str(&body).map_err(|_| format!("{line}: {status} {body}").into())
    }

    /// Performs an operation over REST.
    async fn rest(&mut self, line: &str, body: Option<&impl Serialize>) -> End {
        let asked = exchange(self.world.address, line, Some(&self.token), body);
        let Ok(Ok((status, body))) = timeout(ANSWER_WITHIN, asked).await else { return End::Unknown };
        match status {
            200 | 201 => End::Done(serde_json::from_str(&body).ok().map(Box::new)),
            204 => End::Done(None),
            400..500 => serde_json::from_str(&body).map_or(End::Unknown, |error: ApiError| End::Refused(error.code)),
            _ => End::Unknown,
        }
    }

    /// Performs an operation over the socket.
    async fn frame(&mut self, frame: ClientFrame) -> End {
        match self.call(frame).await {
            Some(ServerFrame::Ack { message }) => End::Done(Some(Box::new(message))),
            Some(ServerFrame::Error { code: ErrorCode::Unavailable | ErrorCode::Internal, .. }) | None => End::Unknown,
            Some(ServerFrame::Error { code, .. }) => End::Refused(code),
            Some(_) => End::Unknown,
        }
    }

    /// Sends a request over the socket. Without a response it returns none and drops the socket.
    async fn call(&mut self, frame: ClientFrame) -> Option<ServerFrame> {
        let mut link = self.link.take()?;
        let after = match &frame {
            ClientFrame::Changes { after, .. } => *after,
            _ => None,
        };
        let (state, needs) = (&mut self.state, &mut self.needs);
        let answer = link.ask(frame, |reply| needs.push(apply(state, reply, after))).await?;
        self.link = Some(link);
        Some(answer)
    }

    async fn is_connected(&mut self) -> bool {
        if self.link.as_ref().is_some_and(|link| !link.reader.is_finished()) {
            return true;
        }
        let mut state = std::mem::take(&mut self.state);
        let link = self.connect(&mut state).await;
        self.state = state;
        self.link = link.ok();
        if self.link.is_none() {
            // The session may have ended.
            let me = exchange(self.world.address, "GET /api/v1/me", Some(&self.token), None::<&()>);
            if let Ok(Ok((401, _))) = timeout(ANSWER_WITHIN, me).await {
                self.sign_in().await;
            }
            return false;
        }
        self.catch_up().await;
        self.link.is_some()
    }

    async fn connect(&self, state: &mut State) -> Result<Link> {
        let mut link = Link::open(self.world.clone(), self.user_id).await?;
        let auth = ClientFrame::Auth { access_token: self.token.clone() };
        let ready = link.ask(auth, |_| {}).await;
        if !matches!(ready, Some(ServerFrame::Ready { .. })) {
            return Err("not signed in".into());
        }
        let hello = state.hello();
        let take = |reply| {
            apply(state, reply, None);
        };
        link.ask(hello, take).await.ok_or("not welcomed")?;
        Ok(link)
    }

    /// Applies the frames that have arrived, and requests missing changes.
    async fn catch_up(&mut self) {
        let mut needs = std::mem::take(&mut self.needs);
        if let Some(link) = &mut self.link {
            while let Ok(reply) = link.replies.try_recv() {
                needs.push(apply(&mut self.state, reply, None));
            }
        }
        if needs.contains(&Need::SignIn) {
            self.link = None;
            return;
        }
        if needs.contains(&Need::Hello) {
            self.call(self.state.hello()).await;
        }
        if needs.contains(&Need::Heads) {
            self.heads().await;
        }
        let gaps: Vec<(ChatId, u64)> =
            self.state.chats.iter().filter_map(|(id, chat)| Some((*id, chat.gap()?))).collect();
        for (chat_id, after) in gaps {
            self.call(ClientFrame::Changes { chat_id: Some(chat_id), after: Some(after), chats: None }).await;
        }
    }

    async fn heads(&mut self) {
        self.call(self.state.heads()).await;
    }

    /// Whether `heads` reports nothing missing.
    async fn is_caught_up(&mut self) -> bool {
        self.heads().await;
        self.catch_up().await;
        self.link.is_some() && self.state.chats.values().all(|chat| chat.gap().is_none())
    }
}

impl Link {
    async fn open(world: Arc<World>, user_id: UserId) -> Result<Self> {
        let (sink, mut stream) = timeout(ANSWER_WITHIN, client::open(world.address)).await??.split();
        let (arrived, replies) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            while let Some(Ok(frame)) = stream.next().await {
                let Frame::Text(text) = frame else { continue };
                let Ok(reply) = Reply::parse(&text) else { continue };
                if let ServerFrame::Message { chat_id, message, .. } = &reply.frame {
                    let (since, rows) = (world.recorder.now(), vec![Row::from(message)]);
                    let saw = What::Saw { chat_id: *chat_id, how: How::Frame, since, rows };
                    world.recorder.note(Some(user_id), saw);
                }
                if arrived.send(reply).is_err() {
                    return;
                }
            }
        });
        Ok(Self { sink, replies, reader, next_ref: 1 })
    }

    /// Sends a frame and waits for its response; every frame that arrives goes to `taken`.
    async fn ask(&mut self, frame: ClientFrame, mut taken: impl FnMut(Reply)) -> Option<ServerFrame> {
        let reference = self.next_ref;
        self.next_ref += 1;
        let request = serde_json::to_string(&Request { reference: Some(reference), frame }).ok()?;
        let asked = async {
            self.sink.send(Frame::text(request)).await.ok()?;
            loop {
                let reply = self.replies.recv().await?;
                let answers = reply.reference == Some(reference);
                let frame = answers.then(|| reply.frame.clone());
                taken(reply);
                if frame.is_some() {
                    return frame;
                }
            }
        };
        timeout(ANSWER_WITHIN, asked).await.ok().flatten()
    }
}

/// Applies one frame. A page of changes is the response to the request for changes `after`.
fn apply(state: &mut State, reply: Reply, after: Option<u64>) -> Need {
    match reply.frame {
        ServerFrame::Changes(page) => {
            state.apply_changes(after.unwrap_or(u64::MAX), page);
            Need::Nothing
        }
        frame => state.apply(frame),
    }
}

/// All rows of a chat, read over a socket.
async fn fresh_rows(link: &mut Link, chat_id: ChatId) -> Result<Vec<Row>> {
    let (mut rows, mut after) = (BTreeMap::new(), 0);
    loop {
        let frame = ClientFrame::Changes { chat_id: Some(chat_id), after: Some(after), chats: None };
        let Some(ServerFrame::Changes(page)) = link.ask(frame, |_| {}).await else { return Err("no changes".into()) };
        keep_newest(&mut rows, &page);
        after = page.seq;
        if !page.more {
            return Ok(rows.into_values().collect());
        }
    }
}

fn keep_newest(rows: &mut BTreeMap<u64, Row>, page: &Changes) {
    for message in &page.messages {
        let row = Row::from(message);
        if rows.get(&row.no).is_none_or(|held| held.seq < row.seq) {
            rows.insert(row.no, row);
        }
    }
}

fn pick<T: Clone>(rng: &mut StdRng, from: &[T]) -> Option<T> {
    if from.is_empty() { None } else { from.get(rng.random_range(0..from.len())).cloned() }
}
