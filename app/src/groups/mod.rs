//! Groups, and the search for users to write to.

mod api;
pub mod page;

use crate::{
    address::Address,
    chat::{OwnState, face, page_of_chat, title},
    i18n::{t_string, use_i18n},
    live::Store,
    navigation::Navigation,
    part::Part,
    people::{BlockForm, OpenDirect, PersonLine, PersonName, find_people},
    seed::Page,
    ui::{Avatar, ConfirmButton, Field, For, FormError, Icon, Show, counted, effect, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::{
    chat::ChatKind,
    groups::{Member, Role},
    ids::{ChatId, ClientId, UserId},
    profiles::User,
};

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
                <form method="get" action=Address::NEW_CHAT.href() role="search" class="finder">
                    <SearchField search />
                </form>
                <FormError form="open_direct" />
                <ul class="rows">
                    <For each=move || search.people() key=|user| user.id let:user>
                        <li class="row">
                            <PersonLine user=user.clone() />
                            <form method="post" action=OpenDirect::url()>
                                <input type="hidden" name="user_id" value=user.id.to_string() />
                                <button class="button">{t!(i18n, profiles.message)}<span class="sr-only">" " {user.display_name.clone()}</span></button>
                            </form>
                        </li>
                    </For>
                </ul>
                <NobodyFound search />
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
            search.people().into_iter().filter(|user| !chosen.with(|chosen| chosen.iter().any(|c| c.id == user.id))),
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
            <form method="post" action=api::CreateGroup::url() class="narrow stack-lg">
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
                <NobodyFound search />
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
            <Avatar name=user.display_name.clone() id=user.id.0 />
            <span class="grow"><PersonName user /></span>
        </label>
    }
    .into_any()
}

/// A search for users. It begins with the query in the address and the users in the page's data.
#[derive(Clone, Copy)]
struct Search {
    store: Store,
    query: RwSignal<String>,
    found: RwSignal<Vec<User>>,
}

impl Search {
    fn new() -> Self {
        let store = Store::current();
        let query = match Navigation::current().get_untracked() {
            Some(Address::NewChat { query } | Address::NewGroup { query, .. } | Address::Info { query, .. }) => query,
            _ => String::new(),
        };
        let found = store.page.with_untracked(found_on).unwrap_or_default();
        let search = Self { store, query: RwSignal::new(query.clone()), found: RwSignal::new(found) };
        effect(move || {
            // When the page's data arrive, they do not replace the results of a newer query.
            if let Some(found) = store.page.with(found_on)
                && search.query.with_untracked(|now| *now == query)
            {
                search.found.set(found);
            }
        });
        search
    }

    /// The users found, without the reader.
    fn people(self) -> Vec<User> {
        let me = self.store.me();
        self.found.with(|found| found.iter().filter(|user| Some(user.id) != me).cloned().collect())
    }

    fn look_for(self, query: String) {
        self.query.set(query.clone());
        leptos::task::spawn_local(async move {
            let Ok(found) = find_people(query.clone()).await else { return };
            // A later search may have finished first, and the page may be closed.
            if self.query.try_with_untracked(|now| *now == query) == Some(true) {
                self.found.set(found);
            }
        });
    }
}

fn found_on(page: &Page) -> Option<Vec<User>> {
    match page {
        Page::New(new) => Some(new.found.clone()),
        Page::Info(info) => Some(info.found.clone()),
        _ => None,
    }
}

/// Finds users while the reader types; without JavaScript, when the form is sent.
#[component]
fn SearchField(search: Search, #[prop(optional)] with_button: bool) -> impl IntoView {
    let i18n = use_i18n();
    let query = search.query.get_untracked();
    let look = move |event| search.look_for(event_target_value(&event));
    view! {
        <div class="field">
            <label for="search">{t!(i18n, search)}</label>
            <div class="row">
                <input id="search" type="search" name="q" value=query class="input grow" maxlength="64" autocomplete="off" spellcheck="false"
                    placeholder=t!(i18n, groups.find_hint) on:input=look />
                {if with_button {
                    view! { <button class="button only-without-script" formmethod="get" formaction=Address::NEW_CHAT.href() formnovalidate>{t!(i18n, search)}</button> }.into_any()
                } else {
                    view! { <button class="button only-without-script">{t!(i18n, search)}</button> }.into_any()
                }}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn NobodyFound(search: Search) -> impl IntoView {
    let i18n = use_i18n();
    let nobody = move || search.found.with(Vec::is_empty) && search.query.with(|query| !query.trim().is_empty());
    view! {
        <Show when=nobody>
            <p class="text-muted">{t!(i18n, groups.nobody)}</p>
        </Show>
    }
    .into_any()
}

/// `/chats/{id}/info`
#[component]
pub fn InfoPage(chat_id: ChatId) -> impl IntoView {
    page_of_chat(chat_id, |chat_id| {
        view! { <main id="main" class="pane scrolls"><Info chat_id alone=true /></main> }.into_any()
    })
}

/// The info beside the open conversation, while it has the address.
#[component]
pub fn InfoBeside(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let (store, navigation, part) = (Store::current(), Navigation::current(), Part::current());
    let is_open = memo(move || {
        navigation.with(|address| matches!(address, Some(Address::Info { .. })))
            && store.with_chat(chat_id, |_| ()).is_some()
    });
    view! {
        <Show when=move || is_open.get() && part.ready()>
            <aside class="pane scrolls info" aria-label=t!(i18n, chat.info)>{lazy_info(chat_id)}</aside>
        </Show>
    }
    .into_any()
}

#[inline(never)]
fn lazy_info(chat_id: ChatId) -> AnyView {
    view! { <Info chat_id /> }.into_any()
}

#[component]
fn Info(
    chat_id: ChatId,
    /// The heading of the page, if there is no conversation beside it that has the same heading.
    #[prop(optional)]
    alone: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let summary = memo(move || store.summary(chat_id));
    let name = memo(move || summary.with(|s| s.as_ref().map(|s| title(i18n, s)).unwrap_or_default()));
    let role = memo(move || summary.with(|s| s.as_ref().and_then(|s| s.role)));
    let is_group = memo(move || summary.with(|s| s.as_ref().is_some_and(|s| s.chat.kind == ChatKind::Group)));
    let may_manage = memo(move || is_group.get() && role.get() >= Some(Role::Admin));
    let count = move || summary.with(|s| s.as_ref().map_or(0, |s| s.chat.member_count));
    let members = memo(move || {
        let mut members: Vec<Member> = store
            .with_chat(chat_id, |chat| chat.members.values().filter(|m| !m.removed).map(|m| (**m).clone()).collect())
            .unwrap_or_default();
        members.sort_by(|a, b| b.role.cmp(&a.role).then_with(|| a.user.display_name.cmp(&b.user.display_name)));
        members
    });
    let peer = memo(move || summary.with(|s| s.as_ref().and_then(|s| s.peer.as_ref()).map(|peer| peer.id)));
    // None until the data of this page has loaded.
    let blocked = memo(move || store.page.with(|page| page.has_blocked(chat_id)));
    view! {
        <div class="contents">
            <header class="bar">
                <a class="icon-button" href=Address::chat(chat_id).href() aria-label=t!(i18n, back)><Icon d=outline::BACK /></a>
                <p class="title">{t!(i18n, chat.info)}</p>
            </header>
            <div class="narrow stack-lg">
                <div class="hero">
                    <Avatar name id=face(store, chat_id) class="avatar-lg" />
                    {if alone {
                        view! { <Title text=name /><h1><bdi>{name}</bdi></h1> }.into_any()
                    } else {
                        view! { <p class="name"><bdi>{name}</bdi></p> }.into_any()
                    }}
                </div>
                <OwnState chat_id />
                <Show when=move || may_manage.get()>
                    <form method="post" action=api::RenameGroup::url() class="stack">
                        <FormError form="rename_group" />
                        <input type="hidden" name="chat_id" value=chat_id.to_string() />
                        <Field form="rename_group" name="title" maxlength=128 value=name.get_untracked()
                            label=t!(i18n, groups.group_name) />
                        <button class="button">{t!(i18n, save)}</button>
                    </form>
                    <AddMembers chat_id members />
                </Show>
                <section class="stack">
                    <h2>{reactive(move || counted!(i18n, groups.members_count, count(), count = count))}</h2>
                    <FormError form="remove_member" />
                    <ul class="rows">
                        <For each=move || members.get() key=|member| (member.user.id, member.seq) let:member>
                            <MemberRow chat_id member role />
                        </For>
                    </ul>
                </section>
                <Show when=move || is_group.get()>
                    <form method="post" action=api::RemoveMember::url()>
                        <input type="hidden" name="chat_id" value=chat_id.to_string() />
                        <input type="hidden" name="user_id" value=store.me().map(|me| me.to_string()) />
                        <ConfirmButton question=t!(i18n, groups.leave_question, title = move || name.get()) label=t!(i18n, groups.leave) />
                    </form>
                </Show>
                {reactive(move || peer.get().zip(blocked.get()).map(|(user_id, blocked)| view! { <BlockForm user_id blocked /> }))}
            </div>
        </div>
    }
    .into_any()
}

/// A search for users to add. The results leave out the members.
#[component]
fn AddMembers(chat_id: ChatId, members: Memo<Vec<Member>>) -> impl IntoView {
    let i18n = use_i18n();
    let search = Search::new();
    let addable = move || {
        let inside = members.get();
        search
            .people()
            .into_iter()
            .filter(|user| !inside.iter().any(|member| member.user.id == user.id))
            .collect::<Vec<_>>()
    };
    view! {
        <section class="stack">
            <h2>{t!(i18n, groups.add_members)}</h2>
            <FormError form="add_member" />
            <form method="get" action=Address::info(chat_id).href() role="search"><SearchField search /></form>
            <ul class="rows">
                <For each=addable key=|user| user.id let:user>
                    <li class="row">
                        <PersonLine user=user.clone() />
                        <form method="post" action=api::AddMember::url()>
                            <input type="hidden" name="chat_id" value=chat_id.to_string() />
                            <input type="hidden" name="user_id" value=user.id.to_string() />
                            <button class="button">{t!(i18n, groups.add)}<span class="sr-only">" " {user.display_name.clone()}</span></button>
                        </form>
                    </li>
                </For>
            </ul>
            <NobodyFound search />
        </section>
    }
    .into_any()
}

#[component]
fn MemberRow(chat_id: ChatId, member: Member, role: Memo<Option<Role>>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let Member { user, role: theirs, .. } = member;
    let (id, name) = (user.id, user.display_name.clone());
    let removable = move || role.get() >= Some(Role::Admin) && theirs < role.get() && store.me() != Some(id);
    let word = move || match theirs {
        Some(Role::Owner) => t_string!(i18n, groups.owner),
        Some(Role::Admin) => t_string!(i18n, groups.admin),
        _ => "",
    };
    view! {
        <li class="row">
            <PersonLine user />
            <span class="hint">{reactive(word)}</span>
            <Show when=removable>
                <RemoveForm chat_id user_id=id name=name.clone() />
            </Show>
        </li>
    }
    .into_any()
}

#[component]
fn RemoveForm(chat_id: ChatId, user_id: UserId, name: String) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let title = move || store.summary(chat_id).map(|summary| title(i18n, &summary)).unwrap_or_default();
    let question = t!(i18n, groups.remove_question, name = move || store.name(user_id), title = title);
    view! {
        <form method="post" action=api::RemoveMember::url()>
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <ConfirmButton question label=t!(i18n, groups.remove) class="button">
                {t!(i18n, groups.remove)}<span class="sr-only">" " {name}</span>
            </ConfirmButton>
        </form>
    }
    .into_any()
}
