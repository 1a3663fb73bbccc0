//! The outbox that all tabs of one browser share. It is stored in IndexedDB, and one tab sends it, so that
//! messages go out in the order in which they were written. The tab in which the user wrote last takes the
//! lock; when this tab closes, another tab takes it. A message that two tabs send is stored once: sends are idempotent.

use super::{
    Store, draft,
    indexed_db::{Database, Table, Write},
};
use futures::{StreamExt as _, channel::mpsc};
use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::*;
use protocol::reducer::Unsent;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::BroadcastChannel;

/// An event for the outbox of this tab.
#[derive(Clone, Copy)]
pub enum Event {
    /// This tab has changed its outbox.
    Changed,
    /// Another tab has changed the stored outbox.
    Stored,
    /// This tab got the lock, or lost it.
    Granted,
    Lost,
}

/// Synchronises this tab's outbox with the stored one, and decides whether this tab sends.
pub struct Sharing {
    store: Store,
    /// None if the browser provides no storage: then each tab has its own outbox.
    database: Option<Rc<Database>>,
    channel: Option<BroadcastChannel>,
    locks: Option<LockManager>,
    name: String,
    events: mpsc::UnboundedSender<Event>,
    stored: Vec<Unsent>,
    /// The number of locks held: one may be stolen, and one granted after a wait.
    held: u32,
}

impl Sharing {
    pub fn new(
        store: Store,
        name: String,
        database: Option<Rc<Database>>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let channel = BroadcastChannel::new(&name).ok();
        if let Some(channel) = &channel {
            let events = events.clone();
            let on_message = Closure::<dyn FnMut()>::new(move || {
                let _ = events.unbounded_send(Event::Stored);
            });
            channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
            // The handler lives as long as the page.
            on_message.forget();
        }
        // Only secure pages have locks.
        let locks = Reflect::get(&window().navigator(), &"locks".into()).ok().filter(JsValue::is_object);
        let locks = locks.filter(|_| database.is_some()).map(JsCast::unchecked_into);
        Self { store, database, channel, locks, name, events, stored: Vec::new(), held: 0 }
    }

    pub async fn run(mut self, mut events: mpsc::UnboundedReceiver<Event>) {
        self.load().await;
        match &self.locks {
            Some(locks) => spawn_local(wait_for(locks.clone(), self.name.clone(), self.events.clone())),
            None => self.send(true),
        }
        while let Some(event) = events.next().await {
            match event {
                Event::Changed => {
                    let drafts = self.store.sent_drafts.try_update_value(std::mem::take).unwrap_or_default();
                    self.write().await;
                    drafts.iter().for_each(|(chat_id, text)| draft::forget_if(*chat_id, text));
                }
                Event::Stored => self.load().await,
                Event::Granted => {
                    self.held += 1;
                    // Older messages of other tabs go out first.
                    self.load().await;
                    self.send(true);
                }
                Event::Lost => {
                    self.held = self.held.saturating_sub(1);
                    self.send(self.held > 0);
                }
            }
        }
    }

    fn send(&self, may: bool) {
        self.store.may_send.set(may);
        self.store.wake();
    }

    /// Applies the stored outbox.
    async fn load(&mut self) {
        let Some(database) = &self.database else { return };
        let Ok(rows) = database.all(Table::Outbox).await else { return };
        let stored: Vec<Unsent> = rows.iter().filter_map(|row| serde_json::from_slice(row.as_bytes()).ok()).collect();
        if stored != self.stored {
            self.store.change(|state| state.share_outbox(&self.stored, &stored));
            self.stored = stored;
            self.store.wake();
        }
    }

    /// Stores what has changed in this tab.
    async fn write(&mut self) {
        let Some(database) = &self.database else { return };
        let now = self.store.read_untracked(|state| state.outbox.clone());
        let mut writes = Vec::new();
        for unsent in now.iter().filter(|unsent| !self.stored.contains(unsent)) {
            if let Ok(row) = serde_json::to_string(unsent) {
                writes.push(Write::Put(Table::Outbox, unsent.client_id.to_string(), row));
            }
        }
        let wrote = !writes.is_empty();
        for gone in self.stored.iter().filter(|stored| !now.iter().any(|unsent| unsent.client_id == stored.client_id)) {
            writes.push(Write::Delete(Table::Outbox, gone.client_id.to_string()));
        }
        if writes.is_empty() {
            return;
        }
        // A message that could not be stored stays in this tab.
        if database.write(writes).await.is_ok() {
            self.stored = now;
            if let Some(channel) = &self.channel {
                let _ = channel.post_message(&JsValue::TRUE);
            }
        }
        // The user writes in this tab, so it is awake; another tab may be frozen.
        if let (true, 0, Some(locks)) = (wrote, self.held, &self.locks) {
            spawn_local(steal(locks.clone(), self.name.clone(), self.events.clone()));
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// <https://developer.mozilla.org/docs/Web/API/LockManager>
    #[derive(Clone)]
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &Object, granted: &Function) -> Result<Promise, JsValue>;
}

/// Waits for the lock, and again whenever another tab steals it.
async fn wait_for(locks: LockManager, name: String, events: mpsc::UnboundedSender<Event>) {
    while hold(&locks, &name, &Object::new(), &events).await {}
    // If the browser grants no lock, every tab sends.
    let _ = events.unbounded_send(Event::Granted);
}

async fn steal(locks: LockManager, name: String, events: mpsc::UnboundedSender<Event>) {
    let options = Object::new();
    if Reflect::set(&options, &"steal".into(), &JsValue::TRUE).is_ok() {
        hold(&locks, &name, &options, &events).await;
    }
}

/// Holds the lock until another tab steals it. Returns whether it was ever held.
async fn hold(locks: &LockManager, name: &str, options: &Object, events: &mpsc::UnboundedSender<Event>) -> bool {
    let (granted, was_granted) = (events.clone(), Rc::new(std::cell::Cell::new(false)));
    let noted = was_granted.clone();
    let held = Closure::once_into_js(move |_lock: JsValue| {
        noted.set(true);
        let _ = granted.unbounded_send(Event::Granted);
        // A promise that never resolves: the lock is held until the page is closed.
        JsValue::from(Promise::new(&mut |_, _| {}))
    });
    if let Ok(ended) = locks.request(name, options, held.unchecked_ref()) {
        let _ = JsFuture::from(ended).await;
    }
    if was_granted.get() {
        let _ = events.unbounded_send(Event::Lost);
    }
    was_granted.get()
}
