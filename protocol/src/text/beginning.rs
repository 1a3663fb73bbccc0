//! Cuts a text for a preview.

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

/// Whether the text may be cut between these characters: `after` begins a character as users see it (Latin to Arabic,
/// Thai, Chinese, Japanese, Korean, symbols, emoji), and `before` does not join it.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
