//! What all archives share: open files and the clock.

use super::finding::{Findings, span};
use crate::config::{Archive, Checked};
use crate::world::clock::{Clock, RealClock};
use crate::world::open_files::{Needs, depth, wanted_and_allowed};

/// Clocks differ by so much, in milliseconds, without anything being wrong.
const APART_MS: i64 = 1_000;

/// Looks at this machine; `newest` is the latest timestamp of a record and its topic, if Kafka has answered.
pub(super) fn machine(
    archives: &[Checked<Archive>],
    newest: Option<Option<(i64, &str)>>,
) -> Findings {
    let mut findings = Findings::about("this machine");
    let depths = archives.iter();
    let depths = depths.map(|archive| depth([&archive.file, &archive.state]));
    let (wanted, allowed) = wanted_and_allowed(Needs {
        archives: archives.len(),
        segments: archives.iter().map(|of| of.open_segments_max()).sum(),
        depth: depths.max().unwrap_or(0),
    });
    let text = format!("up to {wanted} may be needed, {allowed} are allowed");
    match wanted > allowed {
        false => findings.good("open files", text),
        true => {
            findings
                .doubtful("open files", text)
                .advice("raise the limit (ulimit -Hn, or LimitNOFILE in the service's unit)");
        }
    }
    if let Some(newest) = newest {
        let now = RealClock.now_ms();
        match newest {
            Some((ms, topic)) if ms > now + APART_MS => {
                let ahead = span((ms - now) as f64 / 1e3);
                let text = format!(
                    "a record of {topic} is {ahead} ahead of this machine: its clock is wrong, or that of the producer or broker"
                );
                let advice = "segments by time are named after the records; compare the clocks (timedatectl)";
                findings.doubtful("clock", text).advice(advice);
            }
            _ => {
                findings.unknown(
                    "clock",
                    "no record is ahead of this machine; brokers don't tell their time",
                );
            }
        }
    }
    findings
}
