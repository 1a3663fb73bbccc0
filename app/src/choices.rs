//! The settings of one browser.

use std::collections::BTreeMap;

/// The names and their values; without a value, the default applies. A cookie stores each choice, and the document
/// carries it as an attribute.
pub const CHOICES: [(&str, &[&str]); 5] = [
    ("theme", &["light", "dark"]),
    ("text", &["small", "large"]),
    ("motion", &["reduced"]),
    ("notify", &["name", "off"]),
    ("sound", &["off"]),
];

/// The choices that the cookies hold.
#[must_use]
pub fn choices(cookie: impl Fn(&'static str) -> Option<String>) -> BTreeMap<String, String> {
    let known = CHOICES.iter().filter_map(|(name, values)| {
        let value = cookie(name)?;
        values.contains(&value.as_str()).then(|| ((*name).to_owned(), value))
    });
    known.collect()
}
