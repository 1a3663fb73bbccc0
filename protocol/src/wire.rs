//! How rows are read from JSON: first as values, then field by field.
//!
//! serde's derived readers are code of their own for every type, which was a quarter of what a browser
//! downloads. Here one reader of values serves all types, and a field costs a call. What is absent or
//! `null` is empty, so that a newer client reads an older server's rows; an id or a name is never empty.

use crate::time::Timestamp;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    str::FromStr,
};

/// What a JSON value can be read as.
pub trait Read: Sized {
    /// None where the value is something else.
    fn read(value: Value) -> Option<Self>;
}

/// The fields of a JSON object, taken one by one.
pub struct Row(Map<String, Value>);

impl Row {
    #[must_use]
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Takes a field; one that is absent is `null`.
    pub fn take<T: Read>(&mut self, name: &str) -> Option<T> {
        T::read(self.0.remove(name).unwrap_or_default())
    }
}

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not an object"))
    }
}

/// Says how types are read that are written with these fields: `rows! { Reaction { emoji, count, by } }`.
#[macro_export]
macro_rules! rows {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $name {
            /// Reads it from among the fields of a row.
            pub(crate) fn from_row(row: &mut $crate::wire::Row) -> Option<Self> {
                Some(Self { $($field: row.take(stringify!($field))?),* })
            }
        }
        $crate::readable!($name, |value| Self::from_row(&mut $crate::wire::Row::of(value)?));
    )*};
}

/// Says how a type is read, for serde too.
#[macro_export]
macro_rules! readable {
    ($name:ty, |$value:ident| $read:expr) => {
        impl $crate::wire::Read for $name {
            fn read($value: serde_json::Value) -> Option<Self> {
                $read
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                $crate::wire::Read::read(value).ok_or_else(|| serde::de::Error::custom("not of the expected form"))
            }
        }
    };
}

/// Gives the cases of an enum their names on the wire and in the database.
#[macro_export]
macro_rules! names {
    ($($name:ident { $($case:ident = $word:literal),* $(,)? })*) => {$(
        impl $name {
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$case => $word),* }
            }

            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$case),)* _ => None }
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
        $crate::readable!($name, |value| value.as_str().and_then(Self::from_name));
    )*};
}

impl Read for Value {
    fn read(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl Read for String {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            Value::Null => Some(Self::new()),
            _ => None,
        }
    }
}

impl Read for bool {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() { Some(false) } else { value.as_bool() }
    }
}

impl Read for u64 {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() { Some(0) } else { value.as_u64() }
    }
}

impl Read for u32 {
    fn read(value: Value) -> Option<Self> {
        u64::read(value)?.try_into().ok()
    }
}

impl Read for i64 {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() { Some(0) } else { value.as_i64() }
    }
}

impl Read for i32 {
    fn read(value: Value) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }
}

impl Read for Timestamp {
    fn read(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

impl Read for uuid::Uuid {
    fn read(value: Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read> Read for Box<T> {
    fn read(value: Value) -> Option<Self> {
        T::read(value).map(Self::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(T::read).collect(),
            Value::Null => Some(Self::new()),
            _ => None,
        }
    }
}

impl<A: Read, B: Read> Read for (A, B) {
    fn read(value: Value) -> Option<Self> {
        let Value::Array(mut pair) = value else { return None };
        let (second, first) = (pair.pop()?, pair.pop()?);
        if pair.is_empty() { Some((A::read(first)?, B::read(second)?)) } else { None }
    }
}

impl<K: FromStr + Eq + Hash, V: Read> Read for HashMap<K, V> {
    fn read(value: Value) -> Option<Self> {
        let Row(fields) = Row::of(value)?;
        fields.into_iter().map(|(key, value)| Some((key.parse().ok()?, V::read(value)?))).collect()
    }
}

impl<V: Read> Read for BTreeMap<String, V> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::new()),
            value => Row::of(value)?.0.into_iter().map(|(key, value)| Some((key, V::read(value)?))).collect(),
        }
    }
}
