//! Completes names after `@` and emoji after `:` in the composer.

use super::{emoji, field::replace, open_chat::OpenChat};
use crate::{
    i18n::use_i18n,
    live::load_members,
    ui::{For, Show, effect, lower, reactive, t},
};
use leptos::{html, prelude::*};
use protocol::{chat::ChatKind, text::fold};

const SHOWN_MAX: usize = 8;
/// Enter takes an emoji only after a longer name than `:10`, `:no` and `:ru`, which are often meant as they are.
const EMOJI_NAME_MIN: usize = 3;

/// A completion of a word.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    inserts: String,
    shown: String,
    hint: String,
}

/// A word, and its place in the field in UTF-16 units.
#[derive(Clone, Debug, Default, PartialEq)]
struct Word {
    start: usize,
    end: usize,
    text: String,
}

#[derive(Clone, Copy)]
pub struct Completer {
    open_chat: OpenChat,
    field: NodeRef<html::Textarea>,
    /// The word that the choices complete.
    word: StoredValue<Word>,
    choices: RwSignal<Vec<Choice>>,
    /// The choice that Enter takes; without one, Enter sends.
    chosen: RwSignal<Option<usize>>,
}

impl Completer {
    pub fn new(open_chat: OpenChat, field: NodeRef<html::Textarea>) -> Self {
        let (word, choices, chosen) = (StoredValue::default(), RwSignal::default(), RwSignal::default());
        let completer = Self { open_chat, field, word, choices, chosen };
        effect(move || completer.say_active());
        completer
    }

    /// Names the active option for screen readers, while the focus stays in the field.
    fn say_active(self) {
        let Some(field) = self.field.get() else { return };
        // This attribute name is always legal.
        let _ = match self.chosen.get() {
            Some(place) => field.set_attribute("aria-activedescendant", &format!("completion-{place}")),
            None => field.remove_attribute("aria-activedescendant"),
        };
    }

    /// The word before the cursor.
    fn word(self) -> Option<Word> {
        // The page may have been left.
        let field = self.field.try_get_untracked().flatten()?;
        let text: Vec<u16> = field.value().encode_utf16().collect();
        let end = field.selection_end().ok()?? as usize;
        let before = String::from_utf16_lossy(text.get(..end)?);
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let text = before.get(start..)?.to_owned();
        Some(Word { start: end - text.encode_utf16().count(), end, text })
    }

    /// Whether the cursor is still behind this word.
    fn is_at(self, word: &Word) -> bool {
        self.word().as_ref() == Some(word)
    }

    /// After each input: searches for completions of the word at the cursor.
    pub fn look(self) {
        let word = self.word().unwrap_or_default();
        self.narrow(&word);
        if let Some(name) = word.text.strip_prefix('@') {
            self.find_people(lower(name), word);
        } else if let Some(name) = word.text.strip_prefix(':').filter(|name| name.chars().count() > 1) {
            self.find_emoji(fold(name), word);
        }
    }

    /// Keeps the choices that fit the longer word, until the new ones are found.
    fn narrow(self, word: &Word) {
        let before = self.word.get_value();
        let is_longer = before.start == word.start && word.text.starts_with(&before.text);
        let name = lower(word.text.get(1..).unwrap_or_default());
        let fits = |choice: &Choice| lower(&choice.shown).contains(&name) || lower(&choice.hint).contains(&name);
        let kept = self.choices.with_untracked(|all| all.iter().filter(|of| fits(of)).cloned().collect::<Vec<_>>());
        self.show(word, if is_longer { kept } else { Vec::new() });
    }

    /// Shows the completions of a word. Enter takes the first one, unless the word may be meant as it is.
    fn show(self, word: &Word, choices: Vec<Choice>) {
        let name_min = if word.text.starts_with(':') { EMOJI_NAME_MIN } else { 1 };
        let is_short = word.text.chars().count() <= name_min;
        let is_whole = choices.iter().any(|choice| choice.inserts.trim_end() == lower(&word.text));
        let first = (!choices.is_empty() && !is_short && !is_whole).then_some(0);
        // The reader may have moved to another choice before the answer arrived.
        let moved = self.chosen.get_untracked().filter(|_| self.word.with_value(|before| before == word));
        let moved = moved.and_then(|place| self.choices.with_untracked(|all| all.get(place).cloned()));
        let moved = moved.and_then(|choice| choices.iter().position(|other| *other == choice));
        self.word.set_value(word.clone());
        self.chosen.set(moved.or(first));
        if self.choices.with_untracked(|before| *before != choices) {
            self.choices.set(choices);
        }
    }

    fn find_people(self, name: String, word: Word) {
        let OpenChat { store, chat_id, .. } = self.open_chat;
        leptos::task::spawn_local(async move {
            let kind = store.with_chat_untracked(chat_id, |chat| chat.summary.chat.kind);
            if kind != Some(ChatKind::Group) {
                return;
            }
            let Ok(members) = load_members(chat_id, name).await else { return };
            if !self.is_at(&word) {
                return;
            }
            let me = store.me();
            let others = members.into_iter().map(|member| member.user).filter(|user| Some(user.id) != me);
            let choice = |user: protocol::profiles::User| Choice {
                inserts: format!("@{} ", user.username),
                shown: user.display_name,
                hint: format!("@{}", user.username),
            };
            self.show(&word, others.take(SHOWN_MAX).map(choice).collect());
        });
    }

    fn find_emoji(self, name: String, word: Word) {
        leptos::task::spawn_local(async move {
            let table = emoji::table().await;
            if !self.is_at(&word) {
                return;
            }
            let found = emoji::find(&table, &name).into_iter().take(SHOWN_MAX);
            let choice = |emoji: &emoji::Emoji| Choice {
                inserts: format!("{} ", emoji.text),
                shown: emoji.text.clone(),
                hint: emoji.name.clone(),
            };
            self.show(&word, found.map(choice).collect());
        });
    }

    /// Closes the list. The removal of a focused field fires `blur` when the page is already gone: then the list no
    /// longer exists.
    pub fn close(self) {
        if self.choices.try_with_untracked(Vec::is_empty) == Some(false) {
            self.choices.set(Vec::new());
            self.chosen.set(None);
        }
    }

    /// Closes the list if the cursor has left the word.
    pub fn follow(self) {
        let is_open = !self.choices.with_untracked(Vec::is_empty);
        if is_open && !self.word.with_value(|word| self.is_at(word)) {
            self.close();
        }
    }

    /// Handles a key while the list is open. Returns whether the key was handled.
    pub fn pressed(self, event: &leptos::ev::KeyboardEvent) -> bool {
        self.follow();
        let (count, chosen) = (self.choices.with_untracked(Vec::len), self.chosen.get_untracked());
        if count == 0 || event.shift_key() || event.ctrl_key() || event.alt_key() || event.meta_key() {
            return false;
        }
        match (event.key().as_str(), chosen) {
            ("ArrowDown", _) => self.chosen.set(Some(chosen.map_or(0, |place| (place + 1) % count))),
            ("ArrowUp", _) => self.chosen.set(Some((chosen.unwrap_or(0) + count - 1) % count)),
            ("Enter", Some(place)) => self.take(place),
            ("Tab", _) => self.take(chosen.unwrap_or(0)),
            ("Escape", _) => self.close(),
            _ => return false,
        }
        event.prevent_default();
        true
    }

    fn take(self, place: usize) {
        self.follow();
        let choice = self.choices.with_untracked(|choices| choices.get(place).cloned());
        self.close();
        if let (Some(choice), Some(field)) = (choice, self.field.get_untracked()) {
            let Word { start, end, .. } = self.word.get_value();
            let is_spaced = field.value().encode_utf16().nth(end) == Some(u16::from(b' '));
            replace(&field, &choice.inserts, start as u32, end as u32 + u32::from(is_spaced));
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
                    <li id=format!("completion-{place}") role="option" aria-selected=reactive(move || (chosen.get() == Some(place)).to_string())
                        on:mousedown=move |event: leptos::ev::MouseEvent| { event.prevent_default(); completer.take(place) }>
                        <bdi>{choice.shown}</bdi>" "<span class="hint">{choice.hint}</span>
                    </li>
                </For>
            </ul>
        </Show>
    }
    .into_any()
}
