//! The menu of a chat in the list.

use super::{api, own, words};
use crate::{
    address::Address,
    groups::LeaveGroup,
    i18n::use_i18n,
    live::Store,
    ui::{ConfirmButton, Dialog, Icon, outline, t, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{chat::ChatKind, groups::Role, ids::ChatId, limits};

/// Without JavaScript, the chat's page offers the same actions.
#[component]
pub fn ChatMenu(id: ChatId, close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let Some(summary) = untrack(|| store.summary(id)) else { return ().into_any() };
    let (last_no, unread) = (summary.chat.last_no, summary.unread > 0 || summary.marked_unread);
    let title = words::title(i18n, &summary);
    let change = move |event| {
        own::changes(store, id)(event);
        close.run(());
    };
    let read = move |_| {
        store.mark_read(id, last_no);
        close.run(());
    };
    let item = |name: &'static str, value: String, d: &'static str, label: Words| {
        view! { <button class="menu-item" name=name value=value><Icon d />{label}</button> }.into_any()
    };
    let mark =
        move |name, set: bool, d, [on, off]: [Words; 2]| item(name, (!set).to_string(), d, if set { off } else { on });
    let mute = |hours: u32, short: Words, label: Words| {
        view! { <button class="chip" name="mute" value=hours.to_string() aria-label=label.clone() title=label>{short}</button> }.into_any()
    };
    let mutes = if store.is_muted(&summary) {
        item("mute", "0".to_owned(), outline::MUTED, t!(i18n, chat.unmute))
    } else {
        view! {
            <div class="menu-row">
                {item("mute", limits::MUTE_FOR_EVER.to_string(), outline::MUTED, t!(i18n, chat.mute))}
                {mute(1, t!(i18n, chat.hour), t!(i18n, chat.mute_hour))}
                {mute(8, t!(i18n, chat.hours), t!(i18n, chat.mute_hours))}
            </div>
        }
        .into_any()
    };
    let marks = if unread {
        view! { <button type="button" class="menu-item" on:click=read><Icon d=outline::UNREAD />{t!(i18n, chat.mark_read)}</button> }.into_any()
    } else {
        item("marked_unread", "true".to_owned(), outline::UNREAD, t!(i18n, chat.mark_unread))
    };
    let leave = match (summary.chat.kind, summary.role) {
        // The page asks an owner for a successor.
        (ChatKind::Group, Some(Role::Owner)) if summary.chat.member_count > 1 => view! {
            <a class="menu-item danger" href=Address::info(id).href() + "#leave" on:click=move |_| close.run(())><Icon d=outline::LEAVE />{t!(i18n, groups.leave)}</a>
        }
        .into_any(),
        (ChatKind::Group, _) => view! {
            <form method="post" action=LeaveGroup::url()>
                <input type="hidden" name="chat_id" value=id.to_string() />
                <ConfirmButton question=t!(i18n, groups.leave_question, title = move || title.clone()) label=t!(i18n, groups.leave) class="menu-item danger">
                    <Icon d=outline::LEAVE />{t!(i18n, groups.leave)}
                </ConfirmButton>
            </form>
        }
        .into_any(),
        _ => ().into_any(),
    };
    view! {
        <Dialog class="menu" title=t!(i18n, chat.chat_actions) on_close=close back=Address::chat(id).href()>
            <form method="post" action=api::OwnState::url() on:submit=change>
                <input type="hidden" name="chat_id" value=id.to_string() />
                {mark("pinned", summary.pinned, outline::PIN, [t!(i18n, chat.pin), t!(i18n, chat.unpin)])}
                {(summary.chat.kind != ChatKind::Saved).then_some(mutes)}
                {marks}
                {mark("archived", summary.archived, outline::ARCHIVE, [t!(i18n, chat.archive), t!(i18n, chat.unarchive)])}
            </form>
            {leave}
        </Dialog>
    }
    .into_any()
}
