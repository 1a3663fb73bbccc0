//! The account menu above the list of chats.

use crate::{
    address::{Address, Section},
    auth::SignOutForm,
    i18n::use_i18n,
    live::Store,
    people::PersonName,
    ui::{Avatar, Icon, memo, outline, reactive, t},
};
use leptos::prelude::*;
use protocol::reducer::Part;

/// The browser opens and closes the menu, so it works without JavaScript.
#[component]
pub fn Account() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let me = memo(move || store.read(Part::Me, |state| state.me.as_ref().map(|me| me.user.clone())));
    let menu = move || {
        me.get().map(|user| {
            let (name, id, page) = (user.display_name.clone(), user.id.0, Address::Person(user.username.clone()).href());
            view! {
                <button type="button" class="icon-button" popovertarget="account" aria-label=t!(i18n, auth.account) title=t!(i18n, auth.account)>
                    <Avatar name=name.clone() id />
                </button>
                <div id="account" class="account" popover="auto">
                    <a class="row" href=page><Avatar name id /><span class="grow"><PersonName user /></span></a>
                    <a class="row" href=Address::Settings(Section::Appearance).href()><Icon d=outline::CONTRAST />{t!(i18n, settings.appearance)}</a>
                    <a class="row" href=Address::Settings(Section::Sessions).href()><Icon d=outline::DEVICE />{t!(i18n, settings.sessions)}</a>
                    <SignOutForm />
                </div>
            }
        })
    };
    reactive(menu).into_any()
}
