//! The messages of a conversation, oldest first.

use super::{
    announcer::Announcer,
    api,
    gestures::{clicked, opens_menu, pressed},
    message::MessageRow,
    open_chat::{Jump, OpenChat, Writing},
    rows::{Row, rows},
    scroll::Scroll,
    unsent::UnsentRow,
};
use crate::{
    address::{Address, At, joined},
    i18n::use_i18n,
    live::{Store, load_quoted},
    ui::{For, Icon, Show, effect, focus, memo, outline, reactive, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::{
    ids::ChatId,
    limits,
    reducer::{ChatState, Part, Unsent},
};

/// Loads the quoted messages that are not held, without their neighbours: loaded neighbours would change the
/// window.
fn load_quotes(open_chat: OpenChat, reader: Scroll, rows: Memo<Vec<Row>>, unsent: Memo<Vec<Unsent>>) {
    let OpenChat { store, chat_id, .. } = open_chat;
    let unheld = memo(move || {
        let shows_quote = |row: &&Row| !row.message.deleted;
        let mut nos: Vec<u64> =
            rows.with(|rows| rows.iter().filter(shows_quote).filter_map(|row| row.message.reply_to).collect());
        nos.extend(unsent.get().iter().filter_map(|unsent| unsent.reply_to));
        if let Writing::Reply(no) = open_chat.writing.get() {
            nos.push(no);
        }
        store.with_chat(chat_id, |chat| nos.retain(|no| !chat.messages.contains_key(no)));
        nos.truncate(limits::HISTORY_MAX as usize);
        joined(&nos)
    });
    effect(move || {
        let nos = unheld.get();
        if nos.is_empty() || !reader.ready.get() || !store.connection.get().is_up() {
            return;
        }
        leptos::task::spawn_local(async move {
            if let Ok(quoted) = load_quoted(chat_id, nos).await {
                store.add_history(chat_id, quoted);
            }
        });
    });
}

#[component]
pub fn Timeline() -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let OpenChat { store, chat_id, .. } = open_chat;
    let scroller = NodeRef::<html::Div>::new();
    let reader = Scroll::new(open_chat, scroller);
    let shown = reader.shown;
    let rows = memo(move || {
        let of = |chat: &ChatState| rows(chat, shown.get(), store.me(), &store.zone(), reader.divider.get());
        store.with_chat(chat_id, of).unwrap_or_default()
    });
    let unsent = memo(move || {
        let all = || store.read(Part::Chat(chat_id), |state| state.unsent(chat_id).cloned().collect::<Vec<_>>());
        if reader.shows_end() { all() } else { Vec::new() }
    });
    load_quotes(open_chat, reader, rows, unsent);
    let has_older = memo(move || shown.get().first > 1);
    let has_newer = memo(move || shown.get().last < shown.get().last_no);
    let read_by_others = memo(move || store.with_chat(chat_id, |chat| chat.summary.read_by_others_no).unwrap_or(0));
    let unread_count = memo(move || store.with_chat(chat_id, |chat| chat.summary.unread).unwrap_or(0));
    // Without a connection, the messages on this device are all there is.
    let is_opening = move || !reader.ready.get() && store.as_of.with(Option::is_none);
    view! {
        <div class="timeline-place" class:opening=reactive(is_opening)
            aria-busy=reactive(move || (reader.loading.get() || is_opening()).then_some("true"))>
        <div class="timeline" node_ref=scroller tabindex="0" role="log" aria-label=t!(i18n, chat.messages) aria-live="off"
            on:scroll=move |_| reader.scrolled()
            on:scrollend=move |_| reader.rested()
            on:click=move |event| clicked(open_chat, &event)
            on:contextmenu=move |event| opens_menu(open_chat, &event)
            on:keydown=move |event| pressed(open_chat, &event)>
            <Show when=move || has_older.get()>
                <p class="centered-line only-without-script">
                    <a class="button" href=reactive(move || Address::Chat(chat_id, At::Before(shown.get().first)).href())>{t!(i18n, chat.older)}</a>
                </p>
            </Show>
            <ol class="messages">
                <For each=move || rows.get() key=|row| row.message.no let:row>
                    <MessageRow message=row.message rows read_by_others />
                </For>
            </ol>
            <ol class="messages unsent" class:empty=reactive(move || unsent.with(Vec::is_empty))>
                <For each=move || unsent.get() key=|unsent| (unsent.client_id, unsent.refused.is_some(), unsent.text.clone()) let:unsent>
                    <UnsentRow unsent />
                </For>
            </ol>
            <Show when=move || has_newer.get()>
                <p class="centered-line only-without-script">
                    <a class="button" href=reactive(move || Address::Chat(chat_id, At::After(shown.get().last)).href())>{t!(i18n, chat.newer)}</a>
                    <a class="button" href=Address::chat(chat_id).href() rel="external">{t!(i18n, chat.newest)}</a>
                </p>
            </Show>
            <Show when=move || rows.with(Vec::is_empty) && unsent.with(Vec::is_empty)>
                <p class="empty-chat text-muted">{t!(i18n, chat.empty)}</p>
            </Show>
        </div>
        <ToUnread reader unread=unread_count />
        <NotLoaded reader />
        <ToNewest away=reader.away unread=unread_count />
        </div>
        <Announcer />
    }
    .into_any()
}

/// The link to the first unread message, until this message was on the screen or the reader dismisses the link.
#[component]
fn ToUnread(reader: Scroll, unread: Memo<u32>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let no = move || reader.unmet().unwrap_or(1);
    let go = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        open_chat.jump.set(Some(Jump::To(untrack(no))));
    };
    view! {
        <Show when=move || reader.unmet().is_some()>
            <div class="to-unread">
                <a class="button" href=reactive(move || Address::message(open_chat.chat_id, no()).href()) on:click=go>
                    {t!(i18n, chat.first_unread)}
                    // The reader's own message has marked them as read.
                    <Show when=move || { unread.get() > 0 }><span class="badge unread">{unread}</span></Show>
                </a>
                <button class="icon-button only-with-script" aria-label=t!(i18n, chat.mark_read) title=t!(i18n, chat.mark_read)
                    on:click=move |_| reader.pass_unread()><Icon d=outline::CLOSE /></button>
            </div>
        </Show>
    }
    .into_any()
}

/// Says that messages could not be loaded, until they are.
#[component]
fn NotLoaded(reader: Scroll) -> impl IntoView {
    let i18n = use_i18n();
    let again = move |_| {
        reader.retry();
        // The button disappears, so the focus moves to the timeline.
        focus(".timeline");
    };
    view! {
        <Show when=move || reader.failed.get()>
            <p class="not-loaded" role="alert">
                {t!(i18n, chat.not_loaded)}" "<button class="link" on:click=again>{t!(i18n, offline.again)}</button>
            </p>
        </Show>
    }
    .into_any()
}

/// The button to the newest message, with the number of unread messages.
#[component]
fn ToNewest(away: RwSignal<bool>, unread: Memo<u32>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let go = move |_| {
        open_chat.jump.set(Some(Jump::Newest));
        // The button disappears, so the focus moves to the timeline.
        focus(".timeline");
    };
    view! {
        <Show when=move || away.get()>
            <button class="icon-button to-newest" on:click=go aria-label=t!(i18n, chat.newest)>
                <Icon d=outline::DOWN />
                <Show when=move || { unread.get() > 0 }><span class="badge unread">{unread}</span></Show>
            </button>
        </Show>
    }
    .into_any()
}

/// The form that marks a chat as read without JavaScript.
#[component]
pub fn MarkReadForm(chat_id: ChatId) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let chat = store.with_chat(chat_id, |chat| (chat.summary.chat.last_no, chat.summary.unread));
    let (last_no, unread) = chat.unwrap_or_default();
    (unread > 0)
        .then(|| {
            view! {
                <form method="post" action=api::MarkRead::url() class="only-without-script">
                    <input type="hidden" name="chat_id" value=chat_id.to_string() />
                    <input type="hidden" name="no" value=last_no.to_string() />
                    <button class="button">{t!(i18n, chat.mark_read)}</button>
                </form>
            }
        })
        .into_any()
}
