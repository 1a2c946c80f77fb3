//! A topic that is watched: waited for, read, and waited for again once it is gone.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use archiver_format::record::Partition;

use super::begin::Begin;
use super::lines::Lines;
use super::printer::Printer;
use super::reading::{Ended, Reading};
use crate::logging;
use crate::source::cluster::{Cluster, KafkaError, Topic, Trouble};
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

impl Watched<'_> {
    /// Prints what comes until as many records were printed as are wanted.
    ///
    /// # Errors
    ///
    /// If it can't be read, or printed.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut is_gone = false;
        loop {
            let asking = || format!("asking about topic {}", self.name);
            let (topic, has_come) = self.appears(is_gone).await.with_context(asking)?;
            if has_come {
                // All of it is new.
                self.begin = Begin::Earliest;
            }
            let reading = format!("reading topic {}", self.name);
            match self.read(topic).await.context(reading)? {
                Ended::Enough => return Ok(()),
                Ended::Deleted => {
                    logging::complain(&format!(
                        "topic {}: it was deleted; waiting until it is created again",
                        self.name
                    ));
                    is_gone = true;
                }
                Ended::Recreated => {
                    logging::complain(&format!(
                        "topic {}: it was deleted and created again; going on with its first record",
                        self.name
                    ));
                    self.begin = Begin::Earliest;
                    is_gone = false;
                }
            }
        }
    }

    fn called(&self) -> String {
        format!("topic {}", self.name)
    }

    /// Waits until there is such a topic, and says whether there was none first.
    async fn appears(&self, mut is_gone: bool) -> Result<(Topic, bool), KafkaError> {
        loop {
            let describe = async || self.seat.describe(&self.name).await;
            match asked(&self.called(), describe).await {
                Ok(topic) => {
                    if is_gone {
                        logging::complain(&format!("topic {}: it is there now", self.name));
                    }
                    return Ok((topic, is_gone));
                }
                Err(e) if e.kind == Trouble::Missing => {
                    if !std::mem::replace(&mut is_gone, true) {
                        logging::complain(&format!(
                            "topic {}: there is none; waiting until it is created",
                            self.name
                        ));
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads a topic until it is gone.
    async fn read(&mut self, topic: Topic) -> anyhow::Result<Ended> {
        let partitions = wanted(self.only, 0..topic.partitions);
        if let (Some(only), true) = (self.only, partitions.is_empty()) {
            logging::complain(&format!(
                "topic {}: there is no partition {only} yet, only 0 to {}; waiting for it",
                self.name,
                topic.partitions - 1
            ));
        }
        let begin = async || {
            let (name, partitions) = (&self.name, partitions.clone());
            let from = self.begin.positions(&self.seat, name, partitions).await?;
            Ok((self.seat.reader(name, &from).await?, from))
        };
        match asked(&self.called(), begin).await {
            Ok((reader, from)) => Reading::new(self, topic, reader, from).run().await,
            Err(e) if e.kind == Trouble::Missing => Ok(Ended::Deleted),
            Err(e) => Err(e.into()),
        }
    }
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
