//! The time, and how the database writes it.

use protocol::time::Timestamp;
use time::OffsetDateTime;

/// Now, to the millisecond.
#[must_use]
pub fn now() -> Timestamp {
    from_database(OffsetDateTime::now_utc())
}

#[must_use]
pub fn from_database(time: OffsetDateTime) -> Timestamp {
    Timestamp(i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

/// Times that the database cannot hold are cut to its ends.
#[must_use]
pub fn to_database(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000).unwrap_or(if time.0 < 0 {
        OffsetDateTime::UNIX_EPOCH
    } else {
        time::macros::datetime!(9999-12-31 0:00 UTC)
    })
}
