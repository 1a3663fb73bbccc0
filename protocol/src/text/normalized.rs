//! Unicode normalization forms, and the form that searches compare.

/// A text as searches compare it: without case, accents and compatibility forms; `ё` is `е`. The column `users.folded`
/// has the same form.
#[must_use]
pub fn fold(text: &str) -> String {
    nfkd_lower(text).chars().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn nfkd_lower(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfkd(text).collect::<String>().to_lowercase()
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn nfkc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfkc(text).collect()
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn nfc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

// The browser has the Unicode tables: they need not be downloaded.
#[cfg(target_arch = "wasm32")]
fn nfkd_lower(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFKD").to_lower_case().into()
}

#[cfg(target_arch = "wasm32")]
pub(super) fn nfkc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFKC").into()
}

#[cfg(target_arch = "wasm32")]
pub(super) fn nfc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_ignore_case_accents_and_forms() {
        for (text, folded) in [
            ("Смеётся", "смеется"),
            ("СМЕЕТСЯ", "смеется"),
            ("Ёж", "еж"),
            ("Álvaro", "alvaro"),
            ("e\u{301}", "e"),
            ("ＡＬＩＣＥ ﬁsh", "alice fish"),
            ("İstanbul", "istanbul"),
            ("👍🏽", "👍🏽"),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }
}
