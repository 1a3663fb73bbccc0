//! Texts of the locale files in views.

use super::reactive::{Reactive, reactive};
use crate::i18n::Text;

pub use crate::i18n::I18n;

/// Words that follow the reader's language.
pub type Words = Reactive<&'static str>;

/// The words of a key: `t!(i18n, chat.send)`. Closures fill the blanks of a text:
/// `t!(i18n, events.member_left, actor = move || name())`.
macro_rules! t {
    ($i18n:expr, $($key:ident).+) => {
        $crate::ui::words::words($i18n, $crate::i18n::texts::$($key)::+)
    };
    ($i18n:expr, $($key:ident).+, $($blank:ident = $value:expr),+) => {
        $crate::ui::words::filled($i18n, $crate::i18n::texts::$($key)::+, vec![$((stringify!($blank), {
            let value = $value;
            $crate::ui::reactive(move || value().to_string())
        })),+])
    };
}
pub(crate) use t;

pub fn words(i18n: I18n, text: Text) -> Words {
    reactive(move || i18n.text(text))
}

pub fn filled(i18n: I18n, text: Text, blanks: Vec<(&'static str, Reactive<String>)>) -> Reactive<String> {
    let value = move |name: &str| {
        let blank = blanks.iter().find(|(blank, _)| *blank == name);
        blank.and_then(|(_, value)| value.lock().ok().map(|mut value| value())).unwrap_or_default()
    };
    reactive(move || fill(i18n.text(text), &value))
}

/// A name or a title for a sentence. A right-to-left one is isolated (UAX 9), so that it does not reorder the words
/// around it. Other names stay as they are, so that a copied sentence contains no invisible characters.
#[must_use]
pub fn isolated(name: &str) -> String {
    let is_right_to_left = |c: char| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}')
    };
    if name.contains(is_right_to_left) { format!("\u{2068}{name}\u{2069}") } else { name.to_owned() }
}

/// Fills the blanks of a text with isolated values. A value that looks like a blank is not filled again.
fn fill(text: &str, value: &dyn Fn(&str) -> String) -> String {
    let mut parts = text.split("{{ ");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (name, rest) in parts.filter_map(|part| part.split_once(" }}")) {
        filled.push_str(&isolated(&value(name)));
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn blanks_are_filled_once() {
        let value = |name: &str| match name {
            "actor" => "{{ title }}".to_owned(),
            "user" => "דנה (home)".to_owned(),
            name => name.to_uppercase(),
        };
        for (text, expected) in [
            ("Back", "Back"),
            ("{{ count }} members", "COUNT members"),
            ("{{ actor }} renamed the group to “{{ title }}”", "{{ title }} renamed the group to “TITLE”"),
            ("{{ user }} added {{ user }}.", "\u{2068}דנה (home)\u{2069} added \u{2068}דנה (home)\u{2069}."),
            ("", ""),
        ] {
            assert_eq!(fill(text, &value), expected);
        }
    }
}
