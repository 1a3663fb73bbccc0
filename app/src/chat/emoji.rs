//! The table of emoji, fetched at the first use, and the picker.

use super::{api, field, open_chat::OpenChat};
use crate::{
    arrival::WRITING,
    i18n::use_i18n,
    ui::{Dialog, For, effect, focus, matches_media, memo, once_drawn, t},
};
use leptos::{html, prelude::*, server_fn::ServerFn};
use protocol::text::fold;
use std::sync::Arc;
use wasm_bindgen::JsCast as _;

/// An emoji, its name in the reader's language, and its name and keywords in the form that searches compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Emoji {
    pub text: String,
    pub name: String,
    folded: String,
    words: String,
}

/// The key of the recently chosen emoji in the browser's local storage.
const RECENT: &str = "emoji";
const RECENT_MAX: usize = 24;
/// The columns of the picker, and the rows that are in the document: those on the screen, and one more on each side.
const COLUMNS: usize = 8;
const ROWS: usize = 10;

/// The table in the page's language (scripts/emoji). Empty if it cannot be loaded.
pub async fn table() -> Arc<Vec<Emoji>> {
    #[cfg(feature = "hydrate")]
    {
        use std::cell::RefCell;
        thread_local! {
            static TABLE: RefCell<Option<(String, Arc<Vec<Emoji>>)>> = const { RefCell::new(None) };
        }
        let language = document().document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default();
        if let Some((_, table)) = TABLE.with_borrow(Clone::clone).filter(|(of, _)| *of == language) {
            return table;
        }
        let text = crate::live::fetch(&format!("/emoji/{language}.txt")).await.unwrap_or_default();
        let table: Arc<Vec<Emoji>> = Arc::new(text.lines().filter_map(parse).collect());
        if !table.is_empty() {
            TABLE.set(Some((language, table.clone())));
        }
        table
    }
    #[cfg(not(feature = "hydrate"))]
    Arc::default()
}

#[cfg(feature = "hydrate")]
fn parse(line: &str) -> Option<Emoji> {
    let mut parts = line.split('\t').map(str::to_owned);
    Some(Emoji { text: parts.next()?, name: parts.next()?, folded: parts.next()?, words: parts.next()? })
}

/// The emoji that match the folded query: each part of the query begins a word of the name or of the keywords. Emoji that
/// match by name come first.
#[must_use]
pub fn find<'a>(table: &'a [Emoji], query: &str) -> Vec<&'a Emoji> {
    let begins = |words: &str, part: &str| words.split([' ', ':', '-']).any(|word| word.starts_with(part));
    let is_meant =
        |emoji: &&Emoji| query.split_whitespace().all(|part| begins(&emoji.folded, part) || begins(&emoji.words, part));
    let mut found: Vec<&Emoji> = table.iter().filter(is_meant).collect();
    // The shortest name that begins with the query is the closest match.
    let begun = |emoji: &&Emoji| if emoji.folded.starts_with(query) { emoji.folded.len() } else { usize::MAX };
    found.sort_by_key(|emoji| (begun(emoji), !begins(&emoji.folded, query)));
    found
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn recent() -> Vec<String> {
    let recent_emoji = storage().and_then(|storage| storage.get_item(RECENT).ok().flatten());
    recent_emoji.unwrap_or_else(|| "👍 ❤️ 😂 😮 😢 🙏 🎉 🔥".into()).split(' ').map(str::to_owned).collect()
}

fn remember(emoji: &str) {
    let mut recent_emoji = recent();
    recent_emoji.retain(|other| other != emoji);
    recent_emoji.insert(0, emoji.to_owned());
    recent_emoji.truncate(RECENT_MAX);
    if let Some(storage) = storage() {
        // A browser without storage offers the same emoji each time.
        let _ = storage.set_item(RECENT, &recent_emoji.join(" "));
    }
}

/// The emoji to choose from: the recent ones and then all others; during a search, the matches.
fn offered(all: &[Emoji], query: &str) -> Vec<Emoji> {
    if !query.is_empty() {
        return find(all, query).into_iter().cloned().collect();
    }
    // Earlier versions stored a variation selector with some emoji.
    let bare = |text: &str| text.replace('\u{fe0f}', "");
    let recent: Vec<String> = recent().iter().map(|text| bare(text)).collect();
    let place = |emoji: &&Emoji| recent.iter().position(|text| *text == bare(&emoji.text));
    let mut used: Vec<&Emoji> = all.iter().filter(|emoji| place(emoji).is_some()).collect();
    used.sort_by_key(place);
    used.into_iter().chain(all.iter().filter(|emoji| place(emoji).is_none())).cloned().collect()
}

/// The picker: a dialog for a reaction to message `no`, else a panel above the composer.
#[component]
pub fn Picker(no: Option<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let choose = move |emoji: &str| {
        remember(emoji);
        open_chat.panel.set(None);
        match no {
            Some(no) => react(open_chat, no, emoji),
            None => field::insert(emoji),
        }
    };
    if no.is_some() {
        return view! {
            <Dialog title=t!(i18n, chat.emoji) on_close=move |()| open_chat.panel.set(None)><Emojis choose=Callback::new(move |emoji: String| choose(&emoji)) /></Dialog>
        }
        .into_any();
    }
    let pressed = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            open_chat.panel.set(None);
            focus(WRITING);
        }
    };
    view! {
        <dialog open class="dialog picker" id="picker" aria-label=t!(i18n, chat.emoji) on:keydown=pressed>
            <Emojis choose=Callback::new(move |emoji: String| choose(&emoji)) />
        </dialog>
    }
    .into_any()
}

fn react(open_chat: OpenChat, no: u64, emoji: &str) {
    let (store, chat, no) = (open_chat.store, open_chat.chat_id.to_string(), no.to_string());
    store.post(api::React::url(), &[("chat_id", &chat), ("no", &no), ("emoji", emoji)], |_| ());
}

/// The search, and the rows of emoji that are on the screen.
#[component]
fn Emojis(choose: Callback<String>) -> impl IntoView {
    let i18n = use_i18n();
    let (query, all) = (RwSignal::new(String::new()), RwSignal::new(Arc::<Vec<Emoji>>::default()));
    leptos::task::spawn_local(async move {
        let table = table().await;
        all.try_set(table);
    });
    let found = memo(move || all.with(|all| offered(all, &fold(query.get().trim()))));
    // The first row on the screen.
    let top = RwSignal::new(0_usize);
    let rows = move || found.with(Vec::len).div_ceil(COLUMNS);
    let mounted = move || {
        let first = top.get().saturating_sub(1) * COLUMNS;
        let shown = found.get().into_iter().enumerate().skip(first);
        shown.take(ROWS * COLUMNS).collect::<Vec<_>>()
    };
    let (search, grid) = (NodeRef::<html::Input>::new(), NodeRef::<html::Div>::new());
    let scrolled = move |_| {
        let Some(grid) = grid.get_untracked() else { return };
        let row = f64::from(grid.scroll_height()) / untrack(rows).max(1) as f64;
        top.set((f64::from(grid.scroll_top()) / row) as usize);
    };
    effect(move || {
        query.track();
        top.set(0);
        if let Some(grid) = grid.get() {
            grid.set_scroll_top(0);
        }
    });
    effect(move || {
        // On a phone the keyboard would cover the emoji.
        if search.get().is_some() && matches_media("(hover: hover)") {
            once_drawn(|| focus(".dialog [type=search]"));
        }
    });
    let pressed = move |event: leptos::ev::KeyboardEvent| {
        let first = found.with_untracked(|found| found.first().map(|emoji| emoji.text.clone()));
        if let Some(first) = first.filter(|_| event.key() == "Enter" && !field::is_composing(&event)) {
            event.prevent_default();
            choose.run(first);
        }
    };
    let clicked = move |event: leptos::ev::MouseEvent| {
        let button = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(emoji) = button.and_then(|button| button.get_attribute("value")) {
            choose.run(emoji);
        }
    };
    view! {
        <input type="search" class="input" node_ref=search aria-label=t!(i18n, chat.find_emoji) placeholder=t!(i18n, chat.find_emoji)
            autocomplete="off" autofocus=matches_media("(hover: hover)") on:keydown=pressed on:input=move |event| query.set(event_target_value(&event)) />
        <div class="emoji-grid" node_ref=grid on:scroll=scrolled on:click=clicked>
            <div class="emoji-rows" style:--rows=move || rows().to_string() style:--above=move || top.get().saturating_sub(1).to_string()>
                <For each=mounted key=|(place, emoji)| (*place, emoji.text.clone()) let((_, emoji))>
                    <button type="button" class="emoji" value=emoji.text.clone() aria-label=emoji.name.clone() title=emoji.name.clone()>{emoji.text.clone()}</button>
                </For>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_found_by_the_beginnings_of_their_words() {
        let row = |text: &str, name: &str, words: &str| Emoji {
            text: text.into(),
            name: name.into(),
            folded: fold(name),
            words: fold(words),
        };
        let table = [
            row("😺", "grinning cat", "cat face happy"),
            row("🐱", "cat face", "pet"),
            row("🐈", "cat", "pet"),
            row("🍱", "bento box", "education"),
            row("🏳️‍🌈", "rainbow flag", "pride"),
            row("🇷🇸", "flag: Serbia", "RS"),
            row("☕", "hot-beverage", "coffee"),
            row("🦔", "ёж", "животное"),
            row("😂", "смеётся до слез", "смех"),
            row("🪅", "piñata", "party"),
        ];
        for (query, expected) in [
            ("cat", vec!["🐈", "🐱", "😺"]),
            ("cat f", vec!["🐱", "😺"]),
            ("face cat", vec!["😺", "🐱"]),
            ("pet", vec!["🐱", "🐈"]),
            ("flag", vec!["🇷🇸", "🏳️‍🌈"]),
            ("beverage", vec!["☕"]),
            ("at", vec![]),
            ("Ёж", vec!["🦔"]),
            ("еж", vec!["🦔"]),
            ("смеется", vec!["😂"]),
            ("СМЕЁТ слёз", vec!["😂"]),
            ("pinata", vec!["🪅"]),
        ] {
            let found: Vec<&str> = find(&table, &fold(query)).into_iter().map(|emoji| emoji.text.as_str()).collect();
            assert_eq!(found, expected, "{query}");
        }
    }
}
