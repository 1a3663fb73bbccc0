//! The store that pages read from, and the socket that feeds it.

mod connect;
#[cfg(feature = "hydrate")]
mod socket;
mod store;

pub use connect::Connect;
pub use store::{Connection, Store, now};
