//! Renders message text: a small, safe subset of Markdown. The server and the browser run the same code, so that
//! an optimistic message and its server-rendered page are identical.
//!
//! Line breaks stay, and there are no headings, lists or raw HTML. The syntax is `**bold**`, `*italic*`,
//! `~~struck~~`, `` `code` ``, fenced code, `> quotes`, `[links](https://…)`, bare URLs, `@names`, and `\` as
//! the escape character. A mark without an end, or in the middle of a word, is plain text, and so is a mark around
//! no letter or digit: `(*_*)`. A backslash that prevents no mark is text too: `\\server\share`. Time and nesting
//! depth are bounded for every input.

use crate::{limits, text::with_marks};
use std::{collections::HashSet, fmt::Write as _};

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
/// the button beside a block of code. A mention is a link if a user with this name exists.
#[must_use]
pub fn html(text: &str, copy: &str, exists: &dyn Fn(&str) -> bool) -> String {
    read(text, Output { html: true, copy, exists, ..Output::default() }).text
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
    out.blocks(&with_marks(text, ACCENTS_MAX).split('\n').collect::<Vec<_>>(), 0);
    out
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
    exists: &'a dyn Fn(&str) -> bool,
    text: String,
    mentions: Vec<String>,
    /// How many elements may still be written.
    budget: usize,
}

impl Default for Output<'_> {
    fn default() -> Self {
        Self {
            html: false,
            copy: "",
            exists: &|_| false,
            text: String::new(),
            mentions: Vec::new(),
            budget: ELEMENTS_MAX,
        }
    }
}

impl Output<'_> {
    /// Splits lines into fenced code, quotes and paragraphs, and renders each.
    fn blocks(&mut self, lines: &[&str], depth: usize) {
        let mut at = 0;
        let ends = longest_ends(lines);
        while let Some(line) = lines.get(at) {
            let rest = lines.get(at..).unwrap_or_default();
            let marks = self.budget > 0;
            let fence_at = |at: usize| {
                let (lines, end) = (lines.get(at..).unwrap_or_default(), ends.get(at).copied().unwrap_or(0));
                if marks { fence(lines, end) } else { None }
            };
            let quotes = |line: &str| marks && depth < QUOTES_MAX && begins_quote(line);
            let taken = if let Some((language, code, taken)) = fence_at(at) {
                self.budget -= 1;
                self.code_block(language, &code);
                taken
            } else if quotes(line) {
                self.budget -= 1;
                let quoted = quoted(rest);
                self.tag("<blockquote>");
                self.blocks(&quoted, depth + 1);
                self.tag("</blockquote>");
                quoted.len()
            } else {
                let is_text =
                    |place: usize, line: &str| place == 0 || !(quotes(line) || fence_at(at + place).is_some());
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
            words: 0,
            tokens: Vec::new(),
            open: Vec::new(),
            unclosed: Vec::new(),
            escaped_runs: Vec::new(),
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
                    if html && (self.exists)(&folded) {
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

/// Whether a quote begins with this line. A `>` without a space is text: `>_<`, `>5`, `>>> code`.
fn begins_quote(line: &str) -> bool {
    line.strip_prefix("> ").is_some_and(|line| !line.trim().is_empty())
}

/// The lines of the quote at the start of these lines, without their `>`. An empty line of a quote may be a lone `>`,
/// but not the last one.
fn quoted<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let inside = |line: &&'a str| line.strip_prefix("> ").or(if *line == ">" { Some("") } else { None });
    let mut quoted: Vec<&str> = lines.iter().map_while(inside).collect();
    quoted.truncate(quoted.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1));
    quoted
}

/// The number of backticks in a line of backticks only, which closes a fence of as many or fewer.
fn fence_end(line: &str) -> usize {
    let line = line.trim_end();
    if line.bytes().all(|byte| byte == b'`') { line.len() } else { 0 }
}

/// For each line, the longest closing fence after it: without them, the search for an end would be quadratic.
fn longest_ends(lines: &[&str]) -> Vec<usize> {
    let mut longest = 0;
    let after = |line: &&str| {
        let after = longest;
        longest = longest.max(fence_end(line));
        after
    };
    let mut ends: Vec<usize> = lines.iter().rev().map(after).collect();
    ends.reverse();
    ends
}

/// Parses fenced code at the start of these lines: its language, the code, and the number of lines. `longest_end` is
/// the longest closing fence after the first line.
fn fence<'a>(lines: &[&'a str], longest_end: usize) -> Option<(&'a str, String, usize)> {
    let first = *lines.first()?;
    let after = first.trim_start_matches('`');
    let run = first.strip_suffix(after).filter(|run| run.len() >= 3)?;
    if let Some(code) = after.strip_suffix(run).filter(|code| !code.is_empty() && !code.contains(run)) {
        return Some(("", code.to_owned(), 1));
    }
    let language = after.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.');
    // Without a closing fence it is text: the user may still be writing it.
    if language.len() > 20 || !language.chars().all(is_name) || longest_end < run.len() {
        return None;
    }
    let code: Vec<&str> = lines.iter().skip(1).take_while(|line| fence_end(line) < run.len()).copied().collect();
    (!code.is_empty()).then(|| (language, code.join("\n"), code.len() + 2))
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
                self.escaped_runs.push(run);
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
        let opens = |c: char| c.is_whitespace() || OPENING.contains(c) || matches!(c, '“' | '"' | '\'' | '—' | '–');
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
        self.before.is_some_and(|c| !c.is_whitespace() && !OPENING.contains(c)) && !self.just_opened() && !goes_on
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

/// The end of the URL at the start of a text, in bytes, without its scheme. A closing bracket or quote that the URL did
/// not open ends it.
fn address_end(text: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut after_host = false;
    let mut end = 0;
    for c in text.chars().take(ADDRESS_MAX) {
        after_host |= matches!(c, '/' | '?' | '#');
        let (opens, closes) = (closed_by(c), CLOSING.contains(c));
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

/// Brackets and quotes that open, and those that close.
const OPENING: &str = "([{«‹„‘（「『【《";
const CLOSING: &str = ")]}»›“”’）」』】》";

/// The characters that close this bracket or quote; none if it opens nothing. `“` opens in English and closes in
/// German; in a URL it can only close.
fn closed_by(opening: char) -> Option<&'static str> {
    Some(match opening {
        '(' => ")",
        '[' => "]",
        '{' => "}",
        '«' => "»",
        '‹' => "›",
        '„' => "“”",
        '‘' => "’",
        '（' => "）",
        '「' => "」",
        '『' => "』",
        '【' => "】",
        '《' => "》",
        _ => return None,
    })
}

/// Whether this character at the end of a URL belongs to the sentence around it.
fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '~' | '*' | '|' | '^' | '…') || OPENING.contains(c)
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
