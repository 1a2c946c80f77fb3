//! Records on their way to Kafka: handed to the producer, counted by topic until each has arrived or was refused, and the
//! place behind them kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::due::Due;
use super::keeping::Keeping;
use super::place::Place;
use super::sending::{OnRefused, Sending, Topic};
use super::settled::Settled;
use super::sink::{Failure, NotSent, Sink};
use super::transactions::Transactions;
use crate::source::kafka::{self, NewRecord, Producer, Target};

/// How often the place is kept.
const TURN: Duration = Duration::from_secs(1);
/// The lower bits of a tag are the topic's number, the others its turn.
const TOPIC_BITS: u32 = 20;

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
    topics: Vec<(Topic, Target)>,
    /// The topic of each input.
    of_inputs: Vec<usize>,
    sending: Sending,
    kept: Kept,
    place: Place,
    settled: Settled,
    turned: Instant,
    outcomes: Vec<Outcome>,
    /// The same as far as it is committed, in transactions.
    committed: Vec<Outcome>,
    /// Why it ends, as a record was refused.
    refused: Option<String>,
}

impl<'a> KafkaSink<'a> {
    /// One that sends each input to a topic, by its number. It goes on at a place.
    pub fn new(
        producer: &'a Producer,
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
            topics,
            of_inputs,
            sending,
            kept,
            place,
            settled: Settled::default(),
            turned: Instant::now(),
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

    /// Waits until all that was handed over has arrived, but no longer than this, and keeps the place.
    ///
    /// # Errors
    ///
    /// If nothing can be sent any more, or something hasn't arrived.
    pub fn finish(&mut self, patience: Duration) -> Result<(), Failure> {
        self.producer.flush(patience);
        self.take_answers()?;
        let left = self.producer.outstanding();
        if left > 0 {
            let why = self.producer.trouble();
            let why = why.map_or_else(String::new, |error| format!(": {error}"));
            return Err(anyhow!(
                "{left} records have not arrived after {patience:?}{why}; go on with --resume once the brokers answer"
            )
            .into());
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
        self.refused = None;
        let committed = match &self.kept {
            Kept::Transactions(transactions) => transactions.committed(),
            Kept::File(_) => None,
        };
        self.place = committed.unwrap_or(beginning).clone();
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
            ..
        } = self;
        let is_in_transaction = matches!(kept, Kept::Transactions(_));
        producer.delivered(&mut |tag, answer| {
            let topic = usize::try_from(tag & ((1 << TOPIC_BITS) - 1)).unwrap_or(0);
            settled.answered(tag >> TOPIC_BITS);
            match answer {
                Ok(()) => outcomes[topic].arrived += 1,
                // The transaction can't be committed any more, which says it all.
                Err(_) if is_in_transaction => {}
                Err(error) => {
                    let why = error.to_string();
                    if sending.on_refused == OnRefused::Stop {
                        refused.get_or_insert_with(|| said(&topics[topic].0, &why));
                    }
                    *outcomes[topic].refused.entry(why).or_default() += 1;
                }
            }
        });
        if let Some(error) = producer.fatal() {
            return Err(anyhow!("sending: {error}").into());
        }
        match self.refused.take() {
            Some(refused) => Err(anyhow!(refused).into()),
            None => Ok(()),
        }
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
            transactions.commit(self.producer, &self.place)?;
            self.take_answers()?;
            self.committed.clone_from(&self.outcomes);
        }
        Ok(())
    }
}

fn keep(keeping: &mut Keeping, settled: &mut Settled) -> Result<(), Failure> {
    match settled.take() {
        Some(place) => keeping.keep(place).map_err(Failure::Final),
        None => Ok(()),
    }
}

/// What is said of a record that was refused.
fn said(topic: &Topic, why: &str) -> String {
    format!(
        "topic {}: a record was refused: {why}; --on-refused skip leaves such records out and counts them",
        topic.name
    )
}

impl Sink for KafkaSink<'_> {
    fn send(&mut self, due: &Due) -> Result<(), NotSent> {
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
            timestamp_ms: self.sending.timestamp_ms(due, &mut self.place.shift_ms),
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
            Err(kafka::NotSent::Refused(error)) => {
                self.settled.answered(tag >> TOPIC_BITS);
                let why = error.to_string();
                if self.sending.on_refused == OnRefused::Stop {
                    return Err(NotSent::Failed(anyhow!(said(topic, &why)).into()));
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
        place.counts[input] = due.read;
        Ok(())
    }

    fn serve(&mut self, patience: Duration) -> Result<(), Failure> {
        if !patience.is_zero() {
            self.producer.wait(patience);
        }
        self.take_answers()?;
        self.turn()
    }
}
