use leptos::prelude::*;

/// Shown in place of a page until its content arrives.
#[component]
pub fn Skeleton() -> impl IntoView {
    view! { <main id="main" class="pane skeleton" aria-busy="true"></main> }.into_any()
}
