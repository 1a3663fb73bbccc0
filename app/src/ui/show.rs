use leptos::prelude::*;

/// Children while a condition holds. As Leptos' own, of one type for all conditions: see `words`.
#[component]
pub fn Show(#[prop(into)] when: Signal<bool>, children: ChildrenFn) -> impl IntoView {
    let shown = Memo::new(move |_| when.get());
    view! { {move || shown.get().then(|| children())} }.into_any()
}
