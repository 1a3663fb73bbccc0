//! The settings of one browser.

use std::collections::BTreeMap;

/// The name of each choice, and its values besides the default. A cookie stores a choice, and an attribute of the
/// document shows it.
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
