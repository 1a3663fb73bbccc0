//! The settings: look, language, notifications, privacy. The settings of other features are in their folders.

mod api;
pub mod page;

use crate::{
    address::{Address, Section},
    i18n::{Locale, t_string, use_i18n},
    live::{Store, apply_choice, send_quietly, share_account, share_choice, share_locale},
    navigation::Navigation,
    people::{BlockForm, PersonLine},
    seed::Page,
    ui::{For, Icon, More, Show, TitledSection, effect, memo, notification, outline, reactive, t, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{
    profiles::LastSeen,
    reducer::{Part, State},
};
#[cfg(feature = "hydrate")]
use {
    crate::live::{Notice, load_page},
    protocol::{error::ErrorCode, profiles::User},
};

/// The list of all settings, beside the open page. A phone shows only one of them.
#[component]
pub fn SettingsPages(children: Children) -> impl IntoView {
    let i18n = use_i18n();
    let navigation = Navigation::current();
    let section = memo(move || navigation.with(|address| address.and_then(Address::section)));
    let is_index = move || section.get() == Some(Section::Index);
    let link = move |of: Section, d: &'static str, words: Words| {
        let current = reactive(move || (section.get() == Some(of)).then_some("page"));
        view! { <a class="row" href=Address::Settings(of).href() aria-current=current><Icon d />{words}</a> }.into_any()
    };
    let back = move || if is_index() { Address::CHATS } else { Address::Settings(Section::Index) }.href();
    view! {
        <main id="main" class="pane settings" class:index=is_index>
            <header class="bar">
                <a class="icon-button only-narrow" href=reactive(back) aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <h1 class="title">{t!(i18n, settings.title)}</h1>
            </header>
            <nav class="settings-list" aria-label=t!(i18n, settings.title)>
                {link(Section::Profile, outline::PERSON, t!(i18n, settings.profile))}
                {link(Section::Security, outline::LOCK, t!(i18n, settings.security))}
                {link(Section::Sessions, outline::DEVICE, t!(i18n, settings.sessions))}
                {link(Section::Notifications, outline::BELL, t!(i18n, settings.notifications))}
                {link(Section::Privacy, outline::EYE, t!(i18n, settings.privacy))}
                {link(Section::Appearance, outline::CONTRAST, t!(i18n, settings.appearance))}
                {link(Section::Language, outline::GLOBE, t!(i18n, settings.language))}
            </nav>
            <div class="settings-page">{children()}</div>
        </main>
    }
    .into_any()
}

/// Buttons of which one is pressed. Each is a form, so that they work without JavaScript.
#[component]
fn Choices(
    title: Words,
    action: &'static str,
    /// The name of the choice.
    name: &'static str,
    choices: Vec<(&'static str, Words)>,
    chosen: Signal<String>,
    choose: fn(Store, &'static str, &str),
) -> impl IntoView {
    let store = Store::current();
    let of_browser = action == api::SetChoice::url();
    let form = move |(value, words): (&'static str, Words)| {
        let on_submit = move |event: leptos::ev::SubmitEvent| {
            let before = chosen.get_untracked();
            choose(store, name, value);
            send_quietly(store, &event, None, move |stored| match stored {
                Ok(()) => share_account(),
                Err(_) => choose(store, name, &before),
            });
        };
        view! {
            <form method="post" action=action on:submit=on_submit>
                {of_browser.then(|| view! { <input type="hidden" name="name" value=name /> })}
                <input type="hidden" name=if of_browser { "value" } else { name } value=value />
                <button class="button" aria-pressed=reactive(move || chosen.with(|chosen| (chosen == value).to_string()))>{words}</button>
            </form>
        }
        .into_any()
    };
    view! {
        <h3>{title.clone()}</h3>
        <div class="choices" role="group" aria-label=title>{choices.into_iter().map(form).collect::<Vec<_>>()}</div>
    }
    .into_any()
}

/// Buttons for one of `CHOICES`; the other tabs show the choice too.
#[component]
fn BrowserChoices(title: Words, name: &'static str, choices: Vec<(&'static str, Words)>) -> impl IntoView {
    let chosen = Signal::derive(move || Store::current().chosen(name));
    let choose = |store: Store, name: &'static str, value: &str| {
        apply_choice(store, name, value);
        share_choice(name, value);
    };
    view! { <Choices title action=api::SetChoice::url() name choices chosen choose /> }.into_any()
}

#[component]
pub fn AppearancePage() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <TitledSection title=move || t_string!(i18n, settings.appearance)>
            <BrowserChoices title=t!(i18n, settings.theme) name="theme" choices=vec![
                ("", t!(i18n, settings.system)), ("light", t!(i18n, settings.light)), ("dark", t!(i18n, settings.dark)),
            ] />
            <BrowserChoices title=t!(i18n, settings.text_size) name="text" choices=vec![
                ("small", t!(i18n, settings.small)), ("", t!(i18n, settings.normal)), ("large", t!(i18n, settings.large)),
            ] />
            <BrowserChoices title=t!(i18n, settings.motion) name="motion" choices=vec![
                ("", t!(i18n, settings.all_motion)), ("reduced", t!(i18n, settings.reduced)),
            ] />
        </TitledSection>
    }
    .into_any()
}

/// The privacy of the reader's presence, and the users that the reader has blocked.
#[component]
pub fn PrivacyPage() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let chosen = Signal::derive(move || {
        store.read(Part::Me, |state| state.me.as_ref().map_or("everyone", |me| me.last_seen.name()).to_owned())
    });
    let choose = |store: Store, _: &'static str, value: &str| {
        if let Some(last_seen) = LastSeen::from_name(value) {
            store.change(|state| state.set_last_seen(last_seen));
        }
    };
    // None until the data of this page has loaded.
    let page = memo(move || {
        store.page.with(|page| match page {
            Page::Privacy(page) => Some(page.clone()),
            _ => None,
        })
    });
    let blocked = move || page.get().map(|page| page.blocked).unwrap_or_default();
    let nobody = move || page.with(|page| page.as_ref().is_some_and(|page| page.blocked.is_empty()));
    let next = Signal::derive(move || page.with(|page| page.as_ref()?.next.clone()));
    view! {
        <TitledSection title=move || t_string!(i18n, settings.privacy)>
            <Choices title=t!(i18n, settings.who_sees) action=api::SetLastSeen::url() name="last_seen" chosen choose choices=vec![
                ("everyone", t!(i18n, settings.everyone)), ("shared", t!(i18n, settings.shared)), ("nobody", t!(i18n, settings.nobody)),
            ] />
            <section class="stack">
                <h3>{t!(i18n, settings.blocked)}</h3>
                <ul class="rows">
                    <For each=blocked key=|user| user.id let:user>
                        <li class="row"><PersonLine user=user.clone() /><BlockForm user_id=user.id blocked=true /></li>
                    </For>
                </ul>
                <form id="list"><More next load=Callback::new(move |cursor| load_blocked(store, cursor)) action=Address::Settings(Section::Privacy).href() /></form>
                {reactive(move || nobody().then(|| view! { <p class="text-muted">{t!(i18n, settings.blocked_none)}</p> }))}
            </section>
        </TitledSection>
    }
    .into_any()
}

/// Loads the blocked users after a cursor.
fn load_blocked(store: Store, cursor: String) {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        let Some(more) = load_page::<User>(&format!("me/blocks?cursor={cursor}")).await else {
            store.notice.set(Some(Notice::Failed(ErrorCode::Unavailable)));
            return;
        };
        store.change(|state| state.learn_all(more.items.clone()));
        store.page.update(|page| {
            if let Page::Privacy(page) = page {
                page.blocked.extend(more.items);
                page.next = more.next;
            }
        });
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, cursor);
}

/// Whether this browser notifies of new messages, and what it shows.
#[component]
pub fn NotificationsPage() -> impl IntoView {
    let i18n = use_i18n();
    let permission = RwSignal::new(String::new());
    effect(move || permission.set(notification::permission()));
    let words = move || match permission.get().as_str() {
        "granted" => t!(i18n, settings.notify_allowed),
        "denied" => t!(i18n, settings.notify_denied),
        "none" => t!(i18n, settings.notify_none),
        _ => t!(i18n, settings.notify_hint),
    };
    view! {
        <TitledSection title=move || t_string!(i18n, settings.notifications)>
            <h3>{t!(i18n, settings.notify)}</h3>
            <p class="text-muted">{words}</p>
            <Show when=move || permission.get() == "default">
                <button class="button primary" on:click=move |_| notification::ask_permission(permission)>{t!(i18n, settings.notify_on)}</button>
            </Show>
            <BrowserChoices title=t!(i18n, settings.notify_shows) name="notify" choices=vec![
                ("", t!(i18n, settings.notify_text)), ("name", t!(i18n, settings.notify_name)), ("off", t!(i18n, settings.notify_off)),
            ] />
            <BrowserChoices title=t!(i18n, settings.sound) name="sound" choices=vec![
                ("", t!(i18n, settings.sound_on)), ("off", t!(i18n, settings.sound_off)),
            ] />
        </TitledSection>
    }
    .into_any()
}

#[component]
pub fn LanguagePage() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <TitledSection title=move || t_string!(i18n, settings.language)>
            <LanguageForm />
        </TitledSection>
    }
    .into_any()
}

/// The languages, each by its own name.
#[component]
pub fn LanguageForm() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let choose = move |locale: Locale| {
        // The table of a language may fail to load, and then the page is reloaded: the server must know the language.
        move |event: leptos::ev::SubmitEvent| {
            send_quietly(store, &event, None, move |stored| match stored {
                Ok(()) => {
                    i18n.set_locale(locale);
                    share_locale(locale);
                }
                // The pages for strangers have no place for notices.
                Err(_) if store.read_untracked(State::me_id).is_none() => {
                    let root = document().document_element();
                    let _ = root.map(|root| root.set_attribute("data-unreachable", ""));
                }
                Err(_) => {}
            });
        }
    };
    let is = move |locale: Locale| reactive(move || (i18n.get_locale() == locale).to_string());
    view! {
        <div class="choices" role="group" aria-label=t!(i18n, settings.language)>
            <form method="post" action=api::SetLanguage::url() on:submit=choose(Locale::En)>
                <input type="hidden" name="locale" value="en" />
                <button class="button" lang="en" aria-pressed=is(Locale::En)>"English"</button>
            </form>
            <form method="post" action=api::SetLanguage::url() on:submit=choose(Locale::Ru)>
                <input type="hidden" name="locale" value="ru" />
                <button class="button" lang="ru" aria-pressed=is(Locale::Ru)>"Русский"</button>
            </form>
        </div>
    }
    .into_any()
}
