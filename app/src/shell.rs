//! The HTML document around the pages, and its hydration in the browser.

#[cfg(feature = "hydrate")]
use crate::part::load_part;
use crate::{
    i18n::{Language, Locale},
    routes::App,
};
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use {
    crate::{
        address::Address,
        i18n::{self, texts},
        routes::begins_with_part,
        seed::{Page, Seed},
        ui::Asked,
    },
    leptos::nonce::use_nonce,
    leptos_meta::MetaTags,
};

/// The document around a page. Without a seed it is empty, and the browser fills it with a page from the data that
/// the device stored. Theme and language are set before any script runs. `version` is the version of the front end's
/// files; without it, no service worker caches them.
#[cfg(feature = "ssr")]
pub fn shell(version: Option<&str>, seed: Option<&Seed>) -> impl IntoView + use<> {
    let of = |file: &str| version.map_or(file.to_owned(), |version| format!("{file}?v={version}"));
    let chosen = |name: &str| seed.and_then(|seed| seed.choices.get(name).cloned());
    let nonce = use_nonce();
    let answers_form = |seed: &&Seed| seed.forms.refused.is_some() || use_context::<Asked>().is_some();
    let address = seed.filter(answers_form).map(|seed| seed.address.clone());
    // The page of a failed request does not need the front end.
    let has_scripts = seed.is_none_or(|seed| !matches!(seed.page, Page::Failed(_)));
    // The forms of these pages work without the front end. It starts when the user begins to fill in a form; until
    // then boot.js fetches its files with low priority.
    let shown = seed.and_then(|seed| Address::parse(&seed.address));
    let deferred = matches!(shown, Some(Address::Login(_) | Address::Register(_)));
    let needs_part = shown.as_ref().is_some_and(begins_with_part);
    let preloads = (has_scripts && !deferred).then(|| {
        let texts = seed.map(|seed| of(&i18n::address(Locale::of(&seed.locale))));
        let part = (needs_part && version.is_some()).then(|| of("/pkg/part.wasm"));
        view! {
            <link rel="modulepreload" href=of("/pkg/messenger.js") r#as="script" crossorigin="" nonce=nonce.clone() />
            <link rel="preload" href=of("/pkg/messenger.wasm") r#as="fetch" r#type="application/wasm" crossorigin="" />
            {part.map(|part| view! { <link rel="preload" href=part r#as="fetch" r#type="application/wasm" crossorigin="" /> })}
            {texts.map(|texts| view! { <link rel="preload" href=texts r#as="fetch" crossorigin="" /> })}
        }
    });
    let (page, title) = match seed {
        Some(_) => (App().into_any(), view! { <MetaTags /> }.into_any()),
        None => (().into_any(), view! { <title>"Messenger"</title> }.into_any()),
    };
    view! {
        <!DOCTYPE html>
        <html
            lang=seed.map_or("en".to_owned(), |seed| seed.locale.clone())
            data-person=seed.and_then(|seed| Some(seed.me.as_ref()?.user.id.to_string()))
            data-theme=chosen("theme")
            data-text=chosen("text")
            data-motion=chosen("motion")
            data-address=address
            data-version=version.map(str::to_owned)
            data-shell=seed.is_none().then_some("")
            data-deferred=deferred.then_some("")
            data-part=needs_part.then_some("")
        >
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" content="#ffffff" media="(prefers-color-scheme: light)" />
                <meta name="theme-color" content="#141a18" media="(prefers-color-scheme: dark)" />
                // The first paint waits for the element after the page: a conversation would move up with each row that
                // arrives.
                <link rel="expect" href="#crashed" blocking="render" />
                <link rel="stylesheet" href=of("/pkg/messenger.css") />
                <link rel="icon" href="/icon.svg" type="image/svg+xml" />
                <link rel="manifest" href="/manifest.webmanifest" />
                {preloads}
                {has_scripts.then(|| view! { <script type="module" src=of("/boot.js") nonce=nonce></script> })}
                {title}
            </head>
            <body>
                {page}
                // boot.js sets the attributes of the document for which the style sheet shows one of these.
                <div id="crashed" class="trouble crashed" role="alert">{lines(texts::trouble::crashed)}{reload()}</div>
                <div class="trouble unloaded" role="alert">{lines(texts::trouble::unloaded)}{reload()}</div>
                <div class="trouble unreachable" role="alert">{lines(texts::trouble::unreachable)}</div>
            </body>
        </html>
    }
}

/// A text in each language; the style sheet shows that of the document's language. A shell does not know its language.
#[cfg(feature = "ssr")]
fn lines(text: i18n::Text) -> impl IntoView {
    Locale::ALL.map(|locale| view! { <p lang=locale.name()>{Language::of(locale).text(text)}</p> })
}

#[cfg(feature = "ssr")]
fn reload() -> impl IntoView {
    view! { <a class="button" href="">{lines(texts::new_version::reload)}</a> }
}

/// Starts the front end: hydrates the server's page, or mounts one from the data that the device stored; then marks
/// the document.
#[cfg(feature = "hydrate")]
pub fn hydrate() {
    // In a release build, a panic is a trap without a message. boot.js shows the user that the page has crashed.
    #[cfg(debug_assertions)]
    std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    let Some(root) = document().document_element() else { return };
    wasm_bindgen_futures::spawn_local(start(root));
}

#[cfg(feature = "hydrate")]
async fn start(root: web_sys::Element) {
    if root.has_attribute("data-shell") {
        return mount(root).await;
    }
    // Without the part, the page works as without JavaScript.
    if root.has_attribute("data-part") && load_part().await.is_err() {
        return mark(&root, "data-crashed");
    }
    let locale = Locale::of(&root.get_attribute("lang").unwrap_or_default());
    let Some(language) = Language::load(locale).await else { return mark(&root, "data-crashed") };
    hydrate_body(move || {
        provide_context(language);
        App()
    });
    mark(&root, "data-hydrated");
}

/// Mounts the page of this address from the data that the device stored.
#[cfg(feature = "hydrate")]
async fn mount(root: web_sys::Element) {
    let path = window().location().pathname().unwrap_or_default();
    let seed = crate::live::offline_page(crate::address::Address::parse(&path).as_ref()).await;
    let locale = Locale::of(&seed.locale);
    let Some(language) = Language::load(locale).await else { return mark(&root, "data-crashed") };
    // These attribute names are always legal.
    let _ = root.set_attribute("lang", locale.name());
    if let Some(me) = &seed.me {
        let _ = root.set_attribute("data-person", &me.user.id.to_string());
    }
    for (name, value) in &seed.choices {
        let _ = root.set_attribute(&format!("data-{name}"), value);
    }
    mount_to_body(move || {
        provide_context(seed);
        provide_context(language);
        App()
    });
    mark(&root, "data-hydrated");
}

#[cfg(feature = "hydrate")]
fn mark(root: &web_sys::Element, name: &str) {
    // These attribute names are always legal.
    let _ = root.set_attribute(name, "");
}
