use leptos::{prelude::*, reactive::computed::ArcMemo};

/// Shows its children while a condition holds. Unlike Leptos' `Show`, it has one type for all conditions: see `words`.
#[component]
pub fn Show(#[prop(into)] when: Signal<bool>, children: ChildrenFn) -> impl IntoView {
    // While a page is removed, the condition's signals may already be disposed of: then nothing is shown.
    let shown = ArcMemo::new(move |_| when.try_get().unwrap_or_default());
    view! { {move || shown.get().then(|| children())} }.into_any()
}
