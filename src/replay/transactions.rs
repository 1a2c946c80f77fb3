//! Exactly once: records and the place behind them become visible together, in transactions of Kafka (KIP-98, KIP-447).
//!
//! The place is the metadata of an offset that is committed to a consumer group of the replay's name, for a partition of a
//! topic that is sent to. A transaction that is aborted leaves the place of the one before.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use archiver_format::record::NextOffset;

use super::control::Control;
use super::place::Place;
use super::refusal;
use super::sink::{Failure, NotResumable};
use crate::source::cluster::Trouble;
use crate::source::kafka::{GroupOffset, Producer, Refusal, Remedy, Target, TransactionError};

/// How long one step of a transaction waits for an answer; then it is tried again, as long as that may help.
const STEP: Duration = Duration::from_secs(2);
/// How long it is tried after somebody has stopped it.
const STOPPED: Duration = Duration::from_secs(5);
/// How often is asked whether the topics are still there, and how long that may take.
const ASK: Duration = Duration::from_secs(5);
/// How long the brokers may take to tell the place: one that has just started makes a topic for groups first.
const READ: Duration = Duration::from_secs(60);
/// How often is looked meanwhile whether somebody has stopped it.
const LOOK: Duration = Duration::from_secs(5);
/// How long is waited for a place whose transaction is open, before that is ended.
const PEEK: Duration = Duration::from_secs(3);
/// What the client says where brokers keep none open for as long as is wanted.
const TOO_LONG: &str = "Transaction timeout is larger than the maximum";
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
    /// How long the brokers keep one open (`transaction.timeout.ms`).
    expires: Duration,
    begun: Option<Instant>,
    /// The place of the last one that was committed.
    committed: Option<Place>,
    /// The place of an earlier run is committed still, which this one doesn't go on at.
    is_anew: bool,
}

impl Transactions {
    /// Those of a group, each of about this length, whose place stands with a partition of this topic. The brokers take
    /// back one that is open for longer than `expires`.
    pub fn new(group: String, topic: String, length: Duration, expires: Duration) -> Self {
        Self {
            group,
            topic,
            length,
            expires,
            begun: None,
            committed: None,
            is_anew: false,
        }
    }

    /// Makes this replay the only one of its name, ends what another one has left open, and reads the place that is
    /// committed. Blocks.
    ///
    /// # Errors
    ///
    /// If the brokers refuse, or don't answer.
    pub fn start(
        &mut self,
        producer: &Producer,
        control: &Control,
    ) -> anyhow::Result<Option<Place>> {
        let mut waiting = Waiting::new(control, Vec::new());
        let started = waiting.again(|| producer.init_transactions(STEP));
        started.map_err(|e| {
            let advice = match e.to_string().contains(TOO_LONG) {
                true => {
                    "; choose a shorter --transaction, and no longer transaction.timeout.ms, or have the brokers allow more \
                     (transaction.max.timeout.ms)"
                }
                false => "",
            };
            anyhow!("starting transactions as {}: {e}{advice}", self.group)
        })?;
        let asked = [(self.topic.clone(), 0)];
        let deadline = Instant::now() + READ;
        let found = loop {
            match producer.committed(&self.group, &asked, LOOK) {
                Err(error)
                    if matches!(error.kind, Trouble::Unreachable | Trouble::Changing)
                        && Instant::now() < deadline
                        && !control.is_stopped() => {}
                found => break found,
            }
        };
        let found =
            found.map_err(|e| anyhow!("reading the place of replay {}: {e}", self.group))?;
        self.place(found)
    }

    /// The place that is committed, if nobody is about to commit another one; leaves a replay that is under way alone.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// If what stands there is none.
    pub fn peek(&self, producer: &Producer) -> anyhow::Result<Option<Place>> {
        let asked = [(self.topic.clone(), 0)];
        match producer.committed(&self.group, &asked, PEEK) {
            Ok(found) => self.place(found),
            Err(_) => Ok(None),
        }
    }

    fn place(&self, found: Vec<GroupOffset>) -> anyhow::Result<Option<Place>> {
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

    /// Begins anew at this place, where another one is committed.
    pub fn begin_anew_at(&mut self, place: &Place) {
        self.committed = Some(place.clone());
        self.is_anew = true;
    }

    /// Commits the place of a run that begins anew, without any record: it isn't to be gone on with where an earlier one
    /// was. To be called before the first record. Blocks.
    ///
    /// # Errors
    ///
    /// If the brokers refuse, or don't answer.
    pub fn settle(&mut self, producer: &Producer, control: &Control) -> anyhow::Result<()> {
        let Some(place) = self.committed.clone().filter(|_| self.is_anew) else {
            return Ok(());
        };
        let mut waiting = Waiting::new(control, Vec::new());
        let begun = self.begin(producer);
        let done = begun.and_then(|()| self.commit(producer, &place, &mut waiting));
        done.map_err(|failure| match failure {
            Failure::Final(error) => error,
            Failure::TakenBack(why) => anyhow!("the first transaction was taken back: {why}"),
        })
    }

    /// Goes on at the place that was read, or begins where there is none.
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
            let begun = producer.begin();
            begun.map_err(|e| self.failed(producer, "beginning", &e))?;
            self.begun = Some(Instant::now());
        }
        Ok(())
    }

    /// Has it lasted long enough?
    pub fn is_over(&self) -> bool {
        (self.begun).is_some_and(|begun| begun.elapsed() >= self.length)
    }

    /// Commits all that was sent, and the place behind it. Blocks.
    pub(super) fn commit(
        &mut self,
        producer: &Producer,
        place: &Place,
        waiting: &mut Waiting<'_>,
    ) -> Result<(), Failure> {
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
        let done = waiting
            .again(|| producer.send_offsets(&self.group, &offsets, STEP))
            .and_then(|()| waiting.again(|| producer.commit(STEP)));
        match done {
            Ok(()) => {
                self.begun = None;
                self.committed = Some(place.clone());
                Ok(())
            }
            Err(NotDone::Failed(error)) if error.remedy == Remedy::Abort => {
                match waiting.again(|| producer.abort(STEP)) {
                    Ok(()) => {
                        self.begun = None;
                        waiting.look(&error).map_err(NotDone::failure)?;
                        Err(Failure::TakenBack(error.to_string()))
                    }
                    Err(NotDone::Failed(e)) => Err(self.failed(producer, "aborting", &e)),
                    Err(not_done) => Err(not_done.failure()),
                }
            }
            Err(NotDone::Failed(error)) => Err(self.failed(producer, "committing", &error)),
            // As far as it can be done: else the brokers do it when it expires.
            Err(not_done) => {
                let _ = producer.abort(STEP);
                Err(not_done.failure())
            }
        }
    }

    fn failed(&self, producer: &Producer, doing: &str, error: &TransactionError) -> Failure {
        self.fatal(producer, doing, &error.to_string())
    }

    /// Why it can't go on, as nothing can be sent any more.
    pub(super) fn fatal(&self, producer: &Producer, doing: &str, error: &str) -> Failure {
        let has_expired = self
            .begun
            .is_some_and(|begun| begun.elapsed() >= self.expires);
        let group = &self.group;
        Failure::Final(match (producer.is_fenced(), has_expired) {
            (true, false) => anyhow!(NotResumable(format!(
                "another run of the same name has taken over, and goes on instead of this one (transactional id {group}); \
                 what this one had not committed was taken back. Two at once need a --name each"
            ))),
            (true, true) => anyhow!(
                "the brokers have taken back a transaction that was open for longer than {:?} (transaction.timeout.ms), as \
                 they were away, say; go on with --resume --exactly-once, or let them last longer with \
                 -X transaction.timeout.ms=…",
                self.expires
            ),
            (false, _) => anyhow!(
                "{doing} a transaction as {group}: {error}; go on with --resume --exactly-once"
            ),
        })
    }
}

/// Waits for the brokers as long as that may help.
pub(super) struct Waiting<'a> {
    control: &'a Control,
    /// The topics that are sent to.
    targets: Vec<&'a Target>,
    stopped: Option<Instant>,
    asked: Instant,
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error("{0}")]
    Failed(TransactionError),
    #[error(
        "the last transaction could not be committed before the stop: {0}; what was in it is taken back. Go on with \
         --resume --exactly-once once the brokers answer"
    )]
    Stopped(TransactionError),
    #[error("{0}")]
    Gone(String),
}

impl NotDone {
    fn failure(self) -> Failure {
        Failure::Final(match self {
            Self::Gone(said) => anyhow!(NotResumable(said)),
            other => anyhow!(other),
        })
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(control: &'a Control, targets: Vec<&'a Target>) -> Self {
        Self {
            control,
            targets,
            stopped: None,
            asked: Instant::now(),
        }
    }

    /// Tries a step again as long as that may help.
    fn again(
        &mut self,
        mut step: impl FnMut() -> Result<(), TransactionError>,
    ) -> Result<(), NotDone> {
        loop {
            let error = match step() {
                Err(error) if error.remedy == Remedy::Again => error,
                done => return done.map_err(NotDone::Failed),
            };
            if self.control.is_stopped()
                && self.stopped.get_or_insert_with(Instant::now).elapsed() >= STOPPED
            {
                return Err(NotDone::Stopped(error));
            }
            if self.asked.elapsed() >= ASK {
                self.asked = Instant::now();
                self.look(&error)?;
            }
        }
    }

    /// A topic that was deleted doesn't come back.
    fn look(&self, error: &TransactionError) -> Result<(), NotDone> {
        for target in &self.targets {
            if target.is_missing(STEP) {
                let why = refusal::why(Refusal::Gone, &error.to_string());
                let said = refusal::ended(&target.name(), Refusal::Gone, &why, true);
                return Err(NotDone::Gone(said));
            }
        }
        Ok(())
    }
}
