//! The table of emoji, fetched at the first use, and the picker.

use super::{api, field, open_chat::OpenChat};
use crate::{
    i18n::use_i18n,
    ui::{Dialog, For, lower, t},
};
use leptos::{prelude::*, server_fn::ServerFn};
use std::sync::Arc;

/// An emoji, its name and its keywords in the reader's language.
#[derive(Clone, Debug, PartialEq)]
pub struct Emoji {
    pub text: String,
    pub name: String,
    pub words: String,
}

/// The key of the recently chosen emoji in the browser's local storage.
const RECENT: &str = "emoji";
const RECENT_MAX: usize = 24;
const FOUND_MAX: usize = 300;

/// The table in the page's language: lines of emoji, name and keywords, separated by tabs. Empty if it cannot be
/// loaded.
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
    Some(Emoji { text: parts.next()?, name: parts.next()?, words: parts.next()? })
}

/// The emoji that match the query: each part of the query begins a word of the name or of the keywords. Emoji that
/// match by name come first.
#[must_use]
pub fn find<'a>(table: &'a [Emoji], query: &str) -> Vec<&'a Emoji> {
    let begins = |words: &str, part: &str| words.split([' ', ':', '-']).any(|word| word.starts_with(part));
    let is_meant =
        |emoji: &&Emoji| query.split_whitespace().all(|part| begins(&emoji.name, part) || begins(&emoji.words, part));
    let mut found: Vec<&Emoji> = table.iter().filter(is_meant).collect();
    // The shortest name that begins with the query is the closest match.
    let begun = |emoji: &&Emoji| if emoji.name.starts_with(query) { emoji.name.len() } else { usize::MAX };
    found.sort_by_key(|emoji| (begun(emoji), !begins(&emoji.name, query)));
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

/// The picker. It shows the recent emoji and then all emoji. During a search it shows only the matches.
#[component]
pub fn Picker(no: Option<u64>) -> impl IntoView {
    let i18n = use_i18n();
    let open_chat = OpenChat::current();
    let (query, all) = (RwSignal::new(String::new()), RwSignal::new(Arc::<Vec<Emoji>>::default()));
    leptos::task::spawn_local(async move {
        let table = table().await;
        all.try_set(table);
    });
    let recent = recent().into_iter().map(|text| Emoji { name: text.clone(), text, words: String::new() });
    let recent = StoredValue::new(recent.collect::<Vec<_>>());
    let shown = move || {
        let query = lower(query.get().trim());
        all.with(|all| match query.is_empty() {
            true => recent.get_value().into_iter().chain(all.iter().cloned()).take(FOUND_MAX * 8).collect::<Vec<_>>(),
            false => find(all, &query).into_iter().take(FOUND_MAX).cloned().collect(),
        })
    };
    let choose = move |event: leptos::ev::MouseEvent| {
        use wasm_bindgen::JsCast as _;
        let button = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let Some(emoji) = button.and_then(|button| button.get_attribute("value")) else { return };
        remember(&emoji);
        open_chat.panel.set(None);
        match no {
            Some(no) => {
                let (chat, no) = (open_chat.chat_id.to_string(), no.to_string());
                open_chat.store.post(
                    api::React::url(),
                    &[("chat_id", &chat), ("no", &no), ("emoji", &emoji)],
                    move |answer| {
                        if let Err(code) = answer {
                            open_chat.store.notice.set(Some(crate::live::Notice::Failed(code)));
                        }
                    },
                );
            }
            // Wait until the closed picker has restored the focus.
            None => request_animation_frame(move || field::insert(&emoji)),
        }
    };
    view! {
        <Dialog title=t!(i18n, chat.emoji) on_close=move |()| open_chat.panel.set(None)>
            <input type="search" class="input" aria-label=t!(i18n, chat.find_emoji) placeholder=t!(i18n, chat.find_emoji)
                autocomplete="off" on:input=move |event| query.set(event_target_value(&event)) />
            <div class="emoji-grid" on:click=choose>
                <For each=move || shown().into_iter().enumerate().collect() key=|(place, emoji)| (*place, emoji.text.clone()) let((_, emoji))>
                    <button type="button" class="emoji" value=emoji.text.clone() aria-label=emoji.name.clone() title=emoji.name.clone()>{emoji.text.clone()}</button>
                </For>
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_found_by_the_beginnings_of_their_words() {
        let row =
            |text: &str, name: &str, words: &str| Emoji { text: text.into(), name: name.into(), words: words.into() };
        let table = [
            row("😺", "grinning cat", "cat face happy"),
            row("🐱", "cat face", "pet"),
            row("🐈", "cat", "pet"),
            row("🍱", "bento box", "education"),
            row("🏳️‍🌈", "rainbow flag", "pride"),
            row("🇷🇸", "flag: Serbia", "RS"),
            row("☕", "hot-beverage", "coffee"),
        ];
        for (query, expected) in [
            ("cat", vec!["🐈", "🐱", "😺"]),
            ("cat f", vec!["🐱", "😺"]),
            ("face cat", vec!["😺", "🐱"]),
            ("pet", vec!["🐱", "🐈"]),
            ("flag", vec!["🇷🇸", "🏳️‍🌈"]),
            ("beverage", vec!["☕"]),
            ("at", vec![]),
            ("", vec!["🐈", "🐱", "🍱", "😺", "🏳️‍🌈", "🇷🇸", "☕"]),
        ] {
            let found: Vec<&str> = find(&table, query).into_iter().map(|emoji| emoji.text.as_str()).collect();
            assert_eq!(found, expected, "{query}");
        }
    }
}
