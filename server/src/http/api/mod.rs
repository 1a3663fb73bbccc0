//! REST, one file a feature; each handler says who asks, makes the call, and answers (PROTOCOL section 4).

pub mod auth;
pub mod chat;
pub mod groups;
pub mod profiles;
