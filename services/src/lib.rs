//! What the product does. No HTTP, no pages, never WASM.
//!
//! Operations are free functions `(node, actor, data)`; each checks its own rights, so that every
//! pathway (REST, WebSocket, server function, page) is the same door.

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

/// Who is asking: a person, and the live session they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    pub user_id: UserId,
    pub session_id: SessionId,
}
