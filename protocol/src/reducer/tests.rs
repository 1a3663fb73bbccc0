mod any_history;
mod outbox;
mod touched;

use super::*;
use crate::{
    chat::{Chat, ChatEvent, ChatKind, MessageKind, Reacted, Reaction},
    frames::Head,
    groups::Role,
    ids::MessageId,
    profiles::LastSeen,
};
use std::collections::BTreeMap;
use uuid::Uuid;

const CHAT: ChatId = ChatId(Uuid::from_u128(1));

fn user(n: u128) -> User {
    User {
        id: UserId(Uuid::from_u128(n)),
        username: format!("user{n}"),
        display_name: format!("User {n}"),
        bio: String::new(),
        avatar_url: None,
        online: None,
        last_seen_at: None,
    }
}

fn me() -> Me {
    Me { user: user(1), email: None, locale: None, theme: None, time_zone: None, last_seen: LastSeen::Everyone }
}

fn message(no: u64, seq: u64, sender: u128) -> Message {
    Message {
        chat_id: CHAT,
        no,
        seq,
        id: MessageId(Uuid::from_u128(u128::from(no))),
        client_id: ClientId(Uuid::from_u128(u128::from(no))),
        sender_id: user(sender).id,
        kind: MessageKind::Text,
        text: format!("text {no} as of {seq}"),
        reply_to: None,
        forwarded_from: None,
        attachments: vec![],
        reactions: vec![],
        mentions: vec![],
        event: None,
        created_at: Timestamp(no as i64),
        edited_at: None,
        deleted: false,
    }
}

#[test]
fn the_list_of_reactions_completes_the_users_of_a_message() {
    let mut state = State::default();
    state.apply_summary(summary(5, 1, 1, 0));
    let reaction = Reaction { emoji: "👍".into(), count: 3, by: vec![user(2).id] };
    state.apply_message(Message { reactions: vec![reaction], ..message(1, 6, 2) });
    let listed = |n| Reacted { emoji: "👍".into(), user: user(n), reacted_at: Timestamp(0) };
    state.apply_reacted(CHAT, 1, vec![listed(2), listed(1), listed(3)]);
    assert_eq!(state.chats[&CHAT].messages[&1].reactions[0].by, [2, 1, 3].map(|n| user(n).id));
    assert!(state.users.contains_key(&user(3).id));
    state.apply_reacted(CHAT, 9, vec![listed(2)]);
    assert!(!state.chats[&CHAT].messages.contains_key(&9), "a list of reactions makes no message");
}

fn summary(seq: u64, last_no: u64, read_no: u64, unread: u32) -> ChatSummary {
    ChatSummary {
        chat: Chat {
            id: CHAT,
            kind: ChatKind::Group,
            title: Some(format!("as of {seq}")),
            description: String::new(),
            avatar_url: None,
            last_no,
            member_count: 2,
            seq,
        },
        peer: None,
        role: Some(Role::Member),
        read_no,
        unread,
        mentions_unread: 0,
        marked_unread: false,
        muted_until: None,
        pinned: false,
        archived: false,
        archived_no: 0,
        draft: None,
        last_message: None,
        read_by_others_no: 0,
        my_seq: 1,
        active_at: Timestamp(0),
    }
}

#[test]
fn a_deleted_mention_is_counted_by_the_server_if_rows_are_missing() {
    let mut state = State { me: Some(me()), mine: 1, ..State::default() };
    let mut counted = summary(4, 103, 3, 100);
    counted.mentions_unread = 1;
    let mentioning = Message { mentions: vec![me().user.id], ..message(103, 4, 2) };
    counted.last_message = Some(mentioning.clone());
    state.apply_summary(counted);
    assert_eq!((state.chats[&CHAT].summary.mentions_unread, state.held().chats[&CHAT]), (1, 4));
    state.apply(frame(Message { deleted: true, mentions: vec![], text: String::new(), seq: 5, ..mentioning }));
    assert_eq!(state.held().chats[&CHAT], 0, "head 0 requests the count");
    let head = Head { seq: 5, last_no: 103, read_no: 3, unread: 99, mentions_unread: 0 };
    state.apply(ServerFrame::Heads(Heads { mine: 1, chats: [(CHAT, head)].into(), gone: vec![] }));
    assert_eq!((state.chats[&CHAT].summary.mentions_unread, state.held().chats[&CHAT]), (0, 5));
}

#[test]
fn values_of_a_newer_version_are_kept_and_counted() {
    let mut state = device();
    let event = ChatEvent::Unknown(serde_json::json!({ "type": "comet_seen", "actor_id": user(2).id }));
    let hologram = Message { kind: MessageKind::named("hologram"), text: String::new(), ..message(4, 5, 2) };
    state.apply(frame(hologram.clone()));
    state.apply(frame(Message { kind: MessageKind::System, event: Some(event.clone()), ..message(5, 6, 2) }));
    let member = Member {
        user: user(1),
        role: Some(Role::named("navigator")),
        joined_at: Timestamp(0),
        read_no: 3,
        removed: false,
        seq: 7,
    };
    state.apply(ServerFrame::Member { chat_id: CHAT, seq: 7, member });
    let row = Chat { kind: ChatKind::named("orbit"), seq: 8, ..summary(8, 5, 3, 0).chat };
    state.apply(ServerFrame::Chat { chat_id: CHAT, seq: 8, chat: row });
    let chat = &state.chats[&CHAT];
    assert_eq!((chat.head, chat.gap(), chat.summary.chat.last_no, chat.summary.unread), (8, None, 5, 1));
    assert_eq!((&*chat.messages[&4], &chat.messages[&5].event), (&hologram, &Some(event)));
    assert_eq!((chat.summary.role, chat.summary.chat.kind), (Some(Role::named("navigator")), ChatKind::named("orbit")));
}

#[test]
fn an_unknown_frame_is_ignored_and_the_changes_of_its_chat_are_read() {
    let mut state = device();
    let unknown = |chat_id, seq| ServerFrame::Unknown { chat_id: Some(chat_id), seq: Some(seq) };
    assert_eq!(state.apply(unknown(CHAT, 4)), Need::Nothing);
    assert_eq!(state.chats[&CHAT].gap(), None, "that change is known");
    state.apply(unknown(CHAT, 5));
    state.apply(ServerFrame::Unknown { chat_id: None, seq: None });
    state.apply(unknown(ChatId(Uuid::from_u128(99)), 1));
    state.apply(frame(message(4, 6, 2)));
    assert_eq!((state.chats[&CHAT].head, state.chats[&CHAT].gap()), (4, Some(4)));
    state.apply_changes(4, changes(vec![message(4, 6, 2)], 6));
    assert_eq!((state.chats[&CHAT].head, state.chats[&CHAT].gap(), state.chats.len()), (6, None, 1));
}

fn frame(message: Message) -> ServerFrame {
    ServerFrame::Message { chat_id: CHAT, seq: message.seq, message }
}

/// A device that holds `CHAT` at change 4, messages 1 to 3, all read.
fn device() -> State {
    let mut state = State { me: Some(me()), mine: 1, ..State::default() };
    state.apply_summary(summary(4, 3, 3, 0));
    state.apply_history(CHAT, history((1..=3).map(|no| message(no, no + 1, 2)).collect(), 4));
    state
}

fn history(items: Vec<Message>, seq: u64) -> History {
    History { last_no: items.last().map_or(0, |m| m.no), items, next: None, replies: vec![], users: vec![], seq }
}

fn changes(messages: Vec<Message>, seq: u64) -> Changes {
    Changes { chat_id: CHAT, messages, members: vec![], chat: None, seq, more: false, users: vec![] }
}

#[test]
fn the_head_moves_only_over_applied_changes() {
    // (the `seq` of each frame in order of arrival, the head, the `after` of the request)
    for (arrivals, head, gap) in [
        (vec![5], 5, None),
        (vec![5, 6, 7], 7, None),
        (vec![6], 4, Some(4)),
        (vec![6, 5], 6, None),
        (vec![7, 5], 5, Some(5)),
        (vec![5, 5, 4, 3], 5, None),
        (vec![8, 7, 6, 5], 8, None),
    ] {
        let mut state = device();
        for seq in &arrivals {
            state.apply(frame(message(seq - 1, *seq, 2)));
        }
        let chat = &state.chats[&CHAT];
        assert_eq!((chat.head, chat.gap()), (head, gap), "{arrivals:?}");
    }
}

#[test]
fn a_page_of_changes_fills_the_gap() {
    let mut state = device();
    state.apply(frame(message(6, 8, 2)));
    // Message 3 was edited as change 7, so no row has its former `seq` 4 any more.
    state.apply_changes(4, changes(vec![message(4, 5, 2), message(5, 6, 2), message(3, 7, 2)], 7));
    let chat = &state.chats[&CHAT];
    assert_eq!((chat.head, chat.gap()), (8, None));
    assert_eq!(chat.messages[&3].text, "text 3 as of 7");
    assert!(chat.known.covers(1, 6));
    assert_eq!(chat.summary.unread, 3);
}

#[test]
fn a_page_that_begins_beyond_the_head_does_not_move_it() {
    let mut state = device();
    state.apply_changes(6, changes(vec![message(6, 7, 2)], 7));
    assert_eq!(state.chats[&CHAT].gap(), Some(4));
}

#[test]
fn an_older_row_never_replaces_a_newer_one() {
    let mut state = device();
    let mut edited = message(2, 5, 2);
    edited.edited_at = Some(Timestamp(9));
    for message in [edited.clone(), message(2, 3, 2), edited.clone()] {
        state.apply(frame(message));
    }
    assert_eq!(*state.chats[&CHAT].messages[&2], edited);

    state.apply(ServerFrame::Chat { chat_id: CHAT, seq: 6, chat: summary(6, 3, 0, 0).chat });
    state.apply_summary(summary(4, 3, 3, 0));
    assert_eq!(state.chats[&CHAT].summary.chat.title.as_deref(), Some("as of 6"));
}

#[test]
fn a_snapshot_beyond_the_head_requests_the_changes_between() {
    let mut state = device();
    state.apply_summary(summary(9, 7, 3, 4));
    let chat = &state.chats[&CHAT];
    assert_eq!(chat.gap(), Some(4), "held rows may have changed since");
    assert_eq!(chat.summary.unread, 4, "counted by the server");
}

#[test]
fn unread_is_counted_from_the_rows_if_all_are_held() {
    let mut deleted = message(5, 6, 2);
    deleted.deleted = true;
    let mut system = message(6, 7, 2);
    system.kind = MessageKind::System;
    system.event = Some(ChatEvent::MemberLeft { actor_id: user(2).id });
    for (arrivals, unread) in [
        (vec![message(4, 5, 2)], 1),
        (vec![message(4, 5, 2), message(5, 6, 2)], 2),
        (vec![message(4, 5, 2), deleted, system], 1),
        (vec![message(4, 5, 2), message(5, 6, 1)], 0),
    ] {
        let mut state = device();
        for message in arrivals {
            state.apply(frame(message));
        }
        assert_eq!(state.chats[&CHAT].summary.unread, unread);
    }
}

#[test]
fn above_the_counting_limit_only_the_server_knows_the_count() {
    let mut state = State { me: Some(me()), ..State::default() };
    state.apply_summary(summary(2_000, 2_000, 100, 1_000));
    let page = history((101..=150).map(|no| message(no, no, 2)).collect(), 2_000);
    state.apply_history(CHAT, History { last_no: 2_000, ..page });
    state.apply_read(CHAT, me().user.id, 150);
    assert_eq!((state.chats[&CHAT].summary.unread, state.held().chats[&CHAT]), (1_000, 0));
    state.apply_read(CHAT, me().user.id, 2_000);
    assert_eq!((state.chats[&CHAT].summary.unread, state.held().chats[&CHAT]), (0, 2_000));
}

#[test]
fn unread_continues_from_the_servers_count_if_rows_are_missing() {
    let mut state = State { me: Some(me()), ..State::default() };
    state.apply_summary(summary(50, 49, 9, 40));
    state.apply(frame(message(50, 51, 2)));
    assert_eq!(state.chats[&CHAT].summary.unread, 41);
    state.apply_read(CHAT, user(1).id, 50);
    assert_eq!(state.chats[&CHAT].summary.unread, 0);
    state.apply_summary(summary(51, 50, 0, 2_000));
    assert_eq!(state.chats[&CHAT].summary.unread, 0, "marks only move forward");
}

fn heads(seq: u64, last_no: u64, read_no: u64, unread: u32) -> ServerFrame {
    let head = Head { seq, last_no, read_no, unread, mentions_unread: 0 };
    ServerFrame::Heads(Heads { mine: 1, chats: [(CHAT, head)].into(), gone: vec![] })
}

/// A device that holds the newest of 49 messages, 40 of them unread.
fn device_with_few_rows() -> State {
    let mut state = State { me: Some(me()), mine: 1, ..State::default() };
    state.apply_summary(summary(50, 49, 9, 40));
    state
}

#[test]
fn a_count_from_heads_is_not_counted_twice() {
    for frame_first in [false, true] {
        let mut state = device_with_few_rows();
        if frame_first {
            state.apply(frame(message(50, 51, 2)));
        }
        state.apply(heads(51, 50, 9, 41));
        assert_eq!(state.chats[&CHAT].summary.unread, 41);
        state.apply_changes(50, changes(vec![message(50, 51, 2)], 51));
        assert_eq!(state.chats[&CHAT].summary.unread, 41);
        state.apply(frame(message(51, 52, 2)));
        state.apply(heads(51, 50, 9, 41));
        assert_eq!(state.chats[&CHAT].summary.unread, 42, "an older count does not include newer messages");
    }
}

#[test]
fn starting_over_keeps_the_servers_count() {
    let mut state = device();
    state.apply(heads(704, 703, 3, 650));
    state.start_over(CHAT, history((654..=703).map(|no| message(no, no + 1, 2)).collect(), 704));
    let chat = &state.chats[&CHAT];
    assert_eq!((chat.summary.unread, chat.head, chat.gap()), (650, 704, None));
}

#[test]
fn freed_messages_stay_counted() {
    let mut state = device();
    for no in 4..=500 {
        state.apply(frame(message(no, no + 1, 2)));
    }
    let reply = Message { reply_to: Some(7), ..message(501, 502, 2) };
    state.apply(frame(reply));
    state.forget_outside(CHAT, &[(40, 60), (451, u64::MAX)]);
    let chat = &state.chats[&CHAT];
    let held: Vec<u64> = chat.messages.keys().copied().collect();
    assert_eq!(held, [7].into_iter().chain(40..=60).chain(451..=501).collect::<Vec<_>>());
    assert_eq!(chat.known.iter().collect::<Vec<_>>(), [(40, 60), (451, 501)]);
    assert_eq!((chat.summary.unread, state.held().chats[&CHAT]), (498, 502));

    state.apply(frame(message(502, 503, 2)));
    let mut deleted = message(450, 504, 2);
    deleted.deleted = true;
    state.apply(frame(deleted));
    assert_eq!(
        (state.chats[&CHAT].summary.unread, state.held().chats[&CHAT]),
        (498, 0),
        "only the server can count a freed message"
    );
    state.apply_read(CHAT, me().user.id, 502);
    assert_eq!(state.chats[&CHAT].summary.unread, 0);
}

#[test]
fn an_older_row_never_replaces_a_freed_message() {
    let freed = || {
        let mut state = device();
        state.apply(frame(Message { deleted: true, ..message(1, 5, 2) }));
        state.forget_outside(CHAT, &[(3, 3)]);
        state
    };
    let mut state = freed();
    state.apply(frame(message(1, 2, 2)));
    assert!(!state.chats[&CHAT].messages.contains_key(&1), "a frame that came late");

    let mut state = freed();
    state.apply_history(CHAT, History { last_no: 3, ..history(vec![message(1, 2, 2), message(2, 3, 2)], 4) });
    assert_eq!(state.chats[&CHAT].gap(), Some(4), "a window that was read before the deletion");
    state.apply_changes(4, changes(vec![Message { deleted: true, ..message(1, 5, 2) }], 5));
    assert!(state.chats[&CHAT].messages[&1].deleted);
}

#[test]
fn nothing_is_freed_while_changes_are_missing() {
    let mut state = device();
    state.apply(frame(message(9, 10, 2)));
    state.forget_outside(CHAT, &[(9, 9)]);
    assert_eq!(state.chats[&CHAT].messages.len(), 4);
}

#[test]
fn a_message_deleted_before_it_is_read_is_no_longer_unread() {
    let mut state = device_with_few_rows();
    let mut deleted = message(30, 51, 2);
    deleted.deleted = true;
    state.apply(frame(deleted));
    assert_eq!(state.chats[&CHAT].summary.unread, 39);
}

#[test]
fn a_read_mark_moved_on_another_device_lowers_the_count() {
    let mut state = device_with_few_rows();
    state.apply_read(CHAT, user(1).id, 40);
    assert_eq!(state.chats[&CHAT].summary.unread, 9, "more cannot be unread");
    state.apply_read(CHAT, user(1).id, 49);
    assert_eq!(state.chats[&CHAT].summary.unread, 0);
}

#[test]
fn a_change_of_a_chat_that_is_not_held_needs_a_hello() {
    let mut state = device();
    let elsewhere = ChatId(Uuid::from_u128(2));
    let stranger = Message { chat_id: elsewhere, ..message(1, 4, 2) };
    assert_eq!(
        state.apply(ServerFrame::Message { chat_id: elsewhere, seq: 4, message: stranger.clone() }),
        Need::Hello
    );
    state.apply(ServerFrame::Removed { chat_id: elsewhere, mine: 2 });
    let late = ServerFrame::Message { chat_id: elsewhere, seq: 4, message: stranger };
    assert_eq!(state.apply(late), Need::Nothing, "the user was removed from this chat");
}

#[test]
fn a_page_that_is_not_the_last_leaves_a_gap() {
    let mut state = device();
    state.apply(frame(message(9, 10, 2)));
    let page = Changes { more: true, ..changes((4..=103).map(|no| message(no, no + 1, 2)).collect(), 104) };
    state.apply_changes(4, page);
    assert_eq!(state.chats[&CHAT].gap(), Some(104));
    state.apply_changes(104, changes(vec![message(104, 105, 2)], 105));
    assert_eq!(state.chats[&CHAT].gap(), None);
}

#[test]
fn an_incomplete_welcome_needs_the_rest() {
    let mut state = device();
    let welcome = |mine, more| Welcome { user: me(), mine, chats: vec![], gone: vec![], more, users: vec![] };
    assert_eq!(state.apply(ServerFrame::Welcome(welcome(7, true))), Need::Rest { mine: 7 });
    assert_eq!(state.mine, 1);
    state.know_all_chats(7);
    assert_eq!(state.apply(ServerFrame::Welcome(welcome(8, false))), Need::Nothing);
    assert_eq!(state.mine, 8);
}

#[test]
fn read_marks_only_move_forward() {
    let mut state = device();
    for (no, expected) in [(2, 2), (3, 3), (1, 3)] {
        state.apply_read(CHAT, user(2).id, no);
        assert_eq!(state.chats[&CHAT].summary.read_by_others_no, expected);
    }
}

#[test]
fn a_removed_chat_is_not_revived_by_an_older_frame() {
    let mut state = device();
    state.apply(ServerFrame::Removed { chat_id: CHAT, mine: 5 });
    let mut old = summary(9, 3, 3, 0);
    old.my_seq = 4;
    state.apply_summary(old.clone());
    assert!(state.chats.is_empty());
    state.apply(frame(message(9, 9, 2)));
    assert!(state.chats.is_empty());
    old.my_seq = 6;
    state.apply_summary(old);
    assert!(state.chats.contains_key(&CHAT), "added again");
    state.apply(ServerFrame::Removed { chat_id: CHAT, mine: 5 });
    assert!(state.chats.contains_key(&CHAT), "the removal is the older one");
}

#[test]
fn stored_rows_catch_up_from_their_seq() {
    let mut state = device();
    state.apply(frame(message(4, 5, 2)));
    assert_eq!((state.chats[&CHAT].head, state.chats[&CHAT].gap()), (5, None));
    state.rewind(CHAT, 3);
    assert_eq!(state.chats[&CHAT].gap(), Some(3));
    state.apply_changes(3, changes(vec![message(2, 4, 2)], 5));
    assert_eq!((state.chats[&CHAT].head, state.chats[&CHAT].gap()), (5, None));
}

#[test]
fn a_missed_change_of_the_own_list_needs_a_hello() {
    let mut state = device();
    let mine = |mine: u64| {
        let mut chat = summary(4, 3, 3, 0);
        chat.my_seq = mine;
        chat.pinned = true;
        ServerFrame::Mine { mine, chat, users: vec![] }
    };
    assert_eq!(state.apply(mine(2)), Need::Nothing);
    assert!(state.chats[&CHAT].summary.pinned);
    assert_eq!(state.apply(mine(4)), Need::Hello);
    assert_eq!(state.apply(ServerFrame::Resync {}), Need::Heads);
    assert_eq!(state.apply(ServerFrame::Revoked {}), Need::SignIn);
}

#[test]
fn presence_outlives_rows_without_it() {
    let mut state = device();
    state.learn(user(2));
    state.apply(ServerFrame::Presence { user_id: user(2).id, online: true, last_seen_at: None });
    state.apply(ServerFrame::User { user: User { bio: "new".into(), ..user(2) } });
    let known = &state.users[&user(2).id];
    assert_eq!((known.online, known.bio.as_str()), (Some(true), "new"));
    state.forget_presence();
    assert_eq!(state.users[&user(2).id].online, None);
}
