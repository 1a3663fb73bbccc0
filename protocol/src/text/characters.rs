//! Which characters are visible, invisible or combining.

use std::borrow::Cow;

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

/// Whether a name or a title may contain `c` after `before`.
pub(super) fn is_legal_in_line(before: Option<char>, c: char) -> bool {
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
