//! What crosses the wire, and what both sides must compute alike.
//!
//! Compiles to WASM and knows nobody: no IO, no clock, no framework. One file a feature, named as in
//! `services` and `app`; `docs/` and the OpenAPI document describe the same types.

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

/// A page of a list. `next` is the cursor of the following page, `null` on the last one.
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
    /// The only page of a list that is never cut.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Tells `null` from absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
