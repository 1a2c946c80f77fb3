//! Records whose time has the same text are in the same bucket, and no others.

use std::collections::HashMap;

use super::super::buckets::Buckets;
use super::super::{Bucket, Values};
use super::{Chance, ZONES, ms, template, zone};

const FORMATS: [&str; 14] = [
    "{time:%Y}",
    "{time:%Y-%m}",
    "{time:%F}",
    "{time:%Y-%m-%d/%H}",
    "{time:%Y%m%d-%H%M}",
    "{time:%F %T}",
    "{time:%s}",
    "{time:%H}",
    "{time:%-m%-d}",
    "{time:%G-%V}",
    "{time:%Y-%q}",
    "{time:%a%p}",
    "{time:%F %H%z}",
    "{time:%F}/{time:%H}",
];

#[test]
fn buckets_are_what_the_texts_are() {
    let mut chance = Chance(3);
    for format in FORMATS {
        for name in ZONES {
            let template = template(&format!("{format}-{{seq}}")).in_zone(zone(name));
            let mut buckets = template.buckets();
            let mut of_text = HashMap::<_, Bucket>::new();
            let mut of_bucket = HashMap::new();
            let mut time_ms = 0;
            for _ in 0..900 {
                time_ms = match chance.below(8) {
                    0 => chance.below(4_102_444_800_000) as i64,
                    2 if chance.below(20) == 0 => jiff::Timestamp::MAX.as_millisecond(),
                    1 => -1,
                    // To and fro around the same time, often across a boundary.
                    _ => {
                        let step = [3, 40_000, 2_000_000, 90_000_000][chance.below(4) as usize];
                        time_ms + chance.below(2 * step + 1) as i64 - step as i64
                    }
                };
                let time = Some(time_ms);
                let path = template.path(&Values {
                    time_ms: time,
                    ..Values::default()
                });
                let bucket = buckets.of(time);
                let known = *of_text.entry(path.clone()).or_insert(bucket);
                assert_eq!(known, bucket, "{format} in {name} at {time_ms}: {path:?}");
                let known = of_bucket.entry(bucket).or_insert(path.clone());
                assert_eq!(*known, path, "{format} in {name} at {time_ms}");
            }
        }
    }
}

/// The buckets of some times in a zone, each named by the first of its times.
fn same(format: &str, name: &str, times: &[&str]) -> Vec<usize> {
    let mut buckets = template(&format!("{format}-{{seq}}"))
        .in_zone(zone(name))
        .buckets();
    let found: Vec<Bucket> = times
        .iter()
        .map(|time| buckets.of(Some(ms(time))))
        .collect();
    let first = |bucket| found.iter().position(|one| one == bucket).expect("itself");
    found.iter().map(first).collect()
}

#[test]
fn an_hour_that_comes_twice_is_one_bucket() {
    // 02:00 to 03:00, in summer's and in winter's time.
    let times = [
        "2026-10-24T23:59:59.999Z",
        "2026-10-25T00:00:00Z",
        "2026-10-25T00:59:59.999Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:59:59.999Z",
        "2026-10-25T02:00:00Z",
    ];
    let found = same("{time:%F/%H}", "Europe/Berlin", &times);
    assert_eq!(found, [0, 1, 1, 1, 1, 5]);
    let found = same("{time:%F/%H%z}", "Europe/Berlin", &times);
    assert_eq!(found, [0, 1, 1, 3, 3, 5]);
    let found = same("{time:%F}", "Europe/Berlin", &times);
    assert_eq!(found, [0, 0, 0, 0, 0, 0]);
    // Only half an hour comes twice.
    let times = [
        "2026-04-04T14:29:59Z",
        "2026-04-04T14:30:00Z",
        "2026-04-04T14:59:59Z",
        "2026-04-04T15:00:00Z",
        "2026-04-04T15:29:59Z",
        "2026-04-04T15:30:00Z",
    ];
    let found = same("{time:%F/%H}", "Australia/Lord_Howe", &times);
    assert_eq!(found, [0, 0, 0, 0, 0, 5]);
    let found = same("{time:%F/%H-%M}", "Australia/Lord_Howe", &times);
    assert_eq!(found, [0, 1, 2, 1, 2, 5]);
}

#[test]
fn an_hour_or_a_day_that_never_was_is_no_bucket() {
    let times = [
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T01:59:59Z",
        "2026-03-29T02:00:00Z",
    ];
    let found = same("{time:%F/%H}", "Europe/Berlin", &times);
    assert_eq!(found, [0, 1, 1, 3]);
    // The 30th of December 2011.
    let times = [
        "2011-12-30T09:59:59Z",
        "2011-12-30T10:00:00Z",
        "2011-12-31T09:59:59Z",
        "2011-12-31T10:00:00Z",
    ];
    let found = same("{time:%F}", "Pacific/Apia", &times);
    assert_eq!(found, [0, 1, 1, 3]);
}

#[test]
fn records_without_a_time_share_a_bucket_of_their_own() {
    let mut buckets = template("{time:%H}-{seq}").buckets();
    let unknown = buckets.of(None);
    assert_ne!(unknown, buckets.of(Some(0)));
    for time_ms in [-1, i64::MIN, i64::MAX] {
        assert_eq!(buckets.of(Some(time_ms)), unknown, "{time_ms}");
    }
    let mut buckets = template("{partition}").buckets();
    assert_eq!(
        buckets.of(None),
        buckets.of(Some(ms("2026-01-01T00:00:00Z")))
    );
}

#[test]
fn a_bucket_in_use_keeps_its_number_among_any_number_of_others() {
    let mut buckets: Buckets = template("{time:%s}-{seq}").buckets();
    let used = buckets.of(Some(0));
    for second in 1..10_000 {
        assert_ne!(buckets.of(Some(second * 1000)), used);
        if second % 900 == 0 {
            assert_eq!(buckets.of(Some(999)), used);
        }
    }
    assert!(buckets.answers() <= 3 * 1024, "{}", buckets.answers());
}
