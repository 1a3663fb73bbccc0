//! Decisions without IO.

use crate::{Rejection, Result};
use protocol::{
    chat::{ChatKind, ChatSummary, Message, MessageKind, Reacted, UpdateOwnState, Window},
    error::Problem,
    groups::Role,
    ids::UserId,
    limits,
    profiles::User,
    time::Timestamp,
};
use std::{fmt::Display, str::FromStr};

/// The number of rows of a page.
///
/// # Errors
/// `invalid_input` for 0 or more than 100.
pub fn limit(asked: Option<u32>) -> Result<u32> {
    match asked {
        None => Ok(limits::HISTORY_DEFAULT),
        Some(limit @ 1..=limits::HISTORY_MAX) => Ok(limit),
        Some(0) => Err(Rejection::field("limit", Problem::TooShort)),
        Some(_) => Err(Rejection::field("limit", Problem::TooLong)),
    }
}

/// The draft to store; none if it contains only white space.
///
/// # Errors
/// `invalid_input` for a draft that is too long or contains NUL, which PostgreSQL's text cannot hold.
pub fn draft(raw: Option<String>) -> Result<Option<String>> {
    let draft = raw.filter(|draft| !draft.trim().is_empty());
    let text = draft.as_deref().unwrap_or_default();
    if text.chars().count() > *limits::DRAFT.end() {
        return Err(Rejection::field("draft", Problem::TooLong));
    }
    if text.contains('\0') {
        return Err(Rejection::field("draft", Problem::Characters));
    }
    Ok(draft)
}

/// Whether every value in an update equals the current value.
#[must_use]
pub fn changes_nothing(update: &UpdateOwnState, now: &ChatSummary) -> bool {
    let UpdateOwnState { muted_until, pinned, archived, draft, marked_unread } = update;
    muted_until.is_none_or(|muted_until| muted_until == now.muted_until)
        && pinned.is_none_or(|pinned| pinned == now.pinned)
        && archived.is_none_or(|archived| archived == now.archived)
        && draft.as_ref().is_none_or(|draft| *draft == now.draft)
        && marked_unread.is_none_or(|marked| marked == now.marked_unread)
}

/// Authors edit their own messages; tombstones and forwarded texts cannot be edited.
///
/// # Errors
/// `forbidden`; `conflict` with the current row if the message is deleted or newer than `base_seq`.
pub fn may_edit(message: &Message, actor: UserId, base_seq: Option<u64>) -> Result<()> {
    if message.kind == MessageKind::System || message.sender_id != actor {
        return Err(Rejection::forbidden("Only the author can edit a message."));
    }
    check_kind(message)?;
    if message.forwarded_from.is_some() {
        return Err(Rejection::forbidden("A forwarded message cannot be edited."));
    }
    if message.deleted || base_seq.is_some_and(|seq| seq != message.seq) {
        let mut conflict = Rejection::conflict("The message was changed in the meantime.");
        conflict.error.current = Some(Box::new(message.clone()));
        return Err(conflict);
    }
    Ok(())
}

/// The chat must be a group, because only groups have members that change.
///
/// # Errors
/// `forbidden`; `unavailable` for a kind that only a newer node knows.
pub fn check_group(kind: &ChatKind) -> Result<()> {
    match kind {
        ChatKind::Group => Ok(()),
        ChatKind::Unknown(_) => Err(Rejection::unavailable()),
        ChatKind::Direct | ChatKind::Saved => Err(Rejection::forbidden("This is possible only in a group.")),
    }
}

/// Only a text message can be copied or rewritten: this version reads only a part of other kinds, and would lose the
/// rest.
///
/// # Errors
/// `unavailable`, because a newer node knows the kind.
pub fn check_kind(message: &Message) -> Result<()> {
    if message.kind == MessageKind::Text { Ok(()) } else { Err(Rejection::unavailable()) }
}

/// Authors delete their own messages, a group's admins any message. System messages cannot be deleted.
///
/// # Errors
/// `forbidden`.
pub fn may_delete(message: &Message, actor: UserId, role: Option<Role>) -> Result<()> {
    let may = message.sender_id == actor || role >= Some(Role::Admin);
    if message.kind != MessageKind::System && may {
        Ok(())
    } else {
        Err(Rejection::forbidden("Only the author and admins can delete a message."))
    }
}

/// Members react to all messages except system messages and tombstones.
///
/// # Errors
/// `forbidden`; `conflict` with the current row for a deleted message; the error of `check_kind`.
pub fn may_react(message: &Message) -> Result<()> {
    if message.kind == MessageKind::System {
        return Err(Rejection::forbidden("System messages cannot have reactions."));
    }
    if message.deleted {
        let mut conflict = Rejection::conflict("The message was deleted.");
        conflict.error.current = Some(Box::new(message.clone()));
        return Err(conflict);
    }
    check_kind(message)
}

/// The canonical form of an emoji (fully qualified, Unicode TR 51).
///
/// # Errors
/// `invalid_input` for a text that is not an emoji.
pub fn emoji(raw: &str) -> Result<String> {
    // Some clients append the emoji variation selector also where the canonical form has none.
    let known = emojis::get(raw).or_else(|| emojis::get(&raw.replace('\u{fe0f}', "")));
    let known = known.ok_or_else(|| Rejection::field("emoji", Problem::Unknown))?;
    Ok(known.as_str().to_owned())
}

/// The first and last `no` of a window, inclusive; the first is greater if the window is empty.
#[must_use]
pub fn bounds(window: Window, last_no: u64, limit: u64) -> (u64, u64) {
    let (first, last) = match window {
        Window::Newest | Window::At(_) => (last_no.saturating_sub(limit - 1), last_no),
        Window::Before(no) => {
            let last = no.saturating_sub(1).min(last_no);
            (last.saturating_sub(limit - 1), last)
        }
        Window::After(no) => (no.saturating_add(1), no.saturating_add(limit)),
        Window::Around(no) => {
            let first = no.clamp(1, last_no.max(1)).saturating_sub(limit / 2).max(1);
            (first, first + limit - 1)
        }
    };
    (first.max(1), last.min(last_no))
}

/// The text bytes of one reply over the socket. With the JSON around the text, a reply stays well below the bound of a
/// socket's queue.
const REPLY_TEXT: usize = 256 * 1024;

/// JSON bytes of an id, and of a user without the bio.
const ID_BYTES: usize = 40;
const PERSON_BYTES: usize = 200;

/// The approximate JSON bytes of a message without its users.
#[must_use]
pub fn message_weight(message: &Message) -> usize {
    message.text.len() + ID_BYTES * message.people().count()
}

#[must_use]
pub fn person_weight(person: &User) -> usize {
    PERSON_BYTES + person.bio.len()
}

/// The approximate JSON bytes of a summary with the users in its last message.
#[must_use]
pub fn summary_weight(chat: &ChatSummary, named: &[User]) -> usize {
    let last = chat.last_message.as_ref().map_or(0, message_weight);
    let own = chat.draft.as_ref().map_or(0, String::len) + chat.chat.description.len();
    last + own + named.iter().map(person_weight).sum::<usize>()
}

/// How many of these texts, given by their sizes, fit into one of `replies` replies to a request; at least one.
#[must_use]
pub fn fitting(texts: impl Iterator<Item = usize>, replies: usize) -> usize {
    let mut sum = 0;
    let fit = |(place, bytes): &(usize, usize)| {
        sum += bytes;
        *place == 0 || sum <= REPLY_TEXT / replies.max(1)
    };
    texts.enumerate().take_while(fit).count()
}

/// The maximum number of rows per chat in a request for the changes of several chats.
#[must_use]
pub fn changes_limit(chats: usize) -> u32 {
    let share = (5 * limits::CHANGES_MAX as usize / chats.max(1)).clamp(10, limits::CHANGES_MAX as usize);
    u32::try_from(share).unwrap_or(limits::CHANGES_MAX)
}

/// The cursor of the page after a row with this time and key.
#[must_use]
pub fn cursor(time: Timestamp, key: impl Display) -> String {
    format!("{}_{key}", time.0)
}

/// # Errors
/// `invalid_input`.
pub fn parse_cursor<K: FromStr>(cursor: &str) -> Result<(Timestamp, K)> {
    let parsed =
        cursor.split_once('_').and_then(|(time, key)| Some((Timestamp(time.parse().ok()?), key.parse().ok()?)));
    parsed.ok_or_else(|| Rejection::field("cursor", Problem::Malformed))
}

/// The cursor of the page after a reaction.
#[must_use]
pub fn reacted_cursor(last: &Reacted) -> String {
    cursor(last.reacted_at, format!("{}_{}", last.user.id, last.emoji))
}

/// The time, the user and the emoji of the last reaction of a page.
///
/// # Errors
/// `invalid_input`.
pub fn parse_reacted_cursor(cursor: &str) -> Result<(Timestamp, UserId, String)> {
    let (at, key): (_, String) = parse_cursor(cursor)?;
    // PostgreSQL's text cannot hold NUL.
    let parsed = key.split_once('_').filter(|(_, emoji)| !emoji.contains('\0'));
    let parsed = parsed.and_then(|(user, emoji)| Some((at, user.parse().ok()?, emoji.to_owned())));
    parsed.ok_or_else(|| Rejection::field("cursor", Problem::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{chat::ChatEvent, error::ErrorCode, ids::ChatId};

    #[test]
    fn windows() {
        for (window, last_no, limit, expected) in [
            (Window::Newest, 100, 50, (51, 100)),
            (Window::Newest, 3, 50, (1, 3)),
            (Window::Newest, 0, 50, (1, 0)),
            (Window::Before(51), 100, 50, (1, 50)),
            (Window::Before(1), 100, 50, (1, 0)),
            (Window::Before(0), 100, 50, (1, 0)),
            (Window::Before(1_000), 100, 50, (51, 100)),
            (Window::After(0), 100, 50, (1, 50)),
            (Window::After(90), 100, 50, (91, 100)),
            (Window::After(100), 100, 50, (101, 100)),
            (Window::After(u64::MAX), 100, 50, (u64::MAX, 100)),
            (Window::Around(50), 100, 20, (40, 59)),
            (Window::Around(1), 100, 20, (1, 20)),
            (Window::Around(100), 100, 20, (90, 100)),
            (Window::Around(999), 100, 20, (90, 100)),
            (Window::Around(5), 0, 20, (1, 0)),
        ] {
            let (first, last) = bounds(window, last_no, limit);
            let empty = expected.0 > expected.1;
            assert!((first, last) == expected || (empty && first > last), "{window:?} of {last_no}: {first}..={last}");
        }
    }

    fn message(kind: MessageKind, deleted: bool) -> Message {
        let mut message = crate::groups::first_message(
            ChatId::fresh(),
            UserId(uuid::Uuid::from_u128(1)),
            ChatEvent::MemberLeft { actor_id: UserId(uuid::Uuid::from_u128(1)) },
            7,
        );
        (message.kind, message.deleted) = (kind, deleted);
        message
    }

    #[test]
    fn authors_edit_and_authors_and_admins_delete() {
        use ErrorCode::{Conflict, Forbidden};
        let (author, other) = (UserId(uuid::Uuid::from_u128(1)), UserId(uuid::Uuid::from_u128(2)));
        let (text, gone, system) = (MessageKind::Text, true, MessageKind::System);
        for (kind, deleted, actor, role, base, edits, deletes) in [
            (text, false, author, None, None, None, None),
            (text, false, author, None, Some(7), None, None),
            (text, false, author, None, Some(6), Some(Conflict), None),
            (text, gone, author, None, None, Some(Conflict), None),
            (text, false, other, None, None, Some(Forbidden), Some(Forbidden)),
            (text, false, other, Some(Role::Member), None, Some(Forbidden), Some(Forbidden)),
            (text, false, other, Some(Role::Admin), None, Some(Forbidden), None),
            (text, gone, other, Some(Role::Owner), None, Some(Forbidden), None),
            (system, false, author, Some(Role::Owner), None, Some(Forbidden), Some(Forbidden)),
        ] {
            let message = message(kind, deleted);
            let code = |result: Result<()>| result.err().map(|rejection| rejection.code());
            assert_eq!(code(may_edit(&message, actor, base)), edits, "{kind:?} {role:?} {base:?}");
            assert_eq!(code(may_delete(&message, actor, role)), deletes, "{kind:?} {role:?}");
        }
    }

    #[test]
    fn replies_are_cut_by_bytes_and_never_empty() {
        for (texts, expected) in [
            (vec![], 0),
            (vec![10; 200], 200),
            (vec![REPLY_TEXT, 1], 1),
            (vec![REPLY_TEXT * 2, 1], 1),
            (vec![REPLY_TEXT / 2; 5], 2),
        ] {
            assert_eq!(fitting(texts.into_iter(), 1), expected);
        }
    }

    #[test]
    fn values_beyond_limits_are_refused_not_cut() {
        assert_eq!(limit(None).unwrap(), 50);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        assert!(limit(Some(0)).is_err() && limit(Some(101)).is_err());
    }
}
