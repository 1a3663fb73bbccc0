//! The pages for a new chat and a new group.

use super::{
    api,
    search::{FoundEnd, Search, SearchField},
};
use crate::{
    address::Address,
    i18n::{t_string, use_i18n},
    live::Store,
    navigation::Navigation,
    people::{OpenDirect, PersonLine, PersonName, name_of},
    seed::Page,
    ui::{Avatar, Field, For, FormError, Icon, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::{ids::ClientId, profiles::User};

/// `/new`: find a user.
#[component]
pub fn NewChatPage() -> impl IntoView {
    let i18n = use_i18n();
    let search = Search::new();
    view! {
        <Title text=move || t_string!(i18n, chat.new_chat) />
        <main id="main" class="pane scrolls">
            <header class="bar">
                <a class="icon-button only-narrow" href=Address::CHATS.href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <h1 class="title">{t!(i18n, chat.new_chat)}</h1>
                <a class="button" href=Address::NEW_GROUP.href()><Icon d=outline::PEOPLE />{t!(i18n, groups.new_group)}</a>
            </header>
            <div class="narrow stack-lg">
                <form id="list" method="get" action=Address::NEW_CHAT.href() role="search" class="finder">
                    <SearchField search />
                </form>
                <FormError form="open_direct" />
                <ul class="rows">
                    <For each=move || search.suggested() key=|user| user.id let:user>
                        <li class="row">
                            <PersonLine user=user.clone() />
                            <form method="post" action=OpenDirect::url()>
                                <input type="hidden" name="user_id" value=user.id.to_string() />
                                <button class="button">{t!(i18n, profiles.message)}<span class="sr-only">" " {reactive(move || search.store.name(user.id))}</span></button>
                            </form>
                        </li>
                    </For>
                </ul>
                <FoundEnd search to=Address::NEW_CHAT />
            </div>
        </main>
    }
    .into_any()
}

/// `/new?kind=group`: choose the members and the title of a group.
#[component]
pub fn NewGroupPage() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let search = Search::new();
    let first_chosen = store.page.with_untracked(|page| match page {
        Page::New(new) => new.chosen.clone(),
        _ => Vec::new(),
    });
    // After a navigation in the browser, the page has no id from the server.
    let client_id = store.forms.with_untracked(|forms| forms.client_id).unwrap_or_else(ClientId::fresh);
    let chosen = RwSignal::new(first_chosen);
    // The chosen users stay in the form during the next search.
    let people = memo(move || {
        let mut people = chosen.get();
        people.extend(
            search.suggested().into_iter().filter(|user| !chosen.with(|chosen| chosen.iter().any(|c| c.id == user.id))),
        );
        people
    });
    let title = match Navigation::current().get_untracked() {
        Some(Address::NewGroup { title, .. }) => title,
        _ => String::new(),
    };
    view! {
        <Title text=move || t_string!(i18n, groups.new_group) />
        <main id="main" class="pane scrolls">
            <header class="bar">
                <a class="icon-button" href=Address::NEW_CHAT.href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <h1 class="title">{t!(i18n, groups.new_group)}</h1>
            </header>
            <form id="list" method="post" action=api::CreateGroup::url() class="narrow stack-lg">
                // Enter presses the first button of a form, which would be the search.
                <button class="sr-only" tabindex="-1" aria-hidden="true"></button>
                <FormError form="create_group" />
                <input type="hidden" name="client_id" value=client_id.to_string() />
                <Field form="create_group" name="title" maxlength=128 value=title
                    label=t!(i18n, groups.group_name) />
                <input type="hidden" name="kind" value="group" />
                <SearchField search with_button=true />
                <fieldset class="rows">
                    <legend class="hint">{t!(i18n, groups.choose)}</legend>
                    <For each=move || people.get() key=|user| user.id let:user>
                        <Choice user chosen />
                    </For>
                </fieldset>
                <FoundEnd search to=Address::NEW_GROUP />
                <button class="button primary">{t!(i18n, groups.create_group)}</button>
            </form>
        </main>
    }
    .into_any()
}

#[component]
fn Choice(user: User, chosen: RwSignal<Vec<User>>) -> impl IntoView {
    let id = user.id;
    let checked = chosen.with_untracked(|chosen| chosen.iter().any(|chosen| chosen.id == id));
    let person = user.clone();
    let toggle = move |event: leptos::ev::Event| {
        let wanted = event_target_checked(&event);
        chosen.update(|chosen| {
            chosen.retain(|chosen| chosen.id != id);
            if wanted {
                chosen.push(person.clone());
            }
        });
    };
    view! {
        <label class="row">
            <input type="checkbox" class="checkbox" name="member_ids[]" value=id.to_string() checked=checked on:change=toggle />
            <Avatar name=name_of(&user) id=user.id.0 />
            <span class="grow"><PersonName user /></span>
        </label>
    }
    .into_any()
}
