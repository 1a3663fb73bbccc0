use super::reactive::{Reactive, reactive};
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
