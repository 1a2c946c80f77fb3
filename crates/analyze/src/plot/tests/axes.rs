//! What stands beside and below the lines.

use jiff::tz::TimeZone;

use super::{MIDNIGHT_MS, MINUTE_MS, berlin};
use crate::plot::number::{NumberAxis, shown};
use crate::plot::time::{ticks, written};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

fn numbers(least: f64, greatest: f64) -> Vec<String> {
    let axis = NumberAxis::new(least, greatest, 6);
    axis.ticks.into_iter().map(|(_, label)| label).collect()
}

fn times(from_ms: i64, to_ms: i64, zone: &TimeZone) -> Vec<String> {
    let ticks = ticks(from_ms, to_ms, zone, 8).into_iter();
    let texts = ticks.map(|tick| match tick.date {
        Some(date) => format!("{} {date}", tick.label),
        None => tick.label,
    });
    texts.collect()
}

#[test]
fn numbers_are_round_and_have_units() {
    for (least, greatest, labels) in [
        (0.0, 100.0, &["0", "20", "40", "60", "80", "100"][..]),
        (-1.5, 1.5, &["-1", "0", "1"]),
        (
            20.0,
            21.0,
            &["20.0", "20.2", "20.4", "20.6", "20.8", "21.0"],
        ),
        (0.0, 9_000.0, &["0", "2,000", "4,000", "6,000", "8,000"]),
        (0.0, 90_000.0, &["0", "20 k", "40 k", "60 k", "80 k"]),
        (0.0, 3e6, &["0", "1 M", "2 M", "3 M"]),
        (2e9, 4e9, &["2.0 G", "2.5 G", "3.0 G", "3.5 G", "4.0 G"]),
        (0.0, 3e-7, &["0", "1e-7", "2e-7", "3e-7"]),
        (0.0, 3e20, &["0", "1e20", "2e20", "3e20"]),
        (
            1e9,
            1e9 + 30.0,
            &[
                "1,000,000,000",
                "1,000,000,010",
                "1,000,000,020",
                "1,000,000,030",
            ],
        ),
    ] {
        assert_eq!(numbers(least, greatest), labels, "{least} to {greatest}");
    }
}

#[test]
fn any_numbers_have_an_axis() {
    let odd = [
        0.0,
        1.0,
        -1.0,
        42.0,
        1e-320,
        5e-324,
        1e300,
        f64::MAX,
        f64::MIN,
        1e-5,
    ];
    for least in odd {
        for greatest in odd.into_iter().filter(|greatest| *greatest >= least) {
            let axis = NumberAxis::new(least, greatest, 6);
            let ends = axis.high - axis.low;
            assert!(
                ends > 0.0 && ends.is_finite(),
                "{least} {greatest}: {axis:?}"
            );
            assert!(
                (1..=7).contains(&axis.ticks.len()),
                "{least} {greatest}: {axis:?}"
            );
            let parts = [axis.part(least), axis.part(greatest)];
            assert!(
                parts.iter().all(|part| (0.0..=1.0).contains(part)),
                "{axis:?}"
            );
            let mut labels = axis
                .ticks
                .iter()
                .map(|(_, label)| label)
                .collect::<Vec<_>>();
            labels.dedup();
            assert_eq!(labels.len(), axis.ticks.len(), "{axis:?}");
        }
    }
}

#[test]
fn a_number_is_shown_with_six_digits_that_count() {
    for (number, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (42.0, "42"),
        (-1.5, "-1.5"),
        (133.083_123, "133.083"),
        (0.012_345_678_9, "0.012345679"),
        (1_234_567.89, "1,234,568"),
        (-999.0, "-999"),
        (1e-9, "1e-9"),
        (1.234_567_89e20, "1.23457e20"),
        (f64::INFINITY, "\u{221e}"),
    ] {
        assert_eq!(shown(number), text, "{number}");
    }
}

#[test]
fn times_are_round_by_the_clock_of_the_zone() {
    let (berlin, kathmandu) = (berlin(), TimeZone::get("Asia/Kathmandu").expect("a zone"));
    let midnight = MIDNIGHT_MS - DAY_MS;
    let hours = times(midnight + 7 * MINUTE_MS, midnight + 5 * HOUR_MS, &berlin);
    assert_eq!(
        hours,
        ["01:00 2026-10-24", "02:00", "03:00", "04:00", "05:00"]
    );
    // Its clock is a quarter of an hour off, so is midnight in Berlin there.
    let hours = times(midnight, midnight + 4 * HOUR_MS, &kathmandu);
    assert_eq!(hours, ["04:00 2026-10-24", "05:00", "06:00", "07:00"]);
    let short = times(midnight, midnight + 1_000, &berlin);
    assert_eq!(short[..2], ["00:00:00.000 2026-10-24", "00:00:00.200"]);
}

#[test]
fn the_date_stands_where_it_changes() {
    let day = times(
        MIDNIGHT_MS - 12 * HOUR_MS,
        MIDNIGHT_MS + 6 * HOUR_MS,
        &berlin(),
    );
    assert_eq!(
        day,
        [
            "12:00 2026-10-24",
            "15:00",
            "18:00",
            "21:00",
            "00:00 2026-10-25",
            "03:00"
        ]
    );
    let new_year = times(
        MIDNIGHT_MS + 60 * DAY_MS,
        MIDNIGHT_MS + 75 * DAY_MS,
        &TimeZone::UTC,
    );
    assert_eq!(
        new_year,
        [
            "25 Dec 2026",
            "27 Dec",
            "29 Dec",
            "31 Dec",
            "02 Jan 2027",
            "04 Jan",
            "06 Jan"
        ]
    );
    let years = times(0, 50 * 365 * DAY_MS, &TimeZone::UTC);
    assert_eq!(years, ["1970", "1980", "1990", "2000", "2010"]);
}

#[test]
fn times_stay_round_behind_a_change_of_the_clock() {
    // At three it is two again.
    let autumn = times(MIDNIGHT_MS, MIDNIGHT_MS + 20 * HOUR_MS, &berlin());
    assert_eq!(
        autumn,
        [
            "00:00 2026-10-25",
            "03:00",
            "06:00",
            "09:00",
            "12:00",
            "15:00",
            "18:00"
        ]
    );
    let hours = times(MIDNIGHT_MS, MIDNIGHT_MS + 5 * HOUR_MS, &berlin());
    assert_eq!(
        hours,
        [
            "00:00 2026-10-25",
            "01:00",
            "02:00",
            "02:00",
            "03:00",
            "04:00"
        ]
    );
    // 2026-03-29: at two it is three.
    let spring = MIDNIGHT_MS - 210 * DAY_MS + HOUR_MS;
    let hours = times(spring, spring + 4 * HOUR_MS, &berlin());
    assert_eq!(
        hours,
        ["00:00 2026-03-29", "01:00", "03:00", "04:00", "05:00"]
    );
}

#[test]
fn any_range_has_few_ticks() {
    let mut length = 1;
    while length < 300_000_000_000_000 {
        for from_ms in [MIDNIGHT_MS - 1, -62_000_000_000_000, 0] {
            let ticks = ticks(from_ms, from_ms + length, &berlin(), 8);
            assert!(ticks.len() <= 9, "{from_ms} {length}: {}", ticks.len());
            assert!(ticks.is_sorted_by(|one, other| one.time_ms < other.time_ms));
        }
        length = length * 3 / 2 + 1;
    }
}

#[test]
fn a_time_has_milliseconds_only_where_there_are_some() {
    assert_eq!(written(MIDNIGHT_MS, &berlin()), "2026-10-25 00:00:00");
    assert_eq!(
        written(MIDNIGHT_MS + 5, &TimeZone::UTC),
        "2026-10-24 22:00:00.005"
    );
}
