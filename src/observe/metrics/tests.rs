use std::collections::BTreeSet;

use super::families::{ALL, Family};
use super::*;
use crate::observe::snapshot::*;

const REFERENCE: &str = "docs/reference/metrics.md";

/// A picture in which all is known, of so many archives.
fn full(archives: usize) -> Snapshot {
    let archive = |number| Archive {
        name: format!("archive \"{number}\""),
        cluster: "main".into(),
        topic: "t".into(),
        file: "/data/t".into(),
        state: State::Stalled,
        state_since_ms: Some(1),
        why: Some("nothing comes".into()),
        is_ready: false,
        records: 7,
        plain_bytes: 70,
        written_bytes: 35,
        records_per_second: 1.5,
        plain_bytes_per_second: 15.0,
        written_bytes_per_second: 7.5,
        rates: Some(Rates::default()),
        lag_records: Some(100),
        lag_seconds: Some(12.5),
        retention_headroom_seconds: Some(3600.0),
        is_overtaken_soon: true,
        disk_bytes: Some(1000),
        compression_ratio: Some(2.0),
        last_flush_ms: Some(1_764_000_000_500),
        last_checkpoint_ms: Some(1_764_000_000_000),
        checkpoint_age_seconds: Some(0.5),
        segments_open: Some(1),
        segments_sealed: 3,
        segments_to_hand_over: 2,
        gaps: Gaps {
            count: 1,
            records: 50,
        },
        last_error: None,
        errors: vec![Errors {
            kind: "kafka".into(),
            count: 4,
        }],
        partitions: Some(vec![Partition {
            partition: 0,
            next_offset: 5,
            log_start: Some(0),
            log_end: Some(105),
            lag_records: Some(100),
        }]),
    };
    let histogram = Histogram {
        bounds_seconds: vec![0.001, 1.0],
        counts: vec![3, 2, 1],
        sum_seconds: 4.25,
    };
    Snapshot {
        version: VERSION,
        process: Process {
            program_version: "0.1.0".into(),
            now_ms: 1_764_000_001_000,
            started_ms: 1_764_000_000_000,
            uptime_seconds: 1.0,
            memory_bytes: Some(50 << 20),
            memory_limit_bytes: 256 << 20,
            flush_duration: histogram.clone(),
            fsync_duration: histogram,
            clusters: vec![Cluster {
                name: "main".into(),
                trouble: None,
                brokers: vec![Broker {
                    name: "host:9092/1".into(),
                    is_up: true,
                    throttled_ms: Some(1500),
                }],
            }],
            disks: vec![Disk {
                path: "/data".into(),
                free_bytes: 1 << 30,
                filling_bytes_per_second: 10.0,
                full_in_seconds: Some(9e6),
                is_low: false,
            }],
        },
        totals: Totals::default(),
        archives: (0..archives).map(archive).collect(),
    }
}

/// The names of the metrics that a page has, and what each is.
fn names(text: &str) -> BTreeSet<(String, String)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let named = types.filter_map(|line| line.split_once(' '));
    named
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

fn row(family: &Family) -> String {
    let labels = family.labels.iter().map(|label| format!("`{label}`"));
    let labels = labels.collect::<Vec<_>>().join(", ");
    let mut words = family.name.trim_end_matches("_total").rsplit('_');
    let units = ["seconds", "bytes", "records"];
    let unit = words.next().filter(|word| units.contains(word));
    let Family {
        name, kind, help, ..
    } = family;
    format!(
        "| `{name}` | {} | {} | {labels} | {help} |",
        kind.name(),
        unit.unwrap_or_default()
    )
}

#[test]
fn the_reference_has_each_metric_and_no_other() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
    let page = std::fs::read_to_string(&path).expect("the reference");
    let head = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
    let rows = ALL.iter().map(row).collect::<Vec<_>>().join("\n");
    let (before, rest) = page.split_once(head).expect("a table");
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    let right = format!("{before}{head}{rows}\n\n{after}");
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &right).expect("written");
        return;
    }
    assert!(
        page == right,
        "{REFERENCE}: WRITE_REFERENCE=1 cargo test --lib metrics writes it anew"
    );
}

#[test]
fn a_picture_in_which_all_is_known_has_each_metric_of_the_table() {
    let expected = ALL.iter();
    let expected = expected.map(|family| (family.name.into(), family.kind.name().into()));
    assert_eq!(
        names(&text(&full(1), Format::Prometheus)),
        expected.collect()
    );
}

#[test]
fn samples_have_their_labels_and_no_others() {
    for line in text(&full(2), Format::Prometheus).lines() {
        let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let family = ALL
            .iter()
            .find(|family| name.trim_end_matches("_bucket") == family.name);
        let family = family.unwrap_or_else(|| panic!("{line}"));
        let (labels, value) = rest.rsplit_once("} ").expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let labels = labels
            .split("\",")
            .map(|label| label.split('=').next().unwrap_or(""));
        let labels = labels.filter(|label| *label != "le").collect::<Vec<_>>();
        assert_eq!(labels, family.labels, "{line}");
    }
}

#[test]
fn both_formats_say_the_same_each_in_its_words() {
    let plain = text(&full(1), Format::Prometheus);
    let open = text(&full(1), Format::OpenMetrics);
    assert!(
        plain.contains("# TYPE archiver_records_total counter\n"),
        "{plain}"
    );
    assert!(open.contains("# TYPE archiver_records counter\n"), "{open}");
    assert!(open.ends_with("# EOF\n"));
    let samples = |text: &str| {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(&plain), samples(&open));
    for line in [
        "archiver_records_total{archive=\"archive \\\"0\\\"\",cluster=\"main\"} 7",
        "archiver_flush_duration_seconds_bucket{le=\"1.0\"} 5",
        "archiver_flush_duration_seconds_bucket{le=\"+Inf\"} 6",
        "archiver_flush_duration_seconds_count 6",
        "archiver_archive_state{archive=\"archive \\\"0\\\"\",cluster=\"main\",state=\"stalled\"} 1",
    ] {
        assert!(plain.lines().any(|found| found == line), "{line}\n{plain}");
    }
}

#[test]
fn a_thousand_archives_are_written_in_a_moment() {
    let snapshot = full(1000);
    let begun = std::time::Instant::now();
    let text = text(&snapshot, Format::Prometheus);
    // In a debug build on a busy machine; a release build takes a tenth.
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());
    assert!(text.len() < 8 << 20, "{}", text.len());
}
