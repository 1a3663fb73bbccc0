//! The user interface. Pages read from the client's store. The server's data of each page fills the store. Every
//! action is a form that works without JavaScript (ARCHITECTURE.md).

// Views are deeply nested types.
#![recursion_limit = "512"]

mod address;
mod arrival;
mod auth;
mod chat;
mod choices;
pub mod cookie;
mod groups;
pub mod i18n;
mod live;
mod navigation;
mod part;
mod people;
mod profiles;
mod refusal;
mod routes;
#[cfg(test)]
mod sample;
mod seed;
#[cfg(feature = "ssr")]
pub mod server_context;
mod settings;
mod shell;
mod ui;

pub use address::Address;
pub use refusal::Refusal;
pub use routes::App;
pub use seed::Seed;
pub use ui::Refused;

#[cfg(feature = "hydrate")]
pub use shell::hydrate;
