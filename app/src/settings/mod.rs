//! One's own settings: how the product looks and speaks. What belongs to a feature is on its own page.

mod api;

use crate::{
    i18n::{Locale, t_string, use_i18n},
    live::Store,
    ui::{Icon, outline, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::components::{A, Outlet};

/// The frame of all settings.
#[component]
pub fn SettingsPages() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main id="main" class="pane scrolls">
            <header class="bar">
                <a class="icon-button only-narrow" href="/chats" aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <h1 class="title">{t!(i18n, settings.title)}</h1>
            </header>
            <nav class="tabs" aria-label=t!(i18n, settings.title)>
                <A href="/settings/profile">{t!(i18n, settings.profile)}</A>
                <A href="/settings/security">{t!(i18n, settings.security)}</A>
                <A href="/settings/appearance">{t!(i18n, settings.appearance)}</A>
                <A href="/settings/language">{t!(i18n, settings.language)}</A>
            </nav>
            <Outlet />
        </main>
    }
    .into_any()
}

/// One page of the settings.
#[component]
pub fn SettingsSection(#[prop(into)] title: TextProp, children: Children) -> impl IntoView {
    view! {
        <Title text=title />
        <div class="narrow stack-lg">{children()}</div>
    }
    .into_any()
}

#[component]
pub fn AppearancePage() -> impl IntoView {
    let i18n = use_i18n();
    let theme = Store::current().theme;
    // The document follows at once; the form remembers the choice where there is no JavaScript.
    Effect::new(move |before: Option<()>| {
        let chosen = theme.get();
        if before.is_some()
            && let Some(root) = document().document_element()
        {
            let _ = match chosen {
                Some(theme) => root.set_attribute("data-theme", &theme),
                None => root.remove_attribute("data-theme"),
            };
        }
    });
    let choose = move |chosen: &'static str| {
        move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            theme.set((!chosen.is_empty()).then(|| chosen.to_owned()));
            leptos::task::spawn_local(async move {
                let _ = api::set_theme(chosen.to_owned()).await;
            });
        }
    };
    let is =
        move |value: &'static str| move || theme.with(|theme| (theme.as_deref().unwrap_or("") == value).to_string());
    view! {
        <SettingsSection title=move || t_string!(i18n, settings.appearance)>
            <h2>{t!(i18n, settings.theme)}</h2>
            <div class="choices" role="group" aria-label=t!(i18n, settings.theme)>
                <form method="post" action=api::SetTheme::url() on:submit=choose("")>
                    <input type="hidden" name="theme" value="" />
                    <button class="button" aria-pressed=is("")>{t!(i18n, settings.system)}</button>
                </form>
                <form method="post" action=api::SetTheme::url() on:submit=choose("light")>
                    <input type="hidden" name="theme" value="light" />
                    <button class="button" aria-pressed=is("light")>{t!(i18n, settings.light)}</button>
                </form>
                <form method="post" action=api::SetTheme::url() on:submit=choose("dark")>
                    <input type="hidden" name="theme" value="dark" />
                    <button class="button" aria-pressed=is("dark")>{t!(i18n, settings.dark)}</button>
                </form>
            </div>
        </SettingsSection>
    }
    .into_any()
}

#[component]
pub fn LanguagePage() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <SettingsSection title=move || t_string!(i18n, settings.language)>
            <h2>{t!(i18n, settings.language)}</h2>
            <LanguageForm />
        </SettingsSection>
    }
    .into_any()
}

/// The languages, each in its own words.
#[component]
pub fn LanguageForm() -> impl IntoView {
    let i18n = use_i18n();
    let choose = move |locale: Locale, name: &'static str| {
        move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            i18n.set_locale(locale);
            leptos::task::spawn_local(async move {
                let _ = api::set_language(name.to_owned()).await;
            });
        }
    };
    let is = move |locale: Locale| move || (i18n.get_locale() == locale).to_string();
    view! {
        <div class="choices" role="group" aria-label=t!(i18n, settings.language)>
            <form method="post" action=api::SetLanguage::url() on:submit=choose(Locale::en, "en")>
                <input type="hidden" name="locale" value="en" />
                <button class="button" lang="en" aria-pressed=is(Locale::en)>"English"</button>
            </form>
            <form method="post" action=api::SetLanguage::url() on:submit=choose(Locale::ru, "ru")>
                <input type="hidden" name="locale" value="ru" />
                <button class="button" lang="ru" aria-pressed=is(Locale::ru)>"Русский"</button>
            </form>
        </div>
    }
    .into_any()
}
