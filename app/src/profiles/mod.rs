//! The profile page of any user, and the form for the reader's own profile.

mod api;
pub mod page;

use crate::{
    address::{Address, Section},
    i18n::{t_string, use_i18n},
    live::{Notice, Store, quietly_then, share_account},
    people::{BlockForm, OpenDirect, seen},
    seed::Page,
    ui::{Avatar, Field, FormError, Icon, NotFound, TitledSection, lower, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::{profiles::User, reducer::Part};

/// `/users/@name`
#[component]
pub fn PersonPage(name: String) -> impl IntoView {
    let store = Store::current();
    let name = lower(&name);
    let person = memo(move || {
        let found = store.read(Part::Users, |state| state.users.values().find(|user| user.username == name).cloned());
        // A change of presence must not rebuild the page.
        found.map(|user| User { online: None, last_seen_at: None, ..user })
    });
    let missing = move || store.page.with(|page| *page == Page::Missing);
    view! {
        {reactive(move || match person.get() {
            Some(user) => view! { <Person user /> }.into_any(),
            None if missing() => NotFound().into_any(),
            None => view! { <main id="main" class="pane skeleton" aria-busy="true"></main> }.into_any(),
        })}
    }
}

#[component]
fn Person(user: User) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let is_me = store.read_untracked(|state| state.me_id() == Some(user.id));
    let (name, bio) = (user.display_name.clone(), user.bio.clone());
    // None until the data of this page has loaded.
    let blocked = move || {
        store.page.with(|page| match page {
            Page::Person(person) if person.user.id == user.id => Some(person.blocked),
            _ => None,
        })
    };
    view! {
        <Title text=name.clone() />
        <main id="main" class="pane scrolls">
            <header class="bar">
                <a class="icon-button only-narrow" href=Address::CHATS.href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <p class="title">{t!(i18n, profiles.title)}</p>
            </header>
            <div class="narrow stack-lg items-center text-center">
                <div class="hero">
                    <Avatar name=name.clone() id=user.id.0 class="avatar-lg" />
                    <h1><bdi>{name}</bdi></h1>
                    <p class="text-muted">"@" {user.username.clone()}</p>
                    <p class="hint">{reactive(move || store.user(user.id).map(|user| seen(i18n, store.zone(), &user)))}</p>
                </div>
                {(!bio.is_empty()).then(|| view! { <p class="bio" dir="auto">{bio}</p> })}
                {if is_me {
                    view! { <a class="button" href=Address::Settings(Section::Profile).href()>{t!(i18n, profiles.edit)}</a> }.into_any()
                } else {
                    view! {
                        <form method="post" action=OpenDirect::url()>
                            <input type="hidden" name="user_id" value=user.id.to_string() />
                            <button class="button primary">{t!(i18n, profiles.message)}</button>
                        </form>
                        {reactive(move || blocked().map(|blocked| view! { <BlockForm user_id=user.id blocked /> }))}
                    }.into_any()
                }}
            </div>
        </main>
    }
    .into_any()
}

/// The reader's own name and bio.
#[component]
pub fn OwnProfilePage() -> impl IntoView {
    let i18n = use_i18n();
    view! { <TitledSection title=move || t_string!(i18n, settings.profile)><OwnProfile /></TitledSection> }.into_any()
}

#[component]
pub fn OwnProfile() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let of_me = move |what: fn(&User) -> &String| {
        Signal::derive(move || {
            store.read(Part::Me, |state| state.me.as_ref().map(|me| what(&me.user).clone())).unwrap_or_default()
        })
    };
    let name = of_me(|user| &user.display_name);
    let username = untrack(|| of_me(|user| &user.username).get());
    view! {
        <form method="post" action=api::UpdateProfile::url() class="stack" on:submit=quietly_then(store, Some(Notice::Saved), share_account)>
            <div class="row">
                {store.me().map(|me| view! { <Avatar name id=me.0 class="avatar-lg" /> })}
                <a class="grow" href=Address::Person(username.clone()).href()>"@" {username.clone()}</a>
            </div>
            <FormError form="update_profile" />
            <Field form="update_profile" name="display_name" maxlength=64 value=name autocomplete="name"
                label=t!(i18n, auth.display_name) />
            <Field form="update_profile" name="bio" maxlength=500 value=of_me(|user| &user.bio) multiline=true
                label=t!(i18n, profiles.bio)
                hint=t!(i18n, profiles.bio_hint) />
            <button class="button primary">{t!(i18n, save)}</button>
        </form>
    }
    .into_any()
}
