//! Removes the characters that users paste without seeing them.

use super::{characters::is_legal_in_line, unix_lines};

/// A pasted text without control characters: line ends of other systems become `\n`, the others disappear. Pages call
/// it before they send a text, because users do not see these characters. The API refuses them.
#[must_use]
pub fn cleaned(raw: &str) -> String {
    let kept = |c: char| match c {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' => Some('\n'),
        '\n' | '\t' => Some(c),
        c => (!c.is_control()).then_some(c),
    };
    unix_lines(raw).chars().filter_map(kept).collect()
}

/// A pasted name without the characters that `DisplayName` and `Title` refuse. Line ends and tabs become spaces.
#[must_use]
pub fn cleaned_line(raw: &str) -> String {
    let mut before = None;
    let kept = |c: char| {
        let c = if matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        let stays = is_legal_in_line(before, c);
        before = if stays { Some(c) } else { before };
        stays.then_some(c)
    };
    cleaned(raw).chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{MessageText, Title},
        *,
    };

    #[test]
    fn a_pasted_text_is_cleaned_before_it_is_sent() {
        for (raw, text, line) in [
            ("one\u{b}two", "one\ntwo", "one two"),
            ("раз\u{c}два", "раз\nдва", "раз два"),
            ("one\rtwo\r\nthree\u{85}four", "one\ntwo\nthree\nfour", "one two three four"),
            ("\u{1b}[1mжирно\u{1b}[0m", "[1mжирно[0m", "[1mжирно[0m"),
            ("nul\0 и bell\u{7}", "nul и bell", "nul и bell"),
            ("tab\there", "tab\there", "tab here"),
            ("zero\u{200b}width \u{202a}Анна\u{202c}", "zero\u{200b}width \u{202a}Анна\u{202c}", "zerowidth Анна"),
            ("👩‍💻 Ada ❤️ x\u{200d}y", "👩‍💻 Ada ❤️ x\u{200d}y", "👩‍💻 Ada ❤️ xy"),
        ] {
            assert_eq!((cleaned(raw), cleaned_line(raw)), (text.to_owned(), line.to_owned()), "{raw:?}");
            assert!(MessageText::parse(&cleaned(raw)).is_ok() && Title::parse(&cleaned_line(raw)).is_ok(), "{raw:?}");
        }
    }
}
