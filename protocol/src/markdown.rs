//! Renders message text: a small, safe subset of Markdown. The server and the browser run the same code, so that
//! an optimistic message and its server-rendered page are identical.
//!
//! Line breaks stay, and there are no headings, lists or raw HTML. The syntax is `**bold**`, `*italic*`,
//! `~~struck~~`, `` `code` ``, fenced code, `> quotes`, `[links](https://…)`, bare URLs, `@names`, and `\` as
//! the escape character. A mark without an end, or in the middle of a word, is plain text. Time and nesting
//! depth are bounded for every input.

use crate::limits;
use std::{borrow::Cow, collections::HashSet, fmt::Write as _};

/// The nesting depth of quotes.
const QUOTES_MAX: usize = 4;
/// The nesting depth of marks: browsers stop nesting at 512 elements.
const OPEN_MAX: usize = 32;
/// Elements in one text: the rendering time of browsers grows faster than their number.
const ELEMENTS_MAX: usize = 400;
/// Combining marks on one letter: no script needs more, and browsers draw thousands slowly.
const ACCENTS_MAX: usize = 10;
/// A text of more emoji is not enlarged.
const JUMBO_MAX: usize = 6;
/// Emoji sequences have no maximum length; a family has 25 bytes.
const JUMBO_BYTES_MAX: usize = 40 * JUMBO_MAX;
/// The maximum length of a URL, in characters.
const ADDRESS_MAX: usize = 2_048;

/// Renders a text as HTML: escaped, with elements and attributes of this module only. `copy` is the label of
/// the button beside a block of code.
#[must_use]
pub fn html(text: &str, copy: &str) -> String {
    read(text, Output { html: true, copy, ..Output::default() }).text
}

/// The text without its marks, for previews.
#[must_use]
pub fn plain(text: &str) -> String {
    read(text, Output::default()).text
}

/// The user names that a text mentions: folded, each once, in order, at most `limits::MENTIONS`.
#[must_use]
pub fn mentions(text: &str) -> Vec<String> {
    if !text.contains('@') {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    read(text, Output::default())
        .mentions
        .into_iter()
        .filter(|name| seen.insert(name.clone()))
        .take(limits::MENTIONS)
        .collect()
}

fn read<'a>(text: &str, mut out: Output<'a>) -> Output<'a> {
    out.blocks(&without_stacked_accents(text).split('\n').collect::<Vec<_>>(), 0);
    out
}

/// Drops the combining marks beyond `ACCENTS_MAX` on a letter.
fn without_stacked_accents(text: &str) -> Cow<'_, str> {
    let is_accent = |c: char| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6ed}' | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
            | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
    };
    let stays = || {
        let mut run = 0;
        move |c: &char| {
            run = if is_accent(*c) { run + 1 } else { 0 };
            run <= ACCENTS_MAX
        }
    };
    let mut all_stay = stays();
    if text.chars().all(|c| all_stay(&c)) { text.into() } else { text.chars().filter(stays()).collect() }
}

/// Whether a text consists of a few emoji, which the page enlarges.
#[must_use]
pub fn is_jumbo(text: &str) -> bool {
    let joins = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    let shows = |c: char| matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    if text.len() > JUMBO_BYTES_MAX {
        return false;
    }
    let mut count = 0;
    let mut joined = false;
    for c in text.chars() {
        if joins(c) {
            joined = c == '\u{200d}';
        } else if shows(c) {
            count += usize::from(!joined);
            joined = false;
        } else {
            return false;
        }
    }
    // The two letters of a flag count as two emoji.
    (1..=JUMBO_MAX).contains(&count)
}

struct Output<'a> {
    html: bool,
    copy: &'a str,
    text: String,
    mentions: Vec<String>,
    /// How many elements may still be written.
    budget: usize,
}

impl Default for Output<'_> {
    fn default() -> Self {
        Self { html: false, copy: "", text: String::new(), mentions: Vec::new(), budget: ELEMENTS_MAX }
    }
}

impl Output<'_> {
    /// Splits lines into fenced code, quotes and paragraphs, and renders each.
    fn blocks(&mut self, lines: &[&str], depth: usize) {
        let mut at = 0;
        // After the last closing fence no line can open one: the search for an end would be quadratic.
        let last_end = lines.iter().rposition(|line| line.trim_end() == "```").unwrap_or(0);
        let fence_at = |at: usize| {
            let lines = if at < last_end { lines.get(at..) } else { lines.get(at..=at) };
            fence(lines.unwrap_or_default())
        };
        while let Some(line) = lines.get(at) {
            let rest = lines.get(at..).unwrap_or_default();
            let depth = if self.budget > 0 { depth } else { QUOTES_MAX };
            let taken = if let Some((language, code, taken)) = fence_at(at).filter(|_| self.budget > 0) {
                self.budget -= 1;
                self.code_block(language, &code);
                taken
            } else if depth < QUOTES_MAX && line.starts_with('>') {
                self.budget -= 1;
                let quoted: Vec<&str> = rest.iter().map_while(|line| line.strip_prefix('>')).collect();
                let inner: Vec<&str> = quoted.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
                self.tag("<blockquote>");
                self.blocks(&inner, depth + 1);
                self.tag("</blockquote>");
                quoted.len()
            } else {
                let is_text = |place: usize, line: &str| {
                    let quotes = depth < QUOTES_MAX && line.starts_with('>');
                    place == 0 || !(quotes || fence_at(at + place).is_some())
                };
                let count = rest.iter().enumerate().take_while(|(place, line)| is_text(*place, line)).count();
                self.inline(&rest.get(..count).unwrap_or_default().join("\n"));
                count
            };
            at += taken;
            // In HTML the elements separate the blocks; in plain text a line break does.
            if !self.html && at < lines.len() {
                self.text.push('\n');
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        if self.html {
            self.text.push_str(tag);
        }
    }

    fn code_block(&mut self, language: &str, code: &str) {
        if !self.html {
            self.text.push_str(code);
            return;
        }
        self.text
            .push_str("<div class=\"code\"><button type=\"button\" class=\"link only-with-script\" data-do=\"code\">");
        escape(self.copy, &mut self.text);
        self.text.push_str("</button><pre tabindex=\"0\"><code");
        if !language.is_empty() {
            self.text.push_str(" class=\"language-");
            self.text.push_str(language);
            self.text.push('"');
        }
        // HTML parsers drop a line break directly after the tag.
        self.text.push('>');
        if code.starts_with('\n') {
            self.text.push('\n');
        }
        escape(code, &mut self.text);
        self.text.push_str("</code></pre></div>");
    }

    /// Renders a paragraph with its marks.
    fn inline(&mut self, text: &str) {
        let mut inline = Inline {
            text,
            at: 0,
            before: None,
            tokens: Vec::new(),
            open: Vec::new(),
            unclosed: Vec::new(),
            budget: self.budget,
        };
        while inline.step() {}
        self.budget = inline.budget;
        for token in inline.tokens {
            match (token, self.html) {
                (Token::Text(text), true) => escape(text, &mut self.text),
                (Token::Text(text) | Token::Code(text), false) => self.text.push_str(text),
                (Token::Code(code), true) => {
                    self.text.push_str("<code>");
                    escape(code, &mut self.text);
                    self.text.push_str("</code>");
                }
                (Token::Open(mark) | Token::Close(mark), false) if matches!(mark, Mark::Link(_)) => {}
                (Token::Open(mark), true) => mark.open(&mut self.text),
                (Token::Close(mark), true) => self.text.push_str(mark.close()),
                (Token::Open(_) | Token::Close(_), false) => {}
                (Token::Address(shown), html) => address(shown, html, &mut self.text),
                (Token::Mention(mention), html) => {
                    let folded = mention.trim_start_matches('@').to_ascii_lowercase();
                    if html {
                        let _ = write!(self.text, "<a class=\"mention\" href=\"/users/@{folded}\">{mention}</a>");
                    } else {
                        self.text.push_str(mention);
                    }
                    self.mentions.push(folded);
                }
            }
        }
    }
}

/// Parses fenced code at the start of these lines: its language, the code, and the number of lines.
fn fence<'a>(lines: &[&'a str]) -> Option<(&'a str, String, usize)> {
    let first = lines.first()?.strip_prefix("```")?;
    if let Some(code) = first.strip_suffix("```").filter(|code| !code.is_empty() && !code.contains("```")) {
        return Some(("", code.to_owned(), 1));
    }
    let language = first.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.');
    if language.len() > 20 || !language.chars().all(is_name) {
        return None;
    }
    let code: Vec<&str> = lines.iter().skip(1).take_while(|line| line.trim_end() != "```").copied().collect();
    // Without a closing fence it is text: the user may still be writing it.
    (code.len() + 1 < lines.len() && !code.is_empty()).then(|| (language, code.join("\n"), code.len() + 2))
}

#[derive(Clone, Copy, PartialEq)]
enum Mark<'a> {
    Bold,
    Italic,
    BoldItalic,
    Struck,
    /// The URL; empty until the end of the link is parsed.
    Link(&'a str),
}

impl Mark<'_> {
    fn open(self, out: &mut String) {
        match self {
            Self::Bold => out.push_str("<strong>"),
            Self::Italic => out.push_str("<em>"),
            Self::BoldItalic => out.push_str("<strong><em>"),
            Self::Struck => out.push_str("<s>"),
            Self::Link(address) => anchor(address, true, out),
        }
    }

    fn close(self) -> &'static str {
        match self {
            Self::Bold => "</strong>",
            Self::Italic => "</em>",
            Self::BoldItalic => "</em></strong>",
            Self::Struck => "</s>",
            Self::Link(_) => "</a>",
        }
    }
}

enum Token<'a> {
    Text(&'a str),
    Code(&'a str),
    Open(Mark<'a>),
    Close(Mark<'a>),
    Address(&'a str),
    Mention(&'a str),
}

/// A mark without an end yet: its kind, its characters, and the index of its token.
struct Opened<'a> {
    mark: Mark<'a>,
    written: &'a str,
    place: usize,
}

struct Inline<'a> {
    text: &'a str,
    at: usize,
    /// The character before `at`.
    before: Option<char>,
    tokens: Vec<Token<'a>>,
    open: Vec<Opened<'a>>,
    /// Lengths of backtick runs that have no closing run in the rest of the text.
    unclosed: Vec<usize>,
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
        self.at += bytes;
        passed
    }

    fn word_before(&self) -> bool {
        self.before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    }

    /// Parses one token; returns false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        let made = self.tokens.len();
        let taken = match first {
            _ if self.budget == 0 => {
                let text = self.pass(rest.len());
                self.tokens.push(Token::Text(text));
                true
            }
            '\\' => self.escaped(rest),
            '`' => self.code(rest),
            '*' | '_' | '~' => self.mark(rest, first),
            '[' if self.open.len() < OPEN_MAX => {
                let place = self.tokens.len();
                let written = self.pass(1);
                self.tokens.push(Token::Text(written));
                self.open.push(Opened { mark: Mark::Link(""), written, place });
                true
            }
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
        let text = self.pass(end.map_or(rest.len(), |(at, _)| at));
        self.tokens.push(Token::Text(text));
    }

    fn escaped(&mut self, rest: &'a str) -> bool {
        let Some(next) = rest.chars().nth(1).filter(char::is_ascii_punctuation) else { return false };
        self.pass(1);
        let text = self.pass(next.len_utf8());
        self.tokens.push(Token::Text(text));
        true
    }

    fn code(&mut self, rest: &'a str) -> bool {
        let run = rest.len() - rest.trim_start_matches('`').len();
        let inside = rest.get(run..).unwrap_or_default();
        let end = if self.unclosed.contains(&run) { None } else { closing_run(inside, run) };
        let Some(end) = end.filter(|end| *end > 0) else {
            if !self.unclosed.contains(&run) {
                self.unclosed.push(run);
            }
            let text = self.pass(run);
            self.tokens.push(Token::Text(text));
            return true;
        };
        let code = inside.get(..end).unwrap_or_default();
        // One space on each side is dropped, so that code can begin with a backtick.
        let spaced =
            code.strip_prefix(' ').and_then(|code| code.strip_suffix(' ')).filter(|code| !code.trim().is_empty());
        self.pass(run + end + run);
        self.tokens.push(Token::Code(spaced.unwrap_or(code)));
        true
    }

    /// A run of `*`, `_` or `~`: it closes an open mark, or opens one, or is text.
    fn mark(&mut self, rest: &'a str, sign: char) -> bool {
        let run = rest.len() - rest.trim_start_matches(sign).len();
        let mark = match (sign, run) {
            ('*' | '_', 1) => Some(Mark::Italic),
            ('*' | '_', 2) => Some(Mark::Bold),
            ('*' | '_', 3) => Some(Mark::BoldItalic),
            ('~', 2) => Some(Mark::Struck),
            _ => None,
        };
        let after = rest.get(run..).and_then(|rest| rest.chars().next());
        let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let (closes, opens) = (!space(self.before) && !word(after), !space(after) && !self.word_before());
        let written = self.pass(run);
        let opened = self.open.iter().rposition(|open| Some(open.mark) == mark && open.written == written);
        match (mark, opened) {
            (Some(mark), Some(opened)) if closes => {
                let place = self.open.get(opened).map_or(0, |open| open.place);
                self.open.truncate(opened);
                if let Some(token) = self.tokens.get_mut(place) {
                    *token = Token::Open(mark);
                }
                self.tokens.push(Token::Close(mark));
            }
            (Some(mark), _) if opens && self.open.len() < OPEN_MAX => {
                self.open.push(Opened { mark, written, place: self.tokens.len() });
                self.tokens.push(Token::Text(written));
            }
            _ => self.tokens.push(Token::Text(written)),
        }
        true
    }

    /// The end of a link's label, and its URL.
    fn link(&mut self, rest: &'a str) -> bool {
        let opened = self.open.iter().rposition(|open| matches!(open.mark, Mark::Link(_)));
        let Some(opened) = opened else { return false };
        let place = self.open.get(opened).map_or(0, |open| open.place);
        let Some(address) = target(rest).filter(|_| place + 1 < self.tokens.len()) else {
            // The brackets are plain text: stop waiting for the end of a link.
            self.open.remove(opened);
            return false;
        };
        self.pass("](".len() + address.len() + ")".len());
        // Links do not nest: drop the open links around this one and the URLs and mentions inside it.
        self.open.truncate(opened);
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

    fn mention(&mut self, rest: &'a str) -> bool {
        let name = rest.get(1..).unwrap_or_default();
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let touches = self.word_before()
            || name.get(end..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
        if !limits::USERNAME.contains(&end) || touches {
            return false;
        }
        let mention = self.pass(1 + end);
        self.tokens.push(Token::Mention(mention));
        true
    }

    /// A bare URL: `https://…`, `www.…`.
    fn address(&mut self, rest: &'a str) -> bool {
        if self.word_before() {
            return false;
        }
        let Some(length) = address_length(rest) else { return false };
        let shown = self.pass(length);
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

/// The URL of `](URL)`, up to the matching bracket.
fn target(rest: &str) -> Option<&str> {
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

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a URL can only open a page or start an e-mail.
fn is_safe(address: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| starts_with(address, scheme) && address.len() > scheme.len())
}

/// The length in bytes of the URL at the start of a text: without the punctuation that ends a sentence, and with
/// balanced brackets.
fn address_length(text: &str) -> Option<usize> {
    let prefix = ["https://", "http://", "www."].into_iter().find(|prefix| starts_with(text, prefix))?;
    let is_end = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '*' | '|' | '\\' | '^' | '[' | ']')
    };
    let host = text.get(prefix.len()..)?;
    if !host.chars().next().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let mut open = 0_usize;
    let mut end = 0;
    for c in host.chars().take(ADDRESS_MAX) {
        if is_end(c) || (c == ')' && open == 0) {
            break;
        }
        open = (open + usize::from(c == '(')).saturating_sub(usize::from(c == ')'));
        end += c.len_utf8();
    }
    let host = host.get(..end)?.trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', '~', '_', '…', '»', '”', '(']);
    (prefix != "www." || host.contains('.')).then_some(prefix.len() + host.len())
}

fn address(shown: &str, html: bool, out: &mut String) {
    if html {
        let www = starts_with(shown, "www.");
        anchor(&if www { format!("https://{shown}") } else { shown.to_owned() }, false, out);
        escape(shown, out);
        out.push_str("</a>");
    } else {
        out.push_str(shown);
    }
}

/// Opens a link. With `titled` the URL is the tooltip, because a label may claim another target.
fn anchor(address: &str, titled: bool, out: &mut String) {
    out.push_str("<a href=\"");
    escape(address, out);
    if titled {
        out.push_str("\" title=\"");
        escape(address, out);
    }
    out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
