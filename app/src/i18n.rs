//! The interface's languages. The server has the texts of all languages. The browser loads one table, because
//! the tables are a large part of its download: `/pkg/texts/{language}.json`, an array in the order of the keys.

use leptos::prelude::*;

// The keys, and on the server the tables: build.rs makes them from `app/locales`.
include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A language of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    En,
    Ru,
}

impl Locale {
    pub const ALL: [Self; 2] = [Self::En, Self::Ru];

    /// The language of a tag, as `ru-RU`; English for an unknown one.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        if tag.starts_with("ru") { Self::Ru } else { Self::En }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
        }
    }
}

/// The key of a text: its place in the table of each language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(usize);

/// A language with its table.
#[derive(Clone, Copy)]
pub struct Language {
    pub locale: Locale,
    texts: &'static [&'static str],
}

impl Language {
    #[must_use]
    pub fn text(self, text: Text) -> &'static str {
        self.texts.get(text.0).copied().unwrap_or_default()
    }
}

#[cfg(feature = "ssr")]
impl Language {
    #[must_use]
    pub fn of(locale: Locale) -> Self {
        let texts: &[&str] = match locale {
            Locale::En => &EN,
            Locale::Ru => &RU,
        };
        Self { locale, texts }
    }
}

/// An English sentence of the locale files in another language.
#[cfg(feature = "ssr")]
#[must_use]
pub fn translated(sentence: &str, locale: Locale) -> Option<&'static str> {
    let place = EN.iter().position(|text| *text == sentence)?;
    Some(Language::of(locale).text(Text(place)))
}

/// The table that a browser loads, as JSON.
#[cfg(feature = "ssr")]
#[must_use]
pub fn table(locale: Locale) -> String {
    serde_json::json!(Language::of(locale).texts).to_string()
}

/// The path of a table. Requests add the page's version as a query, as for all files.
#[must_use]
pub fn address(locale: Locale) -> String {
    format!("/pkg/texts/{}.json", locale.name())
}

#[cfg(feature = "hydrate")]
impl Language {
    /// Loads a table. It stays in memory until the page is closed, because views refer to parts of it.
    pub async fn load(locale: Locale) -> Option<Self> {
        let version = document().document_element().and_then(|root| root.get_attribute("data-version"));
        // The version is not part of the address: gloo appends an "&" to an address that already has a query.
        let request = gloo_net::http::Request::get(&address(locale)).query(version.map(|version| ("v", version)));
        let response = request.send().await.ok()?;
        let json = if response.ok() { response.text().await.ok()? } else { return None };
        let table = js_sys::Array::from(&js_sys::JSON::parse(&json).ok()?);
        let texts: Vec<&str> = table.iter().map(|text| &*text.as_string().unwrap_or_default().leak()).collect();
        Some(Self { locale, texts: texts.leak() })
    }
}

/// The reader's language. Views that read it are updated when it changes.
#[derive(Clone, Copy)]
pub struct I18n(RwSignal<Language>);

/// Provides the reader's language to the views below.
pub fn provide_language(language: Language) {
    provide_context(I18n(RwSignal::new(language)));
}

#[must_use]
pub fn use_i18n() -> I18n {
    expect_context()
}

impl I18n {
    #[must_use]
    pub fn get_locale(self) -> Locale {
        self.0.get().locale
    }

    #[must_use]
    pub fn text(self, text: Text) -> &'static str {
        self.0.get().text(text)
    }

    /// Changes the language once its table is loaded.
    pub fn set_locale(self, locale: Locale) {
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            match Language::load(locale).await {
                Some(language) => self.0.set(language),
                // The table did not load: the server renders the page in the new language.
                None => _ = window().location().reload(),
            }
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = locale;
    }
}

/// The text of a key in the reader's language: `t_string!(i18n, chat.send)`.
macro_rules! t_string {
    ($i18n:expr, $($key:ident).+) => {
        $i18n.text($crate::i18n::texts::$($key)::+)
    };
}
pub(crate) use t_string;
