use super::{
    reactive::{Reactive, reactive},
    show::Show,
    words::t,
};
use crate::{address::CURSOR, i18n::use_i18n};
use leptos::prelude::*;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// An item of any list: its key, and how to render it.
struct Item {
    key: u64,
    draw: Box<dyn FnOnce() -> AnyView + Send>,
}

/// A keyed list: an item keeps its elements while the list changes. Unlike Leptos' `For`, it has one type for all
/// lists: see `reactive`.
#[component]
pub fn For<T, K, V>(
    each: impl Fn() -> Vec<T> + Send + Sync + 'static,
    key: impl Fn(&T) -> K + Send + Sync + 'static,
    children: impl Fn(T) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    K: Hash,
    V: IntoView + 'static,
{
    let children = Arc::new(children);
    let items = reactive(move || {
        let item = |item: T| {
            let mut hasher = DefaultHasher::new();
            key(&item).hash(&mut hasher);
            let children = children.clone();
            Item { key: hasher.finish(), draw: Box::new(move || children(item).into_any()) }
        };
        each().into_iter().map(item).collect::<Vec<Item>>()
    });
    draw(items)
}

/// Outside `For`, so that it is compiled once, not for each type of list.
fn draw(items: Reactive<Vec<Item>>) -> AnyView {
    let items = move || items.lock().map(|mut items| items()).unwrap_or_default();
    view! { <leptos::prelude::For each=items key=|item| item.key let:item>{(item.draw)()}</leptos::prelude::For> }
        .into_any()
}

/// The button that shows the next page of a list. Without JavaScript it sends the form `list`, whose page then shows
/// the part of the list from the cursor `next`.
#[component]
pub fn More(
    next: Signal<Option<String>>,
    /// Loads the page from a cursor into this page.
    load: Callback<String>,
    action: String,
) -> impl IntoView {
    let i18n = use_i18n();
    let cursor = move || next.get().unwrap_or_default();
    let press = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        load.run(untrack(cursor));
    };
    view! {
        <Show when=move || next.with(Option::is_some)>
            <button form="list" class="button" name=CURSOR value=reactive(cursor) formmethod="get" formaction=action.clone() formnovalidate on:click=press>
                {t!(i18n, more)}
            </button>
        </Show>
    }
    .into_any()
}
