//! Live delivery: the open sockets of this node, the fan-out of frames to them, and the queue of each. Must not
//! know permissions: the caller names the receivers.

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

/// The socket that requested a change, and the `ref` of its frame: this socket receives the `ack` instead of the frame.
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
    /// The sockets that watch a user's presence.
    watchers: HashMap<UserId, HashSet<SocketId>>,
    /// The members of a chat, with the `members_seq` as of which they were read.
    audiences: HashMap<ChatId, (u64, Arc<HashSet<UserId>>)>,
}

struct Socket {
    actor: Actor,
    outbound: Arc<Outbound>,
    /// The users whose presence it watches.
    watched: HashSet<UserId>,
    /// When it was last sent a `resync`.
    resynced: Option<Instant>,
}

/// The registration of an open socket; dropping it removes the socket.
pub struct Subscription {
    node: crate::Node,
    pub id: SocketId,
    pub outbound: Arc<Outbound>,
}

/// A socket gets at most one `resync` in this time: each costs a `heads`, and the regular `heads` finds the rest.
const RESYNC_EVERY: Duration = Duration::from_secs(5);
/// When this many audiences are cached, all are dropped.
const AUDIENCES_MAX: usize = 10_000;
/// Open sockets of one user on a node. One more closes the oldest, which most likely has lost its network.
const SOCKETS_PER_USER: usize = 100;

impl Subscription {
    /// Registers a socket. From here on it receives every frame published to `actor`.
    #[must_use]
    pub fn open(node: &crate::Node, actor: Actor) -> Self {
        let id = SocketId(node.live.next_id.fetch_add(1, Ordering::Relaxed));
        let outbound = Arc::new(Outbound::default());
        let socket = Socket { actor, outbound: outbound.clone(), watched: HashSet::new(), resynced: None };
        let mut sockets = node.live.lock();
        sockets.close_oldest_of(actor.user_id);
        sockets.by_id.insert(id, socket);
        sockets.by_user.entry(actor.user_id).or_default().insert(id);
        drop(sockets);
        Self { node: node.clone(), id, outbound }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut sockets = self.node.live.lock();
        let Some(socket) = sockets.by_id.remove(&self.id) else { return };
        let Sockets { by_user, watchers, .. } = &mut *sockets;
        remove(by_user, socket.actor.user_id, self.id);
        socket.watched.into_iter().for_each(|user| remove(watchers, user, self.id));
    }
}

/// Removes a socket from the set of a user, and the set when it is empty.
fn remove(by_user: &mut HashMap<UserId, HashSet<SocketId>>, user: UserId, id: SocketId) {
    if let Some(ids) = by_user.get_mut(&user) {
        ids.remove(&id);
        if ids.is_empty() {
            by_user.remove(&user);
        }
    }
}

impl Sockets {
    /// The sockets of some users.
    fn of<'a>(&'a self, users: impl IntoIterator<Item = &'a UserId>) -> impl Iterator<Item = &'a Socket> {
        users
            .into_iter()
            .filter_map(move |user| self.by_user.get(user))
            .flatten()
            .filter_map(move |id| self.by_id.get(id))
    }

    /// Makes room for one more socket of a user.
    fn close_oldest_of(&self, user: UserId) {
        let ids = self.by_user.get(&user).into_iter().flatten();
        let open = ids.filter_map(|id| Some((id.0, &self.by_id.get(id)?.outbound)));
        let open: Vec<_> = open.filter(|(_, outbound)| !outbound.is_closing()).collect();
        if open.len() >= SOCKETS_PER_USER
            && let Some((_, oldest)) = open.iter().min_by_key(|(id, _)| *id)
        {
            oldest.close(Close::Overloaded);
        }
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node has no open socket.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lock().by_id.is_empty()
    }

    /// The users among these with a socket on this node.
    #[must_use]
    pub fn connected(&self, users: &[UserId]) -> Vec<UserId> {
        let sockets = self.lock();
        users.iter().copied().filter(|user| sockets.by_user.contains_key(user)).collect()
    }

    /// Replaces the set of users that a socket watches.
    pub fn watch(&self, id: SocketId, users: &[UserId]) {
        let mut sockets = self.lock();
        let Sockets { by_id, watchers, .. } = &mut *sockets;
        let Some(socket) = by_id.get_mut(&id) else { return };
        let watched = users.iter().copied().collect();
        for user in std::mem::replace(&mut socket.watched, watched) {
            remove(watchers, user, id);
        }
        for user in users {
            watchers.entry(*user).or_default().insert(id);
        }
    }

    /// The pairs of a user among these and a viewer who watches this user.
    #[must_use]
    pub fn watchers(&self, users: &[UserId]) -> Vec<(UserId, UserId)> {
        let sockets = self.lock();
        let viewer = |id: &SocketId| sockets.by_id.get(id).map(|socket| socket.actor.user_id);
        let watching = |user: &UserId| sockets.watchers.get(user).into_iter().flatten().filter_map(viewer);
        users.iter().flat_map(|user| watching(user).map(|viewer| (*user, viewer)).collect::<Vec<_>>()).collect()
    }

    /// The sessions with an open socket on this node.
    #[must_use]
    pub fn sessions(&self) -> Vec<Actor> {
        let sockets = self.lock();
        let actors: HashSet<Actor> = sockets.by_id.values().map(|socket| socket.actor).collect();
        actors.into_iter().collect()
    }

    /// Closes the sockets of an ended session.
    pub fn revoke(&self, actor: Actor) {
        let frame = encode(None, &ServerFrame::Revoked {});
        for socket in self.lock().by_id.values().filter(|socket| socket.actor == actor) {
            socket.outbound.revoke(frame.clone());
        }
    }

    /// The number of open sockets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().by_id.len()
    }

    /// The cached members of a chat, if they are as new as `members_seq`.
    #[must_use]
    pub fn audience(&self, chat_id: ChatId, members_seq: u64) -> Option<Arc<HashSet<UserId>>> {
        self.lock().audiences.get(&chat_id).filter(|(seq, _)| *seq >= members_seq).map(|(_, users)| users.clone())
    }

    /// Caches the members of a chat as of `members_seq`, unless newer ones are cached; returns the cached ones.
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

    /// Fans a frame of a chat out to its members. The socket that requested the change gets the `ack` instead.
    pub fn publish(&self, chat_id: ChatId, audience: &HashSet<UserId>, frame: &ServerFrame, origin: Option<Origin>) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        let origin = origin.filter(|origin| sockets.by_id.contains_key(&origin.socket));
        if let (Some(origin), ServerFrame::Message { message, .. }) = (origin, frame)
            && let Some(socket) = sockets.by_id.get(&origin.socket)
        {
            socket.outbound.push_required(ack(origin.reference, message));
        }
        let not_origin = |id: &SocketId| origin.is_none_or(|origin| origin.socket != *id);
        for_each_socket(&sockets, audience, |id, socket| {
            if not_origin(&id) {
                socket.outbound.push_of_chat(chat_id, bytes.clone());
            }
        });
    }

    /// Fans a frame of a chat out to its members except one.
    pub fn publish_except(&self, except: UserId, chat_id: ChatId, audience: &HashSet<UserId>, frame: &ServerFrame) {
        let bytes = encode(None, frame);
        let sockets = self.lock();
        for_each_socket(&sockets, audience, |_, socket| {
            if socket.actor.user_id != except {
                socket.outbound.push_of_chat(chat_id, bytes.clone());
            }
        });
    }

    /// Sends a frame to all sockets of some users. A socket with a full queue misses it.
    pub fn send_to(&self, users: &[UserId], frame: &ServerFrame) {
        let bytes = encode(None, frame);
        self.lock().of(users).for_each(|socket| socket.outbound.push(bytes.clone()));
    }

    /// Sends a user a frame that is never dropped: `mine`, `removed`.
    pub fn send_required(&self, user: UserId, frame: &ServerFrame) {
        let bytes = encode(None, frame);
        self.lock().of([&user]).for_each(|socket| socket.outbound.push_required(bytes.clone()));
    }

    /// Sends a socket the reply to its frame, which is never dropped.
    pub fn reply(&self, origin: Origin, frame: &ServerFrame) {
        if let Some(socket) = self.lock().by_id.get(&origin.socket) {
            socket.outbound.push_required(encode(origin.reference, frame));
        }
    }

    /// Drops the queued frames of a chat for a removed member.
    pub fn drop_frames_of(&self, chat_id: ChatId, user: UserId) {
        self.lock().of([&user]).for_each(|socket| socket.outbound.drop_chat(chat_id));
    }

    /// Notifies the sockets of a chat's members that changes may be missing. The members are those last cached;
    /// other members find the changes with the next `heads`.
    pub fn resync(&self, chat_id: ChatId) {
        let mut sockets = self.lock();
        let Sockets { by_id, by_user, audiences, .. } = &mut *sockets;
        let Some((_, audience)) = audiences.get(&chat_id) else { return };
        for id in audience.iter().filter_map(|user| by_user.get(user)).flatten() {
            let Some(socket) = by_id.get_mut(id) else { continue };
            if socket.resynced.is_none_or(|last| last.elapsed() >= RESYNC_EVERY) {
                socket.resynced = Some(Instant::now());
                socket.outbound.resync();
            }
        }
    }
}

/// Visits the sockets of an audience, iterating over the smaller set: its members, or the connected users.
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

/// The bytes of a frame; a fan-out encodes it once for all receivers.
#[must_use]
pub fn encode(reference: Option<u64>, frame: &ServerFrame) -> Bytes {
    #[derive(serde::Serialize)]
    struct Borrowed<'a> {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        #[serde(flatten)]
        frame: &'a ServerFrame,
    }
    // Serialization cannot fail: frames are plain data, and the keys of their maps are strings.
    serde_json::to_vec(&Borrowed { reference, frame }).unwrap_or_default().into()
}
