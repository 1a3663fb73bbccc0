//! The shortcuts of every page: jump to a chat, the next chat, the search for people, the list of shortcuts.

use super::words;
use crate::{
    address::Address,
    arrival::WRITING,
    i18n::use_i18n,
    live::Store,
    navigation::Navigation,
    part::Part,
    ui::{Avatar, Dialog, For, Show, focus, memo, once_drawn, reactive, t, words::Words},
};
use leptos::prelude::*;
use protocol::ids::ChatId;
use wasm_bindgen::JsCast as _;

const FOUND_MAX: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Jump,
    Help,
}

#[component]
pub fn Keys() -> impl IntoView {
    let store = Store::current();
    let open = RwSignal::new(Open::Nothing);
    let navigation = Navigation::current();
    let part = Part::current();
    let pressed = window_event_listener(leptos::ev::keydown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let writes = target.is_some_and(|target| target.matches("input, textarea, select, dialog *").unwrap_or(false));
        let to = match typed(&event).as_str() {
            "k" if event.ctrl_key() || event.meta_key() => {
                open.set(Open::Jump);
                None
            }
            "ArrowUp" | "ArrowDown" if event.alt_key() => {
                let open = navigation.get_untracked().and_then(|address| address.chat_id());
                beside(store, open, event.key() == "ArrowUp").map(Address::chat)
            }
            "/" if !writes && !has_key(&event) => Some(Address::NEW_CHAT),
            "?" if !writes && !has_key(&event) => {
                open.set(Open::Help);
                None
            }
            _ => return,
        };
        event.prevent_default();
        if let Some(to) = to {
            go(navigation, to);
        }
    });
    on_cleanup(move || pressed.remove());
    view! {
        {reactive(move || (open.get() != Open::Nothing && part.ready()).then(|| lazy_dialog(open)))}
    }
    .into_any()
}

#[inline(never)]
fn lazy_dialog(open: RwSignal<Open>) -> AnyView {
    let close = Callback::new(move |()| open.set(Open::Nothing));
    match open.get_untracked() {
        Open::Nothing => ().into_any(),
        Open::Jump => view! { <JumpTo close /> }.into_any(),
        Open::Help => view! { <Help close /> }.into_any(),
    }
}

fn go(navigation: Navigation, to: Address) {
    if navigation.get_untracked().as_ref() != Some(&to) {
        return navigation.go(to);
    }
    // The page is already open: focus its composer after the dialog has closed.
    once_drawn(|| focus(WRITING));
}

fn has_key(event: &leptos::ev::KeyboardEvent) -> bool {
    event.ctrl_key() || event.alt_key() || event.meta_key()
}

/// The pressed key as on a Latin keyboard, in lower case: `k` for the key that types `л` or, with Caps Lock, `K`. Other
/// layouts type a letter, a full stop or a comma with the key `/`.
fn typed(event: &leptos::ev::KeyboardEvent) -> String {
    let key = event.key();
    match event.code().as_str() {
        "KeyK" if !key.is_ascii() => "k".to_owned(),
        "Slash" if !key.is_ascii() || matches!(key.as_str(), "." | ",") => {
            if event.shift_key() { "?" } else { "/" }.to_owned()
        }
        _ if key == "K" => "k".to_owned(),
        _ => key,
    }
}

/// The chat before or after the open one, in the order of the list.
fn beside(store: Store, open: Option<ChatId>, before: bool) -> Option<ChatId> {
    store.read_untracked(|state| {
        let chats = state.newest_chats().filter(|chat| !chat.summary.archived);
        let ids: Vec<ChatId> = chats.map(|chat| chat.summary.chat.id).collect();
        let place = ids.iter().position(|id| Some(*id) == open);
        match (place, before) {
            (None, _) => ids.first().copied(),
            (Some(place), true) => ids.get(place.checked_sub(1)?).copied(),
            (Some(place), false) => ids.get(place + 1).copied(),
        }
    })
}

/// A search for chats by name.
#[component]
fn JumpTo(close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let navigation = Navigation::current();
    let store = Store::current();
    let query = RwSignal::new(String::new());
    let found = memo(move || {
        let mut found = query.with(|query| words::chats_called(i18n, store, query));
        found.truncate(FOUND_MAX);
        found
    });
    let first = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some((id, _)) = found.get_untracked().first() {
            close.run(());
            go(navigation, Address::chat(*id));
        }
    };
    view! {
        <Dialog title=t!(i18n, chat.jump) on_close=close>
            <form on:submit=first>
                <input type="search" class="input" aria-label=t!(i18n, chat.jump) autocomplete="off" autofocus
                    on:input=move |event| query.set(event_target_value(&event)) />
            </form>
            <ul class="rows">
                <For each=move || found.get() key=|(id, _)| *id let((id, title))>
                    <li><a class="row choice" href=Address::chat(id).href() on:click=move |_| close.run(())><Avatar name=title.clone() id=words::face(store, id) /><bdi class="grow truncate">{title}</bdi></a></li>
                </For>
            </ul>
            <Show when=move || found.with(Vec::is_empty)><p class="text-muted">{t!(i18n, chat.nothing_here)}</p></Show>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Help(close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let part = |title: Words, keys: Vec<(&'static str, Words)>| {
        let rows = keys.into_iter().map(|(key, words)| view! { <dt><kbd>{key}</kbd></dt><dd>{words}</dd> }.into_any());
        view! { <h3 class="keys-part">{title}</h3><dl class="keys">{rows.collect::<Vec<_>>()}</dl> }.into_any()
    };
    let everywhere = vec![
        ("Ctrl K", t!(i18n, keys.jump)),
        ("/", t!(i18n, keys.search)),
        ("Alt ↑ ↓", t!(i18n, keys.next)),
        ("?", t!(i18n, keys.help)),
    ];
    let writing = vec![
        ("Enter", t!(i18n, keys.send)),
        ("Shift Enter", t!(i18n, keys.line)),
        ("↑", t!(i18n, keys.edit)),
        ("Esc", t!(i18n, keys.back)),
    ];
    let reading =
        vec![("↑ ↓ Home End", t!(i18n, keys.walk)), ("Enter", t!(i18n, keys.act)), ("Esc", t!(i18n, keys.write))];
    view! {
        <Dialog title=t!(i18n, keys.title) on_close=close>
            {part(t!(i18n, keys.everywhere), everywhere)}
            {part(t!(i18n, keys.writing), writing)}
            {part(t!(i18n, keys.reading), reading)}
        </Dialog>
    }
    .into_any()
}
