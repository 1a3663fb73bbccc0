//! Finds URLs and their ends.

/// The maximum length of a URL, in characters.
const ADDRESS_MAX: usize = 2_048;

/// The URL of `](URL)`, up to the matching bracket.
pub(super) fn target(rest: &str) -> Option<&str> {
    // The scheme is checked first, because the search for the end may be long.
    let address = rest.strip_prefix("](").filter(|address| is_safe(address))?;
    let mut depth = 0_usize;
    for (at, c) in address.char_indices().take(ADDRESS_MAX) {
        match c {
            '(' => depth += 1,
            _ if c.is_whitespace() => return None,
            ')' if depth == 0 => return address.get(..at).filter(|address| is_safe(address)),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a URL can only open a page or start an e-mail.
fn is_safe(address: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| starts_with(address, scheme) && address.len() > scheme.len())
}

/// The end of the URL at the start of a text, in bytes, without its scheme. A closing bracket or quote that the URL did
/// not open ends it.
pub(super) fn address_end(text: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut after_host = false;
    let mut end = 0;
    for c in text.chars().take(ADDRESS_MAX) {
        after_host |= matches!(c, '/' | '?' | '#');
        let (opens, closes) = (closed_by(c), is_closing(c));
        let is_end = c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '`' | '\\' | '。' | '、' | '，' | '！' | '？')
            || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || (!after_host && (opens.is_some() || closes || matches!(c, '*' | '|' | '^')));
        let opened = if closes { open.iter().rposition(|closing| closing.contains(c)) } else { None };
        if is_end || (closes && opened.is_none()) {
            break;
        }
        if let Some(opened) = opened {
            open.truncate(opened);
        } else if let Some(closing) = opens {
            open.push(closing);
        }
        end += c.len_utf8();
    }
    end
}

/// Each opening bracket or quote, and the characters that close it. `“` opens in English and closes in German; in a URL
/// it can only close.
const PAIRS: [(char, &str); 12] = [
    ('(', ")"),
    ('[', "]"),
    ('{', "}"),
    ('«', "»"),
    ('‹', "›"),
    ('„', "“”"),
    ('‘', "’"),
    ('（', "）"),
    ('「', "」"),
    ('『', "』"),
    ('【', "】"),
    ('《', "》"),
];

fn closed_by(opening: char) -> Option<&'static str> {
    PAIRS.iter().find(|(other, _)| *other == opening).map(|(_, closing)| *closing)
}

pub(super) fn is_opening(c: char) -> bool {
    closed_by(c).is_some()
}

fn is_closing(c: char) -> bool {
    PAIRS.iter().any(|(_, closing)| closing.contains(c))
}

/// Whether this character at the end of a URL belongs to the sentence around it.
pub(super) fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '~' | '*' | '|' | '^' | '…') || is_opening(c)
}
