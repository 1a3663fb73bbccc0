//! One's own settings: how the product looks and speaks. What belongs to a feature is on its own page.

mod api;

use crate::{
    address::{Address, Section},
    i18n::{Locale, t_string, use_i18n},
    live::{Store, quietly, quietly_then},
    navigation::Navigation,
    profiles::BlockForm,
    ui::{For, Icon, Show, effect, follow, outline, t, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::profiles::LastSeen;
use std::collections::BTreeMap;

/// The frame of all settings.
#[component]
pub fn SettingsPages(children: Children) -> impl IntoView {
    let i18n = use_i18n();
    let navigation = Navigation::current();
    let tab = move |section: Section, words: Words| {
        let is_current = move || navigation.with(|address| address.and_then(Address::section) == Some(section));
        let current = follow(move || is_current().then_some("page"));
        view! { <a href=Address::Settings(section).href() aria-current=current>{words}</a> }.into_any()
    };
    view! {
        <main id="main" class="pane scrolls">
            <header class="bar">
                <a class="icon-button only-narrow" href=Address::CHATS.href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <h1 class="title">{t!(i18n, settings.title)}</h1>
            </header>
            <nav class="tabs" aria-label=t!(i18n, settings.title)>
                {tab(Section::Profile, t!(i18n, settings.profile))}
                {tab(Section::Security, t!(i18n, settings.security))}
                {tab(Section::Sessions, t!(i18n, settings.sessions))}
                {tab(Section::Notifications, t!(i18n, settings.notifications))}
                {tab(Section::Privacy, t!(i18n, settings.privacy))}
                {tab(Section::Appearance, t!(i18n, settings.appearance))}
                {tab(Section::Language, t!(i18n, settings.language))}
            </nav>
            {children()}
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

/// What can be chosen for a browser, by name; nothing chosen is the usual. The document carries each as an
/// attribute, and a cookie keeps it.
pub const CHOICES: [(&str, &[&str]); 5] = [
    ("theme", &["light", "dark"]),
    ("text", &["small", "large"]),
    ("motion", &["reduced"]),
    ("notify", &["name", "off"]),
    ("sound", &["off"]),
];

/// What was chosen of it, by the cookies.
#[must_use]
pub fn choices(cookie: impl Fn(&'static str) -> Option<String>) -> BTreeMap<String, String> {
    let known = CHOICES.iter().filter_map(|(name, values)| {
        let value = cookie(name)?;
        values.contains(&value.as_str()).then(|| ((*name).to_owned(), value))
    });
    known.collect()
}

/// Shows a choice at once.
fn apply(store: Store, name: &str, value: &str) {
    store.choices.update(|choices| {
        choices.remove(name);
        if !value.is_empty() {
            choices.insert(name.to_owned(), value.to_owned());
        }
    });
    if let Some(root) = document().document_element() {
        let attribute = format!("data-{name}");
        let _ =
            if value.is_empty() { root.remove_attribute(&attribute) } else { root.set_attribute(&attribute, value) };
    }
}

/// Shows what is chosen in another tab of this browser. Renders nothing.
#[component]
pub fn OtherTabs() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::{JsCast as _, closure::Closure};
        let (store, i18n) = (Store::current(), use_i18n());
        effect(move || {
            // What was changed by a form that brings its page anew.
            if is_here() {
                tell(PAGE, "");
            }
            let told =
                Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
                    match event.data().as_string().unwrap_or_default().split_once('=') {
                        Some(("locale", "ru")) => i18n.set_locale(Locale::ru),
                        Some(("locale", _)) => i18n.set_locale(Locale::en),
                        Some((PAGE, _)) => follow_page(store),
                        Some((name, value)) => apply(store, name, value),
                        None => {}
                    }
                });
            on_channel(|channel| channel.set_onmessage(Some(told.as_ref().unchecked_ref())));
            // It lives as long as the page.
            told.forget();
        });
    }
}

/// Does something with the channel between the tabs of this browser. There is one for the whole page, because a
/// channel does not hear what it says itself.
#[cfg(feature = "hydrate")]
fn on_channel(act: impl FnOnce(&web_sys::BroadcastChannel)) {
    thread_local! {
        static CHANNEL: Option<web_sys::BroadcastChannel> = web_sys::BroadcastChannel::new("settings").ok();
    }
    CHANNEL.with(|channel| channel.as_ref().map(act));
}

/// What the pages of the settings show of the account: the server knows it.
const PAGE: &str = "page";

#[cfg(feature = "hydrate")]
fn is_here() -> bool {
    window().location().pathname().is_ok_and(|path| matches!(Address::parse(&path), Some(Address::Settings(_))))
}

/// Another tab has changed something that may be shown here.
#[cfg(feature = "hydrate")]
fn follow_page(store: Store) {
    if is_here() {
        crate::live::refresh(store);
    }
}

/// Tells the other tabs of this browser that something of the account has changed.
pub fn tell_changed() {
    tell(PAGE, "");
}

/// Tells the other tabs of this browser.
fn tell(name: &str, value: &str) {
    #[cfg(feature = "hydrate")]
    on_channel(|channel| {
        let _ = channel.post_message(&format!("{name}={value}").into());
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (name, value);
}

/// Buttons of which one is pressed: a form each, so that it works everywhere.
#[component]
fn Choices(
    title: Words,
    action: &'static str,
    /// The name of what is chosen.
    name: &'static str,
    choices: Vec<(&'static str, Words)>,
    chosen: Signal<String>,
    choose: fn(Store, &'static str, &'static str),
) -> impl IntoView {
    let store = Store::current();
    let of_browser = action == api::SetChoice::url();
    let form = move |(value, words): (&'static str, Words)| {
        let on_submit = move |event: leptos::ev::SubmitEvent| {
            choose(store, name, value);
            quietly_then(store, None, tell_changed)(event);
        };
        view! {
            <form method="post" action=action on:submit=on_submit>
                {of_browser.then(|| view! { <input type="hidden" name="name" value=name /> })}
                <input type="hidden" name=if of_browser { "value" } else { name } value=value />
                <button class="button" aria-pressed=follow(move || chosen.with(|chosen| (chosen == value).to_string()))>{words}</button>
            </form>
        }
        .into_any()
    };
    view! {
        <h2>{title.clone()}</h2>
        <div class="choices" role="group" aria-label=title>{choices.into_iter().map(form).collect::<Vec<_>>()}</div>
    }
    .into_any()
}

/// Buttons for one of `CHOICES`, which the other tabs follow.
#[component]
fn BrowserChoices(title: Words, name: &'static str, choices: Vec<(&'static str, Words)>) -> impl IntoView {
    let chosen = Signal::derive(move || Store::current().chosen(name));
    let choose = |store, name, value| {
        apply(store, name, value);
        tell(name, value);
    };
    view! { <Choices title action=api::SetChoice::url() name choices chosen choose /> }.into_any()
}

#[component]
pub fn AppearancePage() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <SettingsSection title=move || t_string!(i18n, settings.appearance)>
            <BrowserChoices title=t!(i18n, settings.theme) name="theme" choices=vec![
                ("", t!(i18n, settings.system)), ("light", t!(i18n, settings.light)), ("dark", t!(i18n, settings.dark)),
            ] />
            <BrowserChoices title=t!(i18n, settings.text_size) name="text" choices=vec![
                ("small", t!(i18n, settings.small)), ("", t!(i18n, settings.normal)), ("large", t!(i18n, settings.large)),
            ] />
            <BrowserChoices title=t!(i18n, settings.motion) name="motion" choices=vec![
                ("", t!(i18n, settings.all_motion)), ("reduced", t!(i18n, settings.reduced)),
            ] />
        </SettingsSection>
    }
    .into_any()
}

/// Who may see when one is here, and who is blocked.
#[component]
pub fn PrivacyPage() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let chosen = Signal::derive(move || {
        store.read(|state| state.me.as_ref().map_or("everyone", |me| me.last_seen.name()).to_owned())
    });
    let choose = |store: Store, _, value| {
        store.change(|state| {
            if let (Some(me), Some(last_seen)) = (&mut state.me, LastSeen::from_name(value)) {
                me.last_seen = last_seen;
            }
        });
    };
    let blocked = move || store.page.with(|page| page.found.clone());
    view! {
        <SettingsSection title=move || t_string!(i18n, settings.privacy)>
            <Choices title=t!(i18n, settings.who_sees) action=api::SetLastSeen::url() name="last_seen" chosen choose choices=vec![
                ("everyone", t!(i18n, settings.everyone)), ("shared", t!(i18n, settings.shared)), ("nobody", t!(i18n, settings.nobody)),
            ] />
            <section class="stack">
                <h2>{t!(i18n, settings.blocked)}</h2>
                <ul class="rows">
                    <For each=blocked key=|user| user.id let:user>
                        <li class="row"><bdi class="grow truncate">{user.display_name.clone()}</bdi><BlockForm user_id=user.id blocked=true /></li>
                    </For>
                </ul>
                {follow(move || blocked().is_empty().then(|| view! { <p class="text-muted">{t!(i18n, settings.blocked_none)}</p> }))}
            </section>
        </SettingsSection>
    }
    .into_any()
}

/// Whether this browser tells of new messages, and how much.
#[component]
pub fn NotificationsPage() -> impl IntoView {
    let i18n = use_i18n();
    let permission = RwSignal::new(String::new());
    effect(move || permission.set(crate::chat::permission()));
    let words = move || match permission.get().as_str() {
        "granted" => t!(i18n, settings.notify_allowed),
        "denied" => t!(i18n, settings.notify_denied),
        "none" => t!(i18n, settings.notify_none),
        _ => t!(i18n, settings.notify_hint),
    };
    view! {
        <SettingsSection title=move || t_string!(i18n, settings.notifications)>
            <h2>{t!(i18n, settings.notify)}</h2>
            <p class="text-muted">{words}</p>
            <Show when=move || permission.get() == "default">
                <button class="button primary" on:click=move |_| crate::chat::ask_permission(permission)>{t!(i18n, settings.notify_on)}</button>
            </Show>
            <BrowserChoices title=t!(i18n, settings.notify_shows) name="notify" choices=vec![
                ("", t!(i18n, settings.notify_text)), ("name", t!(i18n, settings.notify_name)), ("off", t!(i18n, settings.notify_off)),
            ] />
            <BrowserChoices title=t!(i18n, settings.sound) name="sound" choices=vec![
                ("", t!(i18n, settings.sound_on)), ("off", t!(i18n, settings.sound_off)),
            ] />
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
    let store = Store::current();
    let choose = move |locale: Locale, name: &'static str| {
        move |event: leptos::ev::SubmitEvent| {
            i18n.set_locale(locale);
            tell("locale", name);
            quietly(store, None)(event);
        }
    };
    let is = move |locale: Locale| follow(move || (i18n.get_locale() == locale).to_string());
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
