//! What this device keeps of its person's chats, so that they can be read without a network: written
//! while the page lives, read as the data of a page, and wiped when the session ends.

use super::{
    Store, draft,
    storage::{Database, Result, Table, Write},
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
    chat::{ChatSummary, History},
    ids::{ChatId, UserId},
    profiles::{Me, User},
    reducer::{Part, State, Touched},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::JsCast as _;

/// Rows kept of a chat.
const ROWS: usize = 100;
/// Changes are written down together, after so long.
const PAUSE_MS: u32 = 1_000;
/// Where the browser remembers whose chats it keeps.
const PERSON: &str = "person";

thread_local! {
    /// The database of this page's person, once it is open.
    static DATABASE: RefCell<Option<Rc<Database>>> = const { RefCell::new(None) };
}

/// The row of `Table::Me`: the person, their number of changes, and when all that is kept was the newest.
type Known = (Me, u64, Timestamp);
/// A row of `Table::Chats`, with those whom it names.
type Listed = (ChatSummary, Vec<User>);
/// A row of `Table::Histories`, and when it was the newest.
type Window = (History, Timestamp);

/// The database of this page's person; none where the browser keeps nothing.
pub async fn open(user_id: UserId) -> Option<Rc<Database>> {
    // Whoever was here before and has not signed out leaves only what they have not sent.
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

/// Stores what changes, as long as the page lives. `hides` reports that the page may end.
pub async fn keep(store: Store, database: Rc<Database>, mut hides: mpsc::UnboundedReceiver<()>) {
    // Chats stored by an earlier page may have gone since.
    let before = database.keys(Table::Chats).await.unwrap_or_default();
    let mut touched: Touched = before.iter().filter_map(|id| Some(Part::Chat(id.parse().ok()?))).collect();
    loop {
        // A page that is left has no second to wait.
        select(TimeoutFuture::new(PAUSE_MS), hides.next()).await;
        if DATABASE.with_borrow(Option::is_none) {
            return;
        }
        touched.append(&mut store.take_unsaved());
        if !touched.is_empty() {
            let now = store.heard.get_value();
            let writes = store.read_untracked(|state| changes_of(state, &touched, now));
            touched.clear();
            let _ = database.write(writes).await;
        }
    }
}

/// The writes that bring the stored data up to date where the state was touched.
fn changes_of(state: &State, touched: &Touched, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some(me) = &state.me {
        put(&mut writes, Table::Me, String::new(), &(me, state.mine, now));
    }
    for part in touched {
        let Part::Chat(id) = part else { continue };
        let Some(chat) = state.chats.get(id) else {
            writes.push(Write::Delete(Table::Chats, id.to_string()));
            writes.push(Write::Delete(Table::Histories, id.to_string()));
            continue;
        };
        let (summary, history) = chat.window(ROWS);
        // Whoever was here need not be when this is read.
        let named = |id: UserId| Some(User { online: None, last_seen_at: None, ..state.users.get(&id)?.clone() });
        let last = summary.last_message.iter().flat_map(|message| message.people()).filter_map(named).collect();
        // A window is more than the last message, which any list brings.
        if let Some(mut history) = history.filter(|history| history.items.len() > 1) {
            let mut people: Vec<UserId> = history.items.iter().flat_map(|message| message.people()).collect();
            people.sort_unstable();
            people.dedup();
            history.users = people.into_iter().filter_map(named).collect();
            put(&mut writes, Table::Histories, id.to_string(), &(history, now));
        }
        put(&mut writes, Table::Chats, id.to_string(), &(summary, last) as &Listed);
    }
    writes
}

fn put(writes: &mut Vec<Write>, table: Table, key: String, row: &impl Serialize) {
    if let Ok(row) = serde_json::to_string(row) {
        writes.push(Write::Put(table, key, row));
    }
}

/// The data of a page from what is kept, as the server would give it.
pub async fn page(address: Option<&Address>) -> Seed {
    let mut seed = Seed {
        locale: cookie("locale").unwrap_or_default(),
        choices: crate::choices::choices(cookie),
        offset: super::socket::zone(),
        now: js_sys::Date::now() as i64,
        ..Seed::default()
    };
    if let Some(database) = database().await {
        // Where nothing can be read there is nothing to show.
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
    for (summary, users) in database.all(Table::Chats).await?.iter().filter_map(|row| parse::<Listed>(row)) {
        seed.chats.push(summary);
        seed.users.extend(users);
    }
    let Some(Address::Chat(chat_id, _)) = address else { return Ok(()) };
    let row = database.get(Table::Histories, &chat_id.to_string()).await?;
    let chat = seed.chats.iter().find(|summary| summary.chat.id == *chat_id);
    if let (Some((mut history, known)), Some(summary)) = (row.as_deref().and_then(parse::<Window>), chat) {
        seed.as_of = Some(as_of.min(known));
        // What came after the window is not among its rows.
        history.last_no = history.last_no.max(summary.chat.last_no);
        let conversation = Conversation { chat_id: *chat_id, history, at: None, blocked: false, members: Vec::new() };
        seed.page = Page::Conversation(conversation);
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(row: &str) -> Option<T> {
    serde_json::from_slice(row.as_bytes()).ok()
}

/// What of a person's goes when their session has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// What the server has as well.
    Rows,
    /// Unsent messages too: somebody has decided that this device shall hold nothing any more.
    Everything,
}

/// Wipes what is kept of this browser's person.
pub async fn wipe(what: Wipe) {
    let Some(database) = database().await else { return };
    // The page that still lives keeps nothing more.
    DATABASE.set(None);
    let mut writes = vec![Write::Clear(Table::Me), Write::Clear(Table::Chats), Write::Clear(Table::Histories)];
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
