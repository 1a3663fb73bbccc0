//! Times in the reader's zone and language. The server and the browser give the same words.

use crate::{i18n::t_string, ui::I18n};
use leptos::prelude::*;
use protocol::time::Timestamp;

/// The reader's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Minutes east of UTC.
    pub offset: i32,
    pub now: Timestamp,
}

/// `14:05`
#[must_use]
pub fn clock(time: Timestamp, offset: i32) -> String {
    let civil = time.civil(offset);
    format!("{:02}:{:02}", civil.hour, civil.minute)
}

/// `12 November 2026`, in the reader's language.
#[must_use]
pub fn date(i18n: I18n, time: Timestamp, offset: i32) -> String {
    let civil = time.civil(offset);
    format!("{} {} {}", civil.day, month(i18n, civil.month), civil.year)
}

/// For a list: the time of day if it is today, the day and month if it is this year, else the date.
#[must_use]
pub fn short(i18n: I18n, time: Timestamp, Zone { offset, now }: Zone) -> String {
    let civil = time.civil(offset);
    match age(time, now, offset) {
        Age::Today => clock(time, offset),
        Age::ThisYear => {
            let name: String = month(i18n, civil.month).chars().take(3).collect();
            format!("{} {name}", civil.day)
        }
        Age::Earlier => format!("{:02}.{:02}.{:02}", civil.day, civil.month, civil.year.rem_euclid(100)),
    }
}

#[derive(Debug, PartialEq)]
enum Age {
    Today,
    ThisYear,
    Earlier,
}

/// How long ago a time is, by the reader's calendar; a time in the future counts as today.
fn age(time: Timestamp, now: Timestamp, offset: i32) -> Age {
    if time.local_day(offset) >= now.local_day(offset) {
        Age::Today
    } else if time.civil(offset).year == now.civil(offset).year {
        Age::ThisYear
    } else {
        Age::Earlier
    }
}

fn month(i18n: I18n, month: u8) -> &'static str {
    match month {
        1 => t_string!(i18n, months.january),
        2 => t_string!(i18n, months.february),
        3 => t_string!(i18n, months.march),
        4 => t_string!(i18n, months.april),
        5 => t_string!(i18n, months.may),
        6 => t_string!(i18n, months.june),
        7 => t_string!(i18n, months.july),
        8 => t_string!(i18n, months.august),
        9 => t_string!(i18n, months.september),
        10 => t_string!(i18n, months.october),
        11 => t_string!(i18n, months.november),
        _ => t_string!(i18n, months.december),
    }
}

/// A point in time as `<time>`.
#[component]
pub fn Clock(time: Timestamp, offset: i32) -> impl IntoView {
    view! { <time datetime=time.to_string()>{clock(time, offset)}</time> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In milliseconds.
    const HOUR: i64 = 3_600_000;
    /// 2026-01-01T00:00Z.
    const NEW_YEAR: i64 = 1_767_225_600_000;

    #[test]
    fn today_and_this_year_begin_at_the_readers_midnight() {
        for (name, time, now, offset, expected) in [
            ("just now", NEW_YEAR + HOUR, NEW_YEAR + 2 * HOUR, 0, Age::Today),
            ("a clock that is ahead", NEW_YEAR + 30 * HOUR, NEW_YEAR + 2 * HOUR, 0, Age::Today),
            ("yesterday", NEW_YEAR + 23 * HOUR, NEW_YEAR + 25 * HOUR, 0, Age::ThisYear),
            ("still today, further east", NEW_YEAR + 23 * HOUR, NEW_YEAR + 25 * HOUR, 60, Age::Today),
            ("last year", NEW_YEAR - HOUR, NEW_YEAR + HOUR, 0, Age::Earlier),
            ("the same year, further west", NEW_YEAR - 30 * HOUR, NEW_YEAR + HOUR, -120, Age::ThisYear),
        ] {
            assert_eq!(age(Timestamp(time), Timestamp(now), offset), expected, "{name}");
        }
    }

    #[test]
    fn hours_and_minutes_have_two_digits() {
        assert_eq!(clock(Timestamp(NEW_YEAR + 9 * HOUR + 5 * 60_000), 0), "09:05");
        assert_eq!(clock(Timestamp(NEW_YEAR), -90), "22:30");
    }
}
