//! Live delivery: the open sockets of this node, and `deliver`, through which all changes and events of chats reach them.
//! Must not know permissions: a published value names its receivers.

mod channel;
mod deliver;
mod outbound;
mod published;
mod sharded;
mod watches;

pub use channel::Audience;
pub use deliver::{deliver, recent_audience, resync};
pub use outbound::{Close, Next, Outbound};
pub use published::{Frame, Keep, Origin, Published, To, encode};

use crate::{Actor, Mutant, Node};
use channel::Channel;
use protocol::{
    frames::ServerFrame,
    ids::{ChatId, UserId},
};
use sharded::{Sharded, lock};
use std::{
    collections::{HashSet, VecDeque},
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use watches::Watches;

/// A socket of this node. A later socket has a greater number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u64);

/// An open socket.
pub struct Socket {
    pub id: SocketId,
    pub actor: Actor,
    pub outbound: Outbound,
}

/// The sockets of this node. Locks are taken in this order: a channel, `opened`, a part of the maps, a queue.
#[derive(Default)]
pub struct Live {
    opened: Mutex<Opened>,
    count: AtomicUsize,
    by_id: Sharded<SocketId, Arc<Socket>>,
    by_user: Sharded<UserId, Vec<Arc<Socket>>>,
    channels: Sharded<ChatId, Arc<Channel>>,
    pub(crate) watches: Watches,
}

/// The sockets opened last, by their numbers. So a channel learns of new sockets when it delivers next, and an opening
/// socket need not know its chats.
#[derive(Default)]
struct Opened {
    first: u64,
    last: VecDeque<Arc<Socket>>,
}

/// The registration of an open socket; dropping it removes the socket.
pub struct Subscription {
    node: Node,
    socket: Arc<Socket>,
}

const OPENED_MAX: usize = 1_024;
/// When a part of the map has this many channels, those without a delivery in progress are dropped. Their next delivery
/// makes them anew.
const CHANNELS_MAX: usize = 512;
/// Open sockets of one user on a node. One more closes the oldest, which most likely has lost its network.
const SOCKETS_PER_USER: usize = 100;

impl Subscription {
    /// Registers a socket. From here on it receives every frame published to `actor`.
    #[must_use]
    pub fn open(node: &Node, actor: Actor) -> Self {
        let live = &node.live;
        let mut opened = lock(&live.opened);
        let id = SocketId(opened.first + opened.last.len() as u64);
        let outbound = Outbound::new(node.is(Mutant::DrainSkipsFrame));
        let socket = Arc::new(Socket { id, actor, outbound });
        live.by_id.lock(&id).insert(id, socket.clone());
        live.count.fetch_add(1, Ordering::Relaxed);
        let mut users = live.by_user.lock(&actor.user_id);
        let own = users.entry(actor.user_id).or_default();
        make_room(own);
        own.push(socket.clone());
        drop(users);
        opened.last.push_back(socket.clone());
        if opened.last.len() > OPENED_MAX {
            opened.last.pop_front();
            opened.first += 1;
        }
        drop(opened);
        Self { node: node.clone(), socket }
    }
}

/// Makes room for one more socket of a user.
fn make_room(own: &[Arc<Socket>]) {
    let mut open = own.iter().filter(|socket| !socket.outbound.is_closing());
    if open.clone().count() >= SOCKETS_PER_USER
        && let Some(oldest) = open.next()
    {
        oldest.outbound.close(Close::Overloaded);
    }
}

impl Deref for Subscription {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (live, Socket { id, actor, outbound }) = (&self.node.live, &*self.socket);
        outbound.end();
        live.by_id.lock(id).remove(id);
        live.count.fetch_sub(1, Ordering::Relaxed);
        live.watches.forget(*id);
        let mut users = live.by_user.lock(&actor.user_id);
        if let Some(own) = users.get_mut(&actor.user_id) {
            own.retain(|socket| socket.id != *id);
            if own.is_empty() {
                users.remove(&actor.user_id);
            }
        }
    }
}

impl Live {
    /// The number of open sockets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The users among these with a socket on this node.
    #[must_use]
    pub fn connected(&self, users: &[UserId]) -> Vec<UserId> {
        users.iter().copied().filter(|user| self.by_user.lock(user).contains_key(user)).collect()
    }

    /// The sessions with an open socket on this node.
    #[must_use]
    pub fn sessions(&self) -> Vec<Actor> {
        let mut sessions = HashSet::new();
        for sockets in self.by_id.each() {
            sessions.extend(sockets.values().map(|socket| socket.actor));
        }
        sessions.into_iter().collect()
    }

    /// Replaces the set of users whose presence a socket watches.
    pub fn watch(&self, id: SocketId, users: &[UserId]) {
        if let Some(socket) = self.by_id.get(&id) {
            self.watches.set(&socket, users);
        }
    }

    /// Closes the sockets of an ended session.
    pub fn revoke(&self, actor: Actor) {
        let last = encode(None, &ServerFrame::Revoked {});
        for socket in self.sockets_of(actor.user_id).iter().filter(|socket| socket.actor == actor) {
            socket.outbound.revoke(last.clone());
        }
    }

    fn sockets_of(&self, user: UserId) -> Vec<Arc<Socket>> {
        self.by_user.get(&user).unwrap_or_default()
    }

    fn channel(&self, chat_id: ChatId) -> Arc<Channel> {
        self.adopt(chat_id, Arc::default())
    }

    /// The channel of a chat; this one if it has none.
    fn adopt(&self, chat_id: ChatId, channel: Arc<Channel>) -> Arc<Channel> {
        let mut channels = self.channels.lock(&chat_id);
        if channels.len() >= CHANNELS_MAX && !channels.contains_key(&chat_id) {
            // A delivery in progress keeps its channel.
            channels.retain(|_, known| Arc::strong_count(known) > 1);
        }
        channels.entry(chat_id).or_insert(channel).clone()
    }

    /// The sockets opened since this number; none if that was too long ago.
    fn opened_since(&self, as_of: u64) -> Option<Vec<Arc<Socket>>> {
        let opened = lock(&self.opened);
        let known = usize::try_from(as_of.checked_sub(opened.first)?).ok()?;
        Some(opened.last.range(known.min(opened.last.len())..).cloned().collect())
    }

    /// The open sockets of these users, and the number of the next socket. It visits the smaller set: these users, or
    /// all connected users.
    fn open_sockets_of(&self, users: &HashSet<UserId>) -> (u64, Vec<Arc<Socket>>) {
        // While `opened` is locked, no socket is opened.
        let opened = lock(&self.opened);
        let next = opened.first + opened.last.len() as u64;
        let mut sockets = Vec::new();
        if users.len() < self.count() {
            users.iter().for_each(|user| sockets.extend(self.sockets_of(*user)));
        } else {
            for connected in self.by_user.each() {
                let members = connected.iter().filter(|(user, _)| users.contains(user));
                members.for_each(|(_, own)| sockets.extend(own.iter().cloned()));
            }
        }
        (next, sockets)
    }
}
