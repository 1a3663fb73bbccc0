//! Text that users type: parsed by the same code in the browser and on the server.

mod beginning;
mod characters;
mod cleaned;
mod normalized;

pub use beginning::beginning;
pub use characters::has_visible;
pub(crate) use characters::with_marks;
pub use cleaned::{cleaned, cleaned_line};
pub use normalized::fold;

use crate::{error::Problem, limits};
use characters::is_legal_in_line;
use normalized::{nfc, nfkc};
use serde::{Deserialize, Serialize};
use std::{fmt, ops::RangeInclusive};

/// Combining marks on one letter of a name: more would be drawn over the rows above and below.
const NAME_MARKS_MAX: usize = 4;

macro_rules! text_type {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_type! {
    /// 1 to 8 000 characters, trimmed, with `\n` as line end.
    MessageText
    /// `[a-z0-9_]{3,32}`, after NFKC and lower-casing.
    Username
    /// 1 to 64 characters on one line, without invisible ones. Stacked combining marks are dropped.
    DisplayName
    /// The title of a group: 1 to 128 characters on one line, without invisible ones. Stacked combining marks are
    /// dropped.
    Title
    /// Up to 500 characters; may be empty.
    Bio
    /// The description of a group: up to 1 000 characters; may be empty.
    Description
    /// The reason of a report: 1 to 500 characters.
    Reason
}

/// A password of 10 to 256 characters, in NFC. Its `Debug` output hides it.
#[derive(Clone)]
pub struct Password(String);

impl MessageText {
    /// # Errors
    /// `Required` (nothing visible), `TooLong`, `Characters` (control characters).
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        required(raw, &limits::MESSAGE_TEXT).map(Self)
    }
}

impl Username {
    /// Folds compatibility forms and case first.
    ///
    /// # Errors
    /// `Required`, `TooShort`, `TooLong`, `Characters`.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        // Normalising a megabyte of ligatures would be slow.
        if raw.len() > 1_024 {
            return Err(Problem::TooLong);
        }
        let name = nfkc(raw.trim()).to_lowercase();
        if name.is_empty() {
            return Err(Problem::Required);
        }
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(Problem::Characters);
        }
        length(&name, &limits::USERNAME)?;
        Ok(Self(name))
    }
}

impl DisplayName {
    /// # Errors
    /// `Required`, `TooLong`, `Characters`.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        one_line(raw, &limits::DISPLAY_NAME).map(Self)
    }
}

impl Title {
    /// # Errors
    /// `Required`, `TooLong`, `Characters`.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        one_line(raw, &limits::TITLE).map(Self)
    }
}

impl Bio {
    /// # Errors
    /// `TooLong`, `Characters` (control characters, or nothing visible).
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        optional(raw, &limits::BIO).map(Self)
    }
}

impl Description {
    /// # Errors
    /// `TooLong`, `Characters` (control characters, or nothing visible).
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        optional(raw, &limits::DESCRIPTION).map(Self)
    }
}

impl Reason {
    /// # Errors
    /// `Required` (nothing visible), `TooLong`, `Characters` (control characters).
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        required(raw, &limits::REASON).map(Self)
    }
}

impl Password {
    /// Nothing is trimmed or cut.
    ///
    /// # Errors
    /// `Required`, `TooShort`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        if raw.is_empty() {
            return Err(Problem::Required);
        }
        if raw.len() > limits::PASSWORD.end() * 12 {
            return Err(Problem::TooLong);
        }
        let password = nfc(raw);
        length(&password, &limits::PASSWORD)?;
        Ok(Self(password))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

fn unix_lines(raw: &str) -> String {
    raw.replace("\r\n", "\n")
}

fn required(raw: &str, allowed: &RangeInclusive<usize>) -> Result<String, Problem> {
    if has_visible(raw) { multiline(raw, allowed) } else { Err(Problem::Required) }
}

fn optional(raw: &str, allowed: &RangeInclusive<usize>) -> Result<String, Problem> {
    if has_visible(raw) || raw.trim().is_empty() { multiline(raw, allowed) } else { Err(Problem::Characters) }
}

fn length(text: &str, allowed: &RangeInclusive<usize>) -> Result<(), Problem> {
    let count = text.chars().count();
    if count < *allowed.start() {
        return Err(Problem::TooShort);
    }
    if count > *allowed.end() {
        return Err(Problem::TooLong);
    }
    Ok(())
}

fn multiline(raw: &str, allowed: &RangeInclusive<usize>) -> Result<String, Problem> {
    let text = unix_lines(raw);
    let text = text.trim();
    length(text, allowed)?;
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Problem::Characters);
    }
    Ok(text.to_owned())
}

fn one_line(raw: &str, allowed: &RangeInclusive<usize>) -> Result<String, Problem> {
    let text = with_marks(raw.trim(), NAME_MARKS_MAX);
    if !has_visible(&text) {
        return Err(Problem::Required);
    }
    length(&text, allowed)?;
    let mut before = None;
    let is_legal = |c: char| is_legal_in_line(before.replace(c), c);
    if text.chars().all(is_legal) { Ok(text.into_owned()) } else { Err(Problem::Characters) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_text() {
        let long = "я".repeat(8_000);
        let too_long = "я".repeat(8_001);
        for (raw, expected) in [
            ("  hi\r\nthere \n", Ok("hi\nthere")),
            ("tab\there", Ok("tab\there")),
            ("\u{202e}abc", Ok("\u{202e}abc")),
            (" \n\t ", Err(Problem::Required)),
            ("\u{200b} \u{200b}", Err(Problem::Required)),
            ("lone\rreturn", Err(Problem::Characters)),
            ("nul\0", Err(Problem::Characters)),
            ("bell\u{7}", Err(Problem::Characters)),
            ("c1\u{85}x", Err(Problem::Characters)),
            (long.as_str(), Ok(long.as_str())),
            (too_long.as_str(), Err(Problem::TooLong)),
        ] {
            assert_eq!(MessageText::parse(raw).map(MessageText::into_string), expected.map(str::to_owned), "{raw:?}");
        }
    }

    /// Short texts of many scripts, and symbols; each must stay legal in every field.
    const VISIBLE: &str = ". · … - ' \" \\ 0 é e\u{301} ё 漢 한 ｱ ـ ش شَ שָׁ हिं की ไทย ကို ᠮᠣ ♪ № ₽ ⠁ \u{fffd} \
        © ©️ ™ ♀ ❤ ❤️ 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🇺🇦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣ \u{1faff}";

    /// Characters that show nothing, by kind.
    const INVISIBLE: &[(&str, &str)] = &[
        ("white space", " \n\t\u{a0}\u{2003}\u{3000}\u{2028}"),
        ("zero width", "\u{ad}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}"),
        ("fillers", "\u{115f}\u{1160}\u{17b4}\u{2800}\u{3164}\u{ffa0}"),
        ("direction", "\u{61c}\u{200e}\u{200f}\u{202e}\u{2066}\u{2069}"),
        ("controls", "\u{1b}\u{7f}\u{85}"),
        ("private use", "\u{e000}\u{f8ff}\u{f0000}\u{10fffd}"),
        ("lone marks", "\u{301}\u{34f}\u{489}\u{5b8}\u{64e}\u{901}\u{e31}\u{20e3}\u{3099}"),
        ("variation selectors", "\u{180b}\u{fe00}\u{fe0f}\u{e0100}"),
        ("tags", "\u{e0001}\u{e0067}\u{e007f}"),
        ("others", "\u{378}\u{fff9}\u{fffc}\u{ffff}\u{13441}\u{1d159}\u{1d173}\u{1fffe}"),
    ];

    #[test]
    fn visible_text_is_legal_everywhere() {
        for text in VISIBLE.split(' ') {
            assert!(has_visible(text), "{text:?}");
            assert!(MessageText::parse(text).is_ok() && Reason::parse(text).is_ok() && Bio::parse(text).is_ok());
            assert!(DisplayName::parse(text).is_ok() && Title::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn text_without_visible_characters_is_refused() {
        let kinds = INVISIBLE.iter().flat_map(|(kind, characters)| characters.chars().map(move |c| (kind, c)));
        for (kind, c) in kinds {
            for text in [c.to_string(), format!("{c}\n{c}"), format!("\u{200b} {c}\u{fe0f}")] {
                assert!(!has_visible(&text), "{kind}: {text:?}");
                assert_eq!(MessageText::parse(&text), Err(Problem::Required), "{kind}: {text:?}");
                assert_eq!(Reason::parse(&text), Err(Problem::Required), "{kind}: {text:?}");
                assert_eq!(Title::parse(&text), Err(Problem::Required), "{kind}: {text:?}");
                assert_eq!(DisplayName::parse(&text), Err(Problem::Required), "{kind}: {text:?}");
                let optional = if text.trim().is_empty() { None } else { Some(Problem::Characters) };
                assert_eq!(Bio::parse(&text).err(), optional, "{kind}: {text:?}");
                assert_eq!(Description::parse(&text).err(), optional, "{kind}: {text:?}");
            }
            assert!(has_visible(&format!("{c}a")) && MessageText::parse(&format!("a{c}b")) != Err(Problem::Required));
        }
    }

    #[test]
    fn descriptions_are_longer_than_bios() {
        assert!(Bio::parse(&"я".repeat(500)).is_ok() && Description::parse(&"я".repeat(1_000)).is_ok());
        assert_eq!(Bio::parse(&"я".repeat(501)), Err(Problem::TooLong));
        assert_eq!(Description::parse(&"я".repeat(1_001)), Err(Problem::TooLong));
    }

    #[test]
    fn usernames_are_folded() {
        for (raw, expected) in [
            ("Alice_1", Ok("alice_1")),
            (" bob ", Ok("bob")),
            ("ＡＬＩＣＥ", Ok("alice")),
            ("ﬁsh", Ok("fish")),
            ("ab", Err(Problem::TooShort)),
            ("", Err(Problem::Required)),
            ("аlice", Err(Problem::Characters)),
            ("a-b-c", Err(Problem::Characters)),
            ("a\u{200b}bc", Err(Problem::Characters)),
            ("abcdefghijklmnopqrstuvwxyz0123456", Err(Problem::TooLong)),
        ] {
            assert_eq!(Username::parse(raw).map(Username::into_string), expected.map(str::to_owned), "{raw:?}");
        }
    }

    #[test]
    fn names_hide_nothing() {
        for (raw, fine) in [
            ("Анна Каренина", true),
            ("👩‍💻 Ada ❤️", true),
            ("1️⃣ ℹ️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿", true),
            ("a\u{fe0f}", false),
            ("tag\u{e0067}", false),
            ("", false),
            ("two\nlines", false),
            ("evil\u{202e}eman", false),
            ("zero\u{200b}width", false),
            ("joined\u{200d}letters", false),
            ("\u{2068}x\u{2069}", false),
            ("\u{3164}", false),
        ] {
            assert_eq!(DisplayName::parse(raw).is_ok(), fine, "{raw:?}");
            assert_eq!(Title::parse(raw).is_ok(), fine, "{raw:?}");
        }
        assert_eq!(DisplayName::parse(&"x".repeat(65)), Err(Problem::TooLong));
        assert_eq!(Title::parse(&"x".repeat(129)), Err(Problem::TooLong));
    }

    #[test]
    fn names_have_few_marks_on_a_letter() {
        for (raw, expected) in [
            ("Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}a", "Z\u{300}\u{301}\u{302}\u{303}a"),
            ("З\u{483}\u{484}\u{20dd}\u{20dd}\u{20dd}\u{20dd} лго", "З\u{483}\u{484}\u{20dd}\u{20dd} лго"),
            ("Nguyê\u{303}n Văn A", "Nguyê\u{303}n Văn A"),
            ("שָׁלוֹם", "שָׁלוֹם"),
            ("ก็้", "ก็้"),
            ("Алёна Йе\u{308}и\u{306}", "Алёна Йе\u{308}и\u{306}"),
        ] {
            assert_eq!(DisplayName::parse(raw).map(DisplayName::into_string).as_deref(), Ok(expected), "{raw:?}");
            assert_eq!(Title::parse(raw).map(Title::into_string).as_deref(), Ok(expected), "{raw:?}");
        }
        // The dropped marks do not count.
        assert!(DisplayName::parse(&format!("a{}", "\u{301}".repeat(500))).is_ok());
    }

    #[test]
    fn passwords_are_never_cut() {
        assert_eq!(Password::parse("short").map(|_| ()), Err(Problem::TooShort));
        assert_eq!(Password::parse(&"x".repeat(257)).map(|_| ()), Err(Problem::TooLong));
        assert_eq!(Password::parse("  ten chars ").map(|p| p.expose().to_owned()), Ok("  ten chars ".to_owned()));
        assert_eq!(
            Password::parse("cafe\u{301} passwords").map(|p| p.expose().to_owned()),
            Ok("café passwords".to_owned())
        );
        assert_eq!(format!("{:?}", Password::parse("0123456789").unwrap()), "Password(…)");
    }
}
