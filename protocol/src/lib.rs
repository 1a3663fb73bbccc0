//! The types on the wire, and the code that must give the same result in the browser and on the server.
//!
//! The crate compiles to WASM and depends on no other crate here: no IO, no clock, no framework. Each feature
//! has one file, named as in `services` and `app`. `docs/` and the OpenAPI document describe the same types.

pub mod auth;
pub mod chat;
pub mod error;
pub mod frames;
pub mod groups;
pub mod ids;
pub mod limits;
pub mod markdown;
pub mod profiles;
pub mod ranges;
pub mod reducer;
pub mod text;
pub mod time;
pub mod wire;

use serde::{Deserialize, Deserializer, Serialize};

/// A page of a list. `next` is the cursor of the next page, `null` on the last page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<'de, T: wire::Read> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |value| {
            let mut row = wire::Row::of(value)?;
            Some(Self { items: row.take("items")?, next: row.take("next")? })
        };
        read(serde_json::Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not a page"))
    }
}

impl<T> Page<T> {
    /// A list that has one page only.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page of `limit` items. `items` has one more if other items follow. `cursor` names the last item of the page.
    pub fn cut(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Self { next: items.last().filter(|_| more).map(cursor), items }
    }

    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(of).collect(), next: self.next }
    }
}

/// Distinguishes `null` (`Some(None)`) from an absent field (`None`, by `serde(default)`).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
