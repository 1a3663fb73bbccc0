//! Parses the text of one paragraph into tokens: marks, code, links, URLs and mentions.

use super::{
    elements::anchor,
    fences::begins_quote,
    links::{address_end, ends_sentence, is_opening, starts_with, target},
};
use crate::limits;

/// The nesting depth of marks: browsers stop nesting at 512 elements.
pub(super) const OPEN_MAX: usize = 32;

/// The tokens of a paragraph. Takes the elements that they make from `budget`.
pub(super) fn tokens<'a>(text: &'a str, budget: &mut usize) -> Vec<Token<'a>> {
    let mut inline = Inline {
        text,
        at: 0,
        before: None,
        words: 0,
        tokens: Vec::new(),
        open: Vec::new(),
        unclosed: Vec::new(),
        escaped_runs: Vec::new(),
        budget: *budget,
    };
    while inline.step() {}
    *budget = inline.budget;
    inline.tokens
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mark<'a> {
    Bold,
    Italic,
    BoldItalic,
    Struck,
    /// The URL; empty until the end of the link is parsed.
    Link(&'a str),
}

impl Mark<'_> {
    pub(super) fn open(self, out: &mut String) {
        match self {
            Self::Bold => out.push_str("<strong>"),
            Self::Italic => out.push_str("<em>"),
            Self::BoldItalic => out.push_str("<strong><em>"),
            Self::Struck => out.push_str("<s>"),
            Self::Link(address) => anchor(address, true, out),
        }
    }

    pub(super) fn close(self) -> &'static str {
        match self {
            Self::Bold => "</strong>",
            Self::Italic => "</em>",
            Self::BoldItalic => "</em></strong>",
            Self::Struck => "</s>",
            Self::Link(_) => "</a>",
        }
    }
}

pub(super) enum Token<'a> {
    Text(&'a str),
    Code(&'a str),
    Open(Mark<'a>),
    Close(Mark<'a>),
    Address(&'a str),
    Mention(&'a str),
}

/// A mark without an end yet.
struct Opened<'a> {
    mark: Mark<'a>,
    /// Its characters.
    written: &'a str,
    /// The index of its token, or of the backslash before it.
    place: usize,
    /// Where its content begins: the byte, and the number of words before it.
    inside: usize,
    words: usize,
    /// After a backslash the mark is text, and so is its end.
    escaped: bool,
}

struct Inline<'a> {
    text: &'a str,
    at: usize,
    /// The character before `at`.
    before: Option<char>,
    /// How many pieces with a letter or a digit are before `at`.
    words: usize,
    tokens: Vec<Token<'a>>,
    open: Vec<Opened<'a>>,
    /// Lengths of backtick runs that have no closing run in the rest of the text.
    unclosed: Vec<usize>,
    /// Lengths of backtick runs after a backslash.
    escaped_runs: Vec<usize>,
    /// How many elements may still be written.
    budget: usize,
}

impl<'a> Inline<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Moves forward by this number of bytes and returns them.
    fn pass(&mut self, bytes: usize) -> &'a str {
        let passed = self.text.get(self.at..self.at + bytes).unwrap_or_default();
        self.before = passed.chars().next_back().or(self.before);
        self.words += usize::from(passed.contains(char::is_alphanumeric));
        self.at += bytes;
        passed
    }

    /// Moves forward by this number of bytes of plain text.
    fn keep(&mut self, bytes: usize) {
        let text = self.pass(bytes);
        self.tokens.push(Token::Text(text));
    }

    fn just_opened(&self) -> bool {
        self.open.last().is_some_and(|open| open.inside == self.at)
    }

    fn within_word(&self) -> bool {
        self.before.is_some_and(|c| c.is_alphanumeric() || (c == '_' && !self.just_opened()))
    }

    /// Parses one token; returns false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        let made = self.tokens.len();
        let taken = match first {
            _ if self.budget == 0 => {
                self.keep(rest.len());
                true
            }
            '\\' => self.escaped(rest),
            '`' => self.code(rest),
            '*' | '_' | '~' => self.mark(rest, first),
            '[' => self.open(rest, Mark::Link(""), 1),
            ']' => self.link(rest),
            '@' => self.mention(rest),
            'h' | 'H' | 'w' | 'W' => self.address(rest),
            _ => false,
        };
        if !taken {
            self.plain(rest);
        }
        let is_element = |token: &&Token<'_>| !matches!(token, Token::Text(_) | Token::Open(_));
        self.budget = self.budget.saturating_sub(self.tokens.iter().skip(made).filter(is_element).count());
        true
    }

    /// Takes text up to the next character that may start a mark.
    fn plain(&mut self, rest: &'a str) {
        let begins = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '@');
        let mut before = None;
        let end = rest.char_indices().find(|&(at, c)| {
            let address = matches!(c, 'h' | 'H' | 'w' | 'W') && !before.is_some_and(char::is_alphanumeric);
            before = Some(c);
            at > 0 && (begins(c) || address)
        });
        self.keep(end.map_or(rest.len(), |(at, _)| at));
    }

    /// A backslash. It disappears only where it prevents a mark.
    fn escaped(&mut self, rest: &'a str) -> bool {
        let after = rest.get(1..).unwrap_or_default();
        let run = after.len() - after.trim_start_matches('`').len();
        let prevents = match after.chars().next() {
            Some(sign @ ('*' | '_' | '~')) => return self.mark(rest, sign),
            Some('[') => return self.open(rest, Mark::Link(""), 1),
            Some('`') => {
                let opens = self.code_length(after, run).is_some();
                let closes = self.escaped_runs.contains(&run);
                if !closes {
                    self.escaped_runs.push(run);
                }
                opens || closes
            }
            Some(']') => self.open.iter().any(|open| matches!(open.mark, Mark::Link(_))) && target(after).is_some(),
            Some('@') => self.mention_length(after).is_some(),
            Some('>') => matches!(self.before, None | Some('\n')) && begins_quote(after),
            _ => false,
        };
        if prevents {
            self.pass(1);
            self.keep(run.max(1));
        }
        prevents
    }

    /// The length of the code between this run of backticks and the next run of the same length.
    fn code_length(&mut self, rest: &str, run: usize) -> Option<usize> {
        if self.unclosed.contains(&run) {
            return None;
        }
        let inside = rest.get(run..).unwrap_or_default();
        let end = closing_run(inside, run);
        if end.is_none() {
            self.unclosed.push(run);
        }
        end.filter(|end| inside.get(..*end).is_some_and(|code| !code.trim().is_empty()))
    }

    fn code(&mut self, rest: &'a str) -> bool {
        let run = rest.len() - rest.trim_start_matches('`').len();
        // After a letter it is an apostrophe: "that`s".
        let end = if self.within_word() { None } else { self.code_length(rest, run) };
        let Some(end) = end else {
            self.keep(run);
            return true;
        };
        let code = rest.get(run..run + end).unwrap_or_default();
        // One space on each side is dropped, so that code can begin with a backtick.
        let spaced =
            code.strip_prefix(' ').and_then(|code| code.strip_suffix(' ')).filter(|code| !code.trim().is_empty());
        self.pass(run + end + run);
        self.tokens.push(Token::Code(spaced.unwrap_or(code)));
        true
    }

    /// Takes a run of this length, perhaps after a backslash, as text that its end turns into a mark.
    fn open(&mut self, rest: &'a str, mark: Mark<'a>, run: usize) -> bool {
        let escaped = rest.starts_with('\\');
        if self.open.len() == OPEN_MAX {
            self.keep(usize::from(escaped) + run);
            return true;
        }
        let place = self.tokens.len();
        if escaped {
            self.keep(1);
        }
        let written = self.pass(run);
        self.tokens.push(Token::Text(written));
        self.open.push(Opened { mark, written, place, inside: self.at, words: self.words, escaped });
        true
    }

    /// A run of `*`, `_` or `~`, perhaps after a backslash: it closes an open mark, or opens one, or is text.
    fn mark(&mut self, rest: &'a str, sign: char) -> bool {
        let backslash = usize::from(rest.starts_with('\\'));
        let signs = rest.get(backslash..).unwrap_or_default();
        let after = signs.trim_start_matches(sign);
        let run = signs.len() - after.len();
        let mark = match (sign, run) {
            ('*' | '_', 1) => Some(Mark::Italic),
            ('*' | '_', 2) => Some(Mark::Bold),
            ('*' | '_', 3) => Some(Mark::BoldItalic),
            ('~', 2) => Some(Mark::Struck),
            _ => None,
        };
        let closed = self.open.iter().rposition(|open| Some(open.mark) == mark && open.written.starts_with(sign));
        let closed = closed.filter(|closed| {
            self.may_close(sign, after) && self.open.get(*closed).is_some_and(|open| self.words > open.words)
        });
        match (mark, closed) {
            (Some(mark), Some(closed)) => self.close(closed, mark, backslash + run),
            (Some(mark), None) if self.may_open(signs, after) => {
                self.open(rest, mark, run);
            }
            _ => self.keep(backslash + run),
        }
        true
    }

    /// Whether a mark may begin here: after a space, an opening bracket, a quote, a dash or another mark.
    fn may_open(&self, signs: &str, after: &str) -> bool {
        let opens = |c: char| c.is_whitespace() || is_opening(c) || matches!(c, '“' | '"' | '\'' | '—' | '–');
        // `*.png` is a pattern of file names.
        let is_pattern =
            signs.starts_with("*.") && after.get(1..).is_some_and(|name| name.starts_with(char::is_alphanumeric));
        let begins = |after: &str| {
            let mut content = after.trim_start_matches(['*', '_', '~', '\\']).chars();
            content.next().is_some_and(|c| !c.is_whitespace() && !matches!(c, ')' | ']' | '}'))
        };
        (self.before.is_none_or(opens) || self.just_opened()) && !is_pattern && begins(after)
    }

    /// Whether a mark may end here: after its content, and before the end of a word.
    fn may_close(&self, sign: char, after: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        // A file name or an identifier goes on: `*logo*.svg`, `__init__.py`, `__init__()`, `_(ツ)_/`.
        let dotted =
            after.strip_prefix('.').is_some_and(|after| after.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let joined = after.starts_with(['(', '/'])
            || after.strip_prefix(['.', ':', '=', '-']).is_some_and(|after| after.starts_with(is_word));
        let goes_on = after.starts_with(char::is_alphanumeric) || dotted || (sign == '_' && joined);
        self.before.is_some_and(|c| !c.is_whitespace() && !is_opening(c)) && !self.just_opened() && !goes_on
    }

    /// Ends an open mark with these bytes. If one of the two is after a backslash, both are text without backslashes.
    fn close(&mut self, closed: usize, mark: Mark<'a>, bytes: usize) {
        let (place, escaped) = self.open.get(closed).map_or((0, false), |open| (open.place, open.escaped));
        let end_escaped = self.rest().starts_with('\\');
        if escaped || !end_escaped {
            self.open.truncate(closed);
            if let Some(token) = self.tokens.get_mut(place) {
                *token = if escaped { Token::Text("") } else { Token::Open(mark) };
            }
        }
        let written = self.pass(bytes);
        let text = written.trim_start_matches('\\');
        self.tokens.push(if escaped || end_escaped { Token::Text(text) } else { Token::Close(mark) });
    }

    /// The end of a link's label, and its URL.
    fn link(&mut self, rest: &'a str) -> bool {
        let opened = self.open.iter().rposition(|open| matches!(open.mark, Mark::Link(_)));
        let Some(opened) = opened else { return false };
        let (place, escaped) = self.open.get(opened).map_or((0, false), |open| (open.place, open.escaped));
        let Some(address) = target(rest).filter(|_| place + 1 < self.tokens.len()) else {
            // The brackets are plain text: stop waiting for the end of a link.
            self.open.remove(opened);
            return false;
        };
        self.open.truncate(opened);
        if escaped {
            if let Some(token) = self.tokens.get_mut(place) {
                *token = Token::Text("");
            }
            return false;
        }
        self.pass("](".len() + address.len() + ")".len());
        // Links do not nest: drop the open links around this one and the URLs and mentions inside it.
        self.open.retain(|open| !matches!(open.mark, Mark::Link(_)));
        for token in self.tokens.iter_mut().skip(place) {
            if let Token::Address(shown) | Token::Mention(shown) = token {
                *token = Token::Text(shown);
            }
        }
        if let Some(token) = self.tokens.get_mut(place) {
            *token = Token::Open(Mark::Link(address));
        }
        self.tokens.push(Token::Close(Mark::Link(address)));
        true
    }

    /// How many bytes at the end of a URL or a user name close an open mark.
    fn closing(&self, text: &str) -> usize {
        let run = text.len() - text.trim_end_matches('_').len();
        let fits = |open: &&Opened<'_>| open.written.starts_with('_') && open.written.len() <= run;
        self.open.iter().rev().find(fits).map_or(0, |open| open.written.len())
    }

    /// The length of the `@name` at the start of a text; none within a word or an address such as `@name@mail.example`.
    fn mention_length(&self, rest: &str) -> Option<usize> {
        let name = rest.get(1..)?;
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let goes_on = name.get(end..)?.starts_with(|c: char| c.is_alphanumeric() || c == '@');
        let end = end - self.closing(name.get(..end)?);
        (limits::USERNAME.contains(&end) && !goes_on && !self.within_word()).then_some(1 + end)
    }

    fn mention(&mut self, rest: &'a str) -> bool {
        let Some(length) = self.mention_length(rest) else { return false };
        let mention = self.pass(length);
        self.tokens.push(Token::Mention(mention));
        true
    }

    /// A bare URL: `https://…`, `www.…`, without the punctuation that ends a sentence or a mark.
    fn address(&mut self, rest: &'a str) -> bool {
        let prefix = ["https://", "http://", "www."].into_iter().find(|prefix| starts_with(rest, prefix));
        let Some(prefix) = prefix.filter(|_| !self.within_word()) else { return false };
        let after = rest.get(prefix.len()..).unwrap_or_default();
        if !after.starts_with(char::is_alphanumeric) {
            return false;
        }
        let trimmed = after.get(..address_end(after)).unwrap_or_default().trim_end_matches(ends_sentence);
        let unmarked = trimmed.get(..trimmed.len() - self.closing(trimmed)).unwrap_or_default();
        let address = unmarked.trim_end_matches(ends_sentence);
        if address.is_empty() || (prefix == "www." && !address.contains('.')) {
            return false;
        }
        let shown = self.pass(prefix.len() + address.len());
        self.tokens.push(Token::Address(shown));
        true
    }
}

/// The index of the next run of exactly `run` backticks.
fn closing_run(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text.get(at..)?.find('`').map(|found| at + found) {
        let after = text.get(start..)?.trim_start_matches('`');
        let length = text.len() - start - after.len();
        if length == run {
            return Some(start);
        }
        at = start + length;
    }
    None
}
