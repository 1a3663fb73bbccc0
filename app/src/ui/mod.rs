//! Building blocks of pages. They depend neither on the store nor on a feature.

mod avatar;
mod case;
mod confirm;
mod dialog;
mod field;
mod focus;
mod form;
mod icon;
mod list;
mod not_found;
pub mod notification;
pub mod plural;
mod reactive;
mod section;
mod show;
mod skeleton;
pub mod time;
pub mod words;

pub use avatar::{Avatar, colour};
#[cfg(feature = "hydrate")]
pub use case::comparison;
pub use case::{lower, upper};
#[cfg(feature = "ssr")]
pub use confirm::Asked;
pub use confirm::{ConfirmButton, Confirmation};
pub use dialog::Dialog;
#[cfg(feature = "ssr")]
pub use field::error_words;
pub use field::{Field, FormError, error_text};
pub use focus::{find, focus, matches_media, once_drawn};
pub use form::{Forms, Refused};
pub use icon::{Icon, outline};
pub use list::{For, More};
pub use not_found::NotFound;
pub(crate) use plural::counted;
pub use reactive::{effect, effect_from, memo, reactive};
pub use section::TitledSection;
pub use show::Show;
pub use skeleton::Skeleton;
pub(crate) use words::t;
pub use words::{I18n, isolated};
