//! Presence: which users are online, and which viewers are notified. A user is online from the opening of a socket
//! until a second after the last one closed.

use super::queries;
use crate::{
    Actor, Node, Rejection, Result,
    infra::database,
    live::{Frame, Keep, Origin},
};
use protocol::{error::Problem, frames::ServerFrame, ids::UserId, limits, profiles::User, time::Timestamp};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The changes of this time are announced together; a user who reconnects within it was never offline.
const PACE: Duration = Duration::from_secs(1);

/// The interval between two saves of last-seen: a crashed node loses at most this.
const SAVE_EVERY: Duration = Duration::from_secs(5 * 60);

/// Users announced with one statement.
const CHUNK: usize = 500;

/// How long a privacy change is remembered: longer than any read of permissions takes (`database::within`).
const CHANGE_REMEMBERED: Duration = Duration::from_secs(60);

/// Shown statuses remembered for one viewer; beyond this, those of offline users are forgotten.
const SHOWN_MAX: usize = 1_000;

/// The online users. All presence frames are built from this state and queued under its lock, which is taken before
/// that of `live`: with two sources or two orders, a viewer could see a user online for ever.
#[derive(Default)]
pub struct Presence {
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Default)]
struct Known {
    /// The online users, with the number of their open sockets.
    online: HashMap<UserId, usize>,
    /// The online users whose last socket has closed, and when.
    closed: HashMap<UserId, Instant>,
    /// Users who came online or went offline since the last announcement.
    moved: HashSet<UserId>,
    /// Users whose visibility changed since the last announcement.
    changed: HashSet<UserId>,
    /// For each online viewer: the last status of each user that was sent to them.
    shown: HashMap<UserId, HashMap<UserId, Status>>,
    /// The number of privacy changes so far.
    changes: u64,
    /// The last privacy change of a user: its number and its time.
    last_change: HashMap<UserId, (u64, Instant)>,
}

/// Whether a user is online; if not, when they were last seen, as far as that is known.
type Status = (bool, Option<Timestamp>);

/// A user and a viewer.
type Pair = (UserId, UserId);

impl Known {
    /// Takes the users who came online or went offline, and forgets old privacy changes.
    fn take_moved(&mut self) -> Vec<UserId> {
        for (user_id, _) in self.closed.extract_if(|_, since| since.elapsed() >= PACE) {
            self.online.remove(&user_id);
            self.shown.remove(&user_id);
            self.moved.insert(user_id);
        }
        self.last_change.retain(|_, (_, at)| at.elapsed() < CHANGE_REMEMBERED);
        self.moved.drain().collect()
    }

    fn change(&mut self, user_id: UserId) {
        self.changes += 1;
        self.last_change.insert(user_id, (self.changes, Instant::now()));
        self.changed.insert(user_id);
    }

    fn status(&self, user_id: UserId, last_seen_at: Option<Timestamp>) -> Status {
        if self.online.contains_key(&user_id) { (true, None) } else { (false, last_seen_at) }
    }

    /// Records the status that is sent to a viewer now; returns the one sent before, and this one. `visible` was read
    /// as of the privacy change `as_of`: after a newer change the status is unknown until its own announcement.
    fn show(&mut self, as_of: u64, pair: Pair, visible: &Visible) -> [Option<Status>; 2] {
        let (user_id, viewer) = pair;
        let is_current = self.last_change.get(&user_id).is_none_or(|(last, _)| *last <= as_of);
        let last_seen_at = visible.get(&pair).filter(|_| is_current && self.online.contains_key(&viewer));
        let now = last_seen_at.map(|last_seen_at| self.status(user_id, *last_seen_at));
        let shown = self.shown.entry(viewer).or_default();
        if shown.len() >= SHOWN_MAX {
            shown.retain(|user, _| self.online.contains_key(user));
        }
        let before = match now {
            Some(now) => shown.insert(user_id, now),
            None => shown.remove(&user_id),
        };
        if shown.is_empty() {
            self.shown.remove(&viewer);
        }
        [before, now]
    }
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open socket of a user.
pub struct Here {
    node: Node,
    user_id: UserId,
}

impl Here {
    /// Counts a socket of a user until it is dropped.
    #[must_use]
    pub fn open(node: &Node, user_id: UserId) -> Self {
        let mut known = node.presence.lock();
        let sockets = known.online.entry(user_id).or_default();
        *sockets += 1;
        let came = *sockets == 1 && known.closed.remove(&user_id).is_none();
        if came {
            known.moved.insert(user_id);
            node.presence.wake.notify_one();
        }
        Self { node: node.clone(), user_id }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut known = self.node.presence.lock();
        let Some(sockets) = known.online.get_mut(&self.user_id) else { return };
        *sockets -= 1;
        if *sockets == 0 {
            known.closed.insert(self.user_id, Instant::now());
            self.node.presence.wake.notify_one();
        }
    }
}

/// A privacy change of some users. Dropping it notifies the viewers, also after a failure: a request that was cancelled
/// may have been stored.
pub struct PrivacyChange<'a> {
    node: &'a Node,
    users: Vec<UserId>,
}

impl<'a> PrivacyChange<'a> {
    /// Begins a privacy change, before it is stored.
    #[must_use]
    pub fn of(node: &'a Node, users: &[UserId]) -> Self {
        Self { node, users: users.to_vec() }
    }
}

impl Drop for PrivacyChange<'_> {
    fn drop(&mut self) {
        let mut known = self.node.presence.lock();
        self.users.iter().for_each(|user_id| known.change(*user_id));
        self.node.presence.wake.notify_one();
    }
}

/// The pairs whose viewer has permission, and when the user was last seen.
type Visible = HashMap<Pair, Option<Timestamp>>;

/// Announces changes of presence until the node stops.
pub async fn announce(node: Node) {
    let mut save = tokio::time::interval(SAVE_EVERY);
    loop {
        tokio::select! {
            // The node stops before it could announce its users as offline, so it saves when they were last seen.
            () = node.shutdown.cancelled() => return save_online(&node).await,
            _ = save.tick() => {
                save_online(&node).await;
                continue;
            }
            () = node.presence.wake.notified() => {}
        }
        tokio::select! {
            () = node.shutdown.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
        announce_once(&node).await;
    }
}

/// Announces the changes so far; those of a failed attempt are announced with the next ones.
async fn announce_once(node: &Node) {
    let (moved, changed): (Vec<UserId>, Vec<UserId>) = {
        let mut known = node.presence.lock();
        (known.take_moved(), known.changed.drain().collect())
    };
    for chunk in moved.chunks(CHUNK) {
        let announced = async {
            queries::mark_seen(&node.db, chunk).await?;
            notify_viewers(node, chunk).await
        };
        if let Err(error) = database::within(announced).await {
            tracing::warn!(cause = %error, "presence could not be announced; it is retried");
            node.presence.lock().moved.extend(chunk);
        }
    }
    for chunk in changed.chunks(CHUNK) {
        if let Err(error) = database::within(notify_viewers(node, chunk)).await {
            tracing::warn!(cause = %error, "a privacy change could not be announced; it is retried");
            node.presence.lock().changed.extend(chunk);
        }
    }
    let known = node.presence.lock();
    if !(known.closed.is_empty() && known.moved.is_empty() && known.changed.is_empty()) {
        node.presence.wake.notify_one();
    }
}

async fn save_online(node: &Node) {
    let online: Vec<UserId> = node.presence.lock().online.keys().copied().collect();
    if online.is_empty() {
        return;
    }
    if let Err(error) = database::within(queries::mark_seen(&node.db, &online)).await {
        tracing::warn!(cause = %error, "last-seen could not be saved");
    }
}

/// Sends the status of some users to their viewers, if it differs from the one sent before. A viewer without permission
/// gets no frames, except one "unknown" when it loses permission.
async fn notify_viewers(node: &Node, users: &[UserId]) -> Result<()> {
    let as_of = node.presence.lock().changes;
    let pairs = viewers(node, users).await?;
    let visible = queries::visible(&node.db, &pairs).await?;
    for pair in pairs {
        let mut known = node.presence.lock();
        let [before, now] = known.show(as_of, pair, &visible);
        if before != now {
            node.live.send(&[pair.1], &[Frame::new(Keep::IfRoom, &frame(pair.0, now))]);
        }
    }
    Ok(())
}

/// The online viewers of these users: the peers of their direct chats, and the users who watch them.
async fn viewers(node: &Node, users: &[UserId]) -> Result<Vec<Pair>> {
    let mut pairs: HashSet<Pair> = queries::direct_peers(&node.db, users).await?.into_iter().collect();
    pairs.extend(node.live.watches.of(users));
    let known = node.presence.lock();
    Ok(pairs.into_iter().filter(|(user, viewer)| user != viewer && known.online.contains_key(viewer)).collect())
}

/// Replaces the users that a socket watches, and replies with the status of each: unknown where the actor has no
/// permission.
///
/// # Errors
/// `invalid_input` for more than 200 users; `unavailable` if the database does not respond.
pub async fn watch(node: &Node, actor: Actor, origin: Origin, users: &[UserId]) -> Result<()> {
    if users.len() > limits::WATCHED_MAX {
        return Err(Rejection::field("user_ids", Problem::TooLong));
    }
    node.live.watch(origin.socket, users);
    let as_of = node.presence.lock().changes;
    let pairs: Vec<Pair> = users.iter().map(|user| (*user, actor.user_id)).collect();
    let visible = queries::visible(&node.db, &pairs).await?;
    for pair in pairs {
        let mut known = node.presence.lock();
        let [_, now] = known.show(as_of, pair, &visible);
        node.live.reply(origin, &frame(pair.0, now));
    }
    Ok(())
}

fn frame(user_id: UserId, status: Option<Status>) -> ServerFrame {
    let (online, last_seen_at) = status.unwrap_or_default();
    ServerFrame::Presence { user_id, online, last_seen_at }
}

/// A user with their presence, if the actor has permission to see it.
pub(super) async fn shown_to(node: &Node, actor: Actor, user: User) -> Result<User> {
    let seen = queries::visible(&node.db, &[(user.id, actor.user_id)]).await?.into_values().next();
    let status = seen.map(|last_seen_at| node.presence.lock().status(user.id, last_seen_at));
    let (online, last_seen_at) = status.map_or((None, None), |(online, at)| (Some(online), at));
    Ok(User { online, last_seen_at, ..user })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        UserId::fresh()
    }

    #[test]
    fn privacy_changes_are_forgotten_after_a_minute() {
        let mut known = Known::default();
        (0..1_000).for_each(|_| known.change(user()));
        known.take_moved();
        assert_eq!(known.last_change.len(), 1_000, "a read of permissions may still be under way");
        known.last_change.values_mut().for_each(|(_, at)| *at -= CHANGE_REMEMBERED);
        known.take_moved();
        assert!(known.last_change.is_empty());
    }

    #[test]
    fn a_viewer_remembers_a_bounded_number_of_offline_users() {
        let (mut known, viewer, friend) = (Known::default(), user(), user());
        known.online.extend([(viewer, 1), (friend, 1)]);
        let mut show = |user_id| {
            let pair = (user_id, viewer);
            known.show(0, pair, &HashMap::from([(pair, None)]));
            known.shown[&viewer].len()
        };
        show(friend);
        let most = (0..3 * SHOWN_MAX).map(|_| show(user())).max();
        assert_eq!(most, Some(SHOWN_MAX));
        assert_eq!(known.shown[&viewer][&friend], (true, None), "online users are remembered");
    }
}
