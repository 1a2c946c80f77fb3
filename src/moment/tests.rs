//! What is understood as a time, and what is said of all else.

use super::*;

/// At noon, in winter north of the equator, by the clock of this zone.
fn parse_in(zone: &str, text: &str) -> Result<Moment, NotAMoment> {
    let now = format!("2026-11-20T12:00[{zone}]").parse::<Zoned>();
    Moment::parse(text, &now.expect("a time"))
}

fn parse(text: &str) -> Result<Moment, NotAMoment> {
    parse_in("Europe/Berlin", text)
}

fn utc(text: &str) -> Moment {
    at(text.parse().expect("a time"))
}

/// Milliseconds since 1970 that another program gives for the same.
const MILLISECONDS: [(&str, &str, i64); 22] = [
    (
        "Asia/Shanghai",
        "2023-03-07 15:14:18.175",
        1_678_173_258_175,
    ),
    (
        "Asia/Shanghai",
        "2023-03-07T15:14:18.175",
        1_678_173_258_175,
    ),
    ("Asia/Shanghai", "1678173258175", 1_678_173_258_175),
    ("Asia/Kathmandu", "2026-01-01 00:00", 1_767_204_900_000),
    ("Australia/Lord_Howe", "2026-07-01 12:00", 1_782_869_400_000),
    ("Australia/Sydney", "2026-01-15 09:00", 1_768_428_000_000),
    ("Australia/Sydney", "2026-10-04 03:00", 1_791_043_200_000),
    ("America/New_York", "2026-07-04 00:00", 1_783_137_600_000),
    ("America/New_York", "2026-11-01 00:59", 1_793_509_140_000),
    ("America/St_Johns", "2026-12-01 08:30", 1_796_126_400_000),
    (
        "America/Sao_Paulo",
        "2026-11-20 09:00:30.5",
        1_795_176_030_500,
    ),
    ("Pacific/Apia", "2011-12-31", 1_325_239_200_000),
    ("Pacific/Kiritimati", "today", 1_795_082_400_000),
    ("Pacific/Kiritimati", "yesterday", 1_794_996_000_000),
    ("Europe/Berlin", "2024-02-29 12:00", 1_709_204_400_000),
    ("Europe/Berlin", "2000-02-29", 951_778_800_000),
    ("Europe/Berlin", "2026-03-29 01:59:59", 1_774_745_999_000),
    ("Europe/Berlin", "2026-03-29 03:00", 1_774_746_000_000),
    ("Europe/London", "1970-01-01 00:30", -1_800_000),
    ("Asia/Tokyo", "1970-01-01 08:59:59.999", -1),
    ("UTC", "1970-01-01", 0),
    ("UTC", "9999-12-30 22:00", 253_402_207_200_000),
];

#[test]
fn the_clock_of_each_zone_is_known() {
    for (zone, text, ms) in MILLISECONDS {
        assert_eq!(parse_in(zone, text), Ok(Moment::At(ms)), "{zone} {text}");
    }
}

#[test]
fn a_time_is_understood_however_it_is_typed() {
    for (text, expected) in [
        ("2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20t09:00:00z", "2026-11-20T09:00:00Z"),
        ("2026-11-20 09:00:00.250+02:00", "2026-11-20T07:00:00.250Z"),
        ("2026-11-20T09:00-05:00", "2026-11-20T14:00:00Z"),
        ("2026-11-20T09:00", "2026-11-20T08:00:00Z"),
        ("2026-11-20 09:00", "2026-11-20T08:00:00Z"),
        ("2026-07-20 09:00:30", "2026-07-20T07:00:30Z"),
        ("2026-07-20", "2026-07-19T22:00:00Z"),
        ("09:00", "2026-11-20T08:00:00Z"),
        ("09:00:30.5", "2026-11-20T08:00:30.500Z"),
        ("1763628000", "2025-11-20T08:40:00Z"),
        ("1763628000123", "2025-11-20T08:40:00.123Z"),
        ("100000000", "1973-03-03T09:46:40Z"),
        ("99999999999", "5138-11-16T09:46:39Z"),
        ("100000000000", "1973-03-03T09:46:40Z"),
        ("0", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(parse(text), Ok(utc(expected)), "{text}");
    }
    let now = 1_000_000;
    for (text, ms) in [
        ("-5m", 700_000),
        ("-1m30s", 910_000),
        ("5m ago", 700_000),
        ("1h30m ago", -4_400_000),
        ("now", now),
        ("-2d", -171_800_000),
    ] {
        assert_eq!(parse(text).map(|moment| moment.ms(now)), Ok(ms), "{text}");
    }
}

#[test]
fn what_is_no_time_is_told_what_would_be_one() {
    for text in [
        "",
        "5m",
        "-5",
        "-",
        "2026-13-01",
        "2026-11-31 09:00",
        "25:00",
        "9",
        "20261120",
        "2026-11",
        "2026-11-20 09",
        "2026-11-20T",
        "T09:00",
        "09:00Z",
        "2026-11-20T09:00:00 Z ",
        "1763628000123456",
        "99999999999999999999999",
        "-5m5m",
        "+5m",
        "5m  ",
        "ago",
        " ago",
        "-5m ago",
        "5m agora",
        "today 09:00",
        "tomorrow",
    ] {
        let said = parse(text).expect_err(text).to_string();
        assert!(said.contains("since 1970"), "{text}: {said}");
    }
    let said = parse("x").expect_err("none").to_string();
    assert!(said.contains("(all in Europe/Berlin)"), "{said}");
}

#[test]
fn a_time_that_the_clock_shows_twice_or_never_is_refused_with_both_that_may_be_meant() {
    for (zone, text, how, before, after) in [
        (
            "Europe/Berlin",
            "2026-10-25 02:30",
            "twice",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
        ),
        (
            "Europe/Berlin",
            "2026-03-29T02:30",
            "never",
            "2026-03-29T02:30:00+01:00",
            "2026-03-29T02:30:00+02:00",
        ),
        (
            "America/New_York",
            "2026-11-01 01:30",
            "twice",
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:30:00-05:00",
        ),
        (
            "America/New_York",
            "2026-03-08 02:00",
            "never",
            "2026-03-08T02:00:00-05:00",
            "2026-03-08T02:00:00-04:00",
        ),
        (
            "Australia/Sydney",
            "2026-04-05 02:30",
            "twice",
            "2026-04-05T02:30:00+11:00",
            "2026-04-05T02:30:00+10:00",
        ),
        (
            "Australia/Sydney",
            "2026-10-04 02:30",
            "never",
            "2026-10-04T02:30:00+10:00",
            "2026-10-04T02:30:00+11:00",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05 01:45",
            "twice",
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:45:00+10:30",
        ),
        (
            "Pacific/Apia",
            "2011-12-30",
            "never",
            "2011-12-30T00:00:00-10:00",
            "2011-12-30T00:00:00+14:00",
        ),
    ] {
        let said = parse_in(zone, text).expect_err("two").to_string();
        let shows = if how == "twice" {
            "shows twice"
        } else {
            "never shows"
        };
        let expected = format!(
            "{text} is a time that the clock {shows} on that day in {zone}; write {before} (before it was set) or {after} (after)"
        );
        assert_eq!(said, expected);
        assert!(parse_in(zone, before).is_ok() && parse_in(zone, after).is_ok());
    }
}
