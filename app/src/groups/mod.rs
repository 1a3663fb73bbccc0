//! Groups, and the search for users to write to.

mod api;
pub mod page;

use crate::{
    address::Address,
    chat::{OwnState, face, page_of_chat, title, title_of},
    i18n::{t_string, use_i18n},
    live::{Notice, Store, quietly},
    navigation::Navigation,
    part::Part,
    people::{BlockForm, OpenDirect, PersonLine, PersonName, name_of},
    seed::Page,
    ui::{
        Avatar, ConfirmButton, Field, For, FormError, I18n, Icon, More, Show, counted, effect, memo, outline, reactive,
        t,
    },
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::{
    chat::ChatKind,
    groups::{Member, Role},
    ids::{ChatId, ClientId, UserId},
    profiles::User,
    reducer,
};
use std::cmp::Reverse;
#[cfg(feature = "hydrate")]
use {
    crate::{address::encoded, live::load_page, ui::comparison},
    protocol::{error::ErrorCode, reducer::ChatState},
};

pub use api::LeaveGroup;

/// The number of users that are suggested before a search.
const SUGGESTED: usize = 20;

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

/// A search for users. It begins with the query in the address and the users in the page's data.
#[derive(Clone, Copy)]
struct Search {
    store: Store,
    query: RwSignal<String>,
    found: RwSignal<Found>,
    /// The users of the latest direct chats when the page was opened: rows must not move under the pointer.
    known: StoredValue<Vec<User>>,
}

/// The result of a search.
#[derive(Clone, Default, PartialEq)]
struct Found {
    query: String,
    people: Vec<User>,
    /// The cursor of the users after these.
    next: Option<String>,
    failed: bool,
}

impl Search {
    fn new() -> Self {
        let store = Store::current();
        let query = match Navigation::current().get_untracked() {
            Some(Address::NewChat { query } | Address::NewGroup { query, .. } | Address::Info { query, .. }) => query,
            _ => String::new(),
        };
        let found = store.page.with_untracked(|page| found_on(page, &query)).unwrap_or_default();
        let known = StoredValue::new(store.read_untracked(latest_peers));
        let search = Self { store, query: RwSignal::new(query.clone()), found: RwSignal::new(found), known };
        effect(move || {
            // When the page's data arrive, they do not replace the results of a newer query.
            if let Some(found) = store.page.with(|page| found_on(page, &query))
                && search.is_for(&query)
            {
                search.found.set(found);
            }
        });
        search
    }

    /// Whether the reader still searches for `query`. The page may be closed.
    fn is_for(self, query: &str) -> bool {
        self.query.try_with_untracked(|now| now == query) == Some(true)
    }

    /// The users found, without the reader.
    fn people(self) -> Vec<User> {
        let me = self.store.me();
        self.found.with(|found| found.people.iter().filter(|user| Some(user.id) != me).cloned().collect())
    }

    /// The users found. Before a search, those whom the reader writes to.
    fn suggested(self) -> Vec<User> {
        if self.query.with(|query| query.trim().is_empty()) { self.known.get_value() } else { self.people() }
    }

    /// Loads the first users that match, or those after a cursor.
    fn load(self, query: String, cursor: Option<String>) {
        self.query.set(query.clone());
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = load_page::<User>(&format!("users?query={}{after}", encoded(&query))).await;
            // A later search may have finished first.
            if !self.is_for(&query) {
                return;
            }
            let failed = page.is_none();
            let (people, next) = page.map(|page| (page.items, page.next)).unwrap_or_default();
            // From now on, changes of these names arrive.
            self.store.change(|state| state.learn_all(people.clone()));
            self.found.update(|found| {
                if after.is_empty() || failed {
                    *found = Found { query, people, next, failed };
                } else {
                    found.people.extend(people);
                    found.next = next;
                }
            });
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = cursor;
    }
}

/// The users of the latest direct chats that are not archived.
fn latest_peers(state: &reducer::State) -> Vec<User> {
    let mut chats: Vec<_> = state.chats.values().filter(|chat| !chat.summary.archived).collect();
    chats.sort_by_key(|chat| Reverse(state.active_at(chat)));
    chats.into_iter().filter_map(|chat| chat.summary.peer.clone()).take(SUGGESTED).collect()
}

fn found_on(page: &Page, query: &str) -> Option<Found> {
    let (people, next) = match page {
        Page::New(new) => (&new.found, new.next.clone()),
        Page::Info(info) => (&info.found, None),
        _ => return None,
    };
    Some(Found { query: query.to_owned(), people: people.clone(), next, failed: false })
}

/// Finds users while the reader types; without JavaScript, when the form is sent.
#[component]
fn SearchField(search: Search, #[prop(optional)] with_button: bool) -> impl IntoView {
    let i18n = use_i18n();
    let query = search.query.get_untracked();
    let look = move |event| search.load(event_target_value(&event), None);
    // The results are on the page already: Enter must not send the form around the field.
    let press = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    view! {
        <div class="field">
            <label for="search">{t!(i18n, search)}</label>
            <div class="row">
                <input id="search" type="search" name="q" value=query class="input grow" maxlength="64" autocomplete="off" spellcheck="false"
                    placeholder=t!(i18n, groups.find_hint) on:input=look on:keydown=press />
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

/// The end of the list of users found: the button for more, or the reason why the list is empty.
#[component]
fn FoundEnd(search: Search, to: Address) -> impl IntoView {
    let i18n = use_i18n();
    let why = move || {
        let nobody = search.people().is_empty();
        search.found.with(|found| {
            let is_answered = search.query.with(|query| *query == found.query && !query.trim().is_empty());
            match (is_answered, found.failed) {
                (true, true) => Some(t!(i18n, errors.unavailable)),
                (true, false) if nobody => Some(t!(i18n, groups.nobody)),
                _ => None,
            }
        })
    };
    let next = Signal::derive(move || search.found.with(|found| found.next.clone()));
    let load = Callback::new(move |cursor| search.load(search.query.get_untracked(), Some(cursor)));
    view! {
        <More next load action=to.href() />
        {reactive(move || why().map(|why| view! { <p class="text-muted" role="status">{why}</p> }))}
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
    let members = members(i18n, store, chat_id);
    let next = Signal::derive(move || {
        store.page.with(|page| match page {
            Page::Info(info) if info.chat_id == chat_id => info.next.clone(),
            _ => None,
        })
    });
    let load = Callback::new(move |cursor| load_members(store, chat_id, cursor));
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
                {reactive(move || summary.with(|s| s.as_ref()?.peer.clone()).map(|user| view! { <div class="row"><PersonLine user /></div> }))}
                <Show when=move || may_manage.get()>
                    <form method="post" action=api::RenameGroup::url() class="stack" on:submit=quietly(store, Some(Notice::Saved))>
                        <FormError form="rename_group" />
                        <input type="hidden" name="chat_id" value=chat_id.to_string() />
                        <Field form="rename_group" name="title" maxlength=128 value=name
                            label=t!(i18n, groups.group_name) />
                        <button class="button">{t!(i18n, save)}</button>
                    </form>
                    <AddMembers chat_id members />
                </Show>
                <Show when=move || is_group.get()>
                    <section class="stack">
                        <h2>{reactive(move || counted!(i18n, groups.members_count, count(), count = count))}</h2>
                        <FormError form="remove_member" />
                        <FormError form="change_role" />
                        <ul class="rows">
                            <For each=move || members.get() key=|member| member.user.id let:member>
                                <MemberRow chat_id user=member.user members role />
                            </For>
                        </ul>
                        <form id="list"><More next load action=Address::info(chat_id).href() /></form>
                    </section>
                    <Leave chat_id role members />
                </Show>
                {reactive(move || peer.get().zip(blocked.get()).map(|(user_id, blocked)| view! { <BlockForm user_id blocked /> }))}
            </div>
        </div>
    }
    .into_any()
}

/// The loaded members, by role and then by name. The server has the order of its page.
fn members(i18n: I18n, store: Store, chat_id: ChatId) -> Memo<Vec<Member>> {
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = i18n;
        memo(move || {
            store.page.with(|page| match page {
                Page::Info(info) if info.chat_id == chat_id => info.members.clone(),
                _ => Vec::new(),
            })
        })
    }
    #[cfg(feature = "hydrate")]
    {
        let present = |chat: &ChatState| chat.members.values().filter(|m| !m.removed).map(|m| (**m).clone()).collect();
        let named = memo(move || {
            let mut members: Vec<Member> = store.with_chat(chat_id, present).unwrap_or_default();
            store.read(reducer::Part::Users, |state| {
                for member in &mut members {
                    if let Some(user) = state.users.get(&member.user.id) {
                        member.user.display_name.clone_from(&user.display_name);
                    }
                }
            });
            members
        });
        // Most changes of a chat, such as new messages, do not change its members: only a change sorts them.
        memo(move || {
            let (compare, mut members) = (comparison(i18n.get_locale()), named.get());
            members
                .sort_by(|a, b| b.role.cmp(&a.role).then_with(|| compare(&a.user.display_name, &b.user.display_name)));
            members
        })
    }
}

/// Loads the members after a cursor.
fn load_members(store: Store, chat_id: ChatId, cursor: String) {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        let path = format!("chats/{chat_id}/members?cursor={}", encoded(&cursor));
        let Some(page) = load_page::<Member>(&path).await else {
            store.notice.set(Some(Notice::Failed(ErrorCode::Unavailable)));
            return;
        };
        store.change(|state| state.apply_members(chat_id, page.items));
        store.page.update(|shown| {
            if let Page::Info(info) = shown {
                info.next = page.next;
            }
        });
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (store, chat_id, cursor);
}

/// Leaves the group. An owner first chooses the next owner.
#[component]
fn Leave(chat_id: ChatId, role: Memo<Option<Role>>, members: Memo<Vec<Member>>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let title = move || title_of(i18n, store, chat_id);
    let question = t!(i18n, groups.leave_question, title = title);
    let heirs = move || {
        let others = members.get().into_iter().filter(|member| Some(member.user.id) != store.me());
        others.collect::<Vec<_>>()
    };
    view! {
        <form id="leave" method="post" action=LeaveGroup::url() class="stack">
            <FormError form="leave_group" />
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <Show when=move || role.get() == Some(Role::Owner) && !heirs().is_empty()>
                <div class="field">
                    <label for="heir">{t!(i18n, groups.heir)}</label>
                    <select id="heir" name="heir" class="input" required>
                        <option value="">{t!(i18n, groups.choose_heir)}</option>
                        <For each=heirs key=|member| (member.user.id, member.seq) let:member>
                            <option value=member.user.id.to_string()>{reactive(move || store.name(member.user.id))}</option>
                        </For>
                    </select>
                    <p class="hint">{t!(i18n, groups.heir_hint)}</p>
                </div>
            </Show>
            <ConfirmButton question label=t!(i18n, groups.leave) />
        </form>
    }
    .into_any()
}

/// A search for users to add. The results name the members, who cannot be added again.
#[component]
fn AddMembers(chat_id: ChatId, members: Memo<Vec<Member>>) -> impl IntoView {
    let i18n = use_i18n();
    let search = Search::new();
    let found = move || {
        let is_member = |user: &User| members.with(|members| members.iter().any(|member| member.user.id == user.id));
        search.people().into_iter().map(|user| (is_member(&user), user)).collect::<Vec<_>>()
    };
    view! {
        <section class="stack">
            <h2>{t!(i18n, groups.add_members)}</h2>
            <FormError form="add_member" />
            <form method="get" action=Address::info(chat_id).href() role="search"><SearchField search /></form>
            <ul class="rows">
                <For each=found key=|(is_member, user)| (*is_member, user.id) let((is_member, user))>
                    <li class="row">
                        <PersonLine user=user.clone() />
                        {if is_member {
                            view! { <span class="hint">{t!(i18n, groups.already)}</span> }.into_any()
                        } else {
                            view! { <AddForm chat_id user_id=user.id /> }.into_any()
                        }}
                    </li>
                </For>
            </ul>
            <FoundEnd search to=Address::info(chat_id) />
        </section>
    }
    .into_any()
}

#[component]
fn AddForm(chat_id: ChatId, user_id: UserId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    view! {
        <form method="post" action=api::AddMember::url() on:submit=quietly(store, Some(Notice::Saved))>
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <button class="button">{t!(i18n, groups.add)}<span class="sr-only">" " {reactive(move || store.name(user_id))}</span></button>
        </form>
    }
    .into_any()
}

/// A member's row. It stays the same element when the role changes, so it keeps the focus.
#[component]
fn MemberRow(chat_id: ChatId, user: User, members: Memo<Vec<Member>>, role: Memo<Option<Role>>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let id = user.id;
    let theirs = memo(move || members.with(|members| members.iter().find(|member| member.user.id == id)?.role));
    let mine = move || role.get().filter(|_| store.me() != Some(id));
    let removable = move || mine() >= Some(Role::Admin) && theirs.get() < mine();
    let changeable = move || mine() == Some(Role::Owner);
    let word = move || match theirs.get() {
        Some(Role::Owner) => Some(t!(i18n, groups.owner)),
        Some(Role::Admin) => Some(t!(i18n, groups.admin)),
        _ => None,
    };
    let actions = t!(i18n, groups.member_actions, name = move || store.name(id));
    view! {
        <li class="row">
            <PersonLine user />
            {reactive(move || word().map(|word| view! { <span class="hint">{word}</span> }))}
            <Show when=move || removable() || changeable()>
                <details name="member">
                    <summary class="icon-button" aria-label=actions.clone() title=actions.clone()><Icon d=outline::MORE /></summary>
                    <div class="drop">
                        {reactive(move || changeable().then(|| view! { <RoleForms chat_id user_id=id admin=theirs.get() == Some(Role::Admin) /> }))}
                        <Show when=removable><RemoveForm chat_id user_id=id /></Show>
                    </div>
                </details>
            </Show>
        </li>
    }
    .into_any()
}

/// The forms by which the owner makes or dismisses an admin, and hands the group over.
#[component]
fn RoleForms(chat_id: ChatId, user_id: UserId, admin: bool) -> impl IntoView {
    let i18n = use_i18n();
    let (role, words) =
        if admin { (Role::Member, t!(i18n, groups.take_admin)) } else { (Role::Admin, t!(i18n, groups.make_admin)) };
    let store = Store::current();
    let title = move || title_of(i18n, store, chat_id);
    let question = t!(i18n, groups.owner_question, name = move || store.name(user_id), title = title);
    view! {
        <form method="post" action=api::ChangeRole::url() on:submit=quietly(store, Some(Notice::Saved))>
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <button class="menu-item" name="role" value=role.name().to_owned()>{words}</button>
        </form>
        <form method="post" action=api::ChangeRole::url() on:submit=quietly(store, Some(Notice::Saved))>
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <input type="hidden" name="role" value=Role::Owner.name().to_owned() />
            <ConfirmButton question label=t!(i18n, groups.make_owner) class="menu-item danger" />
        </form>
    }
    .into_any()
}

#[component]
fn RemoveForm(chat_id: ChatId, user_id: UserId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let title = move || title_of(i18n, store, chat_id);
    let question = t!(i18n, groups.remove_question, name = move || store.name(user_id), title = title);
    view! {
        <form method="post" action=api::RemoveMember::url() on:submit=quietly(store, Some(Notice::Saved))>
            <input type="hidden" name="chat_id" value=chat_id.to_string() />
            <input type="hidden" name="user_id" value=user_id.to_string() />
            <ConfirmButton question label=t!(i18n, groups.remove) class="menu-item danger" />
        </form>
    }
    .into_any()
}
