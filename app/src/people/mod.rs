//! Parts of pages that show a user: the row, the presence, and the form to block the user.

mod api;

use crate::{
    address::Address,
    i18n::use_i18n,
    live::{Notice, Store, quietly_then, share_account},
    navigation::Navigation,
    ui::{Avatar, ConfirmButton, FormError, I18n, t, time},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{ids::UserId, profiles::User, reducer::ChatState};

pub use api::OpenDirect;

/// Whether a user is online, or when the user was last online, if the reader has permission to see it.
pub fn seen(i18n: I18n, zone: time::Zone, user: &User) -> AnyView {
    match (user.online, user.last_seen_at) {
        (Some(true), _) => t!(i18n, profiles.online).into_any(),
        (_, Some(at)) => t!(i18n, profiles.last_seen, when = move || time::short(i18n, at, &zone)).into_any(),
        _ => ().into_any(),
    }
}

/// The name of a user, also after it has changed.
pub fn name_of(user: &User) -> Signal<String> {
    let (store, id, name) = (Store::current(), user.id, user.display_name.clone());
    Signal::derive(move || store.user(id).map_or_else(|| name.clone(), |user| user.display_name))
}

/// A user in a list, with a link to their page.
#[component]
pub fn PersonLine(user: User) -> impl IntoView {
    view! {
        <Avatar name=name_of(&user) id=user.id.0 />
        <a class="grow person" href=Address::Person(user.username.clone()).href()><PersonName user=user.clone() /></a>
    }
    .into_any()
}

#[component]
pub fn PersonName(user: User) -> impl IntoView {
    view! {
        <bdi class="block truncate">{name_of(&user)}</bdi>
        <span class="hint">"@" {user.username}</span>
    }
    .into_any()
}

/// The form that blocks a user, or ends the block.
#[component]
pub fn BlockForm(user_id: UserId, blocked: bool) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let back = Navigation::current().get_untracked().map(|address| address.href()).unwrap_or_default();
    let change = quietly_then(store, Some(Notice::Saved), move || {
        let is_direct = |chat: &&ChatState| chat.summary.peer.as_ref().is_some_and(|peer| peer.id == user_id);
        let direct =
            store.read_untracked(|state| state.chats.values().find(is_direct).map(|chat| chat.summary.chat.id));
        store.page.update(|page| page.set_blocked(user_id, direct, !blocked));
        share_account();
    });
    view! {
        <form method="post" action=api::Block::url() class="stack" on:submit=change>
            <FormError form="block" />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <input type="hidden" name="blocked" value=(!blocked).to_string() />
            <input type="hidden" name="back" value=back />
            {if blocked {
                view! { <button class="button">{t!(i18n, profiles.unblock)}</button> }.into_any()
            } else {
                view! {
                    <p class="hint">{t!(i18n, profiles.block_hint)}</p>
                    <ConfirmButton question=t!(i18n, profiles.block_question, name = move || store.name(user_id)) label=t!(i18n, profiles.block) />
                }.into_any()
            }}
        </form>
    }
    .into_any()
}
