//! The data of a user's profile page.

use protocol::{profiles::User, reducer::State};
use serde::Serialize;
#[cfg(feature = "ssr")]
use services::{Actor, Node, chat, profiles};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    pub user: User,
    /// Whether the reader has blocked this user.
    pub blocked: bool,
}

protocol::rows! { Person { user, blocked } }

impl Person {
    /// Adds the rows to the state.
    pub fn apply(&self, state: &mut State) {
        let User { id, online, last_seen_at, .. } = self.user;
        state.learn_all(vec![self.user.clone()]);
        // The server withholds the presence of a user who hides it: then it is unknown here too.
        state.set_presence(id, online, last_seen_at);
    }
}

/// Loads a user by user name.
///
/// # Errors
/// `not_found`, `unavailable`.
#[cfg(feature = "ssr")]
pub async fn load(node: &Node, actor: Actor, username: &str) -> services::Result<Person> {
    let user = profiles::by_username(node, actor, username).await?;
    let blocked = chat::blocks::has_blocked(node, actor, user.id).await?;
    Ok(Person { user, blocked })
}
