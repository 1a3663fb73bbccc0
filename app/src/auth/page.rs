//! The data of the page of sessions.

use protocol::auth::Session;
use serde::Serialize;
#[cfg(feature = "ssr")]
use services::{Actor, Node, auth};

/// The devices on which the reader is signed in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sessions {
    pub sessions: Vec<Session>,
}

protocol::rows! { Sessions { sessions } }

/// Loads the reader's sessions.
///
/// # Errors
/// `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load(node: &Node, actor: Actor) -> services::Result<Sessions> {
    Ok(Sessions { sessions: auth::sessions(node, actor).await? })
}
