//! Renders message text: a small, safe subset of Markdown. The server and the browser run the same code, so that
//! an optimistic message and its server-rendered page are identical.
//!
//! Line breaks stay, and there are no headings, lists or raw HTML. The syntax is `**bold**`, `*italic*`,
//! `~~struck~~`, `` `code` ``, fenced code, `> quotes`, `[links](https://…)`, bare URLs, `@names`, and `\` as
//! the escape character. A mark without an end, or in the middle of a word, is plain text, and so is a mark around
//! no letter or digit: `(*_*)`. A backslash that prevents no mark is text too: `\\server\share`. Time and nesting
//! depth are bounded for every input.

mod elements;
mod fences;
mod inline;
mod links;

use crate::{limits, text::with_marks};
use elements::{address, escape};
use fences::{begins_quote, fence, longest_ends, quoted};
use inline::{Token, tokens};
use std::{collections::HashSet, fmt::Write as _};

/// The nesting depth of quotes.
const QUOTES_MAX: usize = 4;
/// Elements in one text: the rendering time of browsers grows faster than their number.
const ELEMENTS_MAX: usize = 400;
/// Combining marks on one letter: no script needs more, and browsers draw thousands slowly.
const ACCENTS_MAX: usize = 10;
/// A text of more emoji is not enlarged.
const JUMBO_MAX: usize = 6;
/// Emoji sequences have no maximum length; a family has 25 bytes.
const JUMBO_BYTES_MAX: usize = 40 * JUMBO_MAX;

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
        for token in tokens(text, &mut self.budget) {
            match (token, self.html) {
                (Token::Text(text), true) => escape(text, &mut self.text),
                (Token::Text(text) | Token::Code(text), false) => self.text.push_str(text),
                (Token::Code(code), true) => {
                    self.text.push_str("<code>");
                    escape(code, &mut self.text);
                    self.text.push_str("</code>");
                }
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

#[cfg(test)]
mod tests;
