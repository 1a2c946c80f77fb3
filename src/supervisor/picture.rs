//! The picture of the process, from what its archives report.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::listed::Shown;
use super::{Began, Supervisor};
use crate::observe::snapshot::{
    Archive, Broker, Cluster, Detail, Disk, Error, Errors, Histogram, Process, Snapshot, State,
    Totals, VERSION,
};
use crate::observe::status::{self, Counts};
use crate::source::cluster::Condition;
use crate::world::clock::millis;
use crate::world::fs::parent;
use crate::world::space::{Seen, Space};
use crate::world::timings::{BOUNDS_SECONDS, Timings};

/// The moment of the picture, by both clocks.
#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    ms: i64,
}

impl Moment {
    /// When that was, by the wall clock.
    fn of(&self, at: Instant) -> i64 {
        self.ms.saturating_sub(millis(self.at.duration_since(at)))
    }
}

impl Supervisor {
    /// What the process does now. Cheap, but with a thousand archives a copy of much text: at most once a second.
    pub fn snapshot(&self, detail: Detail) -> Snapshot {
        let now = Moment {
            at: Instant::now(),
            ms: self.0.environment.clock.now_ms(),
        };
        let (shown, counts) = {
            let listed = self.listed();
            (listed.shown(), listed.counts())
        };
        let process = self.process(now);
        let troubled = process.clusters.iter().filter(|of| of.trouble.is_some());
        let troubled = troubled.map(|of| of.name.as_str()).collect::<BTreeSet<_>>();
        let archives = shown.iter().map(|shown| {
            let answers = !troubled.contains(shown.config.cluster.name.as_str());
            archive(shown, answers, detail, now)
        });
        let archives = archives.collect::<Vec<_>>();
        let totals = totals(&archives, counts, &troubled);
        Snapshot {
            version: VERSION,
            process,
            totals,
            archives,
        }
    }

    fn process(&self, now: Moment) -> Process {
        let Began { at_ms, at } = self.0.began;
        let timings = self.0.environment.devices.timings();
        let spaces = self.0.environment.devices.spaces();
        let clusters = self.0.platform.conditions().into_iter().map(cluster);
        Process {
            program_version: env!("CARGO_PKG_VERSION").into(),
            now_ms: now.ms,
            started_ms: at_ms,
            uptime_seconds: now.at.duration_since(at).as_secs_f64(),
            memory_bytes: self.0.platform.memory(),
            memory_limit_bytes: self.0.environment.memory_bytes,
            flush_duration: histogram(&timings.writes),
            fsync_duration: histogram(&timings.syncs),
            clusters: clusters.collect(),
            disks: spaces.iter().filter_map(Space::seen).map(disk).collect(),
        }
    }
}

fn histogram(timings: &Timings) -> Histogram {
    Histogram {
        bounds_seconds: BOUNDS_SECONDS.into(),
        counts: timings.counts(),
        sum_seconds: timings.sum_seconds(),
    }
}

fn cluster(condition: Condition) -> Cluster {
    let brokers = condition.brokers.into_iter().map(|broker| Broker {
        name: broker.name,
        is_up: broker.is_up,
        throttled_ms: u64::try_from(broker.throttled.as_millis()).ok(),
    });
    Cluster {
        name: condition.name,
        trouble: condition.trouble,
        brokers: brokers.collect(),
    }
}

fn disk(seen: Seen) -> Disk {
    Disk {
        path: parent(&seen.path).display().to_string(),
        free_bytes: seen.free_bytes,
        filling_bytes_per_second: seen.filling_bytes_per_second,
        full_in_seconds: seen.full_in.map(|left| left.as_secs_f64()),
        is_low: seen.is_low,
    }
}

fn totals(
    archives: &[Archive],
    Counts { records, bytes }: Counts,
    troubled: &BTreeSet<&str>,
) -> Totals {
    let mut totals = Totals {
        records,
        written_bytes: bytes,
        lag_records: lag(archives, troubled),
        ..Totals::default()
    };
    for archive in archives {
        totals.records_per_second += archive.records_per_second;
        totals.written_bytes_per_second += archive.written_bytes_per_second;
        let states = &mut totals.states;
        *match archive.state {
            State::Starting => &mut states.starting,
            State::Running => &mut states.running,
            State::CaughtUp => &mut states.caught_up,
            State::Waiting => &mut states.waiting,
            State::Stalled => &mut states.stalled,
            State::Stopped => &mut states.stopped,
            State::Done => &mut states.done,
        } += 1;
    }
    totals
}

/// How many records wait for all archives. One that reads and doesn't know makes that unknown; one that waits for its
/// topic, say, doesn't.
fn lag(archives: &[Archive], troubled: &BTreeSet<&str>) -> Option<u64> {
    let is_missed = |of: &Archive| {
        let reads = matches!(of.state, State::Running | State::CaughtUp | State::Stalled);
        of.lag_records.is_none() && (reads || troubled.contains(of.cluster.as_str()))
    };
    let mut known = archives.iter().filter_map(|of| of.lag_records).peekable();
    let is_known = known.peek().is_some() || archives.is_empty();
    (is_known && !archives.iter().any(is_missed)).then(|| known.sum())
}

/// `answers`: its cluster is not known to be in trouble.
fn archive(
    Shown { config, status }: &Shown,
    answers: bool,
    detail: Detail,
    now: Moment,
) -> Archive {
    let (doing, since) = status.state_since();
    let segments_to_hand_over = status.handed_over().waiting;
    let lag = status.lag();
    let state = match &doing {
        status::State::Running if lag.is_caught_up(now.at) => State::CaughtUp,
        status::State::Running => State::Running,
        status::State::Starting => State::Starting,
        status::State::Stalled(_) => State::Stalled,
        status::State::Waiting(_) => State::Waiting,
        status::State::Stopped(_) => State::Stopped,
        status::State::Done | status::State::Unfinished => State::Done,
    };
    let is_over = doing.is_end();
    let is_lag_known = answers && lag.is_fresh(now.at);
    let activity = status.activity();
    let (written, rate) = (activity.written, activity.rates.now());
    let seconds = |duration: Duration| duration.as_secs_f64();
    let age = |since: Instant| now.at.duration_since(since);
    Archive {
        name: config.name.clone(),
        cluster: config.cluster.name.clone(),
        topic: config.topic.clone(),
        file: config.file.display().to_string(),
        state,
        state_since_ms: Some(now.of(since)),
        why: doing.why().map(|why| why.to_string()),
        is_ready: match state {
            State::Running | State::CaughtUp => answers && !lag.is_stale(now.at),
            State::Done => true,
            State::Starting | State::Waiting | State::Stalled | State::Stopped => false,
        },
        records: written.records,
        plain_bytes: written.plain_bytes,
        written_bytes: written.bytes,
        records_per_second: rate.records,
        plain_bytes_per_second: rate.plain_bytes,
        written_bytes_per_second: rate.bytes,
        rates: detail.rates.then(|| activity.rates.shown()),
        lag_records: lag.waiting().filter(|_| is_lag_known),
        lag_seconds: lag
            .age(now.at, now.ms)
            .filter(|_| is_lag_known)
            .map(seconds),
        retention_headroom_seconds: lag.overtaken_in(now.at).map(|(_, left)| seconds(left)),
        is_overtaken_soon: lag.is_overtaken_soon(),
        disk_bytes: activity.extent.map(|extent| extent.bytes),
        compression_ratio: (written.bytes > 0)
            .then(|| written.plain_bytes as f64 / written.bytes as f64),
        last_flush_ms: activity.flushed.map(|at| now.of(at)),
        last_checkpoint_ms: activity.checkpointed.map(|at| now.of(at)),
        checkpoint_age_seconds: match activity.unsaved_since {
            Some(since) => Some(seconds(age(since))),
            None if is_over => None,
            None => Some(0.0),
        },
        segments_open: activity.extent.map(|extent| extent.segments_open),
        segments_sealed: activity.sealed,
        segments_to_hand_over,
        gaps: activity.gaps,
        last_error: activity.last_error.as_ref().map(|(at, text)| Error {
            at_ms: now.of(*at),
            text: text.clone(),
        }),
        errors: errors(&activity.errors),
        partitions: detail.partitions.then(|| lag.shown(is_lag_known)),
    }
}

fn errors(errors: &std::collections::BTreeMap<&'static str, u64>) -> Vec<Errors> {
    let errors = errors.iter().map(|(kind, count)| Errors {
        kind: (*kind).into(),
        count: *count,
    });
    errors.collect()
}
