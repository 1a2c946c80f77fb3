mod batches;
mod begins;
mod brokers;
mod changed;
mod elsewhere;
mod full;
mod handover;
mod lagging;
mod locks;
mod mutations;
mod others;
mod removed;
mod restarts;
mod scenes;
mod seeds;
mod state;
mod stops;
mod torture;
mod unverified;
mod windows;

use std::collections::BTreeMap;

use archiver_format::checkpoint::Progress;
use archiver_format::record::Partition;

use super::kafka::Offset;

/// Where a checkpoint goes on in each partition.
fn next_offsets(progress: &Progress) -> BTreeMap<Partition, Offset> {
    let positions = progress.positions.iter();
    positions
        .map(|(partition, at)| (partition, at.next.get()))
        .collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
