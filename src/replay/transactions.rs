//! Exactly once: records and the place behind them become visible together, in transactions of Kafka (KIP-98, KIP-447).
//!
//! The place is the metadata of an offset that is committed to a consumer group of the replay's name, for a partition of a
//! topic that is sent to. A transaction that is aborted leaves the place of the one before.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use archiver_format::record::NextOffset;

use super::place::Place;
use super::sink::Failure;
use crate::source::kafka::{GroupOffset, Producer, Remedy, TransactionError};

/// How long one step of a transaction may take, and how long it is tried again.
const STEP: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);
/// Brokers take so many bytes beside an offset (`offset.metadata.max.bytes`).
const METADATA_BYTES_MOST: usize = 4_000;

/// The transactions of one replay.
pub struct Transactions {
    /// The consumer group that has the place.
    group: String,
    /// The topic whose first partition's offset it stands beside.
    topic: String,
    /// How long one lasts.
    length: Duration,
    begun: Option<Instant>,
    /// The place of the last one that was committed.
    committed: Option<Place>,
}

impl Transactions {
    /// Those of a group, each of about this length, whose place stands with a partition of this topic.
    pub fn new(group: String, topic: String, length: Duration) -> Self {
        Self {
            group,
            topic,
            length,
            begun: None,
            committed: None,
        }
    }

    /// Makes this replay the only one of its name, ends what another one has left open, and reads the place that is
    /// committed. Blocks.
    ///
    /// # Errors
    ///
    /// If the brokers refuse, or don't answer.
    pub fn start(&mut self, producer: &Producer) -> anyhow::Result<Option<Place>> {
        again(|| producer.init_transactions(STEP))
            .map_err(|e| anyhow!("starting transactions as {}: {e}", self.group))?;
        let asked = [(self.topic.clone(), 0)];
        let found = producer.committed(&self.group, &asked, STEP);
        let found =
            found.map_err(|e| anyhow!("reading the place of replay {}: {e}", self.group))?;
        let Some(offset) = found.into_iter().next() else {
            return Ok(None);
        };
        let place = offset.metadata.parse::<Place>().map_err(|e| {
            anyhow!(
                "the offset of group {} in topic {} can't be used: {e}; choose another --name",
                self.group,
                self.topic
            )
        })?;
        Ok(Some(place))
    }

    /// Goes on at the place that was read, or begins anew.
    pub fn go_on_at(&mut self, place: &Place) {
        self.committed = Some(place.clone());
    }

    /// The place that was committed last.
    pub fn committed(&self) -> Option<&Place> {
        self.committed.as_ref()
    }

    /// Begins one, unless one has begun.
    pub fn begin(&mut self, producer: &Producer) -> Result<(), Failure> {
        if self.begun.is_none() {
            producer.begin().map_err(|e| self.failed("beginning", &e))?;
            self.begun = Some(Instant::now());
        }
        Ok(())
    }

    /// Has it lasted long enough?
    pub fn is_over(&self) -> bool {
        (self.begun).is_some_and(|begun| begun.elapsed() >= self.length)
    }

    /// Commits all that was sent, and the place behind it. Blocks.
    pub fn commit(&mut self, producer: &Producer, place: &Place) -> Result<(), Failure> {
        if self.begun.is_none() {
            return Ok(());
        }
        let metadata = place.to_string();
        if metadata.len() > METADATA_BYTES_MOST {
            return Err(anyhow!(
                "the place in {} inputs is too long to stand beside an offset; replay fewer of them at once, or without --exactly-once",
                place.counts.len()
            )
            .into());
        }
        let offsets = [GroupOffset {
            topic: self.topic.clone(),
            partition: 0,
            offset: NextOffset::new(i64::try_from(place.sent).unwrap_or(i64::MAX)),
            metadata,
        }];
        let done = again(|| producer.send_offsets(&self.group, &offsets, STEP))
            .and_then(|()| again(|| producer.commit(STEP)));
        match done {
            Ok(()) => {
                self.begun = None;
                self.committed = Some(place.clone());
                Ok(())
            }
            Err(error) if error.remedy == Remedy::Abort => {
                again(|| producer.abort(STEP)).map_err(|e| self.failed("aborting", &e))?;
                self.begun = None;
                Err(Failure::TakenBack(error.to_string()))
            }
            Err(error) => Err(self.failed("committing", &error)),
        }
    }

    fn failed(&self, doing: &str, error: &TransactionError) -> Failure {
        Failure::Final(anyhow!(
            "{doing} a transaction as {}: {error}; go on with --resume --exactly-once",
            self.group
        ))
    }
}

/// Tries a step again as long as that may help.
fn again(mut step: impl FnMut() -> Result<(), TransactionError>) -> Result<(), TransactionError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match step() {
            Err(error) if error.remedy == Remedy::Again && Instant::now() < deadline => {}
            done => return done,
        }
    }
}
