//! The rules of time zones. A page gets only the offsets that its times need.

use crate::ui::time::Offsets;
use jiff::{
    Timestamp as Moment,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};
use protocol::time::Timestamp;

/// The cookie in which a browser names its time zone (public/boot.js).
pub const COOKIE: &str = "zone";
/// 2015-01-01T00:00Z, in seconds: older messages, which can only be imported, get the offset of this moment.
const SINCE: i64 = 1_420_070_400;

/// The offsets of a time zone until `now`. Those of UTC if the zone is not known.
#[must_use]
pub fn offsets(name: Option<&str>, now: Timestamp) -> Offsets {
    let known = name.and_then(|name| TimeZoneDatabase::bundled().get(name).ok());
    let zone = known.unwrap_or(TimeZone::UTC);
    let minutes = |offset: Offset| offset.seconds().div_euclid(60);
    let since = Moment::from_second(SINCE).unwrap_or_default();
    let changes = zone.following(since).map(|change| (change.timestamp().as_millisecond(), minutes(change.offset())));
    let mut offsets = vec![(SINCE * 1_000, minutes(zone.to_offset(since)))];
    offsets.extend(changes.take_while(|(from, _)| *from <= now.0));
    offsets.dedup_by_key(|(_, offset)| *offset);
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_the_offsets_until_now() {
        let at = |time: &str| Timestamp::parse(time).unwrap();
        let now = at("2019-06-01T00:00:00Z");
        for (name, count, first, last) in [
            (Some("Europe/Berlin"), 10, 60, ("2019-03-31T01:00:00Z", 120)),
            (Some("America/New_York"), 10, -300, ("2019-03-10T07:00:00Z", -240)),
            (Some("America/Sao_Paulo"), 10, -120, ("2019-02-17T02:00:00Z", -180)),
            (Some("Australia/Lord_Howe"), 10, 660, ("2019-04-06T15:00:00Z", 630)),
            (Some("Asia/Kathmandu"), 1, 345, ("2015-01-01T00:00:00Z", 345)),
            // Browsers still use the old name.
            (Some("Asia/Katmandu"), 1, 345, ("2015-01-01T00:00:00Z", 345)),
            (Some("../etc/passwd"), 1, 0, ("2015-01-01T00:00:00Z", 0)),
            (None, 1, 0, ("2015-01-01T00:00:00Z", 0)),
        ] {
            let offsets = offsets(name, now);
            assert_eq!((offsets.len(), offsets[0].1), (count, first), "{name:?}");
            assert_eq!(offsets.last(), Some(&(at(last.0).0, last.1)), "{name:?}");
        }
    }
}
