//! The dialogs of a conversation.

use super::{
    api, emoji,
    menu::MessageMenu,
    open_chat::{OpenChat, Panel},
    words,
};
use crate::{
    address::{Address, joined},
    i18n::use_i18n,
    live::{Notice, quietly_then},
    part::Part,
    ui::{Avatar, ConfirmButton, Dialog, Field, For, FormError, Icon, Show, isolated, memo, outline, reactive, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{chat::Reaction, ids::ClientId};

#[component]
pub fn Panels() -> impl IntoView {
    let open_chat = OpenChat::current();
    let part = Part::current();
    view! {
        {reactive(move || open_chat.panel.get().filter(|_| part.ready()).map(lazy_panel))}
        <MessageMenu />
        <Selection />
    }
    .into_any()
}

#[inline(never)]
fn lazy_panel(panel: Panel) -> AnyView {
    match panel {
        Panel::Emoji(no) => view! { <emoji::Picker no /> }.into_any(),
        Panel::Forward(nos) => view! { <Forward nos /> }.into_any(),
        Panel::Report(no) => view! { <Report no /> }.into_any(),
        Panel::Reacted(no) => view! { <Reacted no /> }.into_any(),
        Panel::Seen(no) => view! { <Seen no /> }.into_any(),
    }
}

/// Closes a panel after its form was accepted.
fn sends(open_chat: OpenChat, done: Option<Notice>) -> impl Fn(leptos::ev::SubmitEvent) + Copy + Send + Sync + 'static {
    quietly_then(open_chat.store, done, move || {
        open_chat.panel.set(None);
        open_chat.selected.set(None);
    })
}

#[component]
fn Forward(nos: Vec<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let store = open_chat.store;
    let query = RwSignal::new(String::new());
    let chats = memo(move || query.with(|query| words::chats_called(i18n, store, query)));
    // After an error, the messages may be stored nevertheless: the retry uses the same id.
    let before =
        store.forms.with_untracked(|forms| forms.refused("forward_messages")?.value("client_id")?.parse().ok());
    let client_id = before.unwrap_or_else(ClientId::fresh);
    view! {
        <Dialog title=t!(i18n, chat.forward_to) on_close=move |()| open_chat.panel.set(None) back=Address::chat(open_chat.chat_id).href()>
            <input type="search" class="input only-with-script" aria-label=t!(i18n, search) placeholder=t!(i18n, search)
                autocomplete="off" on:input=move |event| query.set(event_target_value(&event)) />
            <form method="post" action=api::ForwardMessages::url() on:submit=sends(open_chat, Some(Notice::Forwarded)) class="rows">
                <FormError form="forward_messages" />
                <input type="hidden" name="chat_id" value=open_chat.chat_id.to_string() />
                <input type="hidden" name="nos" value=joined(&nos) />
                <input type="hidden" name="client_id" value=client_id.to_string() />
                <For each=move || chats.get() key=|(id, _)| *id let((id, title))>
                    <button class="row choice" name="to" value=id.to_string()><Avatar name=title.clone() id=words::face(store, id) /><bdi class="grow truncate">{title}</bdi></button>
                </For>
            </form>
            <Show when=move || chats.with(Vec::is_empty)><p class="text-muted">{t!(i18n, chat.nothing_found)}</p></Show>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Report(no: u64) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    view! {
        <Dialog title=t!(i18n, chat.report) on_close=move |()| open_chat.panel.set(None) back=Address::chat(open_chat.chat_id).href()>
            <form method="post" action=api::ReportMessage::url() on:submit=sends(open_chat, Some(Notice::Reported)) class="stack">
                <FormError form="report_message" />
                <input type="hidden" name="chat_id" value=open_chat.chat_id.to_string() />
                <input type="hidden" name="no" value=no.to_string() />
                <Field form="report_message" name="reason" maxlength=500 multiline=true required=true
                    label=t!(i18n, chat.report_reason) hint=t!(i18n, chat.report_hint) />
                <button class="button primary">{t!(i18n, chat.report)}</button>
            </form>
        </Dialog>
    }
    .into_any()
}

/// The reactions to a message, with names.
#[component]
fn Reacted(no: u64) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let OpenChat { store, chat_id, .. } = open_chat;
    let given = memo(move || open_chat.message(no).map(|message| message.reactions.clone()).unwrap_or_default());
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        let reacted = crate::live::load_reacted(chat_id, no).await;
        store.change(|state| state.apply_reacted(chat_id, no, reacted));
    });
    let names = move |reaction: &Reaction| {
        let names: Vec<String> = reaction.by.iter().map(|id| isolated(&store.name(*id))).collect();
        let rest = (reaction.count as usize).saturating_sub(names.len());
        if rest > 0 { format!("{} +{rest}", names.join(", ")) } else { names.join(", ") }
    };
    view! {
        <Dialog title=t!(i18n, chat.who_reacted) on_close=move |()| open_chat.panel.set(None) back=Address::chat(chat_id).href()>
            <ul class="rows">
                <For each=move || given.get() key=|reaction| (reaction.emoji.clone(), reaction.count, reaction.by.len()) let:reaction>
                    <li class="row"><span class="jumbo">{reaction.emoji.clone()}</span><bdi class="grow">{names(&reaction)}</bdi></li>
                </For>
            </ul>
        </Dialog>
    }
    .into_any()
}

/// Who has read one of the reader's messages.
#[component]
fn Seen(no: u64) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let OpenChat { store, chat_id, .. } = open_chat;
    let me = store.me();
    let readers = memo(move || {
        let read = |chat: &protocol::reducer::ChatState| {
            let members = chat.members.values().filter(|m| !m.removed && m.read_no >= no && Some(m.user.id) != me);
            members.map(|member| member.user.id).collect::<Vec<_>>()
        };
        store.with_chat(chat_id, read).unwrap_or_default()
    });
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        if let Ok(members) = crate::live::load_members(chat_id, String::new()).await {
            store.change(|state| state.apply_members(chat_id, members));
        }
    });
    view! {
        <Dialog title=t!(i18n, chat.seen_by) on_close=move |()| open_chat.panel.set(None) back=Address::chat(chat_id).href()>
            <ul class="rows">
                <For each=move || readers.get() key=|id| *id let:id>
                    <li class="row"><Avatar name=Signal::derive(move || store.name(id)) id=id.0 /><bdi class="grow">{reactive(move || store.name(id))}</bdi></li>
                </For>
            </ul>
            {reactive(move || readers.with(Vec::is_empty).then(|| view! { <p class="text-muted">{t!(i18n, chat.seen_by_nobody)}</p> }))}
        </Dialog>
    }
    .into_any()
}

/// The actions for the selected messages.
#[component]
fn Selection() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let chosen = move || open_chat.selected.get().unwrap_or_default();
    let nos = move || chosen().into_iter().collect::<Vec<u64>>();
    let none = move || chosen().is_empty();
    let may_delete =
        move || chosen().into_iter().all(|no| open_chat.message(no).is_some_and(|m| open_chat.may_delete(&m)));
    view! {
        <Show when=move || open_chat.selected.with(Option::is_some)>
            <div class="selection" role="toolbar" aria-label=t!(i18n, chat.select)>
                <span class="grow" role="status">{t!(i18n, chat.selected, count = move || chosen().len())}</span>
                <button class="button" disabled=none on:click=move |_| open_chat.panel.set(Some(Panel::Forward(nos())))>{t!(i18n, chat.forward)}</button>
                <Show when=move || !none() && may_delete()>
                    <form method="post" action=api::DeleteMessages::url() on:submit=quietly_then(open_chat.store, None, move || open_chat.selected.set(None))>
                        <input type="hidden" name="chat_id" value=open_chat.chat_id.to_string() />
                        <input type="hidden" name="nos" value=reactive(move || joined(&nos())) />
                        <ConfirmButton question=t!(i18n, chat.delete_selected, count = move || chosen().len()) label=t!(i18n, chat.delete) />
                    </form>
                </Show>
                <button class="icon-button" aria-label=t!(i18n, cancel) on:click=move |_| open_chat.selected.set(None)><Icon d=outline::CLOSE /></button>
            </div>
        </Show>
    }
    .into_any()
}
