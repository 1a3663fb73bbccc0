//! Writes HTML: escaped texts and links.

use super::links::starts_with;

pub(super) fn address(shown: &str, html: bool, out: &mut String) {
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
pub(super) fn anchor(address: &str, titled: bool, out: &mut String) {
    out.push_str("<a href=\"");
    escape(address, out);
    if titled {
        out.push_str("\" title=\"");
        escape(address, out);
    }
    out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
}

pub(super) fn escape(text: &str, out: &mut String) {
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
