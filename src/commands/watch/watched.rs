//! A topic that is watched: its state, and questions about it.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use archiver_format::record::Partition;

use super::begin::Begin;
use super::lines::Lines;
use super::printer::Printer;
use crate::logging;
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::Seat;

/// How long until it is asked again what had no answer.
pub(super) const AGAIN: Duration = Duration::from_millis(500);

/// A topic, and what becomes of its records.
pub(super) struct Watched<'a> {
    pub name: String,
    pub seat: Seat,
    pub begin: Begin,
    /// Only this partition.
    pub only: Option<Partition>,
    pub lines: Lines,
    pub printer: &'a RefCell<Printer>,
}

/// Which of these partitions are wanted.
pub(super) fn wanted(only: Option<Partition>, mut partitions: Range<Partition>) -> Vec<Partition> {
    match only {
        Some(only) => partitions
            .contains(&only)
            .then_some(only)
            .into_iter()
            .collect(),
        None => partitions.by_ref().collect(),
    }
}

/// An answer, asked for again as long as there may be one. That no broker answers is said by whoever talks
/// to them.
pub(super) async fn asked<T>(
    what: &str,
    ask: impl AsyncFn() -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    let mut has_said = false;
    loop {
        match ask().await {
            Err(e)
                if matches!(
                    e.kind,
                    Trouble::Unreachable | Trouble::Changing | Trouble::Other
                ) =>
            {
                if e.kind == Trouble::Other && !std::mem::replace(&mut has_said, true) {
                    logging::complain(&format!("{what}: {e}; trying again"));
                }
                tokio::time::sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}
