//! Records on their way to Kafka: handed to the producer, counted by topic until each has arrived or was refused, and the
//! place behind them kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::clock::in_ms;
use super::control::Control;
use super::due::Due;
use super::keeping::Keeping;
use super::place::Place;
use super::refusal;
use super::sending::{Sending, Topic};
use super::sent_again::{SentAgain, plain};
use super::settled::Settled;
use super::sink::{Failure, NotResumable, NotSent, Sink};
use super::transactions::{Transactions, Waiting};
use crate::source::kafka::{self, NewRecord, Producer, Refusal, Target};

/// How often the place is kept.
const TURN: Duration = Duration::from_secs(1);
/// The lower bits of a tag are the topic's number, the others its turn.
const TOPIC_BITS: u32 = 20;
/// How long is waited for what was sent once more, before the next.
const AGAIN: Duration = Duration::from_millis(5);
/// How long one look lasts whether all has arrived.
const LOOK: Duration = Duration::from_millis(200);
/// How long it is waited for after somebody has stopped it.
pub const ARRIVE: Duration = Duration::from_secs(10);

/// What became of the records of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// So many were handed to the producer.
    pub sent: u64,
    /// So many have arrived.
    pub arrived: u64,
    /// So many were refused for good, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// How the place is kept.
pub enum Kept {
    /// In a file: what was sent since then is sent again after a crash.
    File(Keeping),
    /// In Kafka, in the transactions of the records.
    Transactions(Transactions),
}

/// Sends records to Kafka.
pub struct KafkaSink<'a> {
    producer: &'a Producer,
    control: &'a Control,
    topics: Vec<(Topic, Target)>,
    /// The topic of each input.
    of_inputs: Vec<usize>,
    sending: Sending,
    kept: Kept,
    place: Place,
    /// So much is added to times in the round that was begun or gone on with first, in milliseconds.
    shift_ms: Option<i64>,
    settled: Settled,
    turned: Instant,
    outcomes: Vec<Outcome>,
    /// The same as far as it is committed, in transactions.
    committed: Vec<Outcome>,
    again: SentAgain,
    /// Why it ends, as a record was refused; of a batch, the record that was the reason.
    refused: Option<(Refusal, String)>,
}

impl<'a> KafkaSink<'a> {
    /// One that sends each input to a topic, by its number. It goes on at a place.
    pub fn new(
        (producer, control): (&'a Producer, &'a Control),
        topics: Vec<(Topic, Target)>,
        of_inputs: Vec<usize>,
        sending: Sending,
        kept: Kept,
        place: Place,
    ) -> Self {
        Self {
            outcomes: vec![Outcome::default(); topics.len()],
            committed: vec![Outcome::default(); topics.len()],
            producer,
            control,
            topics,
            of_inputs,
            sending,
            kept,
            shift_ms: place.shift_ms,
            place,
            settled: Settled::default(),
            turned: Instant::now(),
            again: SentAgain::default(),
            refused: None,
        }
    }

    /// Where the last record that was handed over has left it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The topics, and what became of their records.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Topic, &Outcome)> {
        let topics = self.topics.iter().map(|(topic, _)| topic);
        topics.zip(&self.outcomes)
    }

    /// Waits until all that was handed over has arrived, and keeps the place. Once somebody has stopped it, it doesn't wait
    /// for longer than [`ARRIVE`].
    ///
    /// # Errors
    ///
    /// If nothing can be sent any more, or something hasn't arrived.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let mut stopped = None;
        loop {
            let left = self.producer.flush(LOOK);
            self.take_answers()?;
            self.send_again();
            if left == 0 && self.again.is_empty() && self.producer.outstanding() == 0 {
                break;
            }
            if self.control.is_stopped()
                && stopped.get_or_insert_with(Instant::now).elapsed() >= ARRIVE
            {
                let why = self.producer.trouble();
                let why = why.map_or_else(String::new, |error| format!(": {error}"));
                return Err(anyhow!(
                    "{left} records have not arrived within {ARRIVE:?}{why}; go on with --resume once the brokers answer"
                )
                .into());
            }
        }
        match &mut self.kept {
            Kept::Transactions(_) => self.commit(),
            Kept::File(keeping) => {
                self.settled.turn(self.place.clone());
                keep(keeping, &mut self.settled)
            }
        }
    }

    /// Goes on behind what was committed last, or at the beginning: the rest was taken back, and is sent again.
    pub fn go_back(&mut self, beginning: &Place) {
        // What is reported of it says only that it was taken back.
        self.producer.delivered(&mut |_, _| {});
        self.outcomes.clone_from(&self.committed);
        self.settled = Settled::default();
        self.again = SentAgain::default();
        self.refused = None;
        let committed = match &self.kept {
            Kept::Transactions(transactions) => transactions.committed(),
            Kept::File(_) => None,
        };
        self.place = committed.unwrap_or(beginning).clone();
        self.shift_ms = self.place.shift_ms;
    }

    /// What was kept; nothing can be sent afterwards.
    pub fn kept(self) -> Kept {
        self.kept
    }

    fn take_answers(&mut self) -> Result<(), Failure> {
        let Self {
            producer,
            outcomes,
            settled,
            refused,
            sending,
            topics,
            kept,
            again,
            ..
        } = self;
        let is_in_transaction = matches!(kept, Kept::Transactions(_));
        producer.delivered(&mut |tag, answer| {
            let (topic, turn) = (topic_of(tag), plain(tag) >> TOPIC_BITS);
            let undelivered = match answer {
                Ok(()) => {
                    settled.answered(turn);
                    outcomes[topic].arrived += 1;
                    return;
                }
                Err(undelivered) => undelivered,
            };
            let refusal = undelivered.refusal;
            if is_in_transaction && refusal == Refusal::Lost {
                // The transaction can't be committed any more, which says it all.
                return;
            }
            let is_left_out = sending.leaves_out(refusal);
            if is_left_out && again.take(tag, refusal, undelivered.record) {
                return;
            }
            let why = refusal::why(refusal, &undelivered.error.to_string());
            if is_left_out {
                settled.answered(turn);
            } else if matches!(refused, None | Some((Refusal::Company, _))) {
                let name = &topics[topic].0.name;
                let ended = refusal::ended(name, refusal, &why, is_in_transaction);
                *refused = Some((refusal, ended));
            }
            // The place stays before what has not arrived, if that ends the replay.
            if !matches!(refusal, Refusal::Company | Refusal::Lost) {
                *outcomes[topic].refused.entry(why).or_default() += 1;
            }
        });
        match self.refused.take() {
            Some((Refusal::Gone, refused)) => return Err(anyhow!(NotResumable(refused)).into()),
            Some((_, refused)) => return Err(anyhow!(refused).into()),
            None => {}
        }
        match (&self.kept, self.producer.fatal()) {
            (_, None) => Ok(()),
            (Kept::Transactions(transactions), Some(error)) => {
                Err(transactions.fatal(self.producer, "sending in", &error.to_string()))
            }
            (Kept::File(_), Some(error)) => Err(anyhow!("sending: {error}").into()),
        }
    }

    /// Sends what came back because of others, as far as it can go now.
    fn send_again(&mut self) {
        let Self {
            again,
            topics,
            outcomes,
            settled,
            producer,
            ..
        } = self;
        if again.is_empty() {
            return;
        }
        let target = |tag| &topics[topic_of(tag)].1;
        again.send(producer, target, &mut |tag, refusal, said| {
            settled.answered(tag >> TOPIC_BITS);
            let refused = &mut outcomes[topic_of(tag)].refused;
            *refused.entry(refusal::why(refusal, &said)).or_default() += 1;
        });
    }

    fn turn(&mut self) -> Result<(), Failure> {
        match &mut self.kept {
            Kept::Transactions(transactions) if transactions.is_over() => self.commit(),
            Kept::Transactions(_) => Ok(()),
            Kept::File(keeping) => {
                if self.turned.elapsed() >= TURN {
                    self.turned = Instant::now();
                    self.settled.turn(self.place.clone());
                }
                keep(keeping, &mut self.settled)
            }
        }
    }

    fn commit(&mut self) -> Result<(), Failure> {
        if let Kept::Transactions(transactions) = &mut self.kept {
            let targets = self.topics.iter().map(|(_, target)| target);
            let mut waiting = Waiting::new(self.control, targets.collect());
            let done = transactions.commit(self.producer, &self.place, &mut waiting);
            // A record that was refused says more than the transaction that it was in.
            self.take_answers()?;
            done?;
            self.committed.clone_from(&self.outcomes);
        }
        Ok(())
    }
}

/// The number of a record's topic.
fn topic_of(tag: u64) -> usize {
    usize::try_from(tag & ((1 << TOPIC_BITS) - 1)).unwrap_or(0)
}

fn keep(keeping: &mut Keeping, settled: &mut Settled) -> Result<(), Failure> {
    match settled.take() {
        Some(place) => keeping.keep(place).map_err(Failure::Final),
        None => Ok(()),
    }
}

impl Sink for KafkaSink<'_> {
    fn send(&mut self, due: &Due) -> Result<(), NotSent> {
        // What came back goes first, so that less of what comes later overtakes it.
        if !self.again.is_empty() {
            return Err(NotSent::Full);
        }
        if let Kept::Transactions(transactions) = &mut self.kept {
            transactions.begin(self.producer).map_err(NotSent::Failed)?;
        }
        let input = due.merged.input;
        let number = self.of_inputs[input];
        let (topic, target) = &self.topics[number];
        let outcome = &mut self.outcomes[number];
        let record = &due.merged.record;
        let new = NewRecord {
            partition: self.sending.partition(due, topic, outcome.sent),
            timestamp_ms: self.sending.timestamp_ms(due, &mut self.shift_ms),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
        };
        let tag = (self.settled.sent() << TOPIC_BITS) | number as u64;
        match self.producer.send(target, &new, tag) {
            Ok(()) => outcome.sent += 1,
            Err(kafka::NotSent::Full) => {
                self.settled.answered(tag >> TOPIC_BITS);
                return Err(NotSent::Full);
            }
            Err(kafka::NotSent::Refused(refusal, error)) => {
                self.settled.answered(tag >> TOPIC_BITS);
                let why = refusal::why(refusal, &error.to_string());
                if !self.sending.leaves_out(refusal) {
                    // Why the client takes nothing any more, where that is so.
                    self.take_answers().map_err(NotSent::Failed)?;
                    let is_in_transaction = matches!(self.kept, Kept::Transactions(_));
                    let name = &self.topics[number].0.name;
                    let ended = refusal::ended(name, refusal, &why, is_in_transaction);
                    return Err(NotSent::Failed(anyhow!(ended).into()));
                }
                *outcome.refused.entry(why).or_default() += 1;
            }
        }
        let place = &mut self.place;
        if due.round != place.round {
            place.round = due.round;
            place.counts.fill(0);
        }
        place.sent += 1;
        place.shift_ms = self.shift_ms.map(|ms| ms + in_ms(due.later_ns));
        place.counts[input] = due.read;
        Ok(())
    }

    fn serve(&mut self, patience: Duration) -> Result<(), Failure> {
        match (self.again.is_empty(), patience.is_zero()) {
            // Nothing waits for company then.
            (false, _) => drop(self.producer.flush(AGAIN)),
            (true, false) => self.producer.wait(patience),
            (true, true) => {}
        }
        self.take_answers()?;
        self.send_again();
        self.turn()
    }
}
