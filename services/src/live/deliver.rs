//! The way from published frames to the sockets of this node.

use super::{
    Live,
    channel::{Audience, Channel},
    outbound::Queued,
    published::{Frame, Keep, Origin, Published, To, encode},
};
use crate::{Mutant, Node, Result, chat::queries, infra::database, profiles};
use protocol::{
    chat::{ChatSummary, Message},
    frames::ServerFrame,
    ids::{ChatId, UserId},
    profiles::User,
};
use std::{collections::BTreeSet, sync::Arc, time::Instant};

/// Delivers the frames of a commit or of an event. Each socket gets them with one push and one wake.
pub async fn deliver(node: &Node, published: Published) {
    let Published { to, frames, mine, departed } = published;
    let (chat_id, members_seq, except) = match to {
        To::Users(users) => return node.live.send(&users, &frames),
        To::Members { chat_id, members_seq, except } => (chat_id, members_seq, except),
    };
    if frames.is_empty() && departed.is_empty() {
        return send_summaries(node, chat_id, &mine).await;
    }
    let channel = node.live.channel(chat_id);
    // The members are read before `removed` is sent: newer members do not include the departed, so no frame of the chat
    // follows their `removed`.
    let is_known = knows(node, chat_id, &channel, members_seq).await;
    for (user, mine) in departed {
        node.live.remove(user, chat_id, mine);
    }
    send_summaries(node, chat_id, &mine).await;
    if is_known {
        channel.deliver(&node.live, chat_id, &frames, except);
    } else {
        // Older members must not be used for anything that follows.
        channel.expire();
        node.live.acknowledge(&frames);
    }
}

/// Whether the channel has the members as of `members_seq` or later. It has not when the node has no sockets, or the
/// database is unavailable: then the sockets of the members last known get a `resync`.
async fn knows(node: &Node, chat_id: ChatId, channel: &Channel, members_seq: u64) -> bool {
    if node.live.count() == 0 {
        return false;
    }
    let members_seq = if node.is(Mutant::StaleMembers) { 0 } else { members_seq };
    channel.audience(members_seq).is_some() || matches!(read_audience(node, chat_id, channel).await, Ok(Some(_)))
}

/// The members of a chat, read at most a second ago, or changed by this node since; none if the chat does not exist. For
/// events that are not stored.
///
/// # Errors
/// `unavailable` if they are not known and the database does not respond.
pub async fn recent_audience(node: &Node, chat_id: ChatId) -> Result<Option<Arc<Audience>>> {
    let known = node.live.channels.get(&chat_id);
    if let Some(recent) = known.as_ref().and_then(|channel| channel.recent_audience()) {
        return Ok(Some(recent));
    }
    match known {
        Some(channel) => read_audience(node, chat_id, &channel).await,
        // A chat without a channel may not exist: anybody can send any id.
        None => {
            let channel = Arc::new(Channel::default());
            let read = read_audience(node, chat_id, &channel).await?;
            if read.is_some() {
                node.live.adopt(chat_id, channel);
            }
            Ok(read)
        }
    }
}

/// Reads the members of a chat into its channel; none if the chat does not exist.
async fn read_audience(node: &Node, chat_id: ChatId, channel: &Channel) -> Result<Option<Arc<Audience>>> {
    if let Some(known) = channel.audience(0).filter(|_| node.is(Mutant::StaleMembers)) {
        return Ok(Some(known));
    }
    let began = Instant::now();
    match database::within(queries::audience(&node.db, chat_id)).await {
        Ok(Some(read)) => Ok(Some(channel.set_audience(&node.live, read, began))),
        Ok(None) => {
            channel.empty(began);
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(cause = %error, chat.id = %chat_id, "members could not be read; sockets resync");
            channel.resync(&node.live);
            Err(error)
        }
    }
}

/// Notifies the sockets of a chat's members, as of `members_seq` or later, that changes may be missing. If they cannot be
/// read, the members last known are notified; other members find the changes with the next `heads`.
pub async fn resync(node: &Node, chat_id: ChatId, members_seq: u64) {
    let channel = node.live.channel(chat_id);
    knows(node, chat_id, &channel, members_seq).await;
    channel.resync(&node.live);
}

impl Live {
    /// Sends frames to all sockets of some users.
    pub(crate) fn send(&self, users: &[UserId], frames: &[Frame]) {
        for socket in users.iter().flat_map(|user| self.sockets_of(*user)) {
            socket.outbound.push(frames.iter().map(|frame| Queued::of(frame, None)));
        }
    }

    /// Sends a socket the response to its frame.
    pub(crate) fn reply(&self, origin: Origin, frame: &ServerFrame) {
        if let Some(socket) = self.by_id.get(&origin.socket) {
            socket.outbound.reply(encode(origin.reference, frame));
        }
    }

    /// Sends only the acks among some frames.
    pub(super) fn acknowledge<'a>(&self, frames: impl IntoIterator<Item = &'a Frame>) {
        for (id, ack) in frames.into_iter().filter_map(|frame| frame.ack.as_ref()) {
            if let Some(socket) = self.by_id.get(id) {
                socket.outbound.reply(ack.clone());
            }
        }
    }

    /// Drops the queued frames of a chat for a departed member, and sends `removed`.
    fn remove(&self, user: UserId, chat_id: ChatId, mine: u64) {
        let removed = Frame::new(Keep::Always, &ServerFrame::Removed { chat_id, mine });
        for socket in self.sockets_of(user) {
            socket.outbound.drop_chat(chat_id);
            socket.outbound.push([Queued::of(&removed, None)]);
        }
    }

    /// The members of a chat may have changed without a newer `members_seq`: a block, for example.
    pub(crate) fn expire_audience(&self, chat_id: ChatId) {
        if let Some(channel) = self.channels.get(&chat_id) {
            channel.expire();
        }
    }
}

/// Sends users their own summary of a chat, if they are connected to this node.
async fn send_summaries(node: &Node, chat_id: ChatId, users: &[UserId]) {
    let connected = node.live.connected(users);
    if connected.is_empty() {
        return;
    }
    match database::within(summaries(node, chat_id, &connected)).await {
        Ok((rows, users)) => {
            for (user, chat) in rows {
                let frame = ServerFrame::Mine { mine: chat.my_seq, chat, users: users.clone() };
                node.live.send(&[user], &[Frame::new(Keep::Always, &frame)]);
            }
        }
        Err(error) => tracing::warn!(cause = %error, "`mine` frames were not sent; the next heads repairs it"),
    }
}

/// The summaries of some users, and the users in their last messages: a list shows the sender by name.
async fn summaries(node: &Node, chat_id: ChatId, users: &[UserId]) -> Result<(Vec<(UserId, ChatSummary)>, Vec<User>)> {
    let rows = queries::summaries_of(&node.db, users, chat_id).await?;
    let last_messages = rows.iter().filter_map(|(_, chat)| chat.last_message.as_ref());
    let named: BTreeSet<UserId> = last_messages.flat_map(Message::people).collect();
    let named: Vec<UserId> = named.into_iter().collect();
    Ok((rows, profiles::queries::users(&node.db, &named).await?))
}
