//! Who is here, and who may know. A person is here from when a socket of theirs opens until none has been
//! open for a moment.

use super::queries;
use crate::{Actor, Infra, Result, infra::database, live::Origin};
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
    untold: HashSet<UserId>,
    /// How often somebody has changed who may see whom.
    choices: u64,
}

/// Whether somebody is here, else when they were last, where that may be known.
type Standing = (bool, Option<Timestamp>);

/// Somebody and who looks at them.
type Pair = (UserId, UserId);

impl Known {
    /// Takes out whom the others are to be told of.
    fn take_moved(&mut self) -> Vec<UserId> {
        for (user_id, _) in self.closed.extract_if(|_, since| since.elapsed() >= PACE) {
            self.here.remove(&user_id);
            self.untold.insert(user_id);
        }
        self.untold.drain().collect()
    }

    fn standing(&self, user_id: UserId, last_seen_at: Option<Timestamp>) -> Standing {
        if self.here.contains_key(&user_id) { (true, None) } else { (false, last_seen_at) }
    }
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket of somebody's, while it is open.
pub struct Here {
    infra: Infra,
    user_id: UserId,
}

impl Here {
    /// Notes that a socket of somebody's has opened.
    #[must_use]
    pub fn open(infra: &Infra, user_id: UserId) -> Self {
        let mut known = infra.presence.lock();
        let sockets = known.here.entry(user_id).or_default();
        *sockets += 1;
        let came = *sockets == 1 && known.closed.remove(&user_id).is_none();
        if came {
            known.untold.insert(user_id);
            infra.presence.wake.notify_one();
        }
        Self { infra: infra.clone(), user_id }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut known = self.infra.presence.lock();
        let Some(sockets) = known.here.get_mut(&self.user_id) else { return };
        *sockets -= 1;
        if *sockets == 0 {
            known.closed.insert(self.user_id, Instant::now());
            self.infra.presence.wake.notify_one();
        }
    }
}

/// Pairs that may see, and when the first of each was last here.
pub type Visible = HashMap<Pair, Option<Timestamp>>;

/// Tells others of those who come and go, until the node stops.
pub async fn announce(infra: Infra) {
    loop {
        tokio::select! {
            // They are here until now; nobody will note that they went.
            () = infra.shutdown.cancelled() => return note_here(&infra).await,
            () = tokio::time::sleep(NOTED_EVERY) => {
                note_here(&infra).await;
                continue;
            }
            () = infra.presence.wake.notified() => {}
        }
        tokio::select! {
            () = infra.shutdown.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
        let moved = infra.presence.lock().take_moved();
        for some in moved.chunks(TOLD_TOGETHER) {
            if let Err(error) = database::within(tell_of(&infra, some)).await {
                tracing::warn!(cause = %error, "some who came or went are told of later");
                infra.presence.lock().untold.extend(some);
            }
        }
        let known = infra.presence.lock();
        if !(known.closed.is_empty() && known.untold.is_empty()) {
            infra.presence.wake.notify_one();
        }
    }
}

async fn note_here(infra: &Infra) {
    let here: Vec<UserId> = infra.presence.lock().here.keys().copied().collect();
    if here.is_empty() {
        return;
    }
    if let Err(error) = database::within(queries::mark_seen(&infra.db, &here)).await {
        tracing::warn!(cause = %error, "who is here was not noted");
    }
}

/// Tells those who look at some people how it stands with them.
async fn tell_of(infra: &Infra, users: &[UserId]) -> Result<()> {
    queries::mark_seen(&infra.db, users).await?;
    // Whoever may not see hears nothing at all: when something is said would say it.
    tell(infra, &lookers(infra, users).await?, |pair, standing| {
        if let Some(standing) = standing {
            tell_one(infra, pair, standing);
        }
    })
    .await
}

/// Of pairs of somebody and who looks at them, those who may see.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn visible(infra: &Infra, pairs: &[Pair]) -> Result<Visible> {
    queries::visible(&infra.db, pairs).await
}

/// Who looks at somebody and may see them.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn seen_by_whom(infra: &Infra, user_id: UserId) -> Result<Visible> {
    visible(infra, &lookers(infra, &[user_id]).await?).await
}

/// Tells those of `pairs` who look, after a change of who may see whom.
pub async fn tell_change(infra: &Infra, before: Visible, pairs: &[Pair]) {
    let users: Vec<UserId> = pairs.iter().map(|(user, _)| *user).collect();
    tell_lookers(infra, before, &users, |pair| pairs.contains(pair)).await;
}

/// The same for all who look at somebody.
pub async fn tell_change_of(infra: &Infra, before: Visible, user_id: UserId) {
    tell_lookers(infra, before, &[user_id], |_| true).await;
}

/// Whoever could see nothing `before` and can see nothing now hears nothing: that something was said would
/// say that something has happened.
async fn tell_lookers(infra: &Infra, before: Visible, users: &[UserId], is_meant: impl Fn(&Pair) -> bool) {
    infra.presence.lock().choices += 1;
    let told = async {
        let mut looking = lookers(infra, users).await?;
        looking.retain(is_meant);
        tell(infra, &looking, |pair, standing| {
            if standing.is_some() || before.contains_key(pair) {
                tell_one(infra, pair, standing.unwrap_or_default());
            }
        })
        .await
    };
    if let Err(error) = database::within(told).await {
        tracing::warn!(cause = %error, "a change of who may see whom was not told");
    }
}

/// Who on this node looks at these people: those they have direct chats with, and who watches them.
async fn lookers(infra: &Infra, users: &[UserId]) -> Result<Vec<Pair>> {
    let mut pairs: HashSet<Pair> = queries::direct_peers(&infra.db, users).await?.into_iter().collect();
    pairs.extend(infra.live.watchers(users));
    let viewers: Vec<UserId> = pairs.iter().map(|(_, viewer)| *viewer).collect();
    let here: HashSet<UserId> = infra.live.present(&viewers).into_iter().collect();
    Ok(pairs.into_iter().filter(|(user, viewer)| user != viewer && here.contains(viewer)).collect())
}

/// Tells of each pair how it stands with the first, or that the second may not see: by `say`, which queues a
/// frame. Begins anew where somebody has changed meanwhile who may see whom.
async fn tell(infra: &Infra, pairs: &[Pair], say: impl Fn(&Pair, Option<Standing>)) -> Result<()> {
    loop {
        let choices = infra.presence.lock().choices;
        let visible = visible(infra, pairs).await?;
        let told = pairs.iter().all(|pair| {
            let known = infra.presence.lock();
            let current = known.choices == choices;
            if current {
                say(pair, visible.get(pair).map(|last_seen_at| known.standing(pair.0, *last_seen_at)));
            }
            current
        });
        if told {
            return Ok(());
        }
    }
}

fn tell_one(infra: &Infra, (user_id, viewer): &Pair, (online, last_seen_at): Standing) {
    infra.live.tell(&[*viewer], &ServerFrame::Presence { user_id: *user_id, online, last_seen_at });
}

/// Has a socket told of these people from now on, in place of those it watched before, and answers it how it
/// stands with each; of those whom its person may not see, as if nothing were known.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn watch(infra: &Infra, actor: Actor, origin: Origin, users: &[UserId]) -> Result<()> {
    infra.live.watch(origin.socket, users);
    tell(infra, &pairs_of(actor, users), |(user_id, _), standing| {
        let (online, last_seen_at) = standing.unwrap_or_default();
        infra.live.answer(origin, &ServerFrame::Presence { user_id: *user_id, online, last_seen_at });
    })
    .await
}

/// A person with their presence, where the actor may see it.
pub(super) async fn shown_to(infra: &Infra, actor: Actor, user: User) -> Result<User> {
    let seen = visible(infra, &pairs_of(actor, &[user.id])).await?.into_values().next();
    let standing = seen.map(|last_seen_at| infra.presence.lock().standing(user.id, last_seen_at));
    let (online, last_seen_at) = standing.map_or((None, None), |(online, at)| (Some(online), at));
    Ok(User { online, last_seen_at, ..user })
}

fn pairs_of(actor: Actor, users: &[UserId]) -> Vec<Pair> {
    users.iter().map(|user| (*user, actor.user_id)).collect()
}
