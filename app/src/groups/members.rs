//! The members of a group, and what may be done to each.

use super::api;
#[cfg(feature = "hydrate")]
use crate::{address::encoded, live::load_page, ui::comparison};
use crate::{
    chat::title_of,
    i18n::use_i18n,
    live::{Notice, Store, quietly},
    people::PersonLine,
    seed::Page,
    ui::{ConfirmButton, I18n, Icon, Show, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
#[cfg(feature = "hydrate")]
use protocol::{
    error::ErrorCode,
    reducer::{self, ChatState},
};
use protocol::{
    groups::{Member, Role},
    ids::{ChatId, UserId},
    profiles::User,
};

/// The loaded members, by role and then by name. The server has the order of its page.
pub fn members(i18n: I18n, store: Store, chat_id: ChatId) -> Memo<Vec<Member>> {
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
pub fn load_members(store: Store, chat_id: ChatId, cursor: String) {
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

/// A member's row. It stays the same element when the role changes, so it keeps the focus.
#[component]
pub fn MemberRow(chat_id: ChatId, user: User, members: Memo<Vec<Member>>, role: Memo<Option<Role>>) -> impl IntoView {
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
