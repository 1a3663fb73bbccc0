//! REST (PROTOCOL section 4), one file per feature. A handler identifies the caller, calls the service and
//! returns the result.

pub mod auth;
pub mod chat;
pub mod groups;
pub mod profiles;
