//! Messages from the send to their row, and drafts.

use super::*;

pub(super) fn unsent(n: u64, written_at: i64) -> Unsent {
    let client_id = message(n, 0, 1).client_id;
    Unsent {
        chat_id: CHAT,
        client_id,
        text: format!("text {n}"),
        reply_to: None,
        written_at: Timestamp(written_at),
        refused: None,
        draft: None,
    }
}

fn waiting(state: &State) -> Vec<String> {
    state.unsent(CHAT).map(|unsent| unsent.text.clone()).collect()
}

#[test]
fn a_send_is_shown_until_its_message_is_stored() {
    let mut state = device();
    let sent = message(4, 5, 1);
    state.send(unsent(4, 7));
    state.send(unsent(4, 7));
    assert_eq!(state.outbox.len(), 1, "a repeated send is one message");
    state.set_refused(sent.client_id, Some(ErrorCode::Unavailable));
    assert_eq!(state.outbox[0].refused, Some(ErrorCode::Unavailable));
    state.apply(ServerFrame::Ack { message: sent });
    let chat = &state.chats[&CHAT];
    assert!(state.outbox.is_empty());
    assert_eq!((chat.summary.read_no, chat.summary.unread, chat.head), (4, 0, 5));
    state.send(unsent(4, 7));
    assert!(state.outbox.is_empty(), "a stored message is not sent again");
}

#[test]
fn the_unsent_messages_of_a_lost_chat_stay() {
    let mut state = device();
    state.send(unsent(4, 7));
    state.apply(ServerFrame::Removed { chat_id: CHAT, mine: 5 });
    assert_eq!(waiting(&state), ["text 4"]);
    assert_eq!(state.outbox[0].refused, Some(ErrorCode::NotFound));
}

#[test]
fn a_refused_message_with_another_text_waits_again() {
    let mut state = device();
    state.send(unsent(4, 7));
    let client_id = state.outbox[0].client_id;
    state.set_refused(client_id, Some(ErrorCode::Forbidden));
    state.reword(client_id, "shorter".to_owned());
    assert_eq!((waiting(&state), state.outbox[0].refused), (vec!["shorter".to_owned()], None));
}

#[test]
fn a_sent_draft_does_not_return() {
    let drafted = |draft: &str, my_seq| ChatSummary { draft: Some(draft.to_owned()), my_seq, ..summary(4, 3, 3, 0) };
    let sent = || Unsent { draft: Some("text".to_owned()), ..unsent(4, 7) };
    let draft_of = |state: &State| state.chats[&CHAT].summary.draft.clone();
    let mut state = device();
    state.apply_summary(drafted("text", 2));
    state.send(sent());
    assert_eq!(draft_of(&state), None);
    state.apply_summary(drafted("text", 2));
    assert_eq!(draft_of(&state), None, "the server has not removed it yet");
    state.apply_summary(drafted("another", 3));
    assert_eq!(draft_of(&state).as_deref(), Some("another"), "the next draft");

    let mut other = device();
    other.apply_summary(drafted("text", 2));
    other.share_outbox(&[], &[sent()]);
    assert_eq!(draft_of(&other), None, "sent in another tab, or before a reload");
}

#[test]
fn a_send_with_a_lost_response_is_shown_once() {
    let mut state = device();
    let stored = message(4, 5, 1);
    state.send(unsent(4, 7));
    state.apply_summary(ChatSummary { last_message: Some(stored), ..summary(5, 4, 4, 0) });
    assert!(state.outbox.is_empty());
}

#[test]
fn a_clock_that_is_set_back_does_not_change_the_order() {
    let mut state = device();
    for (n, written_at) in [(4, 100), (5, 50), (6, 51)] {
        state.send(unsent(n, written_at));
    }
    assert_eq!(waiting(&state), ["text 4", "text 5", "text 6"]);
    let mut other = device();
    other.share_outbox(&[], &state.outbox);
    assert_eq!(waiting(&other), waiting(&state));
}

#[test]
fn tabs_share_one_outbox() {
    // (stored before, stored now, this tab's outbox before, and after)
    for (before, kept, own, expected) in [
        (vec![], vec![4, 5], vec![], vec!["text 4", "text 5"]),
        (vec![], vec![4], vec![5], vec!["text 4", "text 5"]),
        (vec![4, 5], vec![5], vec![4, 5], vec!["text 5"]),
        (vec![4], vec![], vec![4, 5], vec!["text 5"]),
        (vec![4], vec![4], vec![], vec!["text 4"]),
    ] {
        let list = |ns: &[u64]| ns.iter().map(|&n| unsent(n, n as i64)).collect::<Vec<_>>();
        let mut state = device();
        list(&own).into_iter().for_each(|unsent| state.send(unsent));
        state.share_outbox(&list(&before), &list(&kept));
        assert_eq!(waiting(&state), expected, "{before:?} {kept:?} {own:?}");
    }
}
