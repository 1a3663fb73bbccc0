use crate::ui::{reactive, upper};
use leptos::prelude::*;

/// A coloured circle with initials. Screen readers skip it, because the name is next to it.
#[component]
pub fn Avatar(#[prop(into)] name: Signal<String>, #[prop(optional, into)] class: &'static str) -> impl IntoView {
    view! {
        <span aria-hidden="true" class=reactive(move || format!("avatar {} {class}", colour(&name.get())))>
            {reactive(move || initials(&name.get()))}
        </span>
    }
    .into_any()
}

fn initials(name: &str) -> String {
    let words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let letters: String = words.take(2).collect();
    if letters.is_empty() { "•".into() } else { upper(&letters) }
}

/// The class of one of eight colours, derived from the name.
#[must_use]
pub fn colour(name: &str) -> &'static str {
    const COLOURS: [&str; 8] =
        ["colour-1", "colour-2", "colour-3", "colour-4", "colour-5", "colour-6", "colour-7", "colour-8"];
    let sum = name.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    COLOURS.get(sum % COLOURS.len()).copied().unwrap_or_default()
}
