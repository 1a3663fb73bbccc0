//! Identifiers: UUIDs that cannot be taken for one another.

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
            /// A fresh identifier (UUID v7), later than those made before it.
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
    /// A person.
    UserId
    /// A conversation.
    ChatId
    /// A message, wherever it is quoted; inside its chat it is addressed by `no`.
    MessageId
    /// A signed-in device.
    SessionId
    /// Made by the sender for each send, repeated with each retry: what makes a send exactly-once.
    ClientId
}

impl ClientId {
    /// The id of one of the sends that a form makes: the form's own, told apart by a number.
    #[must_use]
    pub fn of(self, number: u64) -> Self {
        Self(Uuid::from_u128(self.0.as_u128() ^ u128::from(number)))
    }
}
