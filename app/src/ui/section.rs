use leptos::prelude::*;
use leptos_meta::Title;

/// A column of a page. Its title is also the document's.
#[component]
pub fn TitledSection(#[prop(into)] title: TextProp, children: Children) -> impl IntoView {
    let heading = title.clone();
    view! {
        <Title text=title />
        <div class="narrow stack-lg">
            <h2>{move || heading.get()}</h2>
            {children()}
        </div>
    }
    .into_any()
}
