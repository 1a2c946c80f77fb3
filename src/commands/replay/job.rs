//! The job: what the thread does that sends.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::plan::Plan;
use crate::logging;
use crate::replay::clock::Monotonic;
use crate::replay::control::Control;
use crate::replay::input;
use crate::replay::kafka_sink::{KafkaSink, Kept, Outcome};
use crate::replay::place::Place;
use crate::replay::player::{Manner, Played, Player};
use crate::replay::sending::{Sending, Topic};
use crate::replay::{Buffer, Failure, Reader, Wanted};
use crate::source::cluster::KafkaError;
use crate::source::kafka::{Producer, Target};

/// How long topics, leaders and connections may take before the first record.
const READY: Duration = Duration::from_secs(60);
/// How often is looked meanwhile whether somebody has stopped it.
const LOOK: Duration = Duration::from_millis(100);
/// So often a transaction is tried again that is aborted at the same place.
const TRIES: u32 = 5;

/// All that is needed to send.
pub(super) struct Job {
    pub plan: Arc<Plan>,
    pub producer: Arc<Producer>,
    pub control: Arc<Control>,
    pub topics: Vec<Topic>,
    pub manner: Manner,
    pub sending: Sending,
    pub wanted: Wanted,
    pub kept: Kept,
    pub place: Place,
    /// When the first record is due, by the clock of the thread; else as soon as it is there.
    pub start_ns: Option<i128>,
}

/// What became of it.
pub(super) struct Done {
    pub played: Played,
    /// What became of the records of each topic, in the order of the plan.
    pub outcomes: Vec<Outcome>,
    /// Up to where it was sent.
    pub place: Place,
    /// Why it could not go on.
    pub error: Option<anyhow::Error>,
}

impl Job {
    /// Sends everything, or as much as it can. Blocks.
    pub fn run(mut self) -> anyhow::Result<Done> {
        self.get_ready()?;
        if let Kept::Transactions(transactions) = &mut self.kept
            && !self.control.is_stopped()
        {
            transactions.settle(&self.producer, &self.control)?;
        }
        let targets = targets(&self.producer, &self.topics)?;
        let clock = Monotonic::of_thread();
        let topics = self.topics.iter().cloned().zip(targets).collect();
        let of_inputs = self.plan.of_inputs.clone();
        let mut sink = KafkaSink::new(
            (&self.producer, &self.control),
            topics,
            of_inputs,
            self.sending,
            self.kept,
            self.place,
        );
        let parts = (&clock, &mut sink, &*self.control);
        let inputs = self.plan.sources.len();
        let mut player = Player::new(parts, self.manner, inputs, self.start_ns);
        let (mut tries, mut before, mut is_stopped) = (0, None, false);
        let failure = loop {
            let failure = attempt(&mut player, &self.plan, &self.wanted).err();
            let Some(Failure::TakenBack(why)) = &failure else {
                break failure;
            };
            player.sink().go_back(&self.plan.beginning());
            if self.control.is_stopped() {
                is_stopped = true;
                break None;
            }
            if !self.plan.sources.iter().all(input::open_again) {
                break Some(Failure::Final(anyhow!(
                    "a transaction was taken back: {why}; what is read from a pipe can't be read again: pipe it again, from its \
                     beginning, with --resume --exactly-once"
                )));
            }
            let at = player.sink().place().sent;
            tries = if before == Some(at) { tries + 1 } else { 1 };
            before = Some(at);
            if tries > TRIES {
                break failure;
            }
            logging::complain(&format!(
                "a transaction was taken back: {why}; sending again from record {} on",
                at + 1
            ));
            player.begin_again();
        };
        let mut played = player.played();
        played.is_stopped |= is_stopped;
        let error = failure.map(|failure| match failure {
            Failure::Final(error) => error,
            Failure::TakenBack(why) => anyhow!("a transaction was taken back {TRIES} times: {why}"),
        });
        let outcomes = sink.outcomes().map(|(_, outcome)| outcome.clone());
        let (outcomes, place) = (outcomes.collect(), sink.place().clone());
        // What a limit has left may be gone on with.
        let is_over = error.is_none() && !played.is_stopped && self.wanted.limit.is_none();
        let ended = match sink.kept() {
            Kept::File(keeping) => keeping.end(is_over),
            Kept::Transactions(_) => Ok(()),
        };
        Ok(Done {
            played,
            outcomes,
            place,
            error: error.or(ended.err()),
        })
    }

    /// Waits until nothing has to be found out any more before the first record can go, or somebody stops it.
    fn get_ready(&self) -> anyhow::Result<()> {
        let (producer, topics) = (Arc::clone(&self.producer), self.topics.clone());
        let (tell, told) = mpsc::channel();
        // Brokers that don't answer are waited for there, whatever happens here.
        let asking = thread::Builder::new().name("ready".into()).spawn(move || {
            let ready = targets(&producer, &topics).and_then(|targets| {
                let all = targets.iter().collect::<Vec<_>>();
                producer.ready(&all, READY)
            });
            // Nobody waits for it once somebody has stopped it.
            let _ = tell.send(ready);
        });
        asking.context("starting the thread that asks the brokers")?;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(ready) => return ready.context("getting ready to send"),
                Err(RecvTimeoutError::Timeout) if self.control.is_stopped() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!(
                        "the thread that asks the brokers has ended unexpectedly"
                    ));
                }
            }
        }
    }
}

/// The topics as the producer knows them.
fn targets(producer: &Producer, topics: &[Topic]) -> Result<Vec<Target>, KafkaError> {
    let targets = topics.iter();
    targets.map(|topic| producer.target(&topic.name)).collect()
}

/// Plays what is left, and waits until it has arrived.
fn attempt(
    player: &mut Player<'_, Monotonic, KafkaSink<'_>>,
    plan: &Plan,
    wanted: &Wanted,
) -> Result<(), Failure> {
    let place = player.sink().place().clone();
    let reader = Reader {
        open: plan.opener(&place),
        wanted: wanted.clone(),
        place,
    };
    let buffer = Arc::<Buffer>::default();
    let filled = Arc::clone(&buffer);
    // Nobody waits for its end: what it reads may never come.
    let reading = thread::Builder::new().name("reader".into());
    let reading = reading.spawn(move || reader.read(&filled));
    reading.context("starting the thread that reads")?;
    let played = player.play(&buffer);
    buffer.close();
    match played {
        Err(Failure::TakenBack(why)) => Err(Failure::TakenBack(why)),
        // What was handed over before it failed arrives all the same.
        played => {
            let finished = player.sink().finish();
            played.and(finished)
        }
    }
}
