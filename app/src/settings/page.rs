//! The data of the page of privacy.

use protocol::{profiles::User, reducer::State};
use serde::Serialize;
#[cfg(feature = "ssr")]
use services::{Actor, Node, chat};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Privacy {
    /// The users whom the reader has blocked.
    pub blocked: Vec<User>,
    /// The cursor of the users after these.
    pub next: Option<String>,
}

protocol::rows! { Privacy { blocked, next } }

impl Privacy {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        state.learn_all(self.blocked.clone());
    }
}

/// Loads a page of the reader's blocks.
///
/// # Errors
/// `invalid_input` for a malformed cursor, `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load(node: &Node, actor: Actor, cursor: Option<&str>) -> services::Result<Privacy> {
    let protocol::Page { items: blocked, next } = chat::blocks::list(node, actor, cursor, None).await?;
    Ok(Privacy { blocked, next })
}
