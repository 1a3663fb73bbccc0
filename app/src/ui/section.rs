use leptos::prelude::*;
use leptos_meta::Title;

/// A column of a page. It also sets the document's title.
#[component]
pub fn TitledSection(#[prop(into)] title: TextProp, children: Children) -> impl IntoView {
    view! {
        <Title text=title />
        <div class="narrow stack-lg">{children()}</div>
    }
    .into_any()
}
