//! Reads the files of recorded conversations and chooses the rooms to show.
//!
//! Tab separated, xz: `room, time, sender, text` in English; `room, dialogue, speaker, text` in Russian,
//! without times.

use super::{Live, Programme};
use protocol::{ids::UserId, text::MessageText, time::Timestamp};
use services::{
    demo::{Line, Person, Room},
    infra::clock,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
};
use xz2::read::XzDecoder;

const ENGLISH: &str = "conversations.en.tsv.xz";
const RUSSIAN: &str = "conversations.ru.tsv.xz";
/// The attribution that the licence requires.
const ENGLISH_SOURCE: &str = "From \u{201c}A Large-Scale Corpus for Conversation Disentanglement\u{201d}, \
    J. K. Kummerfeld et al., ACL 2019, CC BY 4.0.";
const RUSSIAN_SOURCE: &str = "Из набора данных Koziev/NLP_Datasets, CC0 1.0.";
/// The number of messages of a loaded room.
const SMALL: usize = 3_000;
/// The number of speakers in the live room: those with the most lines.
const SPEAKERS: usize = 12;
/// A room without times is spread over this many milliseconds before now.
const SPREAD: i64 = 3 * 86_400_000;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A line of a file. The name of its room is the key.
struct Row {
    /// A time, or the number of a dialogue.
    place: String,
    sender: String,
    text: String,
}

type Rows = BTreeMap<String, Vec<Row>>;

pub fn is_there(folder: &Path) -> bool {
    [ENGLISH, RUSSIAN].iter().all(|name| folder.join(name).is_file())
}

/// `rooms` rooms of each language, evenly chosen, and the newest English room live.
pub fn programme(folder: &Path, rooms: usize) -> io::Result<Programme> {
    let (mut english, russian) = (read(&folder.join(ENGLISH))?, read(&folder.join(RUSSIAN))?);
    english.retain(|_, rows| rows.len() <= SMALL);
    let live = english.pop_last().map(|(name, rows)| live(&name, &rows));
    let mut loaded: Vec<Room> = spread(english.into_iter().collect(), rooms, english_room);
    loaded.extend(spread(russian.into_iter().collect(), rooms, russian_room));
    Ok(Programme { loaded, live: live.into_iter().collect() })
}

fn read(path: &Path) -> io::Result<Rows> {
    let mut rooms = Rows::new();
    for line in BufReader::new(XzDecoder::new(File::open(path)?)).lines() {
        let line = line?;
        let mut columns = line.splitn(4, '\t').map(str::to_owned);
        let (Some(room), Some(place), Some(sender), Some(text)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        rooms.entry(room).or_default().push(Row { place, sender, text });
    }
    Ok(rooms)
}

/// `wanted` of the rooms, evenly spread.
fn spread(all: Vec<(String, Vec<Row>)>, wanted: usize, room: impl Fn(&str, &[Row]) -> Room) -> Vec<Room> {
    let wanted = wanted.min(all.len());
    let places = (0..wanted).filter_map(|place| all.get(place * all.len() / wanted));
    places.map(|(name, rows)| room(name, rows)).collect()
}

fn english_room(name: &str, rows: &[Row]) -> Room {
    let mut room = empty_room(name, title(name), ENGLISH_SOURCE);
    for row in rows {
        let Some(at) = Timestamp::parse(&row.place) else { continue };
        add_line(&mut room, Person::new(&row.sender, &row.sender), &row.text, at);
    }
    room.lines.sort_by_key(|line| line.at);
    keep_speakers(&mut room);
    room
}

/// The speakers of every dialogue are A and B.
fn russian_room(name: &str, rows: &[Row]) -> Room {
    let mut room = empty_room(name, title(name), RUSSIAN_SOURCE);
    let step = SPREAD / i64::try_from(rows.len().max(1)).unwrap_or(SPREAD);
    let begin = clock::now().0 - SPREAD;
    for (place, row) in (1..).zip(rows) {
        let shown = if row.sender == "A" { "Голос А" } else { "Голос Б" };
        let person = Person::new(&format!("anekdot_{}", row.sender), shown);
        add_line(&mut room, person, &row.text, Timestamp(begin + place * step));
    }
    keep_speakers(&mut room);
    room
}

fn live(name: &str, rows: &[Row]) -> Live {
    let mut room = english_room(name, rows);
    let mut spoken: HashMap<UserId, usize> = HashMap::new();
    room.lines.iter().for_each(|line| *spoken.entry(line.sender).or_default() += 1);
    room.people.sort_by_key(|person| std::cmp::Reverse(spoken.get(&person.user_id).copied()));
    room.people.truncate(SPEAKERS);
    let speakers: HashSet<UserId> = room.people.iter().map(|person| person.user_id).collect();
    let mut lines = std::mem::take(&mut room.lines);
    lines.retain(|line| speakers.contains(&line.sender));
    Live { room: Room { name: format!("live-{name}"), title: "Ubuntu help, live".into(), ..room }, lines }
}

fn empty_room(name: &str, title: String, description: &str) -> Room {
    Room { name: name.into(), title, description: description.into(), people: Vec::new(), lines: Vec::new() }
}

/// Lines that are no valid message are skipped.
fn add_line(room: &mut Room, person: Person, text: &str, at: Timestamp) {
    let Ok(text) = MessageText::parse(text) else { return };
    room.lines.push(Line { sender: person.user_id, text, at });
    room.people.push(person);
}

/// The speakers, in the order of their first lines.
fn keep_speakers(room: &mut Room) {
    let mut known = HashSet::new();
    room.people.retain(|person| known.insert(person.user_id));
}

/// `ubuntu-2004-11` and `anekdot-000` in words; other rooms go by their names.
fn title(name: &str) -> String {
    let mut parts = name.split('-');
    let worded = match (parts.next(), parts.next(), parts.next()) {
        (Some("ubuntu"), Some(year), Some(month)) => {
            let month = month.parse().ok().and_then(|month: usize| MONTHS.get(month.checked_sub(1)?));
            month.map(|month| format!("Ubuntu help, {month} {year}"))
        }
        (Some("anekdot"), Some(place), None) => place.parse().ok().map(|place: u32| format!("Анекдоты {}", place + 1)),
        _ => None,
    };
    worded.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: &str, sender: &str, text: &str) -> Row {
        Row { place: place.into(), sender: sender.into(), text: text.into() }
    }

    #[test]
    fn rooms_have_titles_in_words() {
        for (name, expected) in [
            ("ubuntu-2004-11", "Ubuntu help, November 2004"),
            ("ubuntu-2018-02", "Ubuntu help, February 2018"),
            ("ubuntu-2018-00", "ubuntu-2018-00"),
            ("ubuntu-2018-13", "ubuntu-2018-13"),
            ("anekdot-000", "Анекдоты 1"),
            ("anekdot-097", "Анекдоты 98"),
            ("anekdot-x", "anekdot-x"),
            ("lounge", "lounge"),
        ] {
            assert_eq!(title(name), expected);
        }
    }

    #[test]
    fn a_room_has_its_valid_lines_in_order_and_each_speaker_once() {
        let rows = [
            row("2004-11-15T01:02:00Z", "Second", "two"),
            row("2004-11-15T01:00:00Z", "first", "one"),
            row("2004-11-15T01:03:00Z", "FIRST", "three"),
            row("2004-11-15T01:03:00Z", "silent", "bell\u{7}"),
            row("no time", "silent", "never"),
        ];
        let room = english_room("ubuntu-2004-11", &rows);
        let texts: Vec<&str> = room.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts, room.people.len()), (vec!["one", "two", "three"], 2));
    }

    #[test]
    fn rooms_are_picked_evenly() {
        let all = || (0..10).map(|place| (place.to_string(), Vec::new())).collect::<Vec<_>>();
        for (wanted, expected) in [(0, ""), (1, "0"), (3, "036"), (5, "02468"), (99, "0123456789")] {
            let picked = spread(all(), wanted, |name, _| empty_room(name, String::new(), ""));
            assert_eq!(picked.into_iter().map(|room| room.name).collect::<String>(), expected);
        }
    }
}
