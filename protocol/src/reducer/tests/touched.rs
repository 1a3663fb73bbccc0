//! A change touches only the parts that it changes.

use super::{outbox::unsent, *};

type Change = Box<dyn Fn(&mut State)>;

const OTHER: ChatId = ChatId(Uuid::from_u128(2));

/// A device that holds `CHAT` and `OTHER`. No part is touched.
fn device_with_two_chats() -> State {
    let mut state = device();
    let mut other = summary(4, 0, 0, 0);
    other.chat.id = OTHER;
    state.apply_summary(other);
    state.learn(user(2));
    state.take_touched();
    state
}

#[test]
fn a_change_touches_only_its_parts() {
    use Part::{Chat, Chats, Me as Account, Outbox, Typing, User as Row, Users};
    let id = user(2).id;
    let edited = Message { edited_at: Some(Timestamp(9)), ..message(2, 6, 2) };
    let presence = move |online| ServerFrame::Presence { user_id: id, online, last_seen_at: None };
    let renamed = User { display_name: "Another name".into(), ..user(2) };
    let member =
        Member { user: user(2), role: Some(Role::Admin), joined_at: Timestamp(0), read_no: 0, removed: false, seq: 5 };
    let changes: Vec<(&str, Change, Vec<Part>)> = vec![
        ("a new message", Box::new(|s| _ = s.apply(frame(message(4, 5, 2)))), vec![Chats, Chat(CHAT)]),
        ("an edit further up", Box::new(move |s| _ = s.apply(frame(edited.clone()))), vec![Chat(CHAT)]),
        (
            "a member's role",
            Box::new(move |s| _ = s.apply(ServerFrame::Member { chat_id: CHAT, seq: 5, member: member.clone() })),
            vec![Chat(CHAT)],
        ),
        ("another's read mark", Box::new(move |s| s.apply_read(CHAT, id, 2)), vec![Chat(CHAT)]),
        ("presence", Box::new(move |s| _ = s.apply(presence(true))), vec![Row(id)]),
        ("presence that is known already", Box::new(move |s| s.set_presence(id, None, None)), vec![]),
        ("a new name", Box::new(move |s| s.learn(renamed.clone())), vec![Users, Row(id)]),
        ("a row that is known already", Box::new(|s| s.learn(user(2))), vec![]),
        ("a message to send", Box::new(|s| s.send(unsent(9, 9))), vec![Chats, Chat(CHAT), Outbox]),
        ("a discarded message that was never there", Box::new(|s| s.discard(message(9, 9, 1).client_id)), vec![]),
        ("a chat that is gone", Box::new(|s| s.remove(OTHER, 9)), vec![Chats, Chat(OTHER)]),
        ("a chat that was never there", Box::new(|s| s.remove(ChatId(Uuid::from_u128(3)), 9)), vec![]),
        ("typing", Box::new(move |s| s.set_typing(CHAT, id, Timestamp(9))), vec![Typing(CHAT)]),
        ("no typing that could expire", Box::new(|s| s.expire_typing(Timestamp(9))), vec![]),
        ("who sees me", Box::new(|s| s.set_last_seen(LastSeen::Nobody)), vec![Account]),
    ];
    for (name, change, parts) in changes {
        let mut state = device_with_two_chats();
        change(&mut state);
        assert_eq!(state.take_touched(), parts.into_iter().collect(), "{name}");
        assert!(state.take_touched().is_empty(), "{name}: notified once");
    }
}

#[test]
fn typing_ends_with_a_message_or_after_its_time() {
    let mut state = device_with_two_chats();
    let (ann, bob) = (user(2).id, user(3).id);
    state.set_typing(CHAT, ann, Timestamp(5));
    state.set_typing(CHAT, bob, Timestamp(7));
    state.set_typing(OTHER, bob, Timestamp(9));
    state.set_typing(CHAT, ann, Timestamp(8));
    state.take_touched();
    state.expire_typing(Timestamp(7));
    assert_eq!(state.take_touched(), [Part::Typing(CHAT)].into());
    assert_eq!(state.typing(CHAT).collect::<Vec<_>>(), [ann], "a later frame continues the typing");
    state.apply(frame(message(4, 5, 2)));
    assert!(state.take_touched().contains(&Part::Typing(CHAT)));
    assert_eq!((state.typing(CHAT).count(), state.typing(OTHER).collect::<Vec<_>>()), (0, vec![bob]));
}

#[test]
fn a_direct_chat_is_touched_by_the_new_name_of_its_peer() {
    let mut state = device();
    let mut direct = summary(4, 0, 0, 0);
    (direct.chat.id, direct.peer) = (OTHER, Some(user(2)));
    state.apply_summary(direct);
    state.take_touched();
    state.learn(User { display_name: "Another name".into(), ..user(2) });
    let touched = state.take_touched();
    assert!(touched.contains(&Part::Chat(OTHER)) && touched.contains(&Part::Chats));
    assert!(!touched.contains(&Part::Chat(CHAT)));
    assert_eq!(state.chats[&OTHER].summary.chat.title.as_deref(), Some("Another name"));
}
