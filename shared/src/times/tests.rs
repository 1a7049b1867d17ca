//! How times are read: every notation, its malformed neighbours, and what all of them have in common.

use jiff::{civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::{NoTime, Read, Times, Zone};
use crate::record::Time;

fn time(text: &str) -> Time {
    Time::parse(text.as_bytes()).unwrap()
}

/// In Berlin, where winter is +01:00 and summer +02:00; read on 2 January 2025.
fn berlin() -> Times {
    Times { zone: Zone::named("Europe/Berlin").unwrap(), before: Some(time("2025-01-02T06:00:00Z")) }
}

fn shown(read: Result<Read, NoTime>) -> String {
    read.map_or_else(|why| format!("{why:?}"), |read| read.time.to_string())
}

fn check(text: &str, expect: &str) {
    assert_eq!(shown(berlin().read(text.as_bytes())), expect, "{text}");
}

#[test]
fn one_moment_in_every_notation() {
    for (text, expect) in [
        ("2026-03-05T10:11:12Z", "2026-03-05T10:11:12+00:00"),
        ("2026-03-05t10:11:12z", "2026-03-05T10:11:12+00:00"),
        ("2026-03-05 10:11:12", "2026-03-05T10:11:12+01:00"),
        ("2026-03-05T10:11:12", "2026-03-05T10:11:12+01:00"),
        ("  2026-03-05 10:11:12Z\t", "2026-03-05T10:11:12+00:00"),
        ("2026-03-05 10:11:12 UTC", "2026-03-05T10:11:12+00:00"),
        ("2026-03-05 10:11:12 +0200", "2026-03-05T10:11:12+02:00"),
        ("2026-03-05T11:11:12+01:00", "2026-03-05T11:11:12+01:00"),
        ("2026-03-05T11:11:12+0100", "2026-03-05T11:11:12+01:00"),
        ("2026-03-05 11:11:12+01", "2026-03-05T11:11:12+01:00"),
        ("2026-03-05 11:11:12-00:00", "2026-03-05T11:11:12+00:00"),
        ("2026-03-05 10:11:12.000", "2026-03-05T10:11:12+01:00"),
        ("2026-03-05 10:11:12,250", "2026-03-05T10:11:12.25+01:00"),
        ("2026-03-05T10:11:12.0000000019Z", "2026-03-05T10:11:12.000000001+00:00"),
        ("2026-03-05 10:11", "2026-03-05T10:11:00+01:00"),
        ("2026-03-05T10:11Z", "2026-03-05T10:11:00+00:00"),
        ("2026-03-05", "2026-03-05T00:00:00+01:00"),
        ("2026/03/05 10:11:12", "2026-03-05T10:11:12+01:00"),
        ("20260305T101112Z", "2026-03-05T10:11:12+00:00"),
        ("20260305T1011", "2026-03-05T10:11:00+01:00"),
        ("20260305 10:11:12,5", "2026-03-05T10:11:12.5+01:00"),
        ("20260305T101112.5+0200", "2026-03-05T10:11:12.5+02:00"),
        ("20260305", "2026-03-05T00:00:00+01:00"),
        ("20260305101112", "2026-03-05T10:11:12+01:00"),
        ("2026-W10-4", "2026-03-05T00:00:00+01:00"),
        ("2026W104T101112Z", "2026-03-05T10:11:12+00:00"),
        ("2020-W53-7", "2021-01-03T00:00:00+01:00"),
        ("05/Mar/2026:10:11:12 +0000", "2026-03-05T10:11:12+00:00"),
        ("5/Mar/2026:10:11:12.5", "2026-03-05T10:11:12.5+01:00"),
        ("Thu, 05 Mar 2026 10:11:12 GMT", "2026-03-05T10:11:12+00:00"),
        ("Thu, 5 Mar 2026 11:11:12 +0100", "2026-03-05T11:11:12+01:00"),
        ("5 Mar 2026 05:11 EST", "2026-03-05T05:11:00-05:00"),
        ("05-Mar-2026 10:11:12", "2026-03-05T10:11:12+01:00"),
        ("Thu Mar  5 10:11:12 2026", "2026-03-05T10:11:12+01:00"),
        ("Thu Mar 05 10:11:12.123456 2026", "2026-03-05T10:11:12.123456+01:00"),
        ("Thu Mar  5 10:11:12 UTC 2026", "2026-03-05T10:11:12+00:00"),
        ("Mar  5 10:11:12 2026", "2026-03-05T10:11:12+01:00"),
        ("1772705472", "2026-03-05T11:11:12+01:00"),
        ("1772705472.0", "2026-03-05T11:11:12+01:00"),
        ("1772705472000", "2026-03-05T11:11:12+01:00"),
        ("1772705472000000", "2026-03-05T11:11:12+01:00"),
        ("1772705472000000000", "2026-03-05T11:11:12+01:00"),
        ("1709294400.123", "2024-03-01T13:00:00.123+01:00"),
        ("1709294400123.456789", "2024-03-01T13:00:00.123456789+01:00"),
        ("1709294400.1234567899", "2024-03-01T13:00:00.123456789+01:00"),
        ("0", "1970-01-01T01:00:00+01:00"),
        ("-1.5", "1970-01-01T00:59:58.5+01:00"),
        ("12345678", "1970-05-23T22:21:18+01:00"),
        ("10101010", "1970-04-27T22:50:10+01:00"),
        ("29/Feb/2000:23:59:60 +0530", "2000-03-01T00:00:00+05:30"),
        ("1800-01-01", "1800-01-01T00:00:00+00:53"),
        ("1677-09-22T00:00:00Z", "1677-09-22T00:00:00+00:00"),
        ("2262-04-11T00:00:00Z", "2262-04-11T00:00:00+00:00"),
    ] {
        check(text, expect);
    }
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        " ",
        "-",
        "soon",
        "2026-03",
        "2026-3-5",
        "2026-03-05T",
        "2026-03-05T10",
        "2026-03-05  10:11",
        "2026-03-05_10:11",
        "2026-03/05",
        "2026-13-05",
        "2026-02-29",
        "2026-03-05 24:00",
        "2026-03-05 10:60",
        "2026-03-05 10:11:61",
        "2026-03-05 10:11:12.",
        "2026-03-05 10:11:12.Z",
        "2026-03-05 10:11:12Zz",
        "2026-03-05 10:11:12+1",
        "2026-03-05 10:11:12+01:",
        "2026-03-05 10:11:12+24",
        "2026-03-05 10:11:12+01:60",
        "2026-03-05 10:11:12+00:53:28",
        "2026-03-05 10:11:12 pm",
        "20260305T",
        "20260305T10111",
        "2026-W54-1",
        "2026-W10-8",
        "2026-W10",
        "05/mar/2026:10:11:12 +0000",
        "30/Feb/2026:10:11:12 +0000",
        "05/Mar/2026:10:11:12  0000",
        "05/Mar/2026 10:11:12 +0000",
        "05/Mar/26:10:11:12 +0000",
        "05/03/2026",
        "05.03.2026",
        "Fri, 05 Mar 2026 10:11:12 GMT",
        "Thu, 05 Mar 26 10:11:12 GMT",
        "Thu Mar  5 10:11:12",
        "Thu 5",
        "Mar   5 10:11:12",
        "Mar 5",
        "Mar 32 10:11:12",
        "Feb 30 10:11:12",
        "March 5 10:11:12",
        "1772705472s",
        "1e9",
        "1.",
        ".5",
        "+5",
        "--5",
        "1,5",
        "NaN",
        "10:11:12",
    ] {
        check(text, "Unreadable");
    }
    assert_eq!(shown(berlin().of_float(f64::NAN)) + &shown(berlin().of_float(f64::INFINITY)), "UnreadableUnreadable");
}

#[test]
fn years_that_a_time_does_not_reach() {
    for text in
        ["9999-12-31T00:00:00Z", "9999-12-31", "0001-01-01", "1677-01-01T00:00:00Z", "2262-05-01 00:00", "9300000000", "99999999999999"]
    {
        check(text, "Beyond");
    }
    check(&"9".repeat(40), "Beyond");
    assert_eq!(shown(berlin().of_int(i128::MIN)), "Beyond");
    assert_eq!(shown(berlin().of_float(1e300)), "Beyond");
}

#[test]
fn numbers_are_read_by_the_digits_that_they_show() {
    let times = Times::default();
    assert_eq!(shown(times.of_float(1_709_294_400.123)), "2024-03-01T12:00:00.123+00:00");
    assert_eq!(shown(times.of_float(1_709_294_400.0)), "2024-03-01T12:00:00+00:00");
    assert_eq!(shown(times.of_int(1_709_294_400_123_456_789)), "2024-03-01T12:00:00.123456789+00:00");
    assert_eq!(shown(times.of_int(20_260_305)), "2026-03-05T00:00:00+00:00");
    assert_eq!(shown(times.of_float(20_260_305.0)), "2026-03-05T00:00:00+00:00");
    assert_eq!(shown(times.of_float(20_260_305.5)), "1970-08-23T11:51:45.5+00:00");
    assert!(!times.of_int(5).unwrap().is_local && times.of_int(20_260_305).unwrap().is_local);
}

#[test]
fn syslog_has_the_year_nearest_before() {
    check("Dec 31 23:59:50", "2024-12-31T23:59:50+01:00");
    check("Jan  1 00:00:10", "2025-01-01T00:00:10+01:00");
    check("Jan 01 00:00:10.5", "2025-01-01T00:00:10.5+01:00");
    // A clock may be ahead by a day, and no further.
    check("Jan  3 06:59:59", "2025-01-03T06:59:59+01:00");
    check("Jan  3 07:00:01", "2024-01-03T07:00:01+01:00");
    check("Feb 29 12:00:00", "2024-02-29T12:00:00+01:00");
    let times = Times { before: Some(time("1903-06-01")), ..berlin() };
    assert_eq!(shown(times.read(b"Feb 29 12:00:00")), "1896-02-29T12:00:00+01:00", "1900 had none");
    let times = Times { before: Some(time("2024-12-31T23:30:00Z")), ..Times::default() };
    assert_eq!(shown(times.read(b"Jan  1 00:30:00")), "2025-01-01T00:30:00+00:00");
}

#[test]
fn clocks_that_change() {
    // Skipped: as many minutes later. Twice: the first.
    check("2024-03-31 02:30", "2024-03-31T03:30:00+02:00");
    check("2024-10-27 02:30", "2024-10-27T02:30:00+02:00");
    check("2024-10-27 02:30:00+01:00", "2024-10-27T02:30:00+01:00");
    check("2024-10-27 03:00", "2024-10-27T03:00:00+01:00");
    assert!(berlin().read(b"2024-03-31 02:30").unwrap().is_local && !berlin().read(b"2024-03-31 02:30Z").unwrap().is_local);
}

#[test]
fn zones_are_known_by_name() {
    assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
    assert_eq!(Zone::named("UTC").unwrap().at(0).to_string(), "1970-01-01T00:00:00+00:00");
    assert!(Zone::named("new york").unwrap_err().to_string().ends_with("did you mean America/New_York?"));
    assert!("Europe/Berln".parse::<Zone>().unwrap_err().to_string().ends_with("names are such as Europe/Berlin or America/New_York"));
}

proptest! {
    #[test]
    fn what_is_shown_is_read(nanos: i64, quarters in -56..=56_i32) {
        let time = Time { nanos, offset_s: quarters * 900 };
        let read = berlin().read(time.to_string().as_bytes()).unwrap();
        prop_assert_eq!((read.time.nanos, read.time.offset_s, read.is_local), (time.nanos, time.offset_s, false));
    }

    #[test]
    fn all_notations_say_the_same(seconds in -9_000_000_000..9_000_000_000_i64, offset_m in -1439..1440_i32, zone in prop::sample::select(vec!["Europe/Berlin", "UTC", "America/New_York"])) {
        let zone = Zone::named(zone).unwrap();
        let time = Time { nanos: seconds * 1_000_000_000, offset_s: offset_m * 60 };
        let times = Times { before: Some(time), zone };
        for format in ["%FT%T%:z", "%F %T %z", "%Y/%m/%d %T%z", "%Y%m%dT%H%M%S%z", "%G-W%V-%uT%T%:z", "%d/%b/%Y:%T %z", "%a, %d %b %Y %T %z", "%e %b %Y %T %z", "%b %e %T %z"] {
            let mut text = Vec::new();
            super::write_by_format(format, time, &mut text).unwrap();
            let read = times.read(&text).map(|read| (read.time.nanos, read.time.offset_s, read.is_local));
            prop_assert_eq!(read, Ok((time.nanos, time.offset_s, false)), "{}", String::from_utf8_lossy(&text));
        }
        for number in [i128::from(seconds), i128::from(seconds) * 1000, i128::from(seconds) * 1_000_000, i128::from(seconds) * 1_000_000_000] {
            // A unit is told by the size, from 1973 on.
            if seconds.unsigned_abs() >= 100_000_000 {
                prop_assert_eq!(times.of_int(number).map(|read| read.time.nanos), Ok(time.nanos));
            }
        }
    }

    #[test]
    fn local_times_are_those_of_jiff(seconds in -9_000_000_000..9_000_000_000_i64, zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/New_York"])) {
        let local: DateTime = time(&seconds.to_string()).local();
        let expect = local.to_zoned(TimeZone::get(zone).unwrap()).unwrap();
        let odd_s = expect.offset().seconds().rem_euclid(60);
        let times = Times { zone: Zone::named(zone).unwrap(), before: None };
        let read = times.read(local.to_string().as_bytes()).unwrap();
        prop_assert_eq!((i128::from(read.time.nanos), read.time.offset_s), (expect.timestamp().as_nanosecond() + i128::from(odd_s) * 1_000_000_000, expect.offset().seconds() - odd_s));
    }

    #[test]
    fn no_bytes_do_harm(text: Vec<u8>, like in "[0-9TZW:+ ,./-]{0,30}|(Mon|Thu|Mar|Jan|[0-9]{1,2})[A-Za-z0-9:+ ,./-]{0,26}", number: i128, float: f64) {
        let times = berlin();
        times.read(&text).ok();
        times.read(like.as_bytes()).ok();
        times.of_int(number).ok();
        times.of_float(float).ok();
    }
}

proptest! {
    #[test]
    fn reads_back_what_it_shows(nanos: i64, quarters in -56..=56_i32) {
        let time = Time { nanos, offset_s: quarters * 900 };
        let back = Time::parse(time.to_string().as_bytes()).unwrap();
        prop_assert_eq!((back.nanos, back.offset_s), (time.nanos, time.offset_s));
    }
}

/// Days since 1970-01-01, by years that begin in March and so have their leap day at the end (Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms"); `None` for a day that its month does not have.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap),
        _ => return None,
    };
    if day < 1 || day > in_month {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[test]
fn every_day_that_there_may_be_is_the_one_of_another_calendar() {
    let years = [0, 1, 1677, 1678, 1899, 1900, 1999, 2000, 2023, 2024, 2100, 2261, 2262, 9999];
    for (year, month, day) in years.into_iter().flat_map(|year| (0..=13).flat_map(move |month| (0..=32).map(move |day| (year, month, day))))
    {
        let text = format!("{year:04}-{month:02}-{day:02}T23:59:60+00:00");
        let expect = match days(year, month, day) {
            None => Err(NoTime::Unreadable),
            Some(days) => ((days + 1) * 86_400).checked_mul(1_000_000_000).ok_or(NoTime::Beyond),
        };
        assert_eq!(Times::default().read(text.as_bytes()).map(|read| read.time.nanos), expect, "{text}");
    }
}
