//! Times in the reader's zone and language; the same words on both sides.

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

/// For a list: the hour today, else the day, else the date.
#[must_use]
pub fn short(i18n: I18n, time: Timestamp, Zone { offset, now }: Zone) -> String {
    let civil = time.civil(offset);
    if time.local_day(offset) >= now.local_day(offset) {
        clock(time, offset)
    } else if civil.year == now.civil(offset).year {
        let name: String = month(i18n, civil.month).chars().take(3).collect();
        format!("{} {name}", civil.day)
    } else {
        format!("{:02}.{:02}.{:02}", civil.day, civil.month, civil.year.rem_euclid(100))
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
