//! Who is here, and who may know. A person is here from when a socket of theirs opens until none has been
//! open for a moment.

use super::queries;
use crate::{Actor, Node, Result, infra::database, live::Origin};
use protocol::{frames::ServerFrame, ids::UserId, profiles::User, time::Timestamp};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Whoever is back within this has not gone; comings and goings of so long are told together.
const PACE: Duration = Duration::from_secs(1);

/// While nobody comes or goes it is noted so often who is here, because a node may end without a word.
const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);

/// So many are told of by one statement.
const TOLD_TOGETHER: usize = 500;

/// Who is here. Whatever is told of that comes from here alone, and each frame of it is queued under this lock
/// (which is taken before that of `live`): with two sources, or two orders, somebody who went could be shown as
/// here for ever.
#[derive(Default)]
pub struct Presence {
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Default)]
struct Known {
    /// Who is here, and how many sockets of theirs are open.
    here: HashMap<UserId, usize>,
    /// Since when they have none.
    closed: HashMap<UserId, Instant>,
    /// Who has come or gone without the others having been told.
    moved: HashSet<UserId>,
    /// Who may be seen by others than the others have been told.
    rechosen: HashSet<UserId>,
    /// What each of those here was told of others, where that was something.
    shown: HashMap<UserId, HashMap<UserId, Standing>>,
    /// How often anybody changed who may see whom, and which was the last of somebody's.
    choices: u64,
    last_choice: HashMap<UserId, u64>,
}

/// Whether somebody is here, else when they were last, where that may be known.
type Standing = (bool, Option<Timestamp>);

/// Somebody and who looks at them.
type Pair = (UserId, UserId);

impl Known {
    /// Takes out who has come or gone.
    fn take_moved(&mut self) -> Vec<UserId> {
        for (user_id, _) in self.closed.extract_if(|_, since| since.elapsed() >= PACE) {
            self.here.remove(&user_id);
            self.shown.remove(&user_id);
            self.moved.insert(user_id);
        }
        self.moved.drain().collect()
    }

    fn standing(&self, user_id: UserId, last_seen_at: Option<Timestamp>) -> Standing {
        if self.here.contains_key(&user_id) { (true, None) } else { (false, last_seen_at) }
    }

    /// Notes what is told now, as far as is `visible` by the choices up to `as_of`; answers it with what was
    /// told before. Nothing is said by an older choice: the newer one is told after it.
    fn show(&mut self, as_of: u64, pair: Pair, visible: &Visible) -> [Option<Standing>; 2] {
        let (user_id, viewer) = pair;
        let is_current = self.last_choice.get(&user_id).is_none_or(|last| *last <= as_of);
        let last_seen_at = visible.get(&pair).filter(|_| is_current && self.here.contains_key(&viewer));
        let now = last_seen_at.map(|last_seen_at| self.standing(user_id, *last_seen_at));
        let shown = self.shown.entry(viewer).or_default();
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

/// A socket of somebody's, while it is open.
pub struct Here {
    node: Node,
    user_id: UserId,
}

impl Here {
    /// Notes that a socket of somebody's has opened.
    #[must_use]
    pub fn open(node: &Node, user_id: UserId) -> Self {
        let mut known = node.presence.lock();
        let sockets = known.here.entry(user_id).or_default();
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
        let Some(sockets) = known.here.get_mut(&self.user_id) else { return };
        *sockets -= 1;
        if *sockets == 0 {
            known.closed.insert(self.user_id, Instant::now());
            self.node.presence.wake.notify_one();
        }
    }
}

/// A change of who may see some people. Those who look are told once it is dropped, whatever became of the
/// change: one whose request was given up may have been stored.
pub struct Choice<'a> {
    node: &'a Node,
    users: Vec<UserId>,
}

impl<'a> Choice<'a> {
    /// Begins it, before anything is stored.
    #[must_use]
    pub fn of(node: &'a Node, users: &[UserId]) -> Self {
        Self { node, users: users.to_vec() }
    }
}

impl Drop for Choice<'_> {
    fn drop(&mut self) {
        let mut known = self.node.presence.lock();
        known.choices += 1;
        for user_id in &self.users {
            let choice = known.choices;
            known.last_choice.insert(*user_id, choice);
            known.rechosen.insert(*user_id);
        }
        self.node.presence.wake.notify_one();
    }
}

/// Pairs that may see, and when the first of each was last here.
type Visible = HashMap<Pair, Option<Timestamp>>;

/// Tells others of those who come and go, until the node stops.
pub async fn announce(node: Node) {
    let mut note = tokio::time::interval(NOTED_EVERY);
    loop {
        tokio::select! {
            // They are here until now; nobody will note that they went.
            () = node.shutdown.cancelled() => return note_here(&node).await,
            _ = note.tick() => {
                note_here(&node).await;
                continue;
            }
            () = node.presence.wake.notified() => {}
        }
        tokio::select! {
            () = node.shutdown.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
        let (moved, rechosen): (Vec<UserId>, Vec<UserId>) = {
            let mut known = node.presence.lock();
            (known.take_moved(), known.rechosen.drain().collect())
        };
        for some in moved.chunks(TOLD_TOGETHER) {
            let told = async {
                queries::mark_seen(&node.db, some).await?;
                tell_of(&node, some).await
            };
            if let Err(error) = database::within(told).await {
                tracing::warn!(cause = %error, "some who came or went are told of later");
                node.presence.lock().moved.extend(some);
            }
        }
        for some in rechosen.chunks(TOLD_TOGETHER) {
            if let Err(error) = database::within(tell_of(&node, some)).await {
                tracing::warn!(cause = %error, "a change of who may see whom is told later");
                node.presence.lock().rechosen.extend(some);
            }
        }
        let known = node.presence.lock();
        if !(known.closed.is_empty() && known.moved.is_empty() && known.rechosen.is_empty()) {
            node.presence.wake.notify_one();
        }
    }
}

async fn note_here(node: &Node) {
    let here: Vec<UserId> = node.presence.lock().here.keys().copied().collect();
    if here.is_empty() {
        return;
    }
    if let Err(error) = database::within(queries::mark_seen(&node.db, &here)).await {
        tracing::warn!(cause = %error, "who is here was not noted");
    }
}

/// Tells those who look at some people how it stands with them, where that is not what they were told last.
/// Whoever may not see hears nothing, or once that nothing is known: when something is said would say it.
async fn tell_of(node: &Node, users: &[UserId]) -> Result<()> {
    let as_of = node.presence.lock().choices;
    let pairs = lookers(node, users).await?;
    let visible = queries::visible(&node.db, &pairs).await?;
    for pair in pairs {
        let mut known = node.presence.lock();
        let [before, now] = known.show(as_of, pair, &visible);
        if before != now {
            node.live.tell(&[pair.1], &frame(pair.0, now));
        }
    }
    Ok(())
}

/// Who on this node looks at these people: those they have direct chats with, and who watches them.
async fn lookers(node: &Node, users: &[UserId]) -> Result<Vec<Pair>> {
    let mut pairs: HashSet<Pair> = queries::direct_peers(&node.db, users).await?.into_iter().collect();
    pairs.extend(node.live.watchers(users));
    let known = node.presence.lock();
    Ok(pairs.into_iter().filter(|(user, viewer)| user != viewer && known.here.contains_key(viewer)).collect())
}

/// Has a socket told of these people from now on, in place of those it watched before, and answers it how it
/// stands with each; of those whom its person may not see, as if nothing were known.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn watch(node: &Node, actor: Actor, origin: Origin, users: &[UserId]) -> Result<()> {
    node.live.watch(origin.socket, users);
    let as_of = node.presence.lock().choices;
    let pairs: Vec<Pair> = users.iter().map(|user| (*user, actor.user_id)).collect();
    let visible = queries::visible(&node.db, &pairs).await?;
    for pair in pairs {
        let mut known = node.presence.lock();
        let [_, now] = known.show(as_of, pair, &visible);
        node.live.answer(origin, &frame(pair.0, now));
    }
    Ok(())
}

fn frame(user_id: UserId, standing: Option<Standing>) -> ServerFrame {
    let (online, last_seen_at) = standing.unwrap_or_default();
    ServerFrame::Presence { user_id, online, last_seen_at }
}

/// A person with their presence, where the actor may see it.
pub(super) async fn shown_to(node: &Node, actor: Actor, user: User) -> Result<User> {
    let seen = queries::visible(&node.db, &[(user.id, actor.user_id)]).await?.into_values().next();
    let standing = seen.map(|last_seen_at| node.presence.lock().standing(user.id, last_seen_at));
    let (online, last_seen_at) = standing.map_or((None, None), |(online, at)| (Some(online), at));
    Ok(User { online, last_seen_at, ..user })
}
