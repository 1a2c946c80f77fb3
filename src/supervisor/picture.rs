//! The picture of the process, from what its archives report.

use std::time::Instant;

use super::Supervisor;
use super::listed::Shown;
use crate::observe::snapshot::{Archive, Detail, Gaps, Process, Snapshot, State, Totals, VERSION};
use crate::observe::status::{self, Counts};

/// When the process began to archive.
pub(super) struct Began {
    /// By the wall clock, in milliseconds since 1970.
    pub at_ms: i64,
    pub at: Instant,
}

impl Supervisor {
    /// What the process does now. Cheap, but with a thousand archives a copy of much text: at most once a second.
    pub fn snapshot(&self, detail: Detail) -> Snapshot {
        let _ = detail;
        let (shown, counts) = {
            let listed = self.listed();
            (listed.shown(), listed.counts())
        };
        let archives = shown.iter().map(archive).collect::<Vec<_>>();
        Snapshot {
            version: VERSION,
            process: self.process(),
            totals: totals(&archives, counts),
            archives,
        }
    }

    fn process(&self) -> Process {
        let Began { at_ms, at } = self.0.began;
        Process {
            program_version: env!("CARGO_PKG_VERSION").into(),
            now_ms: self.0.environment.clock.now_ms(),
            started_ms: at_ms,
            uptime_seconds: at.elapsed().as_secs_f64(),
            memory_bytes: None,
            memory_limit_bytes: self.0.environment.memory_bytes,
            flush_duration: Default::default(),
            fsync_duration: Default::default(),
            clusters: Vec::new(),
            disks: Vec::new(),
        }
    }
}

fn totals(archives: &[Archive], Counts { records, bytes }: Counts) -> Totals {
    let mut totals = Totals {
        records,
        written_bytes: bytes,
        ..Totals::default()
    };
    for archive in archives {
        totals.records_per_second += archive.records_per_second;
        totals.written_bytes_per_second += archive.written_bytes_per_second;
        totals.lag_records += archive.lag_records.unwrap_or(0);
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

fn archive(Shown { config, status }: &Shown) -> Archive {
    let (state, why) = match status.state() {
        status::State::Starting => (State::Starting, None),
        status::State::Running => (State::Running, None),
        status::State::Waiting(why) => (State::Waiting, Some(why)),
        status::State::Stopped(why) => (State::Stopped, Some(why)),
        status::State::Done | status::State::Unfinished => (State::Done, None),
    };
    let Counts { records, bytes } = status.counts();
    Archive {
        name: config.name.clone(),
        cluster: config.cluster.name.clone(),
        topic: config.topic.clone(),
        file: config.file.display().to_string(),
        state,
        state_since_ms: None,
        why: why.map(|why| why.to_string()),
        is_ready: matches!(state, State::Running | State::CaughtUp | State::Done),
        records,
        plain_bytes: 0,
        written_bytes: bytes,
        records_per_second: 0.0,
        plain_bytes_per_second: 0.0,
        written_bytes_per_second: 0.0,
        rates: None,
        lag_records: None,
        lag_seconds: None,
        retention_headroom_seconds: None,
        is_overtaken_soon: false,
        disk_bytes: None,
        compression_ratio: None,
        last_flush_ms: None,
        last_checkpoint_ms: None,
        checkpoint_age_seconds: None,
        segments_open: None,
        segments_sealed: 0,
        segments_to_hand_over: status.handed_over().waiting,
        gaps: Gaps::default(),
        last_error: None,
        errors: Vec::new(),
        partitions: None,
    }
}
