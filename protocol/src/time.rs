//! Points in time, and their date and time of day in a reader's time zone. No clock: callers pass the time.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z. On the wire: RFC 3339, UTC, with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
pub struct Timestamp(pub i64);

/// The calendar date and the time of day of a `Timestamp` in a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1 to 12
    pub month: u8,
    /// 1 to 31
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub milli: u16,
}

/// A day in milliseconds.
pub const DAY: i64 = 86_400_000;

impl Timestamp {
    /// The date and the time of day in the zone that is `offset` minutes east of UTC.
    #[must_use]
    pub fn civil(self, offset: i32) -> Civil {
        let local = self.0 + i64::from(offset) * 60_000;
        let (year, month, day) = civil_from_days(local.div_euclid(DAY));
        let of_day = local.rem_euclid(DAY);
        Civil {
            year,
            month,
            day,
            hour: (of_day / 3_600_000) as u8,
            minute: (of_day / 60_000 % 60) as u8,
            second: (of_day / 1_000 % 60) as u8,
            milli: (of_day % 1_000) as u16,
        }
    }

    /// Days since 1970-01-01 in the zone that is `offset` minutes east of UTC.
    #[must_use]
    pub fn local_day(self, offset: i32) -> i64 {
        (self.0 + i64::from(offset) * 60_000).div_euclid(DAY)
    }

    /// Parses RFC 3339 with any zone offset. Digits beyond milliseconds are cut. A date or a time of day that
    /// does not exist (30 February, 24:00, a leap second) is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let mark = |at: usize, any: &[u8]| text.as_bytes().get(at).filter(|b| any.contains(b));
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        (mark(4, b"-").and(mark(7, b"-")).and(mark(10, b"Tt ")).and(mark(13, b":")).and(mark(16, b":")))?;
        if !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
            return None;
        }
        let mut zone = 19;
        let mut milli = 0;
        if mark(19, b".").is_some() {
            let digits = text.get(20..)?.bytes().take_while(u8::is_ascii_digit).count();
            let shown = text.get(20..20 + digits.min(3)).filter(|shown| !shown.is_empty())?;
            milli = format!("{shown:0<3}").parse().ok()?;
            zone = 20 + digits;
        }
        let (east_hours, east_minutes) = match text.as_bytes().get(zone..)? {
            [b'Z' | b'z'] => (0, 0),
            [b'+' | b'-', _, _, b':', _, _] => (number(zone + 1..zone + 3)?, number(zone + 4..zone + 6)?),
            _ => return None,
        };
        if hour > 23 || minute > 59 || second > 59 || east_hours > 23 || east_minutes > 59 {
            return None;
        }
        let east = east_hours * 60 + east_minutes;
        let east = if mark(zone, b"-").is_some() { -east } else { east };
        let days = days_from_civil(year, month, day);
        Some(Self(days * DAY + ((hour * 60 + minute - east) * 60 + second) * 1_000 + milli))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, milli } = self.civil(0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day as u8)
}

/// Days of a month of the Gregorian calendar.
fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The inverse of `civil_from_days`, from the same paper.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_and_written() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-23T00:37:00.000Z", 1_795_394_220_000),
            ("1969-12-31T23:59:59.000Z", -1_000),
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp(millis)), "{text}");
            assert_eq!(Timestamp(millis).to_string(), text);
        }
        assert_eq!(Timestamp::parse("2026-11-23T03:37:00+03:00"), Timestamp::parse("2026-11-23T00:37:00Z"));
        for bad in ["", "2026-11-23", "2026-11-23T00:00:00", "２026-11-23T00:00:00Z", "2026-11-23T00:00:00.Z"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for (text, legal) in [
            ("2026-02-28T00:00:00Z", true),
            ("2026-02-29T00:00:00Z", false),
            ("2026-02-30T00:00:00Z", false),
            ("2024-02-29T00:00:00Z", true),
            ("2000-02-29T00:00:00Z", true),
            ("1900-02-29T00:00:00Z", false),
            ("2026-04-31T00:00:00Z", false),
            ("2026-00-01T00:00:00Z", false),
            ("2026-13-01T00:00:00Z", false),
            ("2026-01-00T00:00:00Z", false),
            ("2026-01-32T00:00:00Z", false),
            ("2026-01-01T24:00:00Z", false),
            ("2026-01-01T00:60:00Z", false),
            ("2026-12-31T23:59:60Z", false),
            ("2026-01-01T00:00:00+23:59", true),
            ("2026-01-01T00:00:00+24:00", false),
            ("2026-01-01T00:00:00+00:60", false),
            ("2026-01-01T00:00:00+-1:00", false),
        ] {
            assert_eq!(Timestamp::parse(text).is_some(), legal, "{text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

        /// The result equals that of the `time` crate.
        #[test]
        fn times_are_those_of_the_calendar(
            (year, month, day) in (0i32..=9999, 0u8..=13, 0u8..=32),
            (hour, minute, second, milli) in (0u8..=24, 0u8..=60, 0u8..=60, 0u16..=999),
            (east, hours, minutes) in (proptest::bool::ANY, 0i8..=23, 0i8..=60),
        ) {
            let sign = if east { '+' } else { '-' };
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}{sign}{hours:02}:{minutes:02}"
            );
            let expected = || {
                let date = time::Date::from_calendar_date(year, month.try_into().ok()?, day).ok()?;
                let clock = time::Time::from_hms_milli(hour, minute, second, milli).ok()?;
                let side = if east { 1 } else { -1 };
                let zone = time::UtcOffset::from_hms(side * hours, side * minutes, 0).ok()?;
                let moment = date.with_time(clock).assume_offset(zone);
                Some(Timestamp((moment.unix_timestamp_nanos() / 1_000_000) as i64))
            };
            proptest::prop_assert_eq!(Timestamp::parse(&text), expected(), "{}", text);
        }
    }

    #[test]
    fn a_readers_day_follows_their_offset() {
        let late = Timestamp::parse("2026-11-22T22:30:00Z").unwrap();
        assert_eq!((late.civil(0).day, late.civil(180).day), (22, 23));
        assert_eq!(late.local_day(180), late.local_day(0) + 1);
    }
}
