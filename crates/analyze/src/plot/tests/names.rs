//! How files are called.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use super::{MIDNIGHT_MS, MINUTE_MS, berlin, groups, series};
use crate::plot::file_name::{FileNames, directory};

fn names(values: &[Option<&str>]) -> Vec<String> {
    let mut names = FileNames::default();
    groups(values)
        .iter()
        .map(|series| names.of(series))
        .collect()
}

#[test]
fn a_directory_says_from_when_to_when_by_the_clock_of_the_zone() {
    let to_ms = MIDNIGHT_MS + 90 * MINUTE_MS;
    assert_eq!(
        directory(MIDNIGHT_MS, to_ms, &berlin()),
        "2026-10-25_00-00-00~2026-10-25_01-30-00"
    );
    assert_eq!(
        directory(MIDNIGHT_MS, to_ms, &TimeZone::UTC),
        "2026-10-24_22-00-00~2026-10-24_23-30-00"
    );
}

#[test]
fn a_picture_is_called_by_its_metric_and_group() {
    assert_eq!(
        names(&[Some("web-1"), Some("日本.x")]),
        ["data-web-1", "data-日本.x"]
    );
    let mut names = FileNames::default();
    assert_eq!(names.of(&series([])), "data");
}

#[test]
fn no_name_leaves_its_directory_or_is_too_long() {
    let long = "x".repeat(10_000);
    let crabs = "\u{1f980}a".repeat(100);
    let odd = [
        "../../etc/passwd",
        "/",
        "a\\b:c*d?\"<>|",
        "\u{0}\n\t",
        "",
        " ",
        &long,
        &crabs,
    ];
    let odd = odd.map(Some);
    for name in names(&odd) {
        assert!(name.len() <= 140, "{name}");
        let is_harmless = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        assert!(name.chars().all(is_harmless), "{name}");
        assert!(!name.starts_with('.'), "{name}");
    }
}

#[test]
fn groups_that_look_alike_stay_apart() {
    let long = "x".repeat(500);
    let longer = "x".repeat(501);
    let alike = ["a/b", "a:b", "a_b", "A_B", "a b", &long, &longer].map(Some);
    let found = names(&alike);
    let lower = found.iter().map(|name| name.to_lowercase());
    assert_eq!(
        lower.collect::<HashSet<_>>().len(),
        alike.len(),
        "{found:?}"
    );
    // What is called as it is, is called so.
    assert!(
        found
            .iter()
            .any(|name| name == "data-a_b" || name == "data-A_B"),
        "{found:?}"
    );
    // No value, and the value that is called so.
    let null = names(&[None, Some("null")]);
    assert_ne!(null[0], null[1]);
}

#[test]
fn a_harmless_name_is_the_same_whichever_others_there_are() {
    let alone = names(&[Some("a/b")]);
    let with_others = names(&[Some("a/b"), Some("z:z")]);
    assert_eq!(alone[0], with_others[0]);
}
