//! The offline copy of the user's chats on this device: an open page writes it, a page without a network reads it,
//! and the end of the session wipes it.

use super::{
    Store, draft,
    indexed_db::{Database, Result, Table, Write},
    stored::{Difference, ROWS, difference, key, keys},
};
use crate::{
    address::Address,
    chat::page::Conversation,
    cookie::PERSON,
    seed::{Page, Seed},
};
use futures::{StreamExt as _, channel::mpsc, future::select};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{
    chat::{ChatSummary, History, Message},
    ids::{ChatId, UserId},
    profiles::{Me, User},
    reducer::{Part, Touched},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::JsCast as _;

/// The interval between two writes of the collected changes.
const PAUSE_MS: u32 = 1_000;

thread_local! {
    /// The database of this page's user, once it is open.
    static DATABASE: RefCell<Option<Rc<Database>>> = const { RefCell::new(None) };
}

/// The row of `Table::Me`: the user, the number of the newest change to the list of chats, and the time of the last
/// frame.
type Known = (Me, u64, Timestamp);
/// A row of `Table::Chats`: the chat, the time of the last frame before it was written, and the `seq` up to which its
/// stored messages are complete.
type Listed = (ChatSummary, Timestamp, u64);

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
    let before = database.keys_of(Table::Chats, "").await.unwrap_or_default();
    let mut before: Vec<ChatId> = before.iter().filter_map(|id| id.parse().ok()).collect();
    loop {
        // A page that the user leaves may be closed before the pause ends.
        select(TimeoutFuture::new(PAUSE_MS), hides.next()).await;
        if DATABASE.with_borrow(Option::is_none) {
            return;
        }
        let mut touched = store.take_unsaved();
        if store.is_complete.get_value() {
            // Chats that an earlier page stored may no longer exist.
            let gone = |id: &ChatId| store.read_untracked(|state| !state.chats.contains_key(id));
            touched.extend(before.drain(..).filter(gone).map(Part::Chat));
        }
        if !touched.is_empty() {
            // Without storage, the page works as long as it has a connection.
            let _ = write(store, &database, &touched).await;
        }
    }
}

/// Stores the touched parts of the state. The database tells what is stored, because other tabs write too.
async fn write(store: Store, database: &Database, touched: &Touched) -> Result<()> {
    let now = store.heard.get_value();
    let mut writes = Vec::new();
    for part in touched {
        match part {
            Part::Chat(id) => writes.append(&mut change(store, database, *id, now).await?),
            Part::User(id) => {
                // The presence is out of date when the row is read.
                let absent = |user: &User| User { online: None, last_seen_at: None, ..user.clone() };
                let user = store.read_untracked(|state| state.users.get(id).map(absent));
                let row = user.and_then(|user| serde_json::to_string(&user).ok());
                if let Some(row) = row
                    && database.get(Table::Users, &id.to_string()).await?.as_ref() != Some(&row)
                {
                    writes.push(Write::Put(Table::Users, id.to_string(), row));
                }
            }
            _ => {}
        }
    }
    let me = store.read_untracked(|state| Some((state.me.clone()?, state.mine)));
    if let Some((me, mine)) = me.filter(|_| !writes.is_empty() || touched.contains(&Part::Me)) {
        put(&mut writes, Table::Me, String::new(), &(me, mine, now) as &Known);
    }
    // The session may have ended, and the rows been wiped, during the reads.
    if DATABASE.with_borrow(Option::is_none) {
        return Ok(());
    }
    database.write(writes).await
}

/// The writes that store a chat: its row, and the messages in which its window differs from the stored one.
async fn change(store: Store, database: &Database, id: ChatId, now: Timestamp) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    let Some((summary, window)) = store.with_chat_untracked(id, |chat| chat.window(ROWS)) else {
        writes.extend([Write::Delete(Table::Chats, id.to_string()), Write::DeleteAll(Table::Messages, keys(id))]);
        return Ok(writes);
    };
    let listed = database.get(Table::Chats, &id.to_string()).await?.as_deref().and_then(parse::<Listed>);
    // Another tab has a newer state.
    if listed.as_ref().is_some_and(|(listed, ..)| listed.chat.seq > summary.chat.seq) {
        return Ok(writes);
    }
    let stored = database.keys_of(Table::Messages, &keys(id)).await?;
    let Difference { put: new, delete, is_whole } = difference(id, &stored, window);
    new.iter().for_each(|message| put(&mut writes, Table::Messages, key(id, message), &**message));
    writes.extend(delete.into_iter().map(|key| Write::Delete(Table::Messages, key)));
    let complete = if is_whole { summary.chat.seq } else { listed.map_or(0, |(.., complete)| complete) };
    put(&mut writes, Table::Chats, id.to_string(), &(summary, now, complete) as &Listed);
    Ok(writes)
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
        now: js_sys::Date::now() as i64,
        ..Seed::default()
    };
    // The cookie of the session says who is signed in; the local storage says whose rows are stored.
    let is_mine = cookie(PERSON).and_then(|id| id.parse().ok()).is_some_and(|id| person() == Some(id));
    if is_mine && let Some(database) = database().await {
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
    let Some((me, mine, as_of)) = database.get(Table::Me, "").await?.as_deref().and_then(parse::<Known>) else {
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
    if let Some(chat) = listed.iter().find(|(summary, ..)| is_opened(summary.chat.id)) {
        seed.as_of = Some(as_of.min(chat.1));
        seed.page = conversation(database, chat).await?.map_or_else(Page::default, Page::Conversation);
    }
    seed.chats = listed.into_iter().map(|(summary, ..)| summary).collect();
    Ok(())
}

/// The stored messages of a chat; none if there is at most one, because the chat list contains the last message.
async fn conversation(database: &Database, (summary, _, complete): &Listed) -> Result<Option<Conversation>> {
    let ChatSummary { chat, .. } = summary;
    let rows = database.all_of(Table::Messages, &keys(chat.id)).await?;
    let items: Vec<Message> = rows.iter().filter_map(|row| parse(row)).collect();
    if items.len() < 2 {
        return Ok(None);
    }
    let history = History { items, seq: *complete, last_no: chat.last_no, ..History::default() };
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
    let database = database().await;
    // The page may stay open for a moment: it must store nothing more.
    DATABASE.set(None);
    if what == Wipe::Everything {
        draft::forget_all();
        if let Some(storage) = local_storage() {
            let _ = storage.clear();
        }
    }
    // A browser that stores nothing has no database.
    let Some(database) = database else { return };
    let mut writes: Vec<Write> =
        [Table::Me, Table::Chats, Table::Messages, Table::Users].into_iter().map(Write::Clear).collect();
    if what == Wipe::Everything {
        writes.push(Write::Clear(Table::Outbox));
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
