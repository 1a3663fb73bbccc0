//! Which sockets watch the presence of which users.

use super::{Actor, Socket, SocketId, sharded::lock};
use protocol::ids::UserId;
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

#[derive(Default)]
pub struct Watches(Mutex<Watching>);

#[derive(Default)]
struct Watching {
    by_socket: HashMap<SocketId, (Actor, HashSet<UserId>)>,
    watchers: HashMap<UserId, HashSet<SocketId>>,
}

impl Watches {
    /// Replaces the set of users that a socket watches.
    pub fn set(&self, socket: &Socket, users: &[UserId]) {
        let mut watching = lock(&self.0);
        watching.forget(socket.id);
        if users.is_empty() {
            return;
        }
        watching.by_socket.insert(socket.id, (socket.actor, users.iter().copied().collect()));
        for user in users {
            watching.watchers.entry(*user).or_default().insert(socket.id);
        }
    }

    pub fn forget(&self, socket: SocketId) {
        lock(&self.0).forget(socket);
    }

    /// The pairs of a user among these and a viewer who watches this user.
    #[must_use]
    pub fn of(&self, users: &[UserId]) -> Vec<(UserId, UserId)> {
        let watching = lock(&self.0);
        let mut pairs = Vec::new();
        for user in users {
            let sockets = watching.watchers.get(user).into_iter().flatten();
            let viewers = sockets.filter_map(|id| watching.by_socket.get(id));
            pairs.extend(viewers.map(|(viewer, _)| (*user, viewer.user_id)));
        }
        pairs
    }
}

impl Watching {
    fn forget(&mut self, socket: SocketId) {
        let Some((_, users)) = self.by_socket.remove(&socket) else { return };
        for user in users {
            if let Some(sockets) = self.watchers.get_mut(&user) {
                sockets.remove(&socket);
                if sockets.is_empty() {
                    self.watchers.remove(&user);
                }
            }
        }
    }
}
