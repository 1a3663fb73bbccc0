//! Building blocks without product words.

mod avatar;
mod field;
mod icon;
pub mod plural;
mod show;
pub mod time;
pub mod words;

pub use avatar::{Avatar, colour};
pub use field::{Field, FormError};
pub use icon::{Icon, outline};
pub(crate) use plural::counted;
pub use show::Show;
pub(crate) use words::t;
