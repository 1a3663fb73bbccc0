use super::reactive::{reactive, shared_memo};
use leptos::prelude::*;

/// Shows its children while a condition holds. Unlike Leptos' `Show`, it has one type for all conditions: see
/// `reactive`.
#[component]
pub fn Show(#[prop(into)] when: Signal<bool>, children: ChildrenFn) -> impl IntoView {
    // While a page is removed, the condition's signals may already be disposed of: then nothing is shown.
    let shown = shared_memo(Box::new(move || when.try_get().unwrap_or_default()));
    view! { {reactive(move || shown.get().then(|| children()))} }.into_any()
}
