//! How new messages are announced outside their chat: on the tab's icon, in a toast, and by a notification of the
//! browser while the reader does not use the page. `routes.rs` puts their number into the tab's title.

use super::words;
use crate::{
    address::Address,
    i18n::use_i18n,
    live::{Store, now as clock},
    navigation::Navigation,
    ui::{I18n, Icon, effect, effect_from, memo, notification, outline, reactive, t},
};
use leptos::prelude::*;
use protocol::{
    ids::ChatId,
    reducer::{ChatState, Part},
    time::Timestamp,
};

/// A new message: its chat and its number.
type Arrived = (ChatId, u64);

/// The words that announce a message. An edit changes the words. A read or deleted message has no words.
#[derive(Clone, Debug, PartialEq)]
struct Arrival {
    of: Arrived,
    title: String,
    text: String,
}

/// The number of unread messages for the title. In a muted chat, only mentions count.
#[must_use]
pub fn unread(store: Store) -> u32 {
    store.read(Part::Chats, |state| {
        let counts = state.chats.values().map(|chat| &chat.summary).filter(|summary| !summary.archived);
        counts
            .map(|s| if store.is_muted(s) { s.mentions_unread } else { s.unread.max(u32::from(s.marked_unread)) })
            .sum()
    })
}

#[component]
pub fn Arrivals() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let has_unread = memo(move || unread(store) > 0);
    let navigation = Navigation::current();
    effect(move || sign(has_unread.get()));
    let toast = RwSignal::new(None::<Arrived>);
    // When it changes, the style sheet begins the six seconds of the toast again.
    let (again, began) = (RwSignal::new(false), StoredValue::new(0));
    let noted = RwSignal::new(Vec::<Arrival>::new());
    let newest = memo(move || newest(store));
    let is_open = move |chat_id: ChatId| navigation.with(|address| address.and_then(Address::chat_id) == Some(chat_id));
    effect_from(move |before: Option<Option<Newest>>| {
        let now = newest.get();
        if let (Some(before), Some((_, chat_id, no))) = (before, now)
            && now > before
        {
            let place = untrack(|| place(store, is_open(chat_id)));
            match place {
                Place::Timeline => seen((chat_id, no)),
                Place::Toast => {
                    seen((chat_id, no));
                    toast.set(Some((chat_id, no)));
                    // Not for each message of a burst: that would keep the browser busy.
                    if clock(store).0 - began.get_value() > 1_000 {
                        began.set_value(clock(store).0);
                        again.update(|again| *again = !*again);
                    }
                }
                Place::Nowhere => {}
                Place::Notification => noted.update(|noted| {
                    let arrival = untrack(|| arrival_of(i18n, store, (chat_id, no)));
                    arrival.iter().for_each(|arrival| notify(store, arrival));
                    noted.extend(arrival);
                }),
            }
        }
        now
    });
    // A message that is edited, read or deleted changes its notification or closes it.
    effect(move || {
        let before = noted.get();
        let now: Vec<Arrival> = before.iter().filter_map(|note| arrival_of(i18n, store, note.of)).collect();
        if now != before {
            before.iter().filter(|note| now.iter().all(|now| now.of != note.of)).for_each(|note| retract(note.of));
            now.iter().filter(|note| !before.contains(note)).for_each(|note| notify(store, note));
            noted.set(now);
        }
    });
    // The toast of a chat that is opened does not come back.
    effect(move || {
        if toast.get().is_some_and(|(chat_id, _)| is_open(chat_id)) {
            toast.set(None);
        }
    });
    let shown = memo(move || {
        let arrived = toast.get().filter(|(chat_id, _)| !is_open(*chat_id))?;
        arrival_of(i18n, store, arrived)
    });
    view! {
        <div role="status">
            {reactive(move || shown.get().map(|Arrival { of: (chat_id, _), title, text }| view! {
                <div class="arrival" class:again=again on:animationend=move |_| toast.set(None)>
                    <a href=Address::chat(chat_id).href() on:click=move |_| toast.set(None)>
                        <bdi class="chat-row-title">{title}</bdi>
                        <span class="chat-row-preview">{text}</span>
                    </a>
                    <button class="icon-button" aria-label=t!(i18n, close) title=t!(i18n, close) on:click=move |_| toast.set(None)>
                        <Icon d=outline::CLOSE />
                    </button>
                </div>
            }))}
        </div>
    }
    .into_any()
}

/// Where a new message is announced.
enum Place {
    /// It is in the timeline on the screen.
    Timeline,
    Toast,
    Notification,
    /// The page is hidden and may not notify.
    Nowhere,
}

fn place(store: Store, is_open: bool) -> Place {
    let visible = !document().hidden();
    let notifies = store.chosen("notify") != "off" && notification::is_permitted();
    if visible && is_open {
        Place::Timeline
    } else if visible && (document().has_focus().unwrap_or(false) || !notifies) {
        Place::Toast
    } else if notifies {
        Place::Notification
    } else {
        Place::Nowhere
    }
}

/// The time, chat and number of the newest message to announce.
type Newest = (Timestamp, ChatId, u64);

fn newest(store: Store) -> Option<Newest> {
    let me = store.me()?;
    store.read(Part::Chats, |state| {
        let last = |chat: &ChatState| {
            let message = chat.last_message()?;
            let counts = message.counts_for(me) && message.no > chat.summary.read_no;
            let loud = !store.is_muted(&chat.summary) || message.mentions(me);
            (counts && loud).then(|| (message.created_at, chat.summary.chat.id, message.no))
        };
        state.chats.values().filter_map(last).max()
    })
}

fn arrival_of(i18n: I18n, store: Store, of: Arrived) -> Option<Arrival> {
    let of_chat = |chat: &ChatState| {
        let message =
            chat.messages.get(&of.1).filter(|message| !message.deleted && message.no > chat.summary.read_no)?;
        Some((chat.summary.clone(), message.clone()))
    };
    let (summary, message) = store.with_chat(of.0, of_chat)??;
    let text = words::preview(i18n, store, &summary, &message);
    Some(Arrival { of, title: words::title(i18n, &summary), text })
}

/// Shows or hides the dot on the tab's icon.
fn sign(has_unread: bool) {
    let icon = document().query_selector("link[rel=icon]").ok().flatten();
    if let Some(icon) = icon {
        let _ = icon.set_attribute("href", if has_unread { "/icon-unread.svg" } else { "/icon.svg" });
    }
}

fn tag((chat_id, no): Arrived) -> String {
    format!("{chat_id}/{no}")
}

/// Shows a notification of the browser. The settings decide whether it contains the text and plays a sound.
fn notify(store: Store, arrival: &Arrival) {
    let Arrival { of, title, text } = arrival;
    let (shows, sound) = untrack(|| (store.chosen("notify"), store.chosen("sound")));
    #[cfg(feature = "hydrate")]
    if shows != "off" {
        notification::announce(&notification::Note {
            tag: &tag(*of),
            url: &Address::chat(of.0).href(),
            title,
            body: if shows == "name" { "" } else { text },
            sound: &sound,
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (of, title, text, shows, sound);
}

/// The other tabs of this browser need not announce the message.
fn seen(arrived: Arrived) {
    #[cfg(feature = "hydrate")]
    if notification::is_permitted() {
        notification::seen(&tag(arrived));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = tag(arrived);
}

fn retract(arrived: Arrived) {
    #[cfg(feature = "hydrate")]
    notification::retract(&tag(arrived));
    #[cfg(not(feature = "hydrate"))]
    let _ = tag(arrived);
}
