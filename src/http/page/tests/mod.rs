//! Pages of a picture that has all that one can have.

mod policy;

use super::{archive, overview};
use crate::observe::snapshot::{
    Archive, Broker, Cluster, Disk, Error, Gaps, Histogram, Partition, Process, Rates, Snapshot,
    State, Totals, VERSION,
};

const NOW_MS: i64 = 1_764_420_000_000;

/// A picture of so many archives, of each kind some.
fn picture(count: usize) -> Snapshot {
    let archives = (0..count).map(one).collect::<Vec<_>>();
    let mut totals = Totals {
        records: 1_234_567_890,
        written_bytes: 98_765_432_100,
        ..Totals::default()
    };
    for archive in &archives {
        totals.records_per_second += archive.records_per_second;
        totals.written_bytes_per_second += archive.written_bytes_per_second;
        *totals.lag_records.get_or_insert(0) += archive.lag_records.unwrap_or(0);
        match archive.state {
            State::Running => totals.states.running += 1,
            State::CaughtUp => totals.states.caught_up += 1,
            State::Waiting => totals.states.waiting += 1,
            State::Stalled => totals.states.stalled += 1,
            State::Stopped => totals.states.stopped += 1,
            State::Starting => totals.states.starting += 1,
            State::Done => totals.states.done += 1,
        }
    }
    Snapshot {
        version: VERSION,
        process: process(),
        totals,
        archives,
    }
}

fn process() -> Process {
    Process {
        program_version: "0.1.0".into(),
        now_ms: NOW_MS,
        started_ms: NOW_MS - 300_000_000,
        uptime_seconds: 300_000.0,
        memory_bytes: Some(188 << 20),
        memory_limit_bytes: 256 << 20,
        flush_duration: Histogram::default(),
        fsync_duration: Histogram::default(),
        clusters: vec![
            Cluster {
                name: "production".into(),
                trouble: None,
                brokers: vec![Broker {
                    name: "kafka-1:9092/1".into(),
                    is_up: true,
                    throttled_ms: None,
                }],
            },
            Cluster {
                name: "backup".into(),
                trouble: Some("no broker answers: connection refused".into()),
                brokers: Vec::new(),
            },
        ],
        disks: vec![Disk {
            path: "/data/archive".into(),
            free_bytes: 48 << 30,
            filling_bytes_per_second: 6e6,
            full_in_seconds: Some(8200.0),
            is_low: false,
        }],
    }
}

fn one(at: usize) -> Archive {
    let state = match at % 40 {
        7 => State::Waiting,
        13 => State::Stopped,
        21 => State::Stalled,
        29 => State::Starting,
        number if number.is_multiple_of(3) => State::Running,
        _ => State::CaughtUp,
    };
    let name = ["orders", "metrics", "clicks", "audit.log", "payments-eu"][at % 5];
    let name = if at < 5 {
        name.to_owned()
    } else {
        format!("{name}-{at}")
    };
    let why = match state {
        State::Waiting => Some(format!("topic {name} doesn't exist on production; it will be read from its beginning when it is created")),
        State::Stopped => Some("save_data/x exists (312 bytes) and archiver has no checkpoint for it; write existing = \"append\" to go on after what is there, or move it away".into()),
        State::Stalled => Some("its client reports: Protocol parse failure; nothing was taken for 70 s".into()),
        _ => None,
    };
    let flows = matches!(state, State::Running | State::CaughtUp);
    let rate = if flows {
        (at * 7919 % 40_000) as f64
    } else {
        0.0
    };
    let wave = |x: usize| ((x * (at + 3) % 17) as f64 / 17.0 * rate) as u64;
    let lag = state == State::Running;
    Archive {
        topic: if at.is_multiple_of(4) {
            format!("topic-of-{name}")
        } else {
            name.clone()
        },
        file: format!("save_data/{name}/{{time:%Y-%m-%d}}/{{seq:06}}.ndjson.zst"),
        name,
        cluster: "production".into(),
        state,
        state_since_ms: Some(NOW_MS - 5_000 * (at as i64 + 1)),
        why,
        is_ready: flows,
        records: 123_456 * at as u64,
        plain_bytes: 1 << 30,
        written_bytes: 1 << 27,
        records_per_second: rate,
        plain_bytes_per_second: rate * 180.0,
        written_bytes_per_second: rate * 30.0,
        rates: Some(Rates {
            step_seconds: 10,
            records_per_second: (0..60).map(wave).collect(),
            plain_bytes_per_second: (0..60).map(|x| wave(x) * 180).collect(),
        }),
        lag_records: Some(if lag { 1_500 * at as u64 } else { 0 }),
        lag_seconds: Some(if lag { at as f64 } else { 0.0 }),
        retention_headroom_seconds: (at % 30 == 3).then_some(2_900.0),
        is_overtaken_soon: at % 30 == 3,
        disk_bytes: Some(at as u64 * 48_000_000),
        compression_ratio: Some(7.9),
        last_flush_ms: Some(NOW_MS - 700),
        last_checkpoint_ms: Some(NOW_MS - 3_400),
        checkpoint_age_seconds: Some(1.0),
        segments_open: Some(1),
        segments_sealed: at as u64,
        segments_to_hand_over: 0,
        gaps: Gaps {
            count: u64::from(at % 50 == 4),
            records: 120_000,
        },
        last_error: (at % 25 == 6).then(|| Error {
            at_ms: NOW_MS - 7_000_000,
            text: "fetching topic orders on production: broker transport failure; trying again"
                .into(),
        }),
        errors: Vec::new(),
        partitions: Some(vec![Partition {
            partition: 0,
            next_offset: 1_234_567,
            log_start: Some(1_000),
            log_end: Some(1_300_000),
            lag_records: Some(65_433),
        }]),
    }
}

#[test]
fn a_page_of_a_thousand_archives_is_small_enough_to_be_asked_for_again_and_again() {
    let page = overview(&picture(1000));
    if let Some(path) = std::env::var_os("ARCHIVER_WRITE_PAGE") {
        std::fs::write(path, &page).expect("the page");
    }
    assert_eq!(page.matches("<tr data-name=").count(), 1000);
    assert!(page.len() < 2_500_000, "{} bytes", page.len());
}

#[test]
fn what_others_have_named_is_only_text() {
    let hostile = "<script>alert(1)</script>\"'&";
    let mut picture = picture(3);
    let archive_of = &mut picture.archives[0];
    archive_of.topic = hostile.into();
    archive_of.file = hostile.into();
    archive_of.why = Some(hostile.into());
    archive_of.last_error = Some(Error {
        at_ms: NOW_MS,
        text: format!("another {hostile}"),
    });
    picture.process.clusters[0].trouble = Some(hostile.into());
    picture.process.disks[0].path = hostile.into();
    let pages = [
        overview(&picture),
        archive(
            &picture.process,
            &picture.archives[0],
            Err(&hostile.to_owned()),
        ),
    ];
    for page in pages {
        assert_eq!(page.matches("<script>").count(), 1, "its own");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
        assert!(!page.contains(" style="), "the policy forbids it");
    }
}

#[test]
fn what_is_not_known_is_a_dash_and_nothing_is_a_sentence() {
    let mut picture = picture(1);
    let archive = &mut picture.archives[0];
    archive.lag_records = None;
    archive.rates = None;
    picture.totals.lag_records = None;
    let page = overview(&picture);
    assert!(page.contains("unknown"), "the lag of all: {page}");
    assert!(page.contains("<td class=\"num\">–</td>"), "{page}");
    picture.archives.clear();
    assert!(overview(&picture).contains("No archives yet."));
}
