//! Conversion to lower and upper case. The browser uses JavaScript's functions: Rust's tables would enlarge the
//! download.

#[cfg(not(feature = "hydrate"))]
#[must_use]
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(not(feature = "hydrate"))]
#[must_use]
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

#[cfg(feature = "hydrate")]
#[must_use]
pub fn lower(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

#[cfg(feature = "hydrate")]
#[must_use]
pub fn upper(text: &str) -> String {
    js_sys::JsString::from(text).to_upper_case().into()
}
