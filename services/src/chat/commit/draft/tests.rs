//! Permissions for changes of a chat, as tables. An accepted change takes dense numbers; a refused change has no
//! effect.

use super::*;
use protocol::error::ErrorCode::{self, Conflict, Forbidden, InvalidInput, NotFound, Unavailable};
use protocol::text::Title;
use uuid::Uuid;

const fn person(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

const OWNER: UserId = person(1);
const ADMIN: UserId = person(2);
/// The author of message 1.
const AUTHOR: UserId = person(3);
const REMOVED: UserId = person(4);
const STRANGER: UserId = person(5);
const OTHER_ADMIN: UserId = person(6);
const OTHER_MEMBER: UserId = person(7);
/// Has blocked every user who could add them.
const SHY: UserId = person(8);

const CHAT: ChatId = ChatId(Uuid::from_u128(100));
const SEQ: u64 = 40;

fn user(id: UserId) -> User {
    User {
        id,
        username: id.to_string(),
        display_name: String::new(),
        bio: String::new(),
        avatar_url: None,
        online: None,
        last_seen_at: None,
    }
}

fn member(user_id: UserId, role: Option<Role>) -> queries::MemberRow {
    let (joined_at, removed) = (Timestamp(0), user_id == REMOVED);
    queries::MemberRow { user_id, role, joined_at, read_no: 0, removed, blocked: false, seq: 1 }
}

/// Message 1 is the author's, 2 reports an event, 3 is deleted, 4 the author forwarded.
fn message(no: u64) -> Message {
    let mut message = Message { text: "words".into(), ..chat::empty_message(CHAT, (no, no), AUTHOR) };
    message.client_id = ClientId(Uuid::from_u128(no.into()));
    match no {
        2 => message.event = Some(ChatEvent::MemberLeft { actor_id: AUTHOR }),
        _ => message.kind = MessageKind::Text,
    }
    message.deleted = no == 3;
    message.forwarded_from = (no == 4).then_some(ForwardedFrom { user_id: Some(OWNER), name: None });
    message
}

/// A chat of six members and four messages.
fn draft(kind: ChatKind) -> Draft {
    let people = [OWNER, ADMIN, AUTHOR, REMOVED, OTHER_ADMIN, OTHER_MEMBER];
    let role = |id| match id {
        _ if kind != ChatKind::Group => None,
        OWNER => Some(Role::Owner),
        ADMIN | OTHER_ADMIN => Some(Role::Admin),
        _ => Some(Role::Member),
    };
    let messages: Vec<Message> = (1..=4).map(message).collect();
    Draft {
        chat_id: CHAT,
        now: Timestamp(9),
        row: queries::ChatRow {
            kind,
            title: Some("Title".into()),
            description: String::new(),
            avatar_url: None,
            member_count: 5,
            last_no: 4,
            seq: SEQ,
            row_seq: 1,
            members_seq: 1,
            active_at: Timestamp(0),
        },
        members: people.map(|id| (id, member(id, role(id)))).into(),
        members_changed: BTreeSet::new(),
        posted_up_to: BTreeMap::new(),
        users: people.into_iter().chain([STRANGER, SHY]).map(|id| (id, user(id))).collect(),
        stored: HashMap::from([((AUTHOR, message(1).client_id), message(1))]),
        rows: messages.into_iter().map(|message| (message.no, message)).collect(),
        written: BTreeSet::new(),
        has_new_texts: false,
        reacted: BTreeSet::new(),
        reactions_changed: BTreeMap::new(),
        called: HashMap::new(),
        blocks: people.map(|id| (SHY, id)).into(),
        frames: Vec::new(),
        joined: BTreeSet::new(),
        departed: BTreeSet::new(),
    }
}

fn post(client_id: ClientId) -> Change {
    let text = MessageText::parse("new");
    Change::Post { client_id, text, mentions: Vec::new(), reply_to: None, forwarded_from: None }
}

fn edit(no: u64) -> Change {
    Change::Edit { no, text: MessageText::parse("other words").unwrap(), mentions: Vec::new(), base_seq: None }
}

fn react(no: u64, how: Reacting) -> Change {
    Change::React { no, emoji: "👍".into(), how }
}

fn rename() -> Change {
    Change::UpdateGroup { title: Some(Title::parse("New").unwrap()), description: None }
}

fn seq_of(frame: &ServerFrame) -> u64 {
    match frame {
        ServerFrame::Message { seq, .. } | ServerFrame::Chat { seq, .. } | ServerFrame::Member { seq, .. } => *seq,
        other => panic!("not a change of a chat: {other:?}"),
    }
}

/// Applies a change, checks the numbers that it took, and returns the code of its refusal.
fn refusal(draft: &mut Draft, actor: UserId, change: Change) -> Option<ErrorCode> {
    let outcome = draft.apply(&Item::of(actor, change, None).0);
    let taken: Vec<u64> = draft.frames.iter().map(|(frame, _)| seq_of(frame)).collect();
    let dense: Vec<u64> = (SEQ + 1..=draft.row.seq).collect();
    assert_eq!(taken, dense);
    if outcome.is_err() {
        let untouched = draft.members_changed.is_empty() && draft.written.is_empty();
        assert!(taken.is_empty() && untouched, "a refusal leaves no trace");
        assert_eq!((draft.row.last_no, draft.row.member_count), (4, 5));
    }
    outcome.err().map(|rejection| rejection.code())
}

#[test]
fn permissions_in_a_group() {
    const YES: Option<ErrorCode> = None;
    const NO: Option<ErrorCode> = Some(Forbidden);
    let fresh = || ClientId(Uuid::from_u128(999));
    let give = Reacting::Give;
    // (change, its outcome for the owner, an admin and the author)
    for (name, change, outcomes) in [
        ("post", post(fresh()), [YES, YES, YES]),
        ("edit the author's", edit(1), [NO, NO, YES]),
        ("edit an event", edit(2), [NO, NO, NO]),
        ("edit a deleted one", edit(3), [NO, NO, Some(Conflict)]),
        ("edit a forwarded one", edit(4), [NO, NO, NO]),
        ("edit nothing", edit(9), [Some(NotFound); 3]),
        ("delete the author's", Change::Delete { no: 1 }, [YES, YES, YES]),
        ("delete an event", Change::Delete { no: 2 }, [NO, NO, NO]),
        ("delete nothing", Change::Delete { no: 9 }, [Some(NotFound); 3]),
        ("react", react(1, give), [YES, YES, YES]),
        ("react to an event", react(2, give), [NO, NO, NO]),
        ("react to a deleted one", react(3, give), [Some(Conflict); 3]),
        ("take back nothing", react(1, Reacting::TakeBack), [YES, YES, YES]),
        ("add a stranger", Change::AddMember(STRANGER), [YES, YES, NO]),
        ("add a removed member", Change::AddMember(REMOVED), [YES, YES, NO]),
        ("add a member again", Change::AddMember(OTHER_MEMBER), [YES, YES, NO]),
        ("add somebody who blocks", Change::AddMember(SHY), [Some(InvalidInput), Some(InvalidInput), NO]),
        ("add nobody", Change::AddMember(person(99)), [Some(InvalidInput), Some(InvalidInput), NO]),
        ("remove a member", Change::RemoveMember(OTHER_MEMBER), [YES, YES, NO]),
        ("remove an admin", Change::RemoveMember(OTHER_ADMIN), [YES, NO, NO]),
        ("remove the owner", Change::RemoveMember(OWNER), [Some(Conflict), NO, NO]),
        ("remove the removed", Change::RemoveMember(REMOVED), [Some(NotFound); 3]),
        ("promote", Change::ChangeRole { user_id: OTHER_MEMBER, role: Role::Admin }, [YES, NO, NO]),
        ("hand over", Change::ChangeRole { user_id: OTHER_MEMBER, role: Role::Owner }, [YES, NO, NO]),
        ("promote a stranger", Change::ChangeRole { user_id: STRANGER, role: Role::Admin }, [Some(NotFound), NO, NO]),
        (
            "change the owner's role",
            Change::ChangeRole { user_id: OWNER, role: Role::Member },
            [Some(Conflict), NO, NO],
        ),
        ("rename", rename(), [YES, YES, NO]),
    ] {
        for (actor, expected) in [OWNER, ADMIN, AUTHOR].into_iter().zip(outcomes) {
            let code = refusal(&mut draft(ChatKind::Group), actor, change.clone());
            assert_eq!(code, expected, "{actor} may {name}?");
        }
        for outsider in [REMOVED, STRANGER] {
            let code = refusal(&mut draft(ChatKind::Group), outsider, change.clone());
            assert_eq!(code, Some(NotFound), "{outsider} may {name}?");
        }
    }
    for (leaver, expected) in [(OWNER, Some(Conflict)), (ADMIN, YES), (AUTHOR, YES)] {
        let code = refusal(&mut draft(ChatKind::Group), leaver, Change::RemoveMember(leaver));
        assert_eq!(code, expected, "{leaver} may leave?");
    }
}

#[test]
fn permissions_by_kind_of_chat_and_for_a_blocked_user() {
    let newer = ChatKind::named("orbit");
    let again = || post(message(1).client_id);
    // (change, its outcome in a direct chat, for a user blocked there, in the notes, in a chat of a newer version)
    for (name, change, [direct, blocked, saved, unknown]) in [
        ("post", post(ClientId(Uuid::from_u128(999))), [None, Some(Forbidden), None, Some(Unavailable)]),
        ("post again", again(), [None, None, None, None]),
        ("edit", edit(1), [None, Some(Forbidden), None, Some(Unavailable)]),
        ("delete", Change::Delete { no: 1 }, [None, None, None, Some(Unavailable)]),
        ("react", react(1, Reacting::Give), [None, Some(Forbidden), None, Some(Unavailable)]),
        ("take back", react(1, Reacting::TakeBack), [None, None, None, Some(Unavailable)]),
        ("add", Change::AddMember(STRANGER), [Some(Forbidden), Some(Forbidden), Some(Forbidden), Some(Unavailable)]),
        ("leave", Change::RemoveMember(AUTHOR), [Some(Forbidden), Some(Forbidden), Some(Forbidden), Some(Unavailable)]),
        ("rename", rename(), [Some(Forbidden), Some(Forbidden), Some(Forbidden), Some(Unavailable)]),
    ] {
        for (kind, is_blocked, expected) in [
            (ChatKind::Direct, false, direct),
            (ChatKind::Direct, true, blocked),
            (ChatKind::Saved, false, saved),
            (newer, false, unknown),
        ] {
            let mut draft = draft(kind);
            if let Some(author) = draft.members.get_mut(&AUTHOR) {
                author.blocked = is_blocked;
            }
            let code = refusal(&mut draft, AUTHOR, change.clone());
            assert_eq!(code, expected, "{name} in {kind:?}, blocked: {is_blocked}");
        }
    }
}

#[test]
fn a_repeated_send_returns_the_stored_message() {
    let mut draft = draft(ChatKind::Group);
    let client_id = message(1).client_id;
    let stored = draft.stored.get(&(AUTHOR, client_id)).cloned();
    let outcome = draft.apply(&Item::of(AUTHOR, post(client_id), None).0).unwrap();
    let Outcome::Message { message, new: false } = outcome else { panic!("{outcome:?}") };
    assert_eq!((Some(message), draft.frames.len(), draft.row.seq), (stored, 0, SEQ));
    // Another sender with the same `client_id` posts a message of their own.
    let outcome = draft.apply(&Item::of(OWNER, post(client_id), None).0).unwrap();
    assert!(matches!(outcome, Outcome::Message { new: true, .. }));
}
