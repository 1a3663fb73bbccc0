//! Tests of the operations of `services` through its public API, each with its own database.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod auth;
mod blank;
mod blocks;
mod chat;
mod commit;
mod counts;
mod database;
mod edits;
mod future;
mod groups;
mod lists;
mod live;
mod messages;
mod presence;
mod removal;
mod schema;
mod support;
mod tokens;
mod trips;
mod unavailable;
