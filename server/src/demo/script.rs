//! Two short built-in conversations, for an installation without recorded ones.

use super::{Live, Programme};
use protocol::{text::MessageText, time::Timestamp};
use services::demo::{Line, Person, Room};

/// Milliseconds between two lines.
const PAUSE: i64 = 4_000;

pub fn programme() -> Programme {
    let english = live("script-en", "The house, live", include_str!("english.txt"));
    let russian = live("script-ru", "Дом, вживую", include_str!("russian.txt"));
    Programme { loaded: Vec::new(), live: vec![english, russian] }
}

/// A room from its script: lines of the form `Name: text`.
fn live(name: &str, title: &str, script: &str) -> Live {
    let mut room = Room {
        name: name.into(),
        title: title.into(),
        description: String::new(),
        people: Vec::new(),
        lines: Vec::new(),
    };
    let mut lines = Vec::new();
    for (place, line) in script.lines().enumerate() {
        let Some((who, what)) = line.split_once(": ") else { continue };
        let Ok(text) = MessageText::parse(what) else { continue };
        let person = Person::new(&format!("{name} {who}"), who);
        lines.push(Line { sender: person.user_id, text, at: Timestamp(place as i64 * PAUSE) });
        if room.people.iter().all(|known| known.user_id != person.user_id) {
            room.people.push(person);
        }
    }
    Live { room, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_scripts_is_spoken_by_one_of_four() {
        for script in [include_str!("english.txt"), include_str!("russian.txt")] {
            let live = live("script", "Title", script);
            assert_eq!((live.lines.len(), live.room.people.len()), (script.lines().count(), 4));
        }
    }
}
