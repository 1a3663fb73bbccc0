//! Access to everything outside the process, one file per purpose. Knows no feature.

pub mod clock;
pub mod database;
pub mod private_postgres;
pub mod rates;
pub mod tokens;
