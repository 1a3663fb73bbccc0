//! The operations of the product. No HTTP, no pages; never compiled to WASM.
//!
//! Operations are free functions `(node, actor, data)`. Each checks the actor's permissions itself, so that every
//! pathway (REST, WebSocket, server function, page) has the same checks.

pub mod auth;
pub mod chat;
pub mod demo;
pub mod groups;
pub mod infra;
pub mod live;
mod mutant;
mod node;
pub mod profiles;
mod rejection;

pub use mutant::Mutant;
pub use node::{Node, Settings};
pub use rejection::{Rejection, Result};

use protocol::ids::{SessionId, UserId};

/// The caller of an operation: a user, and the live session of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    pub user_id: UserId,
    pub session_id: SessionId,
}
