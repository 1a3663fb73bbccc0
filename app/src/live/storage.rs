//! IndexedDB, holding strings: a database for each person, and in it a few stores.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction, IdbTransactionMode as Mode};

/// A browser that keeps nothing says so with an error.
pub type Result<T> = std::result::Result<T, JsValue>;

pub struct Database(IdbDatabase);

/// A store, by what its rows are.
#[derive(Clone, Copy)]
pub enum Table {
    /// The person, and as of when all else is known.
    Me,
    /// A chat as its list shows it.
    Chats,
    /// The newest window of a chat.
    Histories,
    /// Messages that are not stored by the server yet.
    Outbox,
}

const TABLES: [Table; 4] = [Table::Me, Table::Chats, Table::Histories, Table::Outbox];

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Chats => "chats",
            Self::Histories => "histories",
            Self::Outbox => "outbox",
        }
    }
}

pub enum Write {
    Put(Table, String, String),
    Delete(Table, String),
    Clear(Table),
}

impl Database {
    /// Opens a database, made first where it is not there.
    pub async fn open(name: &str) -> Result<Self> {
        let factory = web_sys::window().and_then(|window| window.indexed_db().ok().flatten());
        let request = factory.ok_or(JsValue::UNDEFINED)?.open_with_u32(name, 1)?;
        let opening = request.clone();
        let make = Closure::<dyn FnMut()>::new(move || {
            let Ok(database) = opening.result().map(IdbDatabase::from) else { return };
            for table in TABLES {
                let _ = database.create_object_store(table.name());
            }
        });
        request.set_onupgradeneeded(Some(make.as_ref().unchecked_ref()));
        Ok(Self(done(&request).await?.unchecked_into()))
    }

    pub async fn get(&self, table: Table, key: &str) -> Result<Option<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        Ok(done(&store(&transaction, table)?.get(&key.into())?).await?.as_string())
    }

    /// All rows of a table, in the order of their keys.
    pub async fn all(&self, table: Table) -> Result<Vec<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        let rows: Array = done(&store(&transaction, table)?.get_all()?).await?.unchecked_into();
        Ok(rows.iter().filter_map(|row| row.as_string()).collect())
    }

    pub async fn keys(&self, table: Table) -> Result<Vec<String>> {
        let transaction = self.transaction(Mode::Readonly)?;
        let keys: Array = done(&store(&transaction, table)?.get_all_keys()?).await?.unchecked_into();
        Ok(keys.iter().filter_map(|key| key.as_string()).collect())
    }

    /// In one transaction.
    pub async fn write(&self, writes: Vec<Write>) -> Result<()> {
        let transaction = self.transaction(Mode::Readwrite)?;
        for write in writes {
            match write {
                Write::Put(table, key, row) => {
                    store(&transaction, table)?.put_with_key(&row.into(), &key.into())?;
                }
                Write::Delete(table, key) => {
                    store(&transaction, table)?.delete(&key.into())?;
                }
                Write::Clear(table) => {
                    store(&transaction, table)?.clear()?;
                }
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

fn store(transaction: &IdbTransaction, table: Table) -> Result<IdbObjectStore> {
    transaction.object_store(table.name())
}

/// What a request comes to.
async fn done(request: &IdbRequest) -> Result<JsValue> {
    let ended = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(ended).await?;
    request.result()
}
