//! Conversion to lower and upper case, and the order of names. The browser uses JavaScript's functions: Rust's tables
//! would enlarge the download.

#[cfg(feature = "hydrate")]
use {
    crate::i18n::Locale,
    js_sys::{Array, Intl::Collator, Object},
    std::cmp::Ordering,
    wasm_bindgen::JsValue,
};

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

/// Compares names in the order of a language, as the collations of the database do.
#[cfg(feature = "hydrate")]
pub fn comparison(locale: Locale) -> impl Fn(&str, &str) -> Ordering {
    let compare = Collator::new(&Array::of1(&locale.name().into()), &Object::new()).compare();
    move |one, other| {
        let order = compare.call2(&JsValue::UNDEFINED, &one.into(), &other.into()).ok();
        order.and_then(|order| order.as_f64()).unwrap_or_default().total_cmp(&0.0)
    }
}
