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

/// Times outside the range of the database are clamped to it.
#[must_use]
pub fn to_database(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000).unwrap_or(if time.0 < 0 {
        OffsetDateTime::UNIX_EPOCH
    } else {
        time::macros::datetime!(9999-12-31 0:00 UTC)
    })
}
