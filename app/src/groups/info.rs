//! The page with the info of a chat.

use super::{
    api::{self, LeaveGroup},
    members::{MemberRow, load_members, members},
    search::{FoundEnd, Search, SearchField},
};
use crate::{
    address::Address,
    chat::{OwnState, face, page_of_chat, title_of},
    i18n::use_i18n,
    live::{Notice, Store, quietly},
    navigation::Navigation,
    part::Part,
    people::{BlockForm, PersonLine},
    seed::Page,
    ui::{Avatar, ConfirmButton, Field, For, FormError, Icon, More, Show, counted, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::{
    chat::ChatKind,
    groups::{Member, Role},
    ids::{ChatId, UserId},
    profiles::User,
};

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
    let name = memo(move || title_of(i18n, store, chat_id));
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
