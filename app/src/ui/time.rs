//! Times in the reader's zone and language. The server and the browser give the same words.

use crate::{i18n::t_string, ui::I18n, ui::reactive};
use leptos::prelude::*;
use protocol::time::{Civil, DAY, Timestamp};
use std::sync::Arc;

/// The offsets of a time zone from UTC, in minutes east, each with the time from which it holds, in milliseconds since
/// 1970. The first one holds before its time too.
pub type Offsets = Vec<(i64, i32)>;

/// The reader's time zone, and the current day in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone {
    /// The server sends the offsets up to the present with the page, so that it and the hydration give the same times.
    /// Empty: the browser knows the rules of its zone. The WASM contains none.
    offsets: Arc<[(i64, i32)]>,
    /// In days since 1970.
    today: i64,
    /// The present offset.
    offset: i32,
}

impl Zone {
    #[must_use]
    pub fn new(offsets: Offsets, now: Timestamp) -> Self {
        let mut zone = Self { offsets: offsets.into(), today: 0, offset: 0 };
        (zone.today, zone.offset) = (zone.day(now), zone.offset(now));
        zone
    }

    /// The zone of the browser.
    #[cfg(feature = "hydrate")]
    #[must_use]
    pub fn here() -> Self {
        Self::new(Offsets::new(), Timestamp(js_sys::Date::now() as i64))
    }

    /// Whether another zone gives the same times, as far as the stored offsets tell.
    #[cfg(feature = "hydrate")]
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let agrees = |&(from, offset): &(i64, i32)| other.offset(Timestamp(from)) == offset;
        (self.today, self.offset) == (other.today, other.offset) && self.offsets.iter().all(agrees)
    }

    /// Minutes east of UTC at this time.
    fn offset(&self, time: Timestamp) -> i32 {
        let Some((_, first)) = self.offsets.first() else { return browsers_offset(time) };
        let later = self.offsets.partition_point(|(from, _)| *from <= time.0);
        later.checked_sub(1).and_then(|at| self.offsets.get(at)).map_or(*first, |(_, offset)| *offset)
    }

    fn civil(&self, time: Timestamp) -> Civil {
        time.civil(self.offset(time))
    }

    /// The day of a time, in days since 1970.
    #[must_use]
    pub fn day(&self, time: Timestamp) -> i64 {
        time.local_day(self.offset(time))
    }

    /// The first moment of a day that is given as its midnight in UTC.
    #[cfg(any(feature = "ssr", test))]
    #[must_use]
    pub fn midnight(&self, day: Timestamp) -> Timestamp {
        let before = |time: Timestamp| Timestamp(day.0 - i64::from(self.offset(time)) * 60_000);
        let near = before(day);
        let exact = before(near);
        // In some zones the clock skips midnight.
        if self.day(exact) == day.local_day(0) { exact } else { near }
    }
}

fn browsers_offset(time: Timestamp) -> i32 {
    if cfg!(feature = "hydrate") { -js_sys::Date::new(&(time.0 as f64).into()).get_timezone_offset() as i32 } else { 0 }
}

/// `14:05`
#[must_use]
pub fn clock(time: Timestamp, zone: &Zone) -> String {
    let civil = zone.civil(time);
    format!("{:02}:{:02}", civil.hour, civil.minute)
}

/// `12 November 2026`, in the reader's language.
#[must_use]
pub fn date(i18n: I18n, time: Timestamp, zone: &Zone) -> String {
    let civil = zone.civil(time);
    format!("{} {} {}", civil.day, month(i18n, civil.month), civil.year)
}

/// `12 November 2026, 14:05`
#[must_use]
pub fn full(i18n: I18n, time: Timestamp, zone: &Zone) -> String {
    format!("{}, {}", date(i18n, time, zone), clock(time, zone))
}

/// For the separator of days: "Today", "Yesterday" or the date.
#[must_use]
pub fn day(i18n: I18n, time: Timestamp, zone: &Zone) -> String {
    match zone.today - zone.day(time) {
        0 => t_string!(i18n, today).to_owned(),
        1 => t_string!(i18n, yesterday).to_owned(),
        _ => date(i18n, time, zone),
    }
}

/// For a list: the time of day if it is today, the day and month if it is this year, else the date.
#[must_use]
pub fn short(i18n: I18n, time: Timestamp, zone: &Zone) -> String {
    let civil = zone.civil(time);
    match age(time, zone) {
        Age::Today => clock(time, zone),
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
fn age(time: Timestamp, zone: &Zone) -> Age {
    if zone.day(time) >= zone.today {
        Age::Today
    } else if zone.civil(time).year == Timestamp(zone.today * DAY).civil(0).year {
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

/// The time of day as `<time>`, with the full date on hover.
#[component]
pub fn Clock(i18n: I18n, time: Timestamp, zone: RwSignal<Zone>) -> impl IntoView {
    reactive(move || {
        let zone = zone.get();
        view! { <time datetime=time.to_string() title=full(i18n, time, &zone)>{clock(time, &zone)}</time> }.into_any()
    })
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In milliseconds.
    const HOUR: i64 = 3_600_000;
    /// 2026-01-01T00:00Z.
    const NEW_YEAR: i64 = 1_767_225_600_000;

    fn fixed(offset: i32, now: i64) -> Zone {
        Zone::new(vec![(0, offset)], Timestamp(now))
    }

    fn at(time: &str) -> Timestamp {
        Timestamp::parse(time).unwrap()
    }

    /// Berlin, from winter to summer to winter.
    fn berlin() -> Zone {
        let change = |time: &str, offset| (at(time).0, offset);
        let offsets = vec![(0, 60), change("2026-03-29T01:00:00Z", 120), change("2026-10-25T01:00:00Z", 60)];
        Zone::new(offsets, at("2026-11-29T12:00:00Z"))
    }

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
            assert_eq!(age(Timestamp(time), &fixed(offset, now)), expected, "{name}");
        }
    }

    #[test]
    fn hours_and_minutes_have_two_digits() {
        assert_eq!(clock(Timestamp(NEW_YEAR + 9 * HOUR + 5 * 60_000), &fixed(0, 0)), "09:05");
        assert_eq!(clock(Timestamp(NEW_YEAR), &fixed(-90, 0)), "22:30");
    }

    #[test]
    fn a_summer_message_read_in_winter_keeps_its_time() {
        for (time, expected) in [
            ("2026-03-29T00:59:00Z", "01:59"),
            ("2026-03-29T01:00:00Z", "03:00"),
            ("2026-07-01T12:00:00Z", "14:00"),
            ("2026-10-25T00:59:00Z", "02:59"),
            ("2026-10-25T01:00:00Z", "02:00"),
            ("2026-11-29T12:00:00Z", "13:00"),
        ] {
            assert_eq!(clock(at(time), &berlin()), expected, "{time}");
        }
    }

    #[test]
    fn a_day_begins_at_its_first_moment() {
        // In São Paulo the clock skipped the midnight of 4 November 2018, and the 17th of February had 25 hours.
        let sao_paulo = vec![(0, -120), (at("2018-02-18T02:00:00Z").0, -180), (at("2018-11-04T03:00:00Z").0, -120)];
        let sao_paulo = Zone::new(sao_paulo, at("2018-12-01T12:00:00Z"));
        for (zone, day, expected) in [
            (&berlin(), "2026-03-29T00:00:00Z", "2026-03-28T23:00:00Z"),
            (&berlin(), "2026-03-30T00:00:00Z", "2026-03-29T22:00:00Z"),
            (&berlin(), "2026-10-25T00:00:00Z", "2026-10-24T22:00:00Z"),
            (&berlin(), "2026-10-26T00:00:00Z", "2026-10-25T23:00:00Z"),
            (&sao_paulo, "2018-11-04T00:00:00Z", "2018-11-04T03:00:00Z"),
            (&sao_paulo, "2018-02-18T00:00:00Z", "2018-02-18T03:00:00Z"),
            (&sao_paulo, "2018-02-17T00:00:00Z", "2018-02-17T02:00:00Z"),
        ] {
            assert_eq!(zone.midnight(at(day)), at(expected), "{day}");
        }
    }
}
