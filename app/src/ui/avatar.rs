use crate::ui::{reactive, upper};
use leptos::prelude::*;
use uuid::Uuid;

/// A coloured circle with initials. Screen readers skip it, because the name is next to it.
#[component]
pub fn Avatar(
    #[prop(into)] name: Signal<String>,
    /// The id of the user or the group; nil for the saved messages.
    id: Uuid,
    #[prop(optional, into)] class: &'static str,
) -> impl IntoView {
    view! {
        <span aria-hidden="true" class=format!("avatar {} {class}", colour(id))>
            {reactive(move || initials(&name.get()))}
        </span>
    }
    .into_any()
}

/// The first letter, and the number in the name: groups such as "Class 7" and "Class 8" differ only in it. Without a
/// number, the first letters of two words.
fn initials(name: &str) -> String {
    let first_of = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let mut words = name.split_whitespace().filter(|word| first_of(word).is_some());
    let mut letters: String = words.next().and_then(first_of).into_iter().collect();
    let is_number = |word: &&str| word.chars().all(|c| c.is_ascii_digit());
    match words.clone().find(is_number) {
        Some(number) => letters.push_str(number.get(number.len().saturating_sub(2)..).unwrap_or_default()),
        None => letters.extend(words.next().and_then(first_of)),
    }
    if letters.is_empty() { "•".into() } else { upper(&letters) }
}

/// The class of one of eight colours. The end of an id is random. The saved messages have no id, and a star.
#[must_use]
pub fn colour(id: Uuid) -> &'static str {
    const COLOURS: [&str; 8] =
        ["colour-1", "colour-2", "colour-3", "colour-4", "colour-5", "colour-6", "colour-7", "colour-8"];
    if id.is_nil() {
        return "saved";
    }
    let [.., last] = id.into_bytes();
    COLOURS.get(usize::from(last) % COLOURS.len()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_tell_numbered_groups_apart() {
        for (name, expected) in [
            ("Anna Berg", "AB"),
            ("лев", "Л"),
            ("Анекдоты 1", "А1"),
            ("Анекдоты 25", "А25"),
            ("Класс 3 Б", "К3"),
            ("7 Б класс", "7Б"),
            ("(7) Б класс", "7Б"),
            ("Ubuntu help, July 2008", "U08"),
            ("Ubuntu help, live", "UH"),
            ("🎻 Quartet", "Q"),
            ("🎻", "•"),
            ("", "•"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
