//! Text that users type: parsed by the same code in the browser and on the server.

use crate::{error::Problem, limits};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, ops::RangeInclusive};

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

/// Whether a text shows anything. White space, controls, fillers, private-use characters, and marks without a
/// base character show nothing.
#[must_use]
pub fn has_visible(text: &str) -> bool {
    text.chars().any(is_visible)
}

fn is_visible(c: char) -> bool {
    match c {
        '!'..='~' => true,
        // Letters and symbols without a glyph: Hangul fillers, the empty Braille cell, the null notehead.
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{1d159}' => false,
        // Egyptian blanks, and the place of an object that a text cannot contain.
        '\u{13441}' | '\u{13442}' | '\u{fffc}' => false,
        // Noncharacters end each plane.
        c if u32::from(c) & 0xfffe == 0xfffe => false,
        // Reserved for emoji, also those that `escape_debug` does not know yet.
        '\u{1f000}'..='\u{1ffff}' => true,
        // `escape_debug` leaves printable characters as they are, and escapes combining marks.
        c => !c.is_whitespace() && c.escape_debug().len() == 1,
    }
}

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

/// The beginning of a text: about `max` characters and "…". It is cut between two characters as users see them
/// (UAX 29), where the simple rules of `is_break` are sure of it. Browser and server cut at the same place.
#[must_use]
pub fn beginning(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let (mut cut, mut before, mut flags) = (None, '\u{200d}', 0);
    for (count, (at, c)) in text.char_indices().enumerate() {
        if count > max && cut.is_some() {
            break;
        }
        if is_break(before, c) && (flags % 2 == 0 || !is_flag(c)) {
            cut = Some(at);
        }
        flags = if is_flag(c) { flags + 1 } else { 0 };
        before = c;
    }
    match cut.and_then(|cut| text.get(..cut)) {
        Some(beginning) => format!("{}…", beginning.trim_end()),
        None => text.to_owned(),
    }
}

/// One of the two letters of a flag.
fn is_flag(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether two characters certainly are not one for the user: `after` is a character of its own (Latin to Arabic, Thai,
/// Chinese, Japanese, Korean, symbols, emoji), and `before` does not join it.
fn is_break(before: char, after: char) -> bool {
    let joins = matches!(before, '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{d4e}' | '\u{1100}'..='\u{115f}' | '\u{200d}' | '\u{a960}'..='\u{a97c}' | '\u{11000}'..='\u{11fff}');
    let is_modifier = matches!(after, '\u{1f3fb}'..='\u{1f3ff}');
    let begins = matches!(after, ' '..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{590}' | '\u{5d0}'..='\u{5ea}'
        | '\u{620}'..='\u{64a}' | '\u{660}'..='\u{66f}' | '\u{671}'..='\u{6d5}' | '\u{e01}'..='\u{e30}' | '\u{e32}'
        | '\u{e40}'..='\u{e46}' | '\u{1e00}'..='\u{200a}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'
        | '\u{2070}'..='\u{20cf}' | '\u{2100}'..='\u{2bff}' | '\u{3000}'..='\u{3029}' | '\u{3030}'..='\u{3098}'
        | '\u{309b}'..='\u{a48c}' | '\u{ac00}'..='\u{d7a3}' | '\u{1f000}'..='\u{1faff}');
    begins && !joins && !is_modifier
}

/// Drops the combining marks beyond `max` on a letter.
pub(crate) fn with_marks(text: &str, max: usize) -> Cow<'_, str> {
    let is_mark = |c: char| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6ed}' | '\u{730}'..='\u{74a}' | '\u{8d3}'..='\u{8ff}'
            | '\u{951}'..='\u{954}' | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eb1}'..='\u{ece}'
            | '\u{f71}'..='\u{f84}' | '\u{1ab0}'..='\u{1aff}' | '\u{1cd0}'..='\u{1cff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{a66f}'..='\u{a67d}' | '\u{fe20}'..='\u{fe2f}')
    };
    let stays = || {
        let mut run = 0;
        move |c: &char| {
            run = if is_mark(*c) { run + 1 } else { 0 };
            run <= max
        }
    };
    let mut all_stay = stays();
    if text.chars().all(|c| all_stay(&c)) { text.into() } else { text.chars().filter(stays()).collect() }
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

/// Whether a name or a title may contain `c` after `before`.
fn is_legal_in_line(before: Option<char>, c: char) -> bool {
    let joins_emoji = before.is_some_and(|before| joins_emoji(before, c));
    !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || (is_invisible(c) && !joins_emoji))
}

/// Whether `c` belongs to an emoji sequence: a joiner, an emoji variation selector or a tag of a flag.
fn joins_emoji(before: char, c: char) -> bool {
    match c {
        '\u{200d}' => !before.is_ascii() && !before.is_alphanumeric(),
        '\u{fe0f}' => {
            matches!(before, '0'..='9' | '#' | '*' | 'ℹ') || (!before.is_ascii() && !before.is_alphanumeric())
        }
        // The flags of England, Scotland and Wales are a black flag and tags.
        '\u{e0020}'..='\u{e007f}' => matches!(before, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}'),
        _ => false,
    }
}

/// Characters that show nothing or change the direction of the text after them
/// (Unicode `Default_Ignorable_Code_Point`, abridged, and the bidi controls).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text as searches compare it: without case, accents and compatibility forms; `ё` is `е`. The column `users.folded`
/// has the same form.
#[must_use]
pub fn fold(text: &str) -> String {
    nfkd_lower(text).chars().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn nfkd_lower(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfkd(text).collect::<String>().to_lowercase()
}

#[cfg(not(target_arch = "wasm32"))]
fn nfkc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfkc(text).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn nfc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

// The browser has the Unicode tables: they need not be downloaded.
#[cfg(target_arch = "wasm32")]
fn nfkd_lower(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFKD").to_lower_case().into()
}

#[cfg(target_arch = "wasm32")]
fn nfkc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFKC").into()
}

#[cfg(target_arch = "wasm32")]
fn nfc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
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
        // What is dropped does not count.
        assert!(DisplayName::parse(&format!("a{}", "\u{301}".repeat(500))).is_ok());
    }

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

    #[test]
    fn a_text_is_cut_between_characters_as_users_see_them() {
        for (text, max, expected) in [
            ("short", 5, "short"),
            ("hello world", 5, "hello…"),
            ("hello world", 6, "hello…"),
            ("привет всем", 8, "привет в…"),
            ("aaa👨‍👩‍👧‍👦bbb", 5, "aaa…"),
            ("aaa👨‍👩‍👧‍👦bbb", 10, "aaa👨‍👩‍👧‍👦…"),
            ("флаг 🇷🇺🇺🇦🇫🇷", 6, "флаг…"),
            ("флаг 🇷🇺🇺🇦🇫🇷", 7, "флаг 🇷🇺…"),
            ("🇷🇺🇺🇦🇫🇷", 3, "🇷🇺…"),
            ("👍🏽👍🏽👍🏽", 3, "👍🏽…"),
            ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}…"),
            ("й\u{306}й", 1, "й\u{306}…"),
            ("नमस्ते दुनिया", 5, "नमस्ते…"),
            ("1️⃣2️⃣3️⃣", 4, "1️⃣…"),
            ("👨‍👩‍👧‍👦", 3, "👨‍👩‍👧‍👦"),
        ] {
            assert_eq!(beginning(text, max), expected, "{text} to {max}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_character_is_cut(text in cut_texts(), max in 0_usize..12) {
            use unicode_segmentation::UnicodeSegmentation as _;
            let beginning = beginning(&text, max);
            if let Some(kept) = beginning.strip_suffix('…').filter(|_| beginning != text) {
                // The spaces before the cut are not kept.
                let cut = text.len() - text.strip_prefix(kept).unwrap_or_default().trim_start().len();
                let is_cut = |(at, _): (usize, &str)| (kept.len()..=cut).contains(&at);
                proptest::prop_assert!(text.grapheme_indices(true).any(is_cut), "{text:?} -> {beginning:?}");
            }
        }
    }

    fn cut_texts() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let piece = prop_oneof![
            proptest::sample::select(vec![
                "a",
                "я",
                " ",
                "👨‍👩‍👧‍👦",
                "🇷🇺",
                "\u{1f1fa}",
                "👍🏽",
                "\u{200d}",
                "\u{fe0f}",
                "\u{301}",
                "नि",
                "क्ष",
                "ไทย",
                "กำ",
                "ကို",
                "한",
                "\u{1112}\u{1161}\u{11ab}",
                "漢",
                "が",
                "か\u{3099}",
                "ش",
                "\u{600}",
                "❤️",
                "1️⃣",
                "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
                "©",
            ])
            .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn searches_ignore_case_accents_and_forms() {
        for (text, folded) in [
            ("Смеётся", "смеется"),
            ("СМЕЕТСЯ", "смеется"),
            ("Ёж", "еж"),
            ("Álvaro", "alvaro"),
            ("e\u{301}", "e"),
            ("ＡＬＩＣＥ ﬁsh", "alice fish"),
            ("İstanbul", "istanbul"),
            ("👍🏽", "👍🏽"),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
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
