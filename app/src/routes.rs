//! The only `<Router>`: every address of the product.

use crate::{
    Seed,
    arrival::Arrival,
    auth, chat, groups,
    i18n::{I18nContextProvider, Locale, t_string, use_i18n},
    live::{self, Store},
    profiles, settings,
    ui::{effect, t},
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};
use leptos_use::UseLocalesOptions;

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // The server writes what it renders from into the page, where hydration reads the same; a page of what
    // the device keeps is given its data too.
    let given = use_context::<Seed>();
    let written = SharedValue::new_str(|| written(given.as_ref()));
    let read = || serde_json::from_slice(written.into_inner().as_bytes()).unwrap_or_default();
    let seed: Seed = given.unwrap_or_else(read);
    let locale = seed.locale.clone();
    provide_context(Store::new(seed));
    let languages = UseLocalesOptions::default().ssr_lang_header_getter(move || Some(locale.clone()));
    view! {
        <I18nContextProvider set_lang_attr_on_html=false set_dir_attr_on_html=false ssr_lang_header_getter=languages>
            <Pages />
        </I18nContextProvider>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn written(given: Option<&Seed>) -> String {
    given.and_then(|seed| serde_json::to_string(seed).ok()).unwrap_or_default()
}

/// The browser only reads: writing would be a good part of its download.
#[cfg(not(feature = "ssr"))]
fn written(_: Option<&Seed>) -> String {
    String::new()
}

#[component]
fn Pages() -> impl IntoView {
    let i18n = use_i18n();
    effect(move || {
        let lang = match i18n.get_locale() {
            Locale::en => "en",
            Locale::ru => "ru",
        };
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("lang", lang);
        }
    });
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Messenger".into() } else { format!("{title} · Messenger") } />
        <a class="skip" href="#main" rel="external">{t!(i18n, skip_to_content)}</a>
        <Router>
            <live::Connect />
            <Arrival />
            <Routes fallback=NotFound>
                <Route path=path!("/login") view=auth::LoginPage ssr=SsrMode::Async />
                <Route path=path!("/register") view=auth::RegisterPage ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=chat::Workspace ssr=SsrMode::Async>
                    <Route path=path!("/chats") view=chat::NothingOpen />
                    <Route path=path!("/chats/:id") view=chat::ConversationPage />
                    <Route path=path!("/chats/:id/info") view=groups::InfoPage />
                    <Route path=path!("/new") view=groups::NewPage />
                    <Route path=path!("/users/:name") view=profiles::PersonPage />
                    <ParentRoute path=path!("/settings") view=settings::SettingsPages>
                        <Route path=path!("") view=settings::AppearancePage />
                        <Route path=path!("profile") view=profiles::OwnProfilePage />
                        <Route path=path!("security") view=auth::SecurityPage />
                        <Route path=path!("sessions") view=auth::SessionsPage />
                        <Route path=path!("notifications") view=settings::NotificationsPage />
                        <Route path=path!("privacy") view=settings::PrivacyPage />
                        <Route path=path!("appearance") view=settings::AppearancePage />
                        <Route path=path!("language") view=settings::LanguagePage />
                    </ParentRoute>
                </ParentRoute>
            </Routes>
        </Router>
    }
    .into_any()
}

#[component]
pub fn NotFound() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, not_found.title) />
        <main id="main" class="pane centered">
            <h1 class="text-xl font-semibold">{t!(i18n, not_found.title)}</h1>
            <p class="text-muted">{t!(i18n, not_found.hint)}</p>
            <a class="button" href="/chats">{t!(i18n, not_found.back)}</a>
        </main>
    }
    .into_any()
}
