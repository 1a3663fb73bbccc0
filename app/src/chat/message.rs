//! One message in the timeline, and its actions.

use super::{
    api,
    open_chat::{OpenChat, Writing},
    rows::Row,
    words,
};
use crate::{
    address::{Address, At},
    i18n::{t_string, use_i18n},
    live::Store,
    ui::{Avatar, For, Icon, Show, colour, focus, memo, outline, reactive, t, time},
};
use leptos::{prelude::*, server_fn::ServerFn};
use protocol::{
    chat::{ChatKind, Message, Reaction},
    ids::UserId,
    markdown,
};
use std::sync::Arc;

/// Longer texts are collapsed.
const FOLDED_CHARS: usize = 1_200;
const FOLDED_LINES: usize = 20;

#[component]
pub fn MessageRow(message: Arc<Message>, rows: Memo<Vec<Row>>, read_by_others: Memo<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let store = open_chat.store;
    let (no, sent, own) = (message.no, message.created_at, Some(message.sender_id) == store.me());
    let row = move |rows: &Vec<Row>| {
        let at = rows.binary_search_by_key(&no, |row| row.message.no).ok()?;
        rows.get(at).cloned()
    };
    let place = memo(move || rows.with(row).map(|row| row.place).unwrap_or_default());
    // An edit or a deletion draws the message again, in its place.
    let version = memo(move || rows.with(row).map_or(0, |row| row.version()));
    let of_group = store.with_chat_untracked(open_chat.chat_id, |chat| chat.summary.chat.kind == ChatKind::Group);
    let is_named = of_group == Some(true) && !own;
    let day = view! {
        <Show when=move || place.get().opens_day><p class="day">{reactive(move || time::day(i18n, sent, &store.zone()))}</p></Show>
    };
    let divider = view! {
        <Show when=move || place.get().opens_unread><p class="unread-divider">{t!(i18n, chat.new_messages)}</p></Show>
    };
    let selected = move || open_chat.selected.with(|s| s.as_ref().is_some_and(|s| s.contains(&no)));
    let body = if let Some(event) = message.event.clone() {
        view! { <article class="event" tabindex="-1"><p>{reactive(move || words::event(i18n, store, &event))}</p></article> }
            .into_any()
    } else {
        view! {
            <article class="bubble" class:own=own class:named=is_named class:leads=reactive(move || place.get().leads) tabindex="-1" aria-current=reactive(move || selected().then_some("true"))>
                <Author message=message.clone() hidden=Signal::derive(move || !is_named || !place.get().leads) />
                {reactive(move || {
                    // Subscribes to edits and deletions only: another change must not draw the text again.
                    version.get();
                    let message = rows.with_untracked(row).map_or_else(|| message.clone(), |row| row.message);
                    view! { <Body message own read_by_others /> }.into_any()
                })}
            </article>
        }
        .into_any()
    };
    view! { <li id=format!("m{no}") class="message" class:selected=reactive(selected)>{day}{divider}{body}</li> }
        .into_any()
}

#[component]
fn Author(message: Arc<Message>, hidden: Signal<bool>) -> impl IntoView {
    let store = Store::current();
    let sender = message.sender_id;
    view! {
        <p class="author" class:sr-only=hidden>
            <Show when=move || !hidden.get()><Avatar name=Signal::derive(move || store.name(sender)) id=sender.0 /></Show>
            <bdi class=colour(sender.0)>{reactive(move || store.name(sender))}</bdi>
        </p>
    }
    .into_any()
}

/// The text with its time, the quoted message, the source of a forwarded message, the reactions, and two icons.
#[component]
fn Body(message: Arc<Message>, own: bool, read_by_others: Memo<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let meta = view! { <Meta message=message.clone() own read_by_others /> };
    if message.deleted {
        return view! { <div class="said"><p class="text text-muted italic">{t!(i18n, chat.deleted)}</p>{meta}</div> }
            .into_any();
    }
    let source = message.forwarded_from.as_ref().and_then(|from| from.user_id);
    let (chat_id, no) = (message.chat_id, message.no);
    let emoji = Signal::derive(move || {
        store
            .with_chat(chat_id, |chat| chat.messages.get(&no).map(|m| m.reactions.clone()))
            .flatten()
            .unwrap_or_default()
    });
    let text = if message.is_showable() {
        Text(TextProps { text: message.text.clone(), mentions: message.mentions.clone() }).into_any()
    } else {
        view! { <p class="text text-muted italic">{t!(i18n, chat.update_to_see)}</p> }.into_any()
    };
    view! {
        <div class="said">{text}{meta}</div>
        {message.reply_to.map(|reply_to| view! { <Quote reply_to /> })}
        {source.map(|source| view! {
            <p class="forwarded">{t!(i18n, chat.forwarded_from, who = move || store.name(source))}</p>
        })}
        <Reactions chat_id no emoji />
        <div class="row-icons">
            <button class="icon-button only-with-script" data-do="emoji" aria-label=t!(i18n, chat.react) title=t!(i18n, chat.react)><Icon d=outline::SMILE /></button>
            <a class="icon-button" data-do="menu" href=Address::Chat(chat_id, At::Menu(no)).href() aria-label=t!(i18n, chat.actions) title=t!(i18n, chat.actions)><Icon d=outline::MORE /></a>
        </div>
    }
    .into_any()
}

/// The formatted text; a long one is collapsed until the reader expands it.
#[component]
pub fn Text(text: String, #[prop(optional)] mentions: Vec<UserId>) -> impl IntoView {
    let i18n = use_i18n();
    let html = Store::current().read_untracked(|state| {
        let is_known = |name: &str| state.users.values().any(|user| user.username == name);
        // The members mentioned whose rows this page does not have. If the text has the same number of unknown names,
        // treat these names as mentions.
        let strangers = mentions.iter().filter(|id| !state.users.contains_key(id)).count();
        let are_named =
            strangers > 0 && markdown::mentions(&text).iter().filter(|name| !is_known(name)).count() == strangers;
        markdown::html(&text, t_string!(i18n, chat.copy), &|name| are_named || is_known(name))
    });
    let long = text.chars().nth(FOLDED_CHARS).is_some() || text.split('\n').nth(FOLDED_LINES).is_some();
    let folded = RwSignal::new(long);
    view! {
        <div class="text" class:folded=folded class:jumbo=markdown::is_jumbo(&text) dir="auto" inner_html=html></div>
        {long.then(|| view! {
            <button class="link only-with-script" on:click=move |_| folded.update(|folded| *folded = !*folded)>
                {reactive(move || if folded.get() { t_string!(i18n, chat.unfold) } else { t_string!(i18n, chat.fold) })}
            </button>
        })}
    }
    .into_any()
}

/// The quoted message, as a link to it.
#[component]
pub fn Quote(reply_to: u64) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let quoted = memo(move || open_chat.message(reply_to));
    let name = move || quoted.with(|quoted| quoted.as_ref().map(|quoted| open_chat.store.name(quoted.sender_id)));
    let text = move || quoted.with(|quoted| quoted.as_ref().map(|quoted| words::line(i18n, quoted)));
    view! {
        <a class="quote" data-do="at" data-no=reply_to.to_string() href=Address::message(open_chat.chat_id, reply_to).href()>
            <span class="sr-only">{t!(i18n, chat.in_reply_to)}" "</span>
            <bdi class="quote-name">{name}</bdi>
            <span class="quote-text" dir="auto">{text}</span>
        </a>
    }
    .into_any()
}

/// The reactions under a message. Each is a button that adds the reader's reaction, or removes it.
#[component]
fn Reactions(chat_id: protocol::ids::ChatId, no: u64, emoji: Signal<Vec<Reaction>>) -> impl IntoView {
    let store = Store::current();
    let given = memo(move || emoji.get());
    let kinds = move || given.with(|given| given.iter().map(|reaction| reaction.emoji.clone()).collect::<Vec<_>>());
    view! {
        <Show when=move || !given.with(Vec::is_empty)>
            <form class="reactions" method="post" action=api::React::url() on:submit=crate::live::quietly(store, None)>
                <input type="hidden" name="chat_id" value=chat_id.to_string() />
                <input type="hidden" name="no" value=no.to_string() />
                <For each=kinds key=Clone::clone let:emoji>
                    <ReactionButton emoji given />
                </For>
            </form>
        </Show>
    }
    .into_any()
}

/// One emoji. The button stays the same element while its count changes, so that it keeps the focus.
#[component]
fn ReactionButton(emoji: String, given: Memo<Vec<Reaction>>) -> impl IntoView {
    let store = Store::current();
    let kind = emoji.clone();
    let state = memo(move || {
        given.with(|given| {
            let reaction = given.iter().find(|reaction| reaction.emoji == kind)?;
            let mine = store.me().is_some_and(|me| reaction.by.contains(&me));
            // `by` contains only the first users. If it may omit the reader, the server decides: add or remove.
            let unsure = reaction.count as usize > reaction.by.len();
            Some((
                reaction.count,
                mine,
                if mine {
                    "taken"
                } else if unsure {
                    "toggled"
                } else {
                    "emoji"
                },
            ))
        })
    });
    let count = move || state.get().map_or(0, |(count, ..)| count);
    let mine = move || state.get().is_some_and(|(_, mine, _)| mine);
    view! {
        <button class="reaction" name=reactive(move || state.get().map_or("emoji", |(.., name)| name)) value=emoji.clone()
            aria-pressed=reactive(move || mine().to_string())>
            {emoji.clone()}" "{count}
        </button>
    }
    .into_any()
}

#[component]
fn Meta(message: Arc<Message>, own: bool, read_by_others: Memo<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let no = message.no;
    let (sent, edited) = (message.created_at, message.edited_at.filter(|_| !message.deleted));
    let state = move || {
        if read_by_others.get() >= no {
            (outline::TICKS, t_string!(i18n, chat.read))
        } else {
            (outline::TICK, t_string!(i18n, chat.sent))
        }
    };
    view! {
        <p class="meta">
            {edited.map(|at| view! {
                <span title=reactive(move || time::full(i18n, at, &store.zone()))>
                    {t!(i18n, chat.edited)}" ·"
                </span>
            })}
            <time::Clock i18n time=sent zone=store.zone />
            {own.then(|| view! {
                <span class="state">{reactive(move || view! { <Icon d=state().0 /><span class="sr-only">{state().1}</span> })}</span>
            })}
        </p>
    }
    .into_any()
}

/// The message that is being replied to or edited, above the composer.
#[component]
pub fn About(open_chat: OpenChat) -> impl IntoView {
    let i18n = use_i18n();
    let no = move || match open_chat.writing.get() {
        Writing::New | Writing::Unsent(_) => None,
        Writing::Reply(no) | Writing::Edit(no) => Some(no),
    };
    let words = move || match open_chat.writing.get() {
        Writing::Edit(_) | Writing::Unsent(_) => t_string!(i18n, chat.editing),
        _ => t_string!(i18n, chat.replying),
    };
    let cancel = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        open_chat.writing.set(Writing::New);
        focus(".composer-input");
    };
    view! {
        <Show when=move || open_chat.writing.get() != Writing::New>
            <div class="about">
                <span class="hint">{words}</span>
                <span class="grow">{reactive(move || no().map(|reply_to| view! { <Quote reply_to /> }))}</span>
                <a class="icon-button" href=Address::chat(open_chat.chat_id).href() aria-label=t!(i18n, cancel) on:click=cancel><Icon d=outline::CLOSE /></a>
            </div>
        </Show>
    }
    .into_any()
}
