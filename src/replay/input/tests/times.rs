use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn read(name: &str, text: &str) -> Result<i128, NotATime> {
    Times::new(zone(name)).read(text)
}

#[test]
fn a_time_is_understood_in_each_of_its_forms() {
    const NEW_YEAR: i128 = 1_609_459_200_000_000_000;
    for (text, ns) in [
        ("0", 0),
        ("4", 4_000_000_000),
        ("1609459200", NEW_YEAR),
        (" 1609459200 ", NEW_YEAR),
        ("1609459200.5", NEW_YEAR + 500_000_000),
        ("1609459200.123456789", NEW_YEAR + 123_456_789),
        ("1609459200.1234567891234567891234", NEW_YEAR + 123_456_789),
        ("1.6094592E9", NEW_YEAR),
        ("1609459200e0", NEW_YEAR),
        ("1609459200000", NEW_YEAR),
        ("1609459200000.25", NEW_YEAR + 250_000),
        ("1609459200000000", NEW_YEAR),
        ("1609459200000000001", NEW_YEAR + 1),
        ("-1.5", -1_500_000_000),
        ("-0.0000000001", -1),
        ("2021-01-01T00:00:00Z", NEW_YEAR),
        ("2021-01-01T01:00:00+01:00", NEW_YEAR),
        ("2021-01-01 00:00:00+00:00", NEW_YEAR),
        ("2021-01-01T00:00:00.000001Z", NEW_YEAR + 1_000),
        ("2021-01-01 01:00:00", NEW_YEAR),
        ("2021-01-01T01:00:00", NEW_YEAR),
        ("2021-01-01 01:00:00.25", NEW_YEAR + 250_000_000),
        ("2021-01-01 01:00", NEW_YEAR),
        ("2021-01-01", NEW_YEAR - 3_600_000_000_000),
        ("2099-12-31T23:59:59Z", 4_102_444_799_000_000_000),
    ] {
        assert_eq!(read("Europe/Berlin", text), Ok(ns), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        " ",
        "abc",
        "-",
        ".",
        "1.2.3",
        "12:00",
        "1e",
        "1e99999",
        "e5",
        "0x10",
        "1_000",
        "NaN",
        "inf",
        "2021-13-01",
        "2021-02-30 00:00:00",
        "2021-01-01 25:00:00",
        "true",
        "1609459200e30",
        "2021-01-01T00:00:00+01:00[Europe/Paris]",
        "1,5",
    ] {
        assert!(read("UTC", text).is_err(), "{text}");
    }
    let said = read("UTC", &"x".repeat(1_000)).expect_err("is none");
    assert!(said.to_string().len() < 250);
}

#[test]
fn the_unit_stays_what_the_first_number_says() {
    let mut times = Times::new(TimeZone::UTC);
    assert_eq!(times.unit(), None);
    assert_eq!(times.read("0"), Ok(0));
    assert_eq!(times.unit(), None);
    assert_eq!(times.read("99999999999"), Ok(99_999_999_999_000_000_000));
    assert_eq!(times.unit(), Some(Unit::Seconds));
    assert_eq!(times.read("100000000000"), Ok(100_000_000_000_000_000_000));
    let mut times = Times::new(TimeZone::UTC);
    assert_eq!(times.read("0"), Ok(0));
    assert_eq!(times.read("100000000000"), Ok(100_000_000_000_000_000));
    assert_eq!(times.read("5"), Ok(5_000_000));
    assert_eq!(times.unit(), Some(Unit::Milliseconds));
}

#[test]
fn a_clock_that_is_set_gives_the_first_of_two_times_and_moves_one_that_is_none() {
    for (text, same) in [
        ("2026-10-25 02:30:00", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25 03:00:00", "2026-10-25T03:00:00+01:00"),
        ("2026-03-29 02:30:00", "2026-03-29T03:30:00+02:00"),
    ] {
        assert_eq!(read("Europe/Berlin", text), read("UTC", same), "{text}");
    }
}

#[test]
fn a_time_is_likely_where_it_can_hardly_be_anything_else() {
    for text in [
        "1609459200",
        "1609459200000",
        "2021-01-01",
        "2021-01-01 00:00:00",
        "1e9",
    ] {
        assert!(is_likely(text), "{text}");
    }
    for text in ["0", "4", "21.5", "-5", "metrics", "", "true"] {
        assert!(!is_likely(text), "{text}");
    }
    assert!(is_number_or_date("21.5") && !is_number_or_date("value"));
}
