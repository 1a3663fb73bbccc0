//! Completes names after `@` and emoji after `:` in the composer.

use super::{emoji, field::replace, open_chat::OpenChat};
use crate::{
    i18n::use_i18n,
    live::load_members,
    ui::{For, Show, effect, lower, reactive, t},
};
use leptos::{html, prelude::*};
use protocol::chat::ChatKind;

const SHOWN_MAX: usize = 8;

/// A completion of the word at the cursor.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    inserts: String,
    shown: String,
    hint: String,
}

#[derive(Clone, Copy)]
pub struct Completer {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    choices: RwSignal<Vec<Choice>>,
    chosen: RwSignal<usize>,
}

impl Completer {
    pub fn new(open_chat: OpenChat, field: NodeRef<html::Textarea>) -> Self {
        let completer = Self { open_chat, field, choices: RwSignal::default(), chosen: RwSignal::default() };
        effect(move || completer.say_active());
        completer
    }

    /// Names the active option for screen readers, while the focus stays in the field.
    fn say_active(self) {
        let open = !self.choices.with(Vec::is_empty);
        let (Some(field), place) = (self.field.get(), self.chosen.get()) else { return };
        // This attribute name is always legal.
        let _ = if open {
            field.set_attribute("aria-activedescendant", &format!("completion-{place}"))
        } else {
            field.remove_attribute("aria-activedescendant")
        };
    }

    /// The word before the cursor, and its start in UTF-16 units.
    fn word(self) -> Option<(usize, String)> {
        // The page may have been left.
        let field = self.field.try_get_untracked().flatten()?;
        let text: Vec<u16> = field.value().encode_utf16().collect();
        let end = field.selection_start().ok()?? as usize;
        let before = String::from_utf16_lossy(text.get(..end)?);
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = before.get(start..)?.to_owned();
        Some((end - word.encode_utf16().count(), word))
    }

    /// Searches for completions of the word at the cursor.
    pub fn look(self) {
        let word = self.word().map(|(_, word)| word).unwrap_or_default();
        self.chosen.set(0);
        if let Some(name) = word.strip_prefix('@') {
            self.find_people(lower(name));
        } else if let Some(name) = word.strip_prefix(':').filter(|name| name.chars().count() > 1) {
            self.find_emoji(lower(name));
        } else if !self.choices.with_untracked(Vec::is_empty) {
            self.choices.set(Vec::new());
        }
    }

    fn find_people(self, name: String) {
        let OpenChat { store, chat_id, .. } = self.open_chat;
        leptos::task::spawn_local(async move {
            let kind = store.with_chat_untracked(chat_id, |chat| chat.summary.chat.kind);
            if kind != Some(ChatKind::Group) {
                return;
            }
            let Ok(members) = load_members(chat_id, name.clone()).await else { return };
            // The word has changed in the meantime.
            if self.word().is_none_or(|(_, word)| lower(&word) != format!("@{name}")) {
                return;
            }
            let me = store.me();
            let others = members.into_iter().map(|member| member.user).filter(|user| Some(user.id) != me);
            let choice = |user: protocol::profiles::User| Choice {
                inserts: format!("@{} ", user.username),
                shown: user.display_name,
                hint: format!("@{}", user.username),
            };
            self.choices.try_set(others.take(SHOWN_MAX).map(choice).collect());
        });
    }

    fn find_emoji(self, name: String) {
        leptos::task::spawn_local(async move {
            let table = emoji::table().await;
            if self.word().is_none_or(|(_, word)| lower(&word) != format!(":{name}")) {
                return;
            }
            let found = emoji::find(&table, &name).into_iter().take(SHOWN_MAX);
            let choice = |emoji: &emoji::Emoji| Choice {
                inserts: format!("{} ", emoji.text),
                shown: emoji.text.clone(),
                hint: emoji.name.clone(),
            };
            self.choices.try_set(found.map(choice).collect());
        });
    }

    /// Closes the list. The removal of a focused field fires `blur` when the page is already gone: then the list no
    /// longer exists.
    pub fn close(self) {
        if self.choices.try_with_untracked(Vec::is_empty) == Some(false) {
            self.choices.set(Vec::new());
        }
    }

    /// Handles a key while the list is open. Returns whether the key was handled.
    pub fn pressed(self, event: &leptos::ev::KeyboardEvent) -> bool {
        let count = self.choices.with_untracked(Vec::len);
        if count == 0 {
            return false;
        }
        match event.key().as_str() {
            "ArrowDown" => self.chosen.update(|chosen| *chosen = (*chosen + 1) % count),
            "ArrowUp" => self.chosen.update(|chosen| *chosen = (*chosen + count - 1) % count),
            "Enter" | "Tab" => self.take(self.chosen.get_untracked()),
            "Escape" => self.choices.set(Vec::new()),
            _ => return false,
        }
        event.prevent_default();
        true
    }

    fn take(self, place: usize) {
        let choice = self.choices.with_untracked(|choices| choices.get(place).cloned());
        self.choices.set(Vec::new());
        if let (Some(choice), Some((start, word))) = (choice, self.word()) {
            let end = start + word.encode_utf16().count();
            if let Some(field) = self.field.get_untracked() {
                replace(&field, &choice.inserts, start as u32, end as u32);
            }
        }
    }
}

/// The list of completions.
#[component]
pub fn Completion(completer: Completer) -> impl IntoView {
    let i18n = use_i18n();
    let Completer { choices, chosen, .. } = completer;
    let places = move || choices.with(|choices| choices.iter().cloned().enumerate().collect::<Vec<_>>());
    view! {
        <Show when=move || !choices.with(Vec::is_empty)>
            <ul class="completion" role="listbox" aria-label=t!(i18n, chat.completion)>
                <For each=places key=|(place, choice)| (*place, choice.inserts.clone()) let((place, choice))>
                    <li id=format!("completion-{place}") role="option" aria-selected=reactive(move || (chosen.get() == place).to_string())
                        on:mousedown=move |event: leptos::ev::MouseEvent| { event.prevent_default(); completer.take(place) }>
                        <bdi>{choice.shown}</bdi>" "<span class="hint">{choice.hint}</span>
                    </li>
                </For>
            </ul>
        </Show>
    }
    .into_any()
}
