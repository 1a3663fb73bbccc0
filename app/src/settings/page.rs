//! The data of the page of privacy.

use protocol::{profiles::User, reducer::State};
use serde::Serialize;
#[cfg(feature = "ssr")]
use services::{Actor, Node, chat};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Privacy {
    /// The users whom the reader has blocked.
    pub blocked: Vec<User>,
}

protocol::rows! { Privacy { blocked } }

impl Privacy {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        state.learn_all(self.blocked.clone());
    }
}

/// Loads the reader's blocks.
///
/// # Errors
/// `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load(node: &Node, actor: Actor) -> services::Result<Privacy> {
    Ok(Privacy { blocked: chat::blocks::list(node, actor).await? })
}
