//! Which page an address shows.

use crate::{
    address::{Address, Section},
    arrival::Arrival,
    auth, chat, groups,
    i18n::{Language, provide_language, t_string, use_i18n},
    live::{self, Store},
    navigation::Navigation,
    part::Part,
    profiles,
    seed::Seed,
    settings,
    ui::{Confirmation, For, NotFound, Skeleton, effect, isolated, matches_media, memo, reactive, t},
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use protocol::ids::ChatId;
#[cfg(feature = "ssr")]
use {
    crate::{
        address::At,
        i18n::Locale,
        seed::{Failed, Page},
        ui::error_words,
    },
    protocol::error::ErrorCode,
};

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // On the server and on an offline page, the data is given as a context. The server also writes it into the page,
    // and hydration reads it there.
    let given = use_context::<Seed>();
    let written = SharedValue::new_str(|| written(given.as_ref()));
    let read = || serde_json::from_slice(written.into_inner().as_bytes()).unwrap_or_default();
    let seed: Seed = given.unwrap_or_else(read);
    provide_language(language(&seed));
    provide_context(Navigation::new(&seed.address));
    let store = Store::new(seed);
    provide_context(store.forms);
    provide_context(store);
    Part::provide();
    view! { <Pages /> }.into_any()
}

#[cfg(feature = "ssr")]
fn language(seed: &Seed) -> Language {
    Language::of(Locale::of(&seed.locale))
}

/// The browser has loaded the language before it renders anything.
#[cfg(not(feature = "ssr"))]
fn language(_: &Seed) -> Language {
    expect_context()
}

#[cfg(feature = "ssr")]
fn written(given: Option<&Seed>) -> String {
    given.and_then(|seed| serde_json::to_string(seed).ok()).unwrap_or_default()
}

/// The browser only reads the data: code that writes it would be a large part of the download.
#[cfg(not(feature = "ssr"))]
fn written(_: Option<&Seed>) -> String {
    String::new()
}

/// The part of an address that identifies a page. If only the rest changes, the page stays and changes its content.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Shown {
    NotFound,
    Login,
    Register,
    Chats,
    Conversation(ChatId),
    Info(ChatId),
    NewChat,
    NewGroup,
    Person(String),
    Settings,
}

impl Shown {
    fn of(address: Option<&Address>) -> Self {
        match address {
            None => Self::NotFound,
            Some(Address::Login(_)) => Self::Login,
            Some(Address::Register(_)) => Self::Register,
            Some(Address::Home | Address::Chats(_)) => Self::Chats,
            Some(Address::Chat(chat_id, _)) => Self::Conversation(*chat_id),
            Some(Address::Info { chat_id, .. }) => Self::Info(*chat_id),
            Some(Address::NewChat { .. }) => Self::NewChat,
            Some(Address::NewGroup { .. }) => Self::NewGroup,
            Some(Address::Person(name)) => Self::Person(name.clone()),
            Some(Address::Settings(_)) => Self::Settings,
        }
    }

    /// A wide window shows the info of the open chat beside the conversation, which stays as it is.
    fn beside(self, open: &Self) -> Self {
        match (self, open) {
            (Self::Info(chat_id), Self::Conversation(open))
                if chat_id == *open && matches_media("(min-width: 1200px)") =>
            {
                Self::Conversation(chat_id)
            }
            (shown, _) => shown,
        }
    }

    fn is_beside_the_list(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Login | Self::Register)
    }

    fn view(self) -> AnyView {
        match self {
            Self::NotFound => NotFound().into_any(),
            Self::Login => auth::LoginPage().into_any(),
            Self::Register => auth::RegisterPage().into_any(),
            Self::Chats => chat::NothingOpen().into_any(),
            Self::Conversation(chat_id) => {
                view! { <chat::ConversationPage chat_id /><groups::InfoBeside chat_id /> }.into_any()
            }
            page => {
                let part = Part::current();
                let view = move || if part.ready() { lazy_page(page.clone()) } else { Skeleton().into_any() };
                reactive(view).into_any()
            }
        }
    }
}

/// The pages that are not the first one of most visits.
#[inline(never)]
fn lazy_page(page: Shown) -> AnyView {
    match page {
        Shown::Info(chat_id) => view! { <groups::InfoPage chat_id /> }.into_any(),
        Shown::NewChat => groups::NewChatPage().into_any(),
        Shown::NewGroup => groups::NewGroupPage().into_any(),
        Shown::Person(name) => view! { <profiles::PersonPage name /> }.into_any(),
        Shown::Settings => view! { <settings::SettingsPages><Sections /></settings::SettingsPages> }.into_any(),
        _ => NotFound().into_any(),
    }
}

/// Whether the first view of an address needs the part (part.rs).
#[cfg(feature = "ssr")]
pub fn begins_with_part(address: &Address) -> bool {
    match address {
        Address::Chat(_, At::Menu(_)) => true,
        Address::Chat(_, at) => chat::Panel::of(at.clone()).is_some(),
        Address::Home | Address::Chats(_) | Address::Login(_) | Address::Register(_) => false,
        _ => true,
    }
}

#[component]
fn Pages() -> impl IntoView {
    let i18n = use_i18n();
    let navigation = Navigation::current();
    effect(move || {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("lang", i18n.get_locale().name());
        }
    });
    let open = StoredValue::new(Shown::NotFound);
    let shown = memo(move || {
        let shown = open.with_value(|open| navigation.with(Shown::of).beside(open));
        open.set_value(shown.clone());
        shown
    });
    let is_beside_the_list = memo(move || shown.with(Shown::is_beside_the_list));
    // Each page gets new elements: text typed in one must never appear in another.
    let page = move || view! { <For each=move || vec![shown.get()] key=Shown::clone let:shown>{shown.view()}</For> };
    #[cfg(feature = "ssr")]
    if let Page::Failed(failed) = Store::current().page.get_untracked() {
        return view! { <Title formatter=|title: String| titled(0, &title) /><FailedPage failed /> }.into_any();
    }
    let store = Store::current();
    let unread = memo(move || chat::unread(store).min(MANY));
    view! {
        <Title formatter=move |title: String| titled(unread.get(), &title) />
        <a class="skip" href="#main" rel="external">{t!(i18n, skip_to_content)}</a>
        <live::Connect />
        <Arrival />
        <live::NewVersion />
        <Confirmation />
        <For each=move || vec![is_beside_the_list.get()] key=|beside| *beside let:beside>
            {if beside { view! { <chat::Workspace>{page()}</chat::Workspace> }.into_any() } else { page().into_any() }}
        </For>
    }
    .into_any()
}

/// From this number on, the title says "99+": it would change with every message of a burst.
const MANY: u32 = 100;

/// The title of the document, with the number of unread messages. leptos_meta writes it into the server's HTML as it
/// is, so it is escaped there.
fn titled(unread: u32, title: &str) -> String {
    let title = isolated(title);
    let title = if cfg!(feature = "ssr") { title.replace('&', "&amp;").replace('<', "&lt;") } else { title };
    let title = if title.is_empty() { "Messenger".into() } else { format!("{title} · Messenger") };
    match unread {
        0 => title,
        1..MANY => format!("({unread}) {title}"),
        MANY.. => format!("(99+) {title}"),
    }
}

/// Says why a request failed, with a link back.
#[cfg(feature = "ssr")]
#[component]
fn FailedPage(failed: Failed) -> impl IntoView {
    let i18n = use_i18n();
    let why = match failed.code {
        // Only a request from another site is forbidden before it reaches a page.
        ErrorCode::Forbidden => t!(i18n, failed.foreign),
        ErrorCode::TooLarge => t!(i18n, failed.too_large),
        code => error_words(i18n, code),
    };
    view! {
        <Title text=move || t_string!(i18n, failed.title) />
        <main id="main" class="pane centered lost">
            <h1>{t!(i18n, failed.title)}</h1>
            <p class="text-muted" role="alert">{why}</p>
            <a class="button" href=failed.back>{t!(i18n, back)}</a>
        </main>
    }
    .into_any()
}

/// The section of the settings in the current address.
#[component]
fn Sections() -> impl IntoView {
    let navigation = Navigation::current();
    let section = memo(move || navigation.with(|address| address.and_then(Address::section)));
    let page = |section: Section| match section {
        Section::Index => view! { <SettingsIndex /> }.into_any(),
        Section::Profile => profiles::OwnProfilePage().into_any(),
        Section::Security | Section::PasswordChanged => auth::SecurityPage().into_any(),
        Section::Sessions => auth::SessionsPage().into_any(),
        Section::Notifications => settings::NotificationsPage().into_any(),
        Section::Privacy => settings::PrivacyPage().into_any(),
        Section::Appearance => settings::AppearancePage().into_any(),
        Section::Language => settings::LanguagePage().into_any(),
    };
    view! { <For each=move || Vec::from_iter(section.get()) key=|section| *section let:section>{page(section)}</For> }
}

/// The address of the settings shows the reader's own profile beside the list. A phone shows only the sign-out.
#[component]
fn SettingsIndex() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Title text=move || t_string!(i18n, settings.title) />
        <div class="narrow stack-lg"><profiles::OwnProfile /><auth::SignOutForm /></div>
    }
    .into_any()
}
