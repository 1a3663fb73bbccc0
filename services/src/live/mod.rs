//! Live delivery: which sockets are open on this node, and what each still has to be sent. Must not
//! know rights: whoever publishes says to whom.

mod outbound;

pub use outbound::{Close, Next, Outbound};

use crate::Actor;
use bytes::Bytes;
use protocol::{
    chat::Message,
    frames::ServerFrame,
    ids::{ChatId, UserId},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A socket of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(u64);

/// The socket that caused a change, and the `ref` it waits for: its copy of the frame is the `ack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub socket: SocketId,
    pub reference: Option<u64>,
}

/// The sockets of this node.
#[derive(Default)]
pub struct Live {
    next_id: AtomicU64,
    sockets: Mutex<Sockets>,
}

#[derive(Default)]
struct Sockets {
    by_id: HashMap<SocketId, Socket>,
    by_user: HashMap<UserId, HashSet<SocketId>>,
    /// The sockets that are told of somebody's presence.
    watchers: HashMap<UserId, HashSet<SocketId>>,
    /// Who is in a chat, as of its last membership change.
    audiences: HashMap<ChatId, (u64, Arc<HashSet<UserId>>)>,
    /// When all were told last that something may be missing.
    resynced: Option<Instant>,
}

struct Socket {
    actor: Actor,
    outbound: Arc<Outbound>,
    /// Whose presence it is told.
    watched: HashSet<UserId>,
}

/// A socket's place among the live ones; leaving it is dropping it.
pub struct Subscription {
    live: crate::Node,
    pub id: SocketId,
    pub outbound: Arc<Outbound>,
}

/// What a second `resync` in this time would say, the next `heads` of each socket finds anyway.
const RESYNC_EVERY: Duration = Duration::from_secs(5);
/// Audiences kept before they are forgotten all at once.
const AUDIENCES_MAX: usize = 10_000;

impl Subscription {
    /// Joins the live sockets. From here on nothing published for `actor` is missed.
    #[must_use]
    pub fn open(node: &crate::Node, actor: Actor) -> Self {
        let id = SocketId(node.live.next_id.fetch_add(1, Ordering::Relaxed));
        let outbound = Arc::new(Outbound::default());
        let mut sockets = node.live.lock();
        sockets.by_id.insert(id, Socket { actor, outbound: outbound.clone(), watched: HashSet::new() });
        sockets.by_user.entry(actor.user_id).or_default().insert(id);
        drop(sockets);
        Self { live: node.clone(), id, outbound }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut sockets = self.live.live.lock();
        let Some(socket) = sockets.by_id.remove(&self.id) else { return };
        let Sockets { by_user, watchers, .. } = &mut *sockets;
        forget(by_user, socket.actor.user_id, self.id);
        socket.watched.into_iter().for_each(|user| forget(watchers, user, self.id));
    }
}

/// Takes a socket out of those listed for somebody.
fn forget(listed: &mut HashMap<UserId, HashSet<SocketId>>, user: UserId, id: SocketId) {
    if let Some(ids) = listed.get_mut(&user) {
        ids.remove(&id);
        if ids.is_empty() {
            listed.remove(&user);
        }
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody listens on this node.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lock().by_id.is_empty()
    }

    /// Which of these people have a socket here.
    #[must_use]
    pub fn present(&self, users: &[UserId]) -> Vec<UserId> {
        let sockets = self.lock();
        users.iter().copied().filter(|user| sockets.by_user.contains_key(user)).collect()
    }

    /// Has a socket watch these people, in place of those it watched before.
    pub fn watch(&self, id: SocketId, users: &[UserId]) {
        let mut sockets = self.lock();
        let Sockets { by_id, watchers, .. } = &mut *sockets;
        let Some(socket) = by_id.get_mut(&id) else { return };
        let watched = users.iter().copied().collect();
        for user in std::mem::replace(&mut socket.watched, watched) {
            forget(watchers, user, id);
        }
        for user in users {
            watchers.entry(*user).or_default().insert(id);
        }
    }

    /// Who of these people is watched, and by whom.
    #[must_use]
    pub fn watchers(&self, users: &[UserId]) -> Vec<(UserId, UserId)> {
        let sockets = self.lock();
        let viewer = |id: &SocketId| sockets.by_id.get(id).map(|socket| socket.actor.user_id);
        let watching = |user: &UserId| sockets.watchers.get(user).into_iter().flatten().filter_map(viewer);
        users.iter().flat_map(|user| watching(user).map(|viewer| (*user, viewer)).collect::<Vec<_>>()).collect()
    }

    /// The sessions with an open socket.
    #[must_use]
    pub fn sessions(&self) -> Vec<Actor> {
        let sockets = self.lock();
        let actors: HashSet<Actor> = sockets.by_id.values().map(|socket| socket.actor).collect();
        actors.into_iter().collect()
    }

    /// Closes the sockets of a session that has ended.
    pub fn revoke(&self, actor: Actor) {
        let frame = encode(None, &ServerFrame::Revoked {});
        for socket in self.lock().by_id.values().filter(|socket| socket.actor == actor) {
            socket.outbound.revoke(frame.clone());
        }
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().by_id.len()
    }

    /// The audience of a chat, if it is known as of `members_seq`.
    #[must_use]
    pub fn audience(&self, chat_id: ChatId, members_seq: u64) -> Option<Arc<HashSet<UserId>>> {
        self.lock().audiences.get(&chat_id).filter(|(seq, _)| *seq >= members_seq).map(|(_, users)| users.clone())
    }

    /// Notes who is in a chat as of `members_seq`; an older note never replaces a newer one.
    pub fn set_audience(&self, chat_id: ChatId, members_seq: u64, users: HashSet<UserId>) -> Arc<HashSet<UserId>> {
        let users = Arc::new(users);
        let mut sockets = self.lock();
        if sockets.audiences.len() >= AUDIENCES_MAX {
            sockets.audiences.clear();
        }
        let known = sockets.audiences.entry(chat_id).or_insert_with(|| (members_seq, users.clone()));
        if known.0 < members_seq {
            *known = (members_seq, users.clone());
        }
        known.1.clone()
    }

    /// Sends a frame of a chat to everybody in it. The socket it came from gets the `ack` in its place.
    pub fn publish(&self, chat_id: ChatId, audience: &HashSet<UserId>, frame: &ServerFrame, origin: Option<Origin>) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        let origin = origin.filter(|origin| sockets.by_id.contains_key(&origin.socket));
        if let (Some(origin), ServerFrame::Message { message, .. }) = (origin, frame)
            && let Some(socket) = sockets.by_id.get(&origin.socket)
        {
            socket.outbound.push_kept(ack(origin.reference, message));
        }
        let not_origin = |id: &SocketId| origin.is_none_or(|origin| origin.socket != *id);
        for_each_socket(&sockets, audience, |id, socket| {
            if not_origin(&id) {
                socket.outbound.push_of_chat(chat_id, bytes.clone());
            }
        });
    }

    /// Sends a frame to all sockets of some people; dropped with the rest when they do not keep up.
    pub fn tell(&self, users: &[UserId], frame: &ServerFrame) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        for id in users.iter().filter_map(|user| sockets.by_user.get(user)).flatten() {
            if let Some(socket) = sockets.by_id.get(id) {
                socket.outbound.push(bytes.clone());
            }
        }
    }

    /// Answers a socket; like every answer it is never dropped.
    pub fn answer(&self, origin: Origin, frame: &ServerFrame) {
        if let Some(socket) = self.lock().by_id.get(&origin.socket) {
            socket.outbound.push_kept(encode(origin.reference, frame));
        }
    }

    /// Sends a person what is theirs alone (`mine`, `removed`), which is never dropped.
    pub fn tell_own(&self, user: UserId, frame: &ServerFrame) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        for socket in sockets.by_user.get(&user).into_iter().flatten().filter_map(|id| sockets.by_id.get(id)) {
            socket.outbound.push_kept(bytes.clone());
        }
    }

    /// Drops what is queued of a chat for somebody who is no longer in it.
    pub fn withhold(&self, chat_id: ChatId, user: UserId) {
        let sockets = self.lock();
        for socket in sockets.by_user.get(&user).into_iter().flatten().filter_map(|id| sockets.by_id.get(id)) {
            socket.outbound.drop_chat(chat_id);
        }
    }

    /// Tells every socket that something may be missing; once in a while, because each asks then.
    pub fn resync_all(&self) {
        let mut sockets = self.lock();
        if sockets.resynced.is_some_and(|last| last.elapsed() < RESYNC_EVERY) {
            return;
        }
        sockets.resynced = Some(Instant::now());
        for socket in sockets.by_id.values() {
            socket.outbound.resync();
        }
    }

    /// Sends a frame of a chat to everybody in it but one person.
    pub fn publish_to_others(&self, chat_id: ChatId, audience: &HashSet<UserId>, but: UserId, frame: &ServerFrame) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        for_each_socket(&sockets, audience, |_, socket| {
            if socket.actor.user_id != but {
                socket.outbound.push_of_chat(chat_id, bytes.clone());
            }
        });
    }
}

/// Visits the sockets of an audience from its smaller side: the people in it, or those who are here.
fn for_each_socket(sockets: &Sockets, audience: &HashSet<UserId>, mut visit: impl FnMut(SocketId, &Socket)) {
    let mut each = |ids: &HashSet<SocketId>| {
        for id in ids {
            if let Some(socket) = sockets.by_id.get(id) {
                visit(*id, socket);
            }
        }
    };
    if audience.len() < sockets.by_user.len() {
        audience.iter().filter_map(|user| sockets.by_user.get(user)).for_each(&mut each);
    } else {
        sockets.by_user.iter().filter(|(user, _)| audience.contains(user)).for_each(|(_, ids)| each(ids));
    }
}

fn ack(reference: Option<u64>, message: &Message) -> Bytes {
    encode(reference, &ServerFrame::Ack { message: message.clone() })
}

/// A frame as it goes over the wire; encoded once, however many receive it.
#[must_use]
pub fn encode(reference: Option<u64>, frame: &ServerFrame) -> Bytes {
    #[derive(serde::Serialize)]
    struct Borrowed<'a> {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        #[serde(flatten)]
        frame: &'a ServerFrame,
    }
    // Frames are plain data: no map with keys that are not strings, nothing that can fail.
    serde_json::to_vec(&Borrowed { reference, frame }).unwrap_or_default().into()
}
