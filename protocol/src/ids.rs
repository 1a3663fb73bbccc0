//! Identifiers: UUIDs with a type for each kind of thing, so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier (UUID v7), which sorts after earlier ones.
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl crate::wire::Read for $name {
            fn read(value: serde_json::Value) -> Option<Self> {
                Uuid::read(value).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// A user.
    UserId
    /// A chat.
    ChatId
    /// A message, across chats. Inside its chat, a message is addressed by `no`.
    MessageId
    /// A signed-in device.
    SessionId
    /// The idempotency key of a send: the client generates it and repeats it in every retry.
    ClientId
}

impl ClientId {
    /// The id of one of several sends of a form, derived from the form's id and a number.
    #[must_use]
    pub fn of(self, number: u64) -> Self {
        Self(Uuid::from_u128(self.0.as_u128() ^ u128::from(number)))
    }
}
