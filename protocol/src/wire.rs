//! Reads rows from JSON: first as a `serde_json::Value`, then field by field.
//!
//! serde's derived readers generate code for every type; they were a quarter of the browser's download. Here all
//! types share one reader, and a field costs one call. An absent field or `null` reads as empty, so that a newer
//! client can read the rows of an older server; ids, names, times and maps by id must be present.

use crate::time::Timestamp;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    str::FromStr,
};

/// A type that can be read from a JSON value.
pub trait Read: Sized {
    /// None if the value has another form.
    fn read(value: Value) -> Option<Self>;
}

/// The fields of a JSON object. Readers take them out one by one.
pub struct Row(Map<String, Value>);

impl Row {
    #[must_use]
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Takes a field; an absent field is read as `null`.
    pub fn take<T: Read>(&mut self, name: &str) -> Option<T> {
        T::read(self.0.remove(name).unwrap_or_default())
    }
}

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not an object"))
    }
}

/// Implements reading for structs with these fields: `rows! { Reaction { emoji, count, by } }`.
#[macro_export]
macro_rules! rows {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $name {
            /// Takes this type's fields out of a row that may have other fields too.
            pub(crate) fn from_row(row: &mut $crate::wire::Row) -> Option<Self> {
                Some(Self { $($field: row.take(stringify!($field))?),* })
            }
        }
        $crate::readable!($name, |value| Self::from_row(&mut $crate::wire::Row::of(value)?));
    )*};
}

/// Implements `Read` by an expression, and serde's `Deserialize` by `Read`.
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

/// Gives the cases of an enum their names on the wire and in the database: `names! { Role { Admin = "admin" } }`.
/// With `else Unknown` the enum has a case `Unknown(Name)` for the names of newer versions.
#[macro_export]
macro_rules! names {
    ($name:ident { $($case:ident = $word:literal),* $(,)? }) => {
        $crate::names! { @known $name { $($case = $word),* } }
        impl $name {
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$case => $word),* }
            }
        }
    };
    ($name:ident { $($case:ident = $word:literal),* $(,)? } else $unknown:ident) => {
        $crate::names! { @known $name { $($case = $word),* } }
        impl $name {
            #[must_use]
            pub fn name(&self) -> &str {
                match self { $(Self::$case => $word,)* Self::$unknown(name) => name.as_str() }
            }

            /// The case with this name, which may be a newer version's.
            #[must_use]
            pub fn named(name: &str) -> Self {
                Self::from_name(name).unwrap_or_else(|| Self::$unknown($crate::wire::Name::new(name)))
            }

            /// Reads a field of a request, which must have a known name.
            ///
            /// # Errors
            /// For any other value.
            pub fn read_known<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("not a known name"))
            }
        }
        $crate::readable!($name, |value| value.as_str().map(Self::named));
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::wire::names_schema(&[$($word),*])
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
    (@known $name:ident { $($case:ident = $word:literal),* }) => {
        impl $name {
            /// The case with this name; none for a name that this version does not know.
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
    };
}

/// A name of a newer version, kept so that rows pass through this version unchanged. Names of the protocol
/// have at most 30 bytes; a longer one is cut.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    length: u8,
    bytes: [u8; 30],
}

impl Name {
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; 30];
        let length = name.floor_char_boundary(bytes.len());
        for (to, from) in bytes.iter_mut().zip(name.bytes().take(length)) {
            *to = from;
        }
        Self { length: length as u8, bytes }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length.into());
        bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The known names, for readers; any other string is legal too, because a newer version may send it.
#[cfg(feature = "openapi")]
#[must_use]
pub fn names_schema(names: &[&str]) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Type};
    let known = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied()));
    let newer = ObjectBuilder::new().schema_type(Type::String).description(Some("A value of a newer version."));
    AnyOfBuilder::new().item(known).item(newer).into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chat::{Changes, ChatKind, CreateChat, Message},
        groups::{ChangeRole, Role},
        profiles::Me,
    };
    use serde_json::json;

    fn user() -> Value {
        json!({ "id": "00000000-0000-0000-0000-000000000002", "username": "ann", "display_name": "Ann", "bio": "",
            "avatar_url": null, "online": null, "last_seen_at": null })
    }

    /// A page of changes from a newer version. It has only fields that this version knows.
    fn future_changes() -> Value {
        let chat_id = "00000000-0000-0000-0000-000000000001";
        let at = "2031-01-01T00:00:00.000Z";
        let event =
            json!({ "type": "comet_seen", "actor_id": user()["id"], "user_id": chat_id, "tail": { "km": 1.5 } });
        let file = json!({ "id": chat_id, "name": "a", "media_type": "b/c", "size": 1, "width": null, "height": null,
            "thumbhash": null, "status": "frozen", "url": "u", "thumbnail_url": null });
        json!({
            "chat_id": chat_id, "seq": 9, "more": false, "users": [user()],
            "chat": { "id": chat_id, "kind": "orbit", "title": "T", "description": "", "avatar_url": null, "last_no": 1,
                "member_count": 1, "seq": 8 },
            "members": [{ "user": user(), "role": "navigator", "joined_at": at, "read_no": 0, "removed": false, "seq": 2 }],
            "messages": [{ "chat_id": chat_id, "no": 1, "seq": 9, "id": chat_id, "client_id": chat_id,
                "sender_id": user()["id"], "kind": "hologram", "text": "", "reply_to": null, "forwarded_from": null,
                "attachments": [file], "reactions": [], "mentions": [], "event": event, "created_at": at,
                "edited_at": null, "deleted": false }],
        })
    }

    #[test]
    fn rows_of_a_newer_version_pass_through_unchanged() {
        let read: Changes = serde_json::from_value(future_changes()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), future_changes());
        let message = &read.messages[0];
        assert!(!message.is_showable() && message.counts_for(crate::ids::UserId::fresh()));
        // The users that an unknown event names are in `people` too.
        let named: Vec<String> = message.people().map(|id| id.to_string()).collect();
        assert_eq!(named, [message.sender_id.to_string(), message.sender_id.to_string(), read.chat_id.to_string()]);
        let mut me = user();
        me["last_seen"] = "friends".into();
        assert_eq!(serde_json::from_value::<Me>(me).unwrap().last_seen.name(), "friends");
    }

    #[test]
    fn an_event_of_an_unknown_form_is_an_unknown_event() {
        for event in [json!({ "type": "member_added", "users": 3 }), json!({ "type": "member_left" }), json!("x")] {
            let mut changes = future_changes();
            changes["messages"][0]["event"] = event.clone();
            changes["messages"][0]["kind"] = "system".into();
            let read: Changes = serde_json::from_value(changes).unwrap();
            assert!(!read.messages[0].is_showable());
            assert_eq!(serde_json::to_value(&read.messages[0].event).unwrap(), event);
        }
    }

    #[test]
    fn an_unknown_role_gives_no_rights() {
        let unknown = Role::named("navigator");
        assert!(unknown < Role::Member && Some(unknown) < Some(Role::Admin) && Some(unknown) < Some(Role::Owner));
    }

    #[test]
    fn requests_take_known_names_only() {
        let kind = |kind: &str| serde_json::from_value::<CreateChat>(json!({ "kind": kind })).map(|new| new.kind);
        assert_eq!(kind("group").unwrap(), ChatKind::Group);
        assert!(kind("orbit").is_err());
        assert!(serde_json::from_value::<ChangeRole>(json!({ "role": "navigator" })).is_err());
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(Name::new(&"x".repeat(40)).as_str(), "x".repeat(30));
        assert_eq!(Name::new(&"я".repeat(16)).as_str(), "я".repeat(15));
        assert_eq!(Name::new("").as_str(), "");
        assert!(serde_json::from_value::<Message>(json!({ "kind": 7 })).is_err());
    }
}
