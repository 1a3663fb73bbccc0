use leptos::{prelude::*, reactive::computed::ArcMemo};

/// Children while a condition holds. As Leptos' own, of one type for all conditions: see `words`.
#[component]
pub fn Show(#[prop(into)] when: Signal<bool>, children: ChildrenFn) -> impl IntoView {
    // What it depends on may be gone already when a page is taken down: then it holds no more.
    let shown = ArcMemo::new(move |_| when.try_get().unwrap_or_default());
    view! { {move || shown.get().then(|| children())} }.into_any()
}
