//! Decides whether a history satisfies the guarantees (PROTOCOL section 1), or returns the smallest
//! evidence against it. A pure function: the same history gives the same verdict.

use super::history::{Action, Event, How, Row, What};
use protocol::{
    chat::ChatEvent,
    ids::{ChatId, ClientId, UserId},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A violated guarantee: its name, and the fewest events that show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    pub name: &'static str,
    pub evidence: String,
}

/// All anomalies of a history, each name once per chat.
#[must_use]
pub fn check(events: &[Event]) -> Vec<Anomaly> {
    let run = Run::read(events);
    let mut found = Vec::new();
    for check in [one_name_a_message, readers_agree, sends, real_time, edits, shrinking, leaks, counts, live] {
        check(&run, &mut found);
    }
    let mut named = BTreeSet::new();
    found.retain(|(chat_id, anomaly): &(ChatId, Anomaly)| named.insert((*chat_id, anomaly.name)));
    found.into_iter().map(|(_, anomaly)| anomaly).collect()
}

type Found = Vec<(ChatId, Anomaly)>;

fn report(found: &mut Found, chat_id: ChatId, name: &'static str, evidence: String) {
    found.push((chat_id, Anomaly { name, evidence: format!("chat {chat_id}: {evidence}") }));
}

/// One operation, from start to end.
struct Operation<'a> {
    who: UserId,
    invoked: u64,
    ended: u64,
    action: &'a Action,
    end: End<'a>,
}

#[derive(Clone, Copy, PartialEq)]
enum End<'a> {
    Acknowledged(Option<&'a Row>),
    Refused,
    Unknown,
}

struct Seen<'a> {
    at: u64,
    since: u64,
    who: UserId,
    how: How,
    row: &'a Row,
}

/// A complete read: reader, method, rows.
type Whole<'a> = (UserId, How, &'a [Row]);
/// A message by its sender and `client_id`.
type Name = (ChatId, UserId, ClientId);

/// A history, indexed for the checks.
struct Run<'a> {
    operations: Vec<Operation<'a>>,
    seen: BTreeMap<ChatId, Vec<Seen<'a>>>,
    /// Complete reads at the end: reader, method, rows.
    finals: BTreeMap<ChatId, Vec<Whole<'a>>>,
    marks: Vec<(ChatId, UserId, u64, u32)>,
    members: HashMap<ChatId, &'a [UserId]>,
    calm: Option<Calm<'a>>,
}

/// A time without faults in which some members sent to a chat.
struct Calm<'a> {
    chat_id: ChatId,
    members: &'a [UserId],
    from: u64,
    to: u64,
}

impl<'a> Run<'a> {
    fn read(events: &'a [Event]) -> Self {
        let mut begun: HashMap<u64, (UserId, u64, &Action)> = HashMap::new();
        let mut run = Self {
            operations: vec![],
            seen: BTreeMap::new(),
            finals: BTreeMap::new(),
            marks: vec![],
            members: HashMap::new(),
            calm: None,
        };
        for event in events {
            if let What::Chat { chat_id, members } = &event.what {
                run.members.insert(*chat_id, members);
            }
            if let What::Calm { chat_id, members, since } = &event.what {
                run.calm = Some(Calm { chat_id: *chat_id, members, from: *since, to: event.at });
            }
            let Some(who) = event.who else { continue };
            let mut end = |op: &u64, end| {
                if let Some((who, invoked, action)) = begun.remove(op) {
                    run.operations.push(Operation { who, invoked, ended: event.at, action, end });
                }
            };
            match &event.what {
                What::Invoke { op, action } => drop(begun.insert(*op, (who, event.at, action))),
                What::Acknowledged { op, row } => end(op, End::Acknowledged(row.as_ref())),
                What::Refused { op, .. } => end(op, End::Refused),
                What::Unknown { op } => end(op, End::Unknown),
                What::Saw { chat_id, how, since, rows } => {
                    let seen = rows.iter().map(|row| Seen { at: event.at, since: *since, who, how: *how, row });
                    run.seen.entry(*chat_id).or_default().extend(seen);
                }
                What::Final { chat_id, how, rows } => run.finals.entry(*chat_id).or_default().push((who, *how, rows)),
                What::Marks { chat_id, read_no, unread } => run.marks.push((*chat_id, who, *read_no, *unread)),
                What::Chat { .. } | What::Calm { .. } | What::Fault { .. } => {}
            }
        }
        // An operation without an end is unknown.
        let open = begun.into_values();
        run.operations.extend(open.map(|(who, invoked, action)| Operation {
            who,
            invoked,
            ended: u64::MAX,
            action,
            end: End::Unknown,
        }));
        run.operations.sort_by_key(|operation| operation.invoked);
        run
    }

    /// The history of a chat according to the first complete read.
    fn rows(&self, chat_id: ChatId) -> &'a [Row] {
        let finals = self.finals.get(&chat_id).into_iter().flatten();
        finals.filter(|(_, how, _)| *how != How::Live).map(|(.., rows)| *rows).next().unwrap_or_default()
    }

    /// All rows of a chat that anybody ever saw, acknowledged ones included.
    fn all_rows(&self, chat_id: ChatId) -> impl Iterator<Item = &Row> {
        let seen = self.seen.get(&chat_id).into_iter().flatten().map(|seen| seen.row);
        let finals = self.finals.get(&chat_id).into_iter().flatten().flat_map(|(.., rows)| rows.iter());
        let acknowledged = self.operations.iter().filter_map(move |operation| match operation.end {
            End::Acknowledged(Some(row)) if operation.action.chat_id() == chat_id => Some(row),
            _ => None,
        });
        seen.chain(finals).chain(acknowledged)
    }

    fn chats(&self) -> impl Iterator<Item = ChatId> {
        self.finals.keys().copied()
    }
}

impl Action {
    #[must_use]
    pub fn chat_id(&self) -> ChatId {
        match self {
            Self::Send { chat_id, .. }
            | Self::Edit { chat_id, .. }
            | Self::Delete { chat_id, .. }
            | Self::Read { chat_id, .. }
            | Self::Add { chat_id, .. }
            | Self::Remove { chat_id, .. } => *chat_id,
        }
    }
}

/// A `no` identifies one message, and a `seq` one row version, for all readers at all times.
fn one_name_a_message(run: &Run<'_>, found: &mut Found) {
    for chat_id in run.chats() {
        let mut by_no: HashMap<u64, (UserId, ClientId)> = HashMap::new();
        let mut by_seq: HashMap<u64, &Row> = HashMap::new();
        for row in run.all_rows(chat_id) {
            let name = (row.sender_id, row.client_id);
            let known = *by_no.entry(row.no).or_insert(name);
            if known != name {
                report(found, chat_id, "one number, two messages", format!("{known:?} and {row:?}"));
            }
            let known = *by_seq.entry(row.seq).or_insert(row);
            if known != row {
                report(found, chat_id, "one change, two rows", format!("{known:?} and {row:?}"));
            }
        }
    }
}

/// Every member reads the same complete, ordered history by every method.
fn readers_agree(run: &Run<'_>, found: &mut Found) {
    for (chat_id, finals) in &run.finals {
        let expected = run.rows(*chat_id);
        for (who, how, rows) in finals {
            if !rows.is_sorted_by(|one, next| one.no < next.no) {
                report(found, *chat_id, "out of order", format!("{who} by {how:?}"));
            }
            if *how == How::Live {
                let held = |row: &&Row| expected.iter().find(|other| other.no == row.no) != Some(*row);
                if let Some(row) = rows.iter().find(held) {
                    report(found, *chat_id, "stale after catching up", format!("{who} holds {row:?}"));
                }
                let (last, newest) = (rows.last().map(|row| row.no), expected.last().map(|row| row.no));
                if !rows.is_empty() && last != newest {
                    report(found, *chat_id, "a gap after catching up", format!("{who} holds {last:?} of {newest:?}"));
                }
                continue;
            }
            if let Some((place, row)) = rows.iter().enumerate().find(|(place, row)| row.no != *place as u64 + 1) {
                report(found, *chat_id, "a gap", format!("{who} by {how:?}: {row:?} in place {}", place + 1));
            }
            if let Some((one, other)) = rows.iter().zip(expected).find(|(one, other)| one != other) {
                report(found, *chat_id, "readers differ", format!("{who} by {how:?}: {one:?}, others {other:?}"));
            } else if rows.len() != expected.len() {
                let (here, there) = (rows.len(), expected.len());
                report(found, *chat_id, "readers differ", format!("{who} by {how:?}: {here} rows, others {there}"));
            }
        }
    }
}

/// An acknowledged message exists once; a refused or never sent message does not exist.
fn sends(run: &Run<'_>, found: &mut Found) {
    let mut tries: BTreeMap<Name, Vec<&Operation<'_>>> = BTreeMap::new();
    for operation in &run.operations {
        if let Action::Send { chat_id, client_id, .. } = operation.action {
            tries.entry((*chat_id, operation.who, *client_id)).or_default().push(operation);
        }
    }
    for ((chat_id, who, client_id), tries) in &tries {
        let rows = run.rows(*chat_id);
        let stored: Vec<&Row> =
            rows.iter().filter(|row| (row.sender_id, row.client_id) == (*who, *client_id)).collect();
        let acknowledged = tries.iter().find_map(|operation| match operation.end {
            End::Acknowledged(Some(row)) => Some(row),
            _ => None,
        });
        if let (Some(row), true) = (acknowledged, stored.is_empty()) {
            report(found, *chat_id, "lost", format!("acknowledged {row:?}"));
        }
        let places: BTreeSet<u64> = run
            .all_rows(*chat_id)
            .filter(|row| (row.sender_id, row.client_id) == (*who, *client_id))
            .map(|row| row.no)
            .collect();
        if places.len() > 1 {
            report(found, *chat_id, "doubled", format!("{client_id} of {who} is {places:?}"));
        }
        if let (Some(row), true) = (stored.first(), tries.iter().all(|operation| operation.end == End::Refused)) {
            report(found, *chat_id, "refused but visible", format!("{row:?}"));
        }
    }
    // Every text is sent once, so two messages with the same text are one send stored twice.
    for chat_id in run.chats() {
        let mut by_text: HashMap<&str, &Row> = HashMap::new();
        for row in run.rows(chat_id).iter().filter(|row| row.event.is_none()) {
            if !tries.contains_key(&(chat_id, row.sender_id, row.client_id)) {
                report(found, chat_id, "phantom", format!("nobody sent {row:?}"));
            }
            if !row.deleted
                && let Some(other) = by_text.insert(&row.text, row)
            {
                report(found, chat_id, "doubled", format!("{other:?} and {row:?}"));
            }
        }
    }
}

/// A send that began after the ack of another has a greater `no`.
fn real_time(run: &Run<'_>, found: &mut Found) {
    let mut by_chat: BTreeMap<ChatId, Vec<(&Operation<'_>, &Row)>> = BTreeMap::new();
    let mut first_tries = BTreeSet::new();
    for operation in &run.operations {
        let Action::Send { chat_id, client_id, .. } = operation.action else { continue };
        // Only the first attempt has the time at which the message began.
        if first_tries.insert((*chat_id, operation.who, *client_id))
            && let End::Acknowledged(Some(row)) = operation.end
        {
            by_chat.entry(*chat_id).or_default().push((operation, row));
        }
    }
    for (chat_id, sends) in by_chat {
        // Acknowledged sends in the order of their acks, with the greatest `no` so far.
        let mut ended: Vec<(u64, &Row)> = sends.iter().map(|(operation, row)| (operation.ended, *row)).collect();
        ended.sort_by_key(|(at, _)| *at);
        let mut greatest: Vec<(u64, &Row)> = Vec::with_capacity(ended.len());
        for (at, row) in ended {
            let most = greatest.last().map_or(row, |(_, most)| if most.no > row.no { most } else { row });
            greatest.push((at, most));
        }
        for (operation, row) in sends {
            let before = greatest.partition_point(|(at, _)| *at < operation.invoked);
            let earlier = before.checked_sub(1).and_then(|place| greatest.get(place));
            if let Some((at, earlier)) = earlier.filter(|(_, earlier)| earlier.no > row.no) {
                let evidence = format!("{earlier:?} was acknowledged at {at}, {row:?} began at {}", operation.invoked);
                report(found, chat_id, "an order against time", evidence);
            }
        }
    }
}

/// An acknowledged edit remains until a later change; a deleted text never reappears.
fn edits(run: &Run<'_>, found: &mut Found) {
    for operation in &run.operations {
        let (chat_id, no) = match operation.action {
            Action::Edit { chat_id, no, .. } | Action::Delete { chat_id, no } => (*chat_id, *no),
            _ => continue,
        };
        let End::Acknowledged(Some(row)) = operation.end else { continue };
        let last = run.rows(chat_id).iter().find(|last| last.no == no);
        if last.is_none_or(|last| last.seq < row.seq || (last.seq == row.seq && last != row)) {
            report(found, chat_id, "a change lost", format!("acknowledged {row:?}, stored {last:?}"));
        }
        let deletes = matches!(operation.action, Action::Delete { .. });
        for seen in run.seen.get(&chat_id).into_iter().flatten().filter(|seen| seen.row.no == no) {
            // A page requested after the ack, or a newer version of the row.
            let later = seen.row.seq > row.seq || (seen.how != How::Frame && seen.since > operation.ended);
            if later && deletes && !seen.row.deleted {
                report(found, chat_id, "deleted text shown again", format!("{:?} after {row:?}", seen.row));
            }
            if seen.how != How::Frame && seen.since > operation.ended && seen.row.seq < row.seq {
                report(found, chat_id, "a stale page", format!("{:?} after {row:?}", seen.row));
            }
        }
    }
}

/// Monotonic reads: every newest page that a reader requests later ends at the same `no` or a greater one.
fn shrinking(run: &Run<'_>, found: &mut Found) {
    for (chat_id, seen) in &run.seen {
        let mut known: HashMap<UserId, Vec<(u64, u64)>> = HashMap::new();
        let mut pages: BTreeMap<(UserId, u64, u64), u64> = BTreeMap::new();
        for seen in seen {
            if seen.how == How::Newest {
                let last = pages.entry((seen.who, seen.since, seen.at)).or_default();
                *last = seen.row.no.max(*last);
            }
            let marks = known.entry(seen.who).or_default();
            if marks.last().is_none_or(|(_, no)| *no < seen.row.no) {
                marks.push((seen.at, seen.row.no));
            }
        }
        for ((who, since, _), last) in pages {
            let marks = known.get(&who).map_or(&[][..], Vec::as_slice);
            let before = marks.partition_point(|(at, _)| *at < since);
            let most = before.checked_sub(1).and_then(|place| marks.get(place));
            if let Some((at, no)) = most.filter(|(_, no)| *no > last) {
                let evidence = format!("{who} saw {no} at {at}, but a page requested at {since} ends at {last}");
                report(found, *chat_id, "a history that shrinks", evidence);
            }
        }
    }
}

/// A user sees no row written after the user's removal and before the start of the next addition.
fn leaks(run: &Run<'_>, found: &mut Found) {
    for (chat_id, seen) in &run.seen {
        let rows = run.rows(*chat_id);
        let mut memberships: HashMap<UserId, Membership> = HashMap::new();
        for seen in seen {
            let membership = memberships.entry(seen.who).or_insert_with(|| run.membership(*chat_id, seen.who, rows));
            if !membership.allows(seen.row.seq, seen.at) {
                let evidence = format!("{} saw {:?} by {:?} at {}", seen.who, seen.row, seen.how, seen.at);
                report(found, *chat_id, "a leak", evidence);
            }
        }
    }
}

/// The membership of one user in one chat over time.
struct Membership {
    from_the_beginning: bool,
    /// The `seq` of each addition and removal.
    moves: Vec<(u64, bool)>,
    /// When an addition began.
    additions: Vec<u64>,
}

impl Membership {
    /// Whether the user may see change `seq` at a time.
    fn allows(&self, seq: u64, at: u64) -> bool {
        let before = self.moves.iter().take_while(|(moved, _)| *moved <= seq);
        let (mut is_in, mut added) = (self.from_the_beginning, 0);
        for (_, came) in before {
            is_in = *came;
            added += usize::from(*came);
        }
        is_in || self.additions.iter().filter(|begun| **begun < at).count() > added
    }
}

impl Run<'_> {
    fn membership(&self, chat_id: ChatId, who: UserId, rows: &[Row]) -> Membership {
        let moved = |row: &Row| match &row.event {
            Some(ChatEvent::MemberAdded { user_id, .. }) if *user_id == who => Some((row.seq, true)),
            Some(ChatEvent::MemberRemoved { user_id, .. }) if *user_id == who => Some((row.seq, false)),
            Some(ChatEvent::MemberLeft { actor_id }) if *actor_id == who => Some((row.seq, false)),
            _ => None,
        };
        let adds = |operation: &&Operation<'_>| matches!(operation.action, Action::Add { chat_id: of, user_id } if *of == chat_id && *user_id == who);
        Membership {
            from_the_beginning: self.members.get(&chat_id).is_some_and(|members| members.contains(&who)),
            moves: rows.iter().filter_map(moved).collect(),
            additions: self.operations.iter().filter(adds).map(|operation| operation.invoked).collect(),
        }
    }
}

/// Unread messages are those of others beyond the reader's read mark.
fn counts(run: &Run<'_>, found: &mut Found) {
    for (chat_id, who, read_no, unread) in &run.marks {
        let rows = run.rows(*chat_id).iter();
        let expected = rows
            .filter(|row| row.no > *read_no && row.sender_id != *who && row.event.is_none() && !row.deleted)
            .count();
        if expected.min(1_000) != *unread as usize {
            let evidence = format!("{who} has read up to {read_no}: {unread} unread, not {expected}");
            report(found, *chat_id, "a wrong count", evidence);
        }
    }
}

/// Without faults, every message reaches every other member live.
fn live(run: &Run<'_>, found: &mut Found) {
    let Some(Calm { chat_id, members, from, to }) = &run.calm else { return };
    let is_within = |at: u64| *from <= at && at <= *to;
    let frames = run.seen.get(chat_id).into_iter().flatten();
    let arrived: BTreeSet<(UserId, u64)> = frames
        .filter(|seen| seen.how == How::Frame && is_within(seen.at))
        .map(|seen| (seen.who, seen.row.no))
        .collect();
    for operation in run.operations.iter().filter(|operation| is_within(operation.invoked)) {
        let (Action::Send { chat_id: of, .. }, End::Acknowledged(Some(row))) = (operation.action, operation.end) else {
            continue;
        };
        let others = members.iter().filter(|who| *of == *chat_id && **who != operation.who);
        for who in others.filter(|who| !arrived.contains(&(**who, row.no))) {
            report(found, *chat_id, "a frame is missing", format!("{who} did not receive {row:?}"));
        }
    }
}

#[cfg(test)]
mod tests;
