//! How new messages are announced outside their chat: in the tab's title and icon, in a toast, and by a
//! notification of the browser while the page is hidden.

use super::words;
use crate::{
    address::Address,
    i18n::use_i18n,
    live::{Store, now},
    navigation::Navigation,
    ui::{I18n, effect, effect_from, memo, reactive, t},
};
use leptos::prelude::*;
use protocol::{
    ids::ChatId,
    reducer::{ChatState, Part},
    time::Timestamp,
};
use std::time::Duration;

const SHOWN_FOR: Duration = Duration::from_secs(6);

/// A new message of a chat that is not open.
#[derive(Clone, Debug, PartialEq)]
struct Arrival {
    chat_id: ChatId,
    no: u64,
    title: String,
    text: String,
}

/// Shows `what` for a few seconds.
fn say<T: PartialEq + Clone + Send + Sync + 'static>(said: RwSignal<Option<T>>, what: T) {
    said.set(Some(what.clone()));
    fade(said, what);
}

/// Hides `what` after a few seconds, unless another value is shown by then.
fn fade<T: PartialEq + Send + Sync + 'static>(said: RwSignal<Option<T>>, what: T) {
    let gone = move || {
        // The page may be gone by then.
        if said.try_with_untracked(|said| said.as_ref() == Some(&what)) == Some(true) {
            said.set(None);
        }
    };
    set_timeout(gone, SHOWN_FOR);
}

/// The number of unread messages for the title. In a muted chat, only mentions count.
fn unread(store: Store) -> u32 {
    let now = now(store);
    store.read(Part::Chats, |state| {
        let counts = state.chats.values().map(|chat| &chat.summary).filter(|summary| !summary.archived);
        counts.map(|s| if s.is_muted(now) { s.mentions_unread } else { s.unread.max(u32::from(s.marked_unread)) }).sum()
    })
}

#[component]
pub fn Arrivals() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let count = memo(move || unread(store));
    let navigation = Navigation::current();
    // A navigation sets the title of its page at the same moment: add the number in the next frame.
    effect(move || {
        navigation.with(|_| ());
        let count = count.get();
        request_animation_frame(move || sign(count));
    });
    let arrival = RwSignal::new(None::<Arrival>);
    let newest = memo(move || newest(store));
    let is_open = move |chat_id: ChatId| navigation.with(|address| address.and_then(Address::chat_id) == Some(chat_id));
    effect_from(move |before: Option<Option<Newest>>| {
        let now = newest.get();
        let (Some(before), Some((_, chat_id, no))) = (before, now) else { return now };
        let is_open = untrack(|| is_open(chat_id));
        let hidden = document().hidden();
        if now > before
            && (hidden || !is_open)
            && let Some(arrived) = arrival_of(i18n, store, (chat_id, no))
        {
            if hidden { notify(store, &arrived) } else { say(arrival, arrived) }
        }
        now
    });
    view! {
        <div role="status">
            {reactive(move || arrival.get().filter(|arrived| !is_open(arrived.chat_id)).map(|arrived| view! {
                <a class="arrival" href=Address::chat(arrived.chat_id).href() on:click=move |_| arrival.set(None)>
                    <bdi class="chat-row-title">{arrived.title}</bdi>
                    <span class="chat-row-preview" dir="auto">{arrived.text}</span>
                </a>
            }))}
        </div>
        <Said />
    }
    .into_any()
}

/// The time, chat and number of the newest message to announce.
type Newest = (Timestamp, ChatId, u64);

fn newest(store: Store) -> Option<Newest> {
    let (me, now) = (store.me()?, now(store));
    store.read(Part::Chats, |state| {
        let last = |chat: &ChatState| {
            let message = chat.last_message()?;
            let counts = message.counts_for(me) && message.no > chat.summary.read_no;
            let loud = !chat.summary.is_muted(now) || message.mentions(me);
            (counts && loud).then(|| (message.created_at, chat.summary.chat.id, message.no))
        };
        state.chats.values().filter_map(last).max()
    })
}

fn arrival_of(i18n: I18n, store: Store, (chat_id, no): (ChatId, u64)) -> Option<Arrival> {
    let of_chat = |chat: &ChatState| Some((chat.summary.clone(), chat.last_message()?.clone()));
    let (summary, message) = store.with_chat_untracked(chat_id, of_chat)??;
    let text = words::preview(i18n, store, &summary, &message);
    Some(Arrival { chat_id, no, title: words::title(i18n, &summary), text })
}

/// Shows the result of the reader's last action for a few seconds.
#[component]
fn Said() -> impl IntoView {
    use crate::live::Notice;
    use protocol::error::ErrorCode::{Conflict, Forbidden, NotFound, RateLimited, Unavailable};
    let i18n = use_i18n();
    let notice = Store::current().notice;
    let words = move |notice: Notice| match notice {
        Notice::Copied => t!(i18n, notices.copied),
        Notice::Forwarded => t!(i18n, notices.forwarded),
        Notice::Reported => t!(i18n, notices.reported),
        Notice::Saved => t!(i18n, notices.saved),
        Notice::TooMany => t!(i18n, problems.too_many),
        Notice::Failed(Unavailable) => t!(i18n, notices.away),
        Notice::Failed(Forbidden) => t!(i18n, errors.forbidden),
        Notice::Failed(NotFound) => t!(i18n, errors.not_found),
        Notice::Failed(Conflict) => t!(i18n, errors.conflict),
        Notice::Failed(RateLimited) => t!(i18n, errors.rate_limited),
        Notice::Failed(_) => t!(i18n, errors.other),
    };
    effect(move || {
        if let Some(said) = notice.get() {
            fade(notice, said);
        }
    });
    view! { <div role="status" class="notice" class:empty=reactive(move || notice.get().is_none())>{reactive(move || notice.get().map(words))}</div> }.into_any()
}

/// Puts the number of unread messages before the title, and a dot on the tab's icon.
fn sign(count: u32) {
    let document = document();
    let title = document.title();
    let numbered = title.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    let is_ours = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let bare = numbered.filter(|(number, _)| is_ours(number)).map_or(title.as_str(), |(_, bare)| bare);
    let title = if count > 0 { format!("({count}) {bare}") } else { bare.to_owned() };
    document.set_title(&title);
    let icon = document.query_selector("link[rel=icon]").ok().flatten();
    if let Some(icon) = icon {
        let _ = icon.set_attribute("href", if count > 0 { "/icon-unread.svg" } else { "/icon.svg" });
    }
}

/// Shows a notification of the browser. The settings decide whether it contains the text and plays a sound.
fn notify(store: Store, arrived: &Arrival) {
    let shows = store.chosen("notify");
    #[cfg(feature = "hydrate")]
    if shows != "off" && crate::ui::notification::permission() == "granted" {
        let options = web_sys::NotificationOptions::new();
        if shows != "name" {
            options.set_body(&arrived.text);
        }
        if store.chosen("sound") == "off" {
            options.set_silent(Some(true));
        }
        // With the same tag, several open tabs show one notification for a message.
        options.set_tag(&format!("{}/{}", arrived.chat_id, arrived.no));
        options.set_icon("/icon.svg");
        if let Ok(notification) = web_sys::Notification::new_with_options(&arrived.title, &options) {
            let address = Address::chat(arrived.chat_id).href();
            let open = wasm_bindgen::closure::Closure::once_into_js(move || {
                let _ = window().focus();
                let _ = window().location().set_href(&address);
            });
            notification.set_onclick(Some(wasm_bindgen::JsCast::unchecked_ref(&open)));
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (arrived, shows);
}
