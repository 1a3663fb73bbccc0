//! The current time, and its conversion to and from the database.

use protocol::time::Timestamp;
use time::OffsetDateTime;

/// The current time, to the millisecond.
#[must_use]
pub fn now() -> Timestamp {
    from_database(OffsetDateTime::now_utc())
}

#[must_use]
pub fn from_database(time: OffsetDateTime) -> Timestamp {
    Timestamp(i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

/// Times outside of the years 1 to 9999 are clamped: PostgreSQL refuses years before 4714 BC.
#[must_use]
pub fn to_database(time: Timestamp) -> OffsetDateTime {
    let first = time::macros::datetime!(0001-01-01 0:00 UTC);
    let last = time::macros::datetime!(9999-12-31 23:59:59.999 UTC);
    let clamped = if time.0 < 0 { first } else { last };
    let exact = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000);
    exact.unwrap_or(clamped).clamp(first, last)
}
