//! The names of devices in the list of sessions.

/// The name for a `User-Agent`: the browser and its system if both are known, else the text itself without
/// control characters, at most 200 characters.
#[must_use]
pub fn name(user_agent: &str) -> String {
    let found = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    if let (true, Some(browser), Some(system)) = (user_agent.starts_with("Mozilla/"), found(BROWSERS), found(SYSTEMS)) {
        return format!("{browser}, {system}");
    }
    let name: String = user_agent.chars().filter(|c| !c.is_control()).take(200).collect();
    if name.trim().is_empty() { "Unknown device".into() } else { name }
}

// A User-Agent also names the browsers and systems it imitates, so the first match in these lists counts.

const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn devices_have_familiar_names() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
                "Chrome, Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0", "Firefox, Android"),
            ("curl/7.88.1", "curl/7.88.1"),
            ("Phone 1", "Phone 1"),
            ("tab\tand\nline", "tabandline"),
            (" ", "Unknown device"),
        ] {
            assert_eq!(name(user_agent), expected);
        }
        assert_eq!(name(&"x".repeat(500)).len(), 200);
    }
}
