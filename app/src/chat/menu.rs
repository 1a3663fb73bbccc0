//! The menu of a message.

use super::{
    api,
    gestures::clicked,
    open_chat::{OpenChat, may_edit},
    words,
};
use crate::{
    address::Address,
    i18n::use_i18n,
    live::quietly,
    part::Part,
    ui::{ConfirmButton, Dialog, Icon, outline, reactive, t, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{ChatKind, Message},
    limits,
    text::beginning,
};
use std::sync::Arc;

/// The quick reactions.
const QUICK: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

#[component]
pub fn MessageMenu() -> impl IntoView {
    let open_chat = OpenChat::current();
    let part = Part::current();
    view! {
        {reactive(move || {
            let message = open_chat.menu.get().and_then(|no| untrack(|| open_chat.message(no)));
            let message = message.filter(|message| !message.deleted && message.event.is_none());
            message.filter(|_| part.ready()).map(lazy_menu)
        })}
    }
    .into_any()
}

#[inline(never)]
fn lazy_menu(message: Arc<Message>) -> AnyView {
    view! { <Menu message /> }.into_any()
}

#[component]
fn Menu(message: Arc<Message>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let (store, chat_id, no) = (open_chat.store, open_chat.chat_id, message.no.to_string());
    let send = move |event| {
        quietly(store, None)(event);
        open_chat.menu.set(None);
    };
    let quick = QUICK.map(|emoji| view! { <button class="icon-button" name="toggled" value=emoji>{emoji}</button> });
    view! {
        <Dialog class="menu" title=t!(i18n, chat.actions) on_close=move |()| open_chat.menu.set(None) back=Address::message(chat_id, message.no).href()>
            <div on:click=move |event| clicked(open_chat, &event)>
                <form method="post" action=api::React::url() on:submit=send class="quick">
                    <input type="hidden" name="chat_id" value=chat_id.to_string() />
                    <input type="hidden" name="no" value=no.clone() />
                    {quick}
                    <button type="button" class="icon-button only-with-script" data-do="emoji" data-no=no.clone()
                        aria-label=t!(i18n, chat.react) title=t!(i18n, chat.react)><Icon d=outline::SMILE /></button>
                </form>
                <Actions message=message.clone() />
                {open_chat.may_delete(&message).then(|| {
                    let text = beginning(&words::line(i18n, &message), 60);
                    view! {
                        <form method="post" action=api::DeleteMessages::url() on:submit=send>
                            <input type="hidden" name="chat_id" value=chat_id.to_string() />
                            <input type="hidden" name="nos" value=no.clone() />
                            <ConfirmButton question=t!(i18n, chat.delete_question, text = move || text.clone()) label=t!(i18n, chat.delete) class="menu-item danger">
                                <Icon d=outline::BIN />{t!(i18n, chat.delete)}
                            </ConfirmButton>
                        </form>
                    }
                })}
            </div>
        </Dialog>
    }
    .into_any()
}

/// The actions that begin in the page: each is a link to the page that an address opens.
#[component]
fn Actions(message: Arc<Message>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let no = message.no.to_string();
    let of_chat =
        open_chat.store.with_chat_untracked(open_chat.chat_id, |c| (c.summary.chat.kind, c.summary.chat.member_count));
    let (kind, members) = of_chat.unwrap_or((ChatKind::Saved, 1));
    let own = Some(message.sender_id) == untrack(|| open_chat.store.me());
    let action = |name: &'static str, d: &'static str, label: Words, scripted: bool| {
        view! {
            <button class="menu-item" class:only-with-script=scripted name=name value=no.clone() data-do=name data-no=no.clone()
                autofocus=name == "reply"><Icon d />{label}</button>
        }
        .into_any()
    };
    let may_edit = may_edit(&message, untrack(|| open_chat.store.me()));
    let seen = own && kind == ChatKind::Group && members <= limits::SMALL_GROUP;
    view! {
        <form method="get" action=Address::chat(open_chat.chat_id).href()>
            {action("reply", outline::REPLY, t!(i18n, chat.reply), false)}
            {may_edit.then(|| action("edit", outline::NEW, t!(i18n, chat.edit), false))}
            {action("copy", outline::COPY, t!(i18n, chat.copy), true)}
            {action("link", outline::LINK, t!(i18n, chat.copy_link), true)}
            {message.is_showable().then(|| action("forward", outline::FORWARD, t!(i18n, chat.forward), false))}
            {action("select", outline::CHECK, t!(i18n, chat.select), true)}
            {seen.then(|| action("seen", outline::EYE, t!(i18n, chat.seen_by), false))}
            {(!message.reactions.is_empty()).then(|| action("reacted", outline::PEOPLE, t!(i18n, chat.who_reacted), false))}
            {(!own).then(|| action("report", outline::ALERT, t!(i18n, chat.report), false))}
        </form>
    }
    .into_any()
}
