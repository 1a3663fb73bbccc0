//! Who is here, and who may know. A person is here from when a socket of theirs opens until none has been
//! open for a moment.

use super::queries;
use crate::{
    Actor, Infra, Result,
    infra::database,
    live::{Live, Origin},
};
use protocol::{frames::ServerFrame, ids::UserId, profiles::User, time::Timestamp};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Comings and goings of so long are told together; a page that is only loaded again is not told at all.
const PACE: Duration = Duration::from_secs(1);

/// While nobody comes or goes it is noted so often who is here, because a node may end without a word.
const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);

/// So many are told of by one statement.
const TOLD_TOGETHER: usize = 500;

/// Who is here. Whatever is told of that comes from here alone, and frames of it are queued under its lock: two
/// sources, or two orders, and somebody who went would be shown as here for ever.
#[derive(Default)]
pub struct Presence {
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Default)]
struct Known {
    here: HashSet<UserId>,
    /// Who may have gone: a socket of theirs has closed.
    closed: HashSet<UserId>,
    /// Who has come or gone without the others having been told.
    untold: HashSet<UserId>,
}

impl Known {
    /// Takes out whom the others are to be told of.
    fn moved(&mut self, live: &Live) -> Vec<UserId> {
        let closed: Vec<UserId> = self.closed.drain().collect();
        let connected: HashSet<UserId> = live.present(&closed).into_iter().collect();
        let gone = closed.into_iter().filter(|id| !connected.contains(id));
        self.untold.extend(gone.filter(|id| self.here.remove(id)));
        self.untold.drain().collect()
    }

    /// How it stands with those who may be seen: here, or last here when.
    fn standing(&self, user_id: UserId, last_seen_at: Option<Timestamp>) -> (bool, Option<Timestamp>) {
        if self.here.contains(&user_id) { (true, None) } else { (false, last_seen_at) }
    }
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pairs of somebody and who may see them, and when the first was last here.
pub type Visible = HashMap<(UserId, UserId), Option<Timestamp>>;

/// Notes that a socket of somebody's has opened.
pub fn opened(infra: &Infra, user_id: UserId) {
    let mut known = infra.presence.lock();
    if known.here.insert(user_id) {
        known.untold.insert(user_id);
        infra.presence.wake.notify_one();
    }
}

/// Notes that a socket of somebody's has closed.
pub fn closed(infra: &Infra, user_id: UserId) {
    infra.presence.lock().closed.insert(user_id);
    infra.presence.wake.notify_one();
}

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
        let moved = infra.presence.lock().moved(&infra.live);
        for some in moved.chunks(TOLD_TOGETHER) {
            if let Err(error) = database::within(tell_of(&infra, some)).await {
                tracing::warn!(cause = %error, "some who came or went are told of later");
                infra.presence.lock().untold.extend(some);
                infra.presence.wake.notify_one();
            }
        }
    }
}

async fn note_here(infra: &Infra) {
    let here: Vec<UserId> = infra.presence.lock().here.iter().copied().collect();
    if here.is_empty() {
        return;
    }
    if let Err(error) = database::within(queries::mark_seen(&infra.db, &here)).await {
        tracing::warn!(cause = %error, "who is here was not noted");
    }
}

/// Tells those who look at some people how it stands with them.
async fn tell_of(infra: &Infra, users: &[UserId]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    queries::mark_seen(&infra.db, users).await?;
    let pairs = lookers(infra, users).await?;
    // Whoever may not see hears nothing at all: when something is said would say it.
    let visible = queries::visible(&infra.db, &pairs).await?;
    let pairs: Vec<(UserId, UserId)> = pairs.into_iter().filter(|pair| visible.contains_key(pair)).collect();
    tell_pairs(infra, &pairs, &visible);
    Ok(())
}

/// Of pairs of somebody and who looks at them, those who may see.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn visible(infra: &Infra, pairs: &[(UserId, UserId)]) -> Result<Visible> {
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
pub async fn tell_change(infra: &Infra, before: Visible, pairs: &[(UserId, UserId)]) {
    let users: Vec<UserId> = pairs.iter().map(|(user, _)| *user).collect();
    tell_lookers(infra, before, &users, |pair| pairs.contains(pair)).await;
}

/// The same for all who look at somebody.
pub async fn tell_change_of(infra: &Infra, before: Visible, user_id: UserId) {
    tell_lookers(infra, before, &[user_id], |_| true).await;
}

/// Whoever could see nothing `before` and can see nothing now hears nothing: that something was said would
/// say that something has happened.
async fn tell_lookers(infra: &Infra, before: Visible, users: &[UserId], is_meant: impl Fn(&(UserId, UserId)) -> bool) {
    let told = async {
        let mut looking = lookers(infra, users).await?;
        looking.retain(is_meant);
        let now = visible(infra, &looking).await?;
        looking.retain(|pair| before.contains_key(pair) || now.contains_key(pair));
        tell_pairs(infra, &looking, &now);
        Ok(())
    };
    if let Err(error) = database::within(told).await {
        tracing::warn!(cause = %error, "a change of who may see whom was not told");
    }
}

/// Who on this node looks at these people: those they have direct chats with, and who watches them.
async fn lookers(infra: &Infra, users: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
    let mut pairs: HashSet<(UserId, UserId)> = queries::direct_peers(&infra.db, users).await?.into_iter().collect();
    pairs.extend(infra.live.watchers(users));
    let viewers: Vec<UserId> = pairs.iter().map(|(_, viewer)| *viewer).collect();
    let here: HashSet<UserId> = infra.live.present(&viewers).into_iter().collect();
    Ok(pairs.into_iter().filter(|(user, viewer)| user != viewer && here.contains(viewer)).collect())
}

/// Tells each second of a pair of the first: how it stands, or nothing that could be known.
fn tell_pairs(infra: &Infra, pairs: &[(UserId, UserId)], visible: &Visible) {
    let known = infra.presence.lock();
    for pair @ (user_id, viewer) in pairs {
        let seen = visible.get(pair).map(|last_seen_at| known.standing(*user_id, *last_seen_at));
        let (online, last_seen_at) = seen.unwrap_or_default();
        infra.live.tell(&[*viewer], &ServerFrame::Presence { user_id: *user_id, online, last_seen_at });
    }
}

/// Has a socket told of these people from now on, in place of those it watched before, and answers it how it
/// stands with those that its person may see.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn watch(infra: &Infra, actor: Actor, origin: Origin, users: &[UserId]) -> Result<()> {
    infra.live.watch(origin.socket, users);
    let visible = seen_by(infra, actor, users).await?;
    let known = infra.presence.lock();
    for ((user_id, _), last_seen_at) in visible {
        let (online, last_seen_at) = known.standing(user_id, last_seen_at);
        infra.live.answer(origin, &ServerFrame::Presence { user_id, online, last_seen_at });
    }
    Ok(())
}

/// A person with their presence, where the actor may see it.
pub(super) async fn shown_to(infra: &Infra, actor: Actor, user: User) -> Result<User> {
    let seen = seen_by(infra, actor, &[user.id]).await?.into_values().next();
    let standing = seen.map(|last_seen_at| infra.presence.lock().standing(user.id, last_seen_at));
    let (online, last_seen_at) = standing.map_or((None, None), |(online, at)| (Some(online), at));
    Ok(User { online, last_seen_at, ..user })
}

/// Of these people those whom the actor may see.
async fn seen_by(infra: &Infra, actor: Actor, users: &[UserId]) -> Result<Visible> {
    let pairs: Vec<(UserId, UserId)> = users.iter().map(|user| (*user, actor.user_id)).collect();
    visible(infra, &pairs).await
}
