//! Groups, and the search for users to write to.

mod api;
mod info;
mod members;
mod new;
pub mod page;
mod search;

pub use api::LeaveGroup;
pub use info::{InfoBeside, InfoPage};
pub use new::{NewChatPage, NewGroupPage};
