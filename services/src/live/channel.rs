//! The sockets of a chat's members on this node.

use super::{
    Live, Socket, SocketId,
    outbound::Queued,
    published::{Frame, Keep},
    sharded::lock,
};
use bytes::{Bytes, BytesMut};
use protocol::ids::{ChatId, UserId};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Several frames are queued as one run of bytes of about this length.
const RUN_BYTES: usize = 16 * 1024;
/// How long the members are known without a change that names a newer `members_seq`. Another node may have removed one.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// The members of a chat, as of one moment.
#[derive(Clone, Debug)]
pub struct Audience {
    pub members_seq: u64,
    pub members: HashSet<UserId>,
    /// In a direct chat: one of the two has blocked the other.
    pub blocked: bool,
}

#[derive(Default)]
pub struct Channel(Mutex<State>);

#[derive(Default)]
struct State {
    /// The members, and when the read of them began.
    known: Option<(Arc<Audience>, Instant)>,
    /// Members read before this time are not recent.
    expired: Option<Instant>,
    /// The open sockets of the members, and some that have closed since.
    sockets: Vec<Arc<Socket>>,
    /// `sockets` has all sockets with a smaller id.
    as_of: u64,
}

impl Channel {
    /// The members, if they are as new as `members_seq`.
    pub fn audience(&self, members_seq: u64) -> Option<Arc<Audience>> {
        let state = lock(&self.0);
        state.known.as_ref().filter(|(known, _)| known.members_seq >= members_seq).map(|(known, _)| known.clone())
    }

    /// The members, if they were read lately, and after the last `expire`.
    pub fn recent_audience(&self) -> Option<Arc<Audience>> {
        let state = lock(&self.0);
        let (known, began) = state.known.as_ref()?;
        let is_recent = began.elapsed() < KNOWN_FOR && state.expired.is_none_or(|expired| *began > expired);
        is_recent.then(|| known.clone())
    }

    /// The members may have changed without a newer `members_seq`: the next `recent_audience` has none.
    pub fn expire(&self) {
        lock(&self.0).expired = Some(Instant::now());
    }

    /// The chat did not exist at this time.
    pub fn empty(&self, as_of: Instant) {
        let mut state = lock(&self.0);
        if state.known.as_ref().is_none_or(|(_, began)| *began < as_of) {
            *state = State::default();
        }
    }

    /// Replaces the members by those of a read that began at this time, unless newer ones are known; returns the known
    /// ones.
    pub fn set_audience(&self, live: &Live, read: Audience, began: Instant) -> Arc<Audience> {
        let mut state = lock(&self.0);
        if let Some((known, since)) = &state.known
            && (known.members_seq, *since) > (read.members_seq, began)
        {
            return known.clone();
        }
        let read = Arc::new(read);
        let is_same = state.known.as_ref().is_some_and(|(known, _)| known.members == read.members);
        state.known = Some((read.clone(), began));
        if !is_same {
            (state.as_of, state.sockets) = live.open_sockets_of(&read.members);
        }
        read
    }

    /// Queues frames for the members' sockets, each socket once.
    pub fn deliver(&self, live: &Live, chat_id: ChatId, frames: &[Frame], except: Option<UserId>) {
        let runs = runs(chat_id, frames);
        let mut origins: HashSet<SocketId> = frames.iter().filter_map(|frame| Some(frame.ack.as_ref()?.0)).collect();
        let mut state = lock(&self.0);
        state.add_opened(live);
        state.sockets.retain(|socket| {
            if except == Some(socket.actor.user_id) {
                return true;
            }
            if origins.remove(&socket.id) {
                return socket.outbound.push(own(socket.id, chat_id, frames));
            }
            socket.outbound.push(runs.iter().cloned())
        });
        drop(state);
        // The ack also goes to a socket whose user has left in the meantime.
        let is_unsent = |frame: &&Frame| frame.ack.as_ref().is_some_and(|(id, _)| origins.contains(id));
        live.acknowledge(frames.iter().filter(is_unsent));
    }

    /// Notifies the members' sockets that changes may be missing.
    pub fn resync(&self, live: &Live) {
        let mut state = lock(&self.0);
        state.add_opened(live);
        state.sockets.iter().for_each(|socket| socket.outbound.resync());
    }
}

impl State {
    /// Adds the members' sockets that were opened since the last delivery.
    fn add_opened(&mut self, live: &Live) {
        let Some((audience, _)) = &self.known else { return };
        match live.opened_since(self.as_of) {
            Some(opened) => {
                self.as_of += opened.len() as u64;
                self.sockets.extend(opened.into_iter().filter(|one| audience.members.contains(&one.actor.user_id)));
            }
            None => (self.as_of, self.sockets) = live.open_sockets_of(&audience.members),
        }
    }
}

/// The frames back to back, so that a queue holds few parts.
fn runs(chat_id: ChatId, frames: &[Frame]) -> Vec<Queued> {
    let mut runs: Vec<(Keep, Vec<&Bytes>, usize)> = Vec::new();
    for frame in frames {
        match runs.last_mut() {
            Some((keep, run, bytes)) if *keep == frame.keep && *bytes + frame.bytes.len() <= RUN_BYTES => {
                run.push(&frame.bytes);
                *bytes += frame.bytes.len();
            }
            _ => runs.push((frame.keep, vec![&frame.bytes], frame.bytes.len())),
        }
    }
    let joined = |run: &[&Bytes], length| match run {
        [only] => (*only).clone(),
        _ => {
            let mut joined = BytesMut::with_capacity(length);
            run.iter().for_each(|bytes| joined.extend_from_slice(bytes));
            joined.freeze()
        }
    };
    runs.iter()
        .map(|(keep, run, length)| Queued { bytes: joined(run, *length), keep: *keep, chat: Some(chat_id) })
        .collect()
}

/// The frames for a socket that requested some of the changes: the acks in their places.
fn own(id: SocketId, chat_id: ChatId, frames: &[Frame]) -> impl Iterator<Item = Queued> {
    frames.iter().map(move |frame| match &frame.ack {
        Some((origin, ack)) if *origin == id => Queued::reply(ack.clone()),
        _ => Queued::of(frame, Some(chat_id)),
    })
}
