use crate::{
    address::Address,
    i18n::{t_string, use_i18n},
    ui::t,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page for an address that does not exist, or that the reader may not see.
#[component]
pub fn NotFound() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, not_found.title) />
        <main id="main" class="pane centered lost">
            <h1>{t!(i18n, not_found.title)}</h1>
            <p class="text-muted">{t!(i18n, not_found.hint)}</p>
            <a class="button" href=Address::CHATS.href()>{t!(i18n, not_found.back)}</a>
        </main>
    }
    .into_any()
}
