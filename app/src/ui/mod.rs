//! Building blocks without product words.

mod avatar;
mod field;
mod icon;
pub mod time;

pub use avatar::Avatar;
pub use field::{Field, FormError};
pub use icon::{Icon, outline};
