use super::*;
use protocol::{error::ErrorCode, ids::ChatId};
use uuid::Uuid;

const CHAT: ChatId = ChatId(Uuid::from_u128(1));

fn person(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

const ANN: u128 = 11;
const BOB: u128 = 12;
const CAT: u128 = 13;

/// A message with this sender and text.
fn row(no: u64, seq: u64, sender: u128, text: &str) -> Row {
    let name = text.bytes().fold(0, |sum: u128, byte| sum * 256 + u128::from(byte));
    Row {
        no,
        seq,
        sender_id: person(sender),
        client_id: ClientId(Uuid::from_u128(name)),
        text: text.into(),
        deleted: false,
        event: None,
    }
}

fn event_row(no: u64, seq: u64, event: ChatEvent) -> Row {
    Row { event: Some(event), ..row(no, seq, ANN, &format!("event {no}")) }
}

/// The final rows of the chat: Ann created it with Bob; Cat was added, posted and was removed.
fn rows() -> Vec<Row> {
    let (ann, cat) = (person(ANN), person(CAT));
    let mut deleted = row(3, 9, BOB, "two");
    (deleted.text, deleted.deleted) = (String::new(), true);
    let mut edited = row(2, 8, ANN, "one");
    edited.text = "one edited".into();
    vec![
        event_row(1, 4, ChatEvent::GroupCreated { actor_id: ann, title: "T".into() }),
        edited,
        deleted,
        event_row(4, 10, ChatEvent::MemberAdded { actor_id: ann, user_id: cat }),
        row(5, 13, CAT, "three"),
        event_row(6, 16, ChatEvent::MemberRemoved { actor_id: ann, user_id: cat }),
        row(7, 17, ANN, "four"),
        row(8, 18, BOB, "five"),
    ]
}

/// Recorded events, with a clock that ticks.
#[derive(Default)]
struct Story(Vec<Event>, u64);

impl Story {
    fn note(&mut self, who: Option<u128>, what: What) -> &mut Self {
        let at = self.0.len() as u64 * 10;
        self.0.push(Event { at, who: who.map(person), what });
        self
    }

    fn does(&mut self, who: u128, action: Action, end: impl FnOnce(u64) -> What) -> &mut Self {
        self.1 += 1;
        let op = self.1;
        self.note(Some(who), What::Invoke { op, action });
        self.note(Some(who), end(op))
    }

    fn sends(&mut self, who: u128, text: &str, end: impl FnOnce(u64) -> What) -> &mut Self {
        let client_id = row(0, 0, who, text).client_id;
        self.does(who, Action::Send { chat_id: CHAT, client_id, text: text.into() }, end)
    }

    fn sees(&mut self, who: u128, how: How, rows: &[Row]) -> &mut Self {
        let since = self.0.len() as u64 * 10;
        self.note(Some(who), What::Saw { chat_id: CHAT, how, since, rows: rows.to_vec() })
    }

    fn finds(&mut self, who: u128, how: How, rows: &[Row]) -> &mut Self {
        self.note(Some(who), What::Final { chat_id: CHAT, how, rows: rows.to_vec() })
    }
}

fn done(row: Row) -> impl FnOnce(u64) -> What {
    move |op| What::Acknowledged { op, row: Some(row) }
}

fn unknown(op: u64) -> What {
    What::Unknown { op }
}

/// A correct history up to the final reads.
fn lived() -> Story {
    let mut story = Story::default();
    let (ann, cat) = (ANN, person(CAT));
    story.note(None, What::Chat { chat_id: CHAT, members: vec![person(ANN), person(BOB)] });
    story.sends(ann, "one", done(row(2, 5, ANN, "one")));
    story.sends(BOB, "two", unknown).sends(BOB, "two", done(row(3, 6, BOB, "two")));
    story.sees(BOB, How::Frame, &[row(2, 5, ANN, "one")]).sees(ANN, How::Frame, &[row(3, 6, BOB, "two")]);
    story.does(ann, Action::Edit { chat_id: CHAT, no: 2, text: "one edited".into() }, done(rows()[1].clone()));
    story.does(BOB, Action::Delete { chat_id: CHAT, no: 3 }, done(rows()[2].clone()));
    story.does(ann, Action::Add { chat_id: CHAT, user_id: cat }, |op| What::Acknowledged { op, row: None });
    story.sees(CAT, How::Newest, &rows()[..4]);
    story.sends(CAT, "three", done(rows()[4].clone()));
    story.does(ann, Action::Remove { chat_id: CHAT, user_id: cat }, |op| What::Acknowledged { op, row: None });
    story.sends(CAT, "late", |op| What::Refused { op, code: ErrorCode::NotFound });
    let since = story.0.len() as u64 * 10;
    story.sends(ann, "four", done(rows()[6].clone())).sends(BOB, "five", done(rows()[7].clone()));
    story.sees(BOB, How::Frame, &rows()[6..7]).sees(ANN, How::Frame, &rows()[7..]);
    story.note(None, What::Calm { chat_id: CHAT, members: vec![person(ANN), person(BOB)], since });
    story.sees(BOB, How::Newest, &rows()[2..]);
    story
}

/// The final reads, by every method.
fn ended(mut story: Story) -> Vec<Event> {
    for who in [ANN, BOB] {
        for how in [How::Page, How::Changes, How::Fresh] {
            story.finds(who, how, &rows());
        }
        story.finds(who, How::Live, &rows()[4..]);
        let unread = if who == ANN { 1 } else { 0 };
        story.note(Some(who), What::Marks { chat_id: CHAT, read_no: 7, unread });
    }
    story.0
}

fn names(events: &[Event]) -> Vec<&'static str> {
    check(events).into_iter().map(|anomaly| anomaly.name).collect()
}

#[test]
fn a_correct_history_is_valid() {
    assert_eq!(check(&ended(lived())), []);
    assert_eq!(check(&[]), []);
}

/// Changes one final read.
fn found_as(who: u128, how: How, change: impl FnOnce(&mut Vec<Row>)) -> Vec<Event> {
    let mut events = ended(lived());
    let mut change = Some(change);
    for event in &mut events {
        if let What::Final { how: by, rows, .. } = &mut event.what
            && (event.who, *by) == (Some(person(who)), how)
            && let Some(change) = change.take()
        {
            change(rows);
        }
    }
    events
}

/// Changes the final reads of all members.
fn all_find(change: impl Fn(&mut Vec<Row>)) -> Vec<Event> {
    let mut events = ended(lived());
    for event in &mut events {
        if let What::Final { rows, .. } = &mut event.what {
            change(rows);
        }
    }
    events
}

/// Inserts events before the final reads.
fn and(more: impl FnOnce(&mut Story) -> &mut Story) -> Vec<Event> {
    let mut story = lived();
    more(&mut story);
    ended(story)
}

#[test]
fn each_planted_anomaly_is_detected_by_its_name() {
    let without = |no: u64| all_find(move |rows| rows.retain(|row| row.no != no));
    let mut missed = ended(lived());
    let is_frame_of_five = |event: &Event| match &event.what {
        What::Saw { how, rows, .. } => *how == How::Frame && rows[0].text == "five",
        _ => false,
    };
    missed.retain(|event| !is_frame_of_five(event));
    let cases: Vec<(&str, Vec<Event>)> = vec![
        ("lost", without(8)),
        ("a gap", without(3)),
        ("a gap", found_as(BOB, How::Changes, |rows| drop(rows.remove(4)))),
        ("readers differ", found_as(BOB, How::Fresh, |rows| drop(rows.pop()))),
        ("readers differ", found_as(BOB, How::Page, |rows| rows[6].text = "for".into())),
        ("out of order", found_as(BOB, How::Page, |rows| rows.swap(4, 6))),
        ("one number, two messages", and(|story| story.sees(BOB, How::Frame, &[row(7, 19, BOB, "other")]))),
        ("one change, two rows", and(|story| story.sees(BOB, How::Frame, &[row(8, 17, BOB, "five")]))),
        ("doubled", and(|story| story.sees(BOB, How::Frame, &[row(9, 19, BOB, "five")]))),
        ("doubled", all_find(|rows| rows.push(Row { client_id: ClientId(Uuid::nil()), ..row(9, 19, BOB, "five") }))),
        ("phantom", all_find(|rows| rows.push(row(9, 19, BOB, "never sent")))),
        ("refused but visible", all_find(|rows| rows.push(row(9, 19, CAT, "late")))),
        (
            "an order against time",
            and(|story| {
                let early = Row { seq: 12, ..row(5, 12, ANN, "six") };
                story.sends(ANN, "six", done(early))
            }),
        ),
        ("a change lost", all_find(|rows| rows[1] = row(2, 5, ANN, "one"))),
        ("deleted text shown again", and(|story| story.sees(ANN, How::Page, &[row(3, 6, BOB, "two")]))),
        ("deleted text shown again", and(|story| story.sees(ANN, How::Frame, &[row(3, 19, BOB, "two")]))),
        ("a stale page", and(|story| story.sees(BOB, How::Page, &[row(2, 5, ANN, "one")]))),
        ("a history that shrinks", and(|story| story.sees(BOB, How::Newest, &rows()[..7]))),
        ("a leak", and(|story| story.sees(CAT, How::Frame, &rows()[6..7]))),
        ("a leak", and(|story| story.sees(14, How::Page, &rows()[4..5]))),
        ("stale after catching up", found_as(BOB, How::Live, |rows| rows[0].text = "before".into())),
        ("a gap after catching up", found_as(BOB, How::Live, |rows| drop(rows.pop()))),
        ("a frame is missing", missed),
        ("a wrong count", and(|story| story.note(Some(BOB), What::Marks { chat_id: CHAT, read_no: 1, unread: 2 }))),
    ];
    for (name, events) in cases {
        let called = names(&events);
        assert!(called.contains(&name), "{name}: {called:?}");
    }
}

#[test]
fn an_unknown_outcome_is_no_failure() {
    // An unknown send may be stored or not: both are correct.
    for stored in [false, true] {
        let mut story = lived();
        story.sends(BOB, "six", unknown);
        let mut events = ended(story);
        for event in &mut events {
            match &mut event.what {
                What::Final { rows, .. } if stored => rows.push(row(9, 19, BOB, "six")),
                What::Marks { unread, .. } if stored && event.who == Some(person(ANN)) => *unread = 2,
                _ => {}
            }
        }
        assert_eq!(check(&events), [], "stored: {stored}");
    }
}
