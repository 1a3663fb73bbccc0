//! IndexedDB with strings as values: one database per user, with one object store per `Table`.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction, IdbTransactionMode as Mode};

/// The error is JavaScript's: a request failed, or the browser provides no IndexedDB.
pub type Result<T> = std::result::Result<T, JsValue>;

pub struct Database(IdbDatabase);

/// An object store.
#[derive(Clone, Copy)]
pub enum Table {
    /// One row: the user, the number of the newest change to the list of chats, and the time of the last frame.
    Me,
    /// Chats as the list shows them.
    Chats,
    /// The newest messages of chats, by `{chat_id}/{no}/{seq}`.
    Messages,
    /// The users whose names the stored chats and messages show.
    Users,
    /// Messages that the server has not stored yet.
    Outbox,
}

const TABLES: [Table; 5] = [Table::Me, Table::Chats, Table::Messages, Table::Users, Table::Outbox];
/// Version 1 stored the window of a chat as one row, in `histories`.
const VERSION: u32 = 2;
const OUTDATED: [&str; 3] = ["me", "chats", "histories"];

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Chats => "chats",
            Self::Messages => "messages",
            Self::Users => "users",
            Self::Outbox => "outbox",
        }
    }
}

pub enum Write {
    Put(Table, String, String),
    Delete(Table, String),
    /// Deletes the rows with keys that begin with this prefix.
    DeleteAll(Table, String),
    Clear(Table),
}

impl Database {
    /// Opens a database, and creates it if it does not exist. An upgrade from an older version keeps the outbox.
    pub async fn open(name: &str) -> Result<Self> {
        let factory = web_sys::window().and_then(|window| window.indexed_db().ok().flatten());
        let request = factory.ok_or(JsValue::UNDEFINED)?.open_with_u32(name, VERSION)?;
        let opening = request.clone();
        let upgrade = Closure::<dyn FnMut()>::new(move || {
            let Ok(database) = opening.result().map(IdbDatabase::from) else { return };
            // A store that does not exist, or exists already, is no error here.
            for outdated in OUTDATED {
                let _ = database.delete_object_store(outdated);
            }
            for table in TABLES {
                let _ = database.create_object_store(table.name());
            }
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let opened = Promise::new(&mut |resolve, reject| {
            request.set_onsuccess(Some(&resolve));
            request.set_onerror(Some(&reject));
            // A tab of the previous version keeps the database open. Do not wait for it: this page stores nothing.
            request.set_onblocked(Some(&reject));
        });
        if let Err(error) = JsFuture::from(opened).await {
            // A blocked request continues when the other tab closes. It then upgrades the database; this page closes
            // the database again, because nothing uses it.
            upgrade.forget();
            let late = request.clone();
            let close = Closure::once_into_js(move || {
                if let Ok(database) = late.result() {
                    IdbDatabase::from(database).close();
                }
            });
            request.set_onsuccess(Some(close.unchecked_ref()));
            return Err(error);
        }
        let database: IdbDatabase = request.result()?.unchecked_into();
        let closing = database.clone();
        let close = Closure::once_into_js(move || closing.close());
        // A newer version can open the database only after this tab has closed it.
        database.set_onversionchange(Some(close.unchecked_ref()));
        Ok(Self(database))
    }

    pub async fn get(&self, table: Table, key: &str) -> Result<Option<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        Ok(done(&store(&transaction, table)?.get(&key.into())?).await?.as_string())
    }

    /// All rows of a table, in the order of their keys.
    pub async fn all(&self, table: Table) -> Result<Vec<String>> {
        self.all_of(table, "").await
    }

    /// The rows with keys that begin with a prefix, in the order of their keys.
    pub async fn all_of(&self, table: Table, prefix: &str) -> Result<Vec<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        let request = store(&transaction, table)?.get_all_with_key(&range(prefix)?)?;
        Ok(strings(done(&request).await?))
    }

    /// The keys that begin with a prefix, in order.
    pub async fn keys_of(&self, table: Table, prefix: &str) -> Result<Vec<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        let request = store(&transaction, table)?.get_all_keys_with_key(&range(prefix)?)?;
        Ok(strings(done(&request).await?))
    }

    /// Writes in one transaction: all or nothing.
    pub async fn write(&self, writes: Vec<Write>) -> Result<()> {
        let transaction = self.transaction(Mode::Readwrite)?;
        for write in writes {
            if let Err(error) = begin(&transaction, write) {
                // The browser would commit the writes that have begun.
                let _ = transaction.abort();
                return Err(error);
            }
        }
        let ended = Promise::new(&mut |resolve, reject| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        JsFuture::from(ended).await.map(|_| ())
    }

    fn transaction(&self, mode: Mode) -> Result<IdbTransaction> {
        let names: Array = TABLES.iter().map(|table| JsValue::from_str(table.name())).collect();
        self.0.transaction_with_str_sequence_and_mode(&names, mode)
    }
}

fn begin(transaction: &IdbTransaction, write: Write) -> Result<IdbRequest> {
    match write {
        Write::Put(table, key, row) => store(transaction, table)?.put_with_key(&row.into(), &key.into()),
        Write::Delete(table, key) => store(transaction, table)?.delete(&key.into()),
        Write::DeleteAll(table, prefix) => store(transaction, table)?.delete(&range(&prefix)?),
        Write::Clear(table) => store(transaction, table)?.clear(),
    }
}

fn store(transaction: &IdbTransaction, table: Table) -> Result<IdbObjectStore> {
    transaction.object_store(table.name())
}

/// The range of the keys that begin with a prefix. Keys are ASCII, so `\u{ffff}` is above all their characters.
fn range(prefix: &str) -> Result<JsValue> {
    IdbKeyRange::bound(&prefix.into(), &format!("{prefix}\u{ffff}").into()).map(JsValue::from)
}

fn strings(values: JsValue) -> Vec<String> {
    Array::from(&values).iter().filter_map(|value| value.as_string()).collect()
}

/// The result of a request.
async fn done(request: &IdbRequest) -> Result<JsValue> {
    let ended = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(ended).await?;
    request.result()
}
