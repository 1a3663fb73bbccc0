//! Splits lines: quotes and fenced code.

/// Whether a quote begins with this line. A `>` without a space is text: `>_<`, `>5`, `>>> code`.
pub(super) fn begins_quote(line: &str) -> bool {
    line.strip_prefix("> ").is_some_and(|line| !line.trim().is_empty())
}

/// The lines of the quote at the start of these lines, without their `>`. An empty line of a quote may be a lone `>`,
/// but not the last one.
pub(super) fn quoted<'a>(lines: &[&'a str]) -> Vec<&'a str> {
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
pub(super) fn longest_ends(lines: &[&str]) -> Vec<usize> {
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
pub(super) fn fence<'a>(lines: &[&'a str], longest_end: usize) -> Option<(&'a str, String, usize)> {
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
