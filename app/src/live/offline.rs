//! The offline copy of the user's chats on this device: an open page writes it, a page without a network reads it,
//! and the end of the session wipes it.

use super::{
    Store, draft,
    indexed_db::{Database, Result, Table, Write},
    stored::{Difference, Stored},
};
use crate::{
    address::Address,
    chat::page::Conversation,
    seed::{Page, Seed},
};
use futures::{StreamExt as _, channel::mpsc, future::select};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{
    chat::{ChatSummary, History, Message},
    ids::{ChatId, UserId},
    profiles::{Me, User},
    reducer::{Part, State, Touched},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, collections::HashMap, rc::Rc};
use wasm_bindgen::JsCast as _;

/// Maximum number of stored messages per chat.
const ROWS: u64 = 100;
/// The interval between two writes of the collected changes.
const PAUSE_MS: u32 = 1_000;
/// The item of the local storage that names the user whose chats are stored.
const PERSON: &str = "person";

thread_local! {
    /// The database of this page's user, once it is open.
    static DATABASE: RefCell<Option<Rc<Database>>> = const { RefCell::new(None) };
}

/// The row of `Table::Me`: the user, the number of the newest change to the list of chats, the time of the
/// last frame, and the tab that wrote it.
type Known = (Me, u64, Timestamp, u64);
/// A row of `Table::Chats`, complete up to its `seq`, and the time of the last frame before it was written.
type Listed = (ChatSummary, Timestamp);

/// The database of this page's user; none if the browser provides no storage.
pub async fn open(user_id: UserId) -> Option<Rc<Database>> {
    // If the previous user did not sign out, the rows are deleted and the unsent messages stay.
    if person().is_some_and(|person| person != user_id) {
        wipe(Wipe::Rows).await;
    }
    let database = Rc::new(Database::open(&format!("messenger-{user_id}")).await.ok()?);
    DATABASE.set(Some(database.clone()));
    if let Some(storage) = local_storage() {
        let _ = storage.set_item(PERSON, &user_id.to_string());
    }
    Some(database)
}

/// Stores changes until the page is closed. `hides` signals that the page may be closed now.
pub async fn save(store: Store, database: Rc<Database>, mut hides: mpsc::UnboundedReceiver<()>) {
    // Chats that an earlier page stored may no longer exist.
    let before = database.keys(Table::Chats).await.unwrap_or_default();
    let mut touched: Touched = before.iter().filter_map(|id| Some(Part::Chat(id.parse().ok()?))).collect();
    let mut writer = Writer { tab: js_sys::Math::random().to_bits(), stored: HashMap::new() };
    loop {
        // A page that the user leaves may be closed before the pause ends.
        select(TimeoutFuture::new(PAUSE_MS), hides.next()).await;
        if DATABASE.with_borrow(Option::is_none) {
            return;
        }
        touched.append(&mut store.take_unsaved());
        if !touched.is_empty() {
            writer.write(store, &database, &touched).await;
            touched.clear();
        }
    }
}

/// This tab, and the messages that it has stored since another tab last wrote.
struct Writer {
    tab: u64,
    stored: HashMap<ChatId, Stored>,
}

impl Writer {
    async fn write(&mut self, store: Store, database: &Database, touched: &Touched) {
        let known = database.get(Table::Me, "").await.ok().flatten();
        // The session may have ended, and the rows been wiped, during the wait.
        if DATABASE.with_borrow(Option::is_none) {
            return;
        }
        // If another tab has written, the stored messages are no longer those that this tab wrote.
        if known.as_deref().and_then(parse::<Known>).is_none_or(|(.., tab)| tab != self.tab) {
            self.stored.clear();
        }
        let now = store.heard.get_value();
        let writes = store.read_untracked(|state| self.changes(state, touched, now));
        if database.write(writes).await.is_err() {
            self.stored.clear();
        }
    }

    /// The writes that store the touched parts of the state.
    fn changes(&mut self, state: &State, touched: &Touched, now: Timestamp) -> Vec<Write> {
        let mut writes = Vec::new();
        if let Some(me) = &state.me {
            put(&mut writes, Table::Me, String::new(), &(me, state.mine, now, self.tab));
        }
        for part in touched {
            match part {
                Part::Chat(id) => self.change(&mut writes, state, *id, now),
                Part::User(id) => {
                    // The presence is out of date when the row is read.
                    let user =
                        state.users.get(id).map(|user| User { online: None, last_seen_at: None, ..user.clone() });
                    user.iter().for_each(|user| put(&mut writes, Table::Users, id.to_string(), user));
                }
                _ => {}
            }
        }
        writes
    }

    /// Stores a chat: its row, and the messages in which its window differs from the stored one.
    fn change(&mut self, writes: &mut Vec<Write>, state: &State, id: ChatId, now: Timestamp) {
        let Some(chat) = state.chats.get(&id) else {
            self.stored.remove(&id);
            writes.extend([
                Write::Delete(Table::Chats, id.to_string()),
                Write::DeleteAll(Table::Messages, format!("{id}/")),
            ]);
            return;
        };
        let (summary, window) = chat.window(ROWS);
        put(writes, Table::Chats, id.to_string(), &(summary, now));
        let stored = self.stored.entry(id).or_insert_with(|| {
            writes.push(Write::DeleteAll(Table::Messages, format!("{id}/")));
            Stored::default()
        });
        let Difference { put: new, delete } = stored.replace(window);
        new.iter().for_each(|message| put(writes, Table::Messages, key(id, message.no), &**message));
        writes.extend(delete.into_iter().map(|no| Write::Delete(Table::Messages, key(id, no))));
    }
}

/// The key of a message: keys are in the order of the messages.
fn key(chat_id: ChatId, no: u64) -> String {
    format!("{chat_id}/{no:016}")
}

fn put(writes: &mut Vec<Write>, table: Table, key: String, row: &impl Serialize) {
    if let Ok(row) = serde_json::to_string(row) {
        writes.push(Write::Put(table, key, row));
    }
}

/// The data of a page as the server would send it, from the stored rows.
pub async fn page(address: Option<&Address>) -> Seed {
    let mut seed = Seed {
        locale: cookie("locale").unwrap_or_default(),
        choices: crate::choices::choices(cookie),
        offset: super::browser::zone(),
        now: js_sys::Date::now() as i64,
        ..Seed::default()
    };
    if let Some(database) = database().await {
        // A row that cannot be read is not shown.
        let _ = fill(&mut seed, &database, address).await;
    }
    if seed.locale.is_empty() {
        let own = seed.me.as_ref().and_then(|me| me.locale.clone());
        seed.locale = own.or_else(|| window().navigator().language()).unwrap_or_default();
    }
    seed
}

async fn fill(seed: &mut Seed, database: &Database, address: Option<&Address>) -> Result<()> {
    let Some((me, mine, as_of, _)) = database.get(Table::Me, "").await?.as_deref().and_then(parse::<Known>) else {
        return Ok(());
    };
    if let (None, Some(theme)) = (seed.choices.get("theme"), &me.theme) {
        seed.choices.insert("theme".into(), theme.clone());
    }
    (seed.me, seed.mine, seed.as_of) = (Some(me), mine, Some(as_of));
    let rows = database.all(Table::Chats).await?;
    let listed: Vec<Listed> = rows.iter().filter_map(|row| parse(row)).collect();
    seed.users = database.all(Table::Users).await?.iter().filter_map(|row| parse(row)).collect();
    let is_opened = |chat_id| matches!(address, Some(Address::Chat(opened, _)) if *opened == chat_id);
    if let Some((chat, known)) = listed.iter().find(|(summary, _)| is_opened(summary.chat.id)) {
        seed.as_of = Some(as_of.min(*known));
        seed.page = conversation(database, chat).await?.map_or_else(Page::default, Page::Conversation);
    }
    seed.chats = listed.into_iter().map(|(summary, _)| summary).collect();
    Ok(())
}

/// The stored messages of a chat; none if there is at most one, because the chat list contains the last message.
async fn conversation(database: &Database, ChatSummary { chat, .. }: &ChatSummary) -> Result<Option<Conversation>> {
    let rows = database.all_of(Table::Messages, &format!("{}/", chat.id)).await?;
    let items: Vec<Message> = rows.iter().filter_map(|row| parse(row)).collect();
    if items.len() < 2 {
        return Ok(None);
    }
    let history = History { items, seq: chat.seq, last_no: chat.last_no, ..History::default() };
    Ok(Some(Conversation { chat_id: chat.id, history, at: None, blocked: false, members: Vec::new() }))
}

fn parse<T: DeserializeOwned>(row: &str) -> Option<T> {
    serde_json::from_slice(row.as_bytes()).ok()
}

/// The data to wipe when a session has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// Rows that the server has too.
    Rows,
    /// Unsent messages too: the user has signed out, or another device has ended the session.
    Everything,
}

/// Wipes the user's data from this browser.
pub async fn wipe(what: Wipe) {
    let Some(database) = database().await else { return };
    // The page may stay open for a moment: it must store nothing more.
    DATABASE.set(None);
    let mut writes: Vec<Write> =
        [Table::Me, Table::Chats, Table::Messages, Table::Users].into_iter().map(Write::Clear).collect();
    if what == Wipe::Everything {
        writes.push(Write::Clear(Table::Outbox));
        draft::forget_all();
        if let Some(storage) = local_storage() {
            let _ = storage.clear();
        }
    }
    let _ = database.write(writes).await;
}

async fn database() -> Option<Rc<Database>> {
    if let Some(open) = DATABASE.with_borrow(Clone::clone) {
        return Some(open);
    }
    Some(Rc::new(Database::open(&format!("messenger-{}", person()?)).await.ok()?))
}

fn person() -> Option<UserId> {
    local_storage()?.get_item(PERSON).ok()??.parse().ok()
}

fn local_storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn cookie(name: &'static str) -> Option<String> {
    let cookies = document().dyn_into::<web_sys::HtmlDocument>().ok()?.cookie().ok()?;
    crate::cookie::in_line(&cookies, name).map(str::to_owned)
}
