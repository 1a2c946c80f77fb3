//! The run: from the flags to what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use tokio::sync::oneshot;

use super::args::Args;
use super::job::{Done, Job};
use super::keys::Keys;
use super::looked::Total;
use super::plan::Plan;
use super::progress::{All, Progress};
use super::targets::Targets;
use crate::config::{Checked, Cluster};
use crate::logging;
use crate::replay::clock::{Clock as _, Monotonic, of_ms};
use crate::replay::control::Control;
use crate::replay::kafka_sink::{ARRIVE, Kept};
use crate::replay::keeping::Keeping;
use crate::replay::place::Place;
use crate::replay::speed::Pace;
use crate::replay::transactions::Transactions;
use crate::source::kafka::{Producer, ProducerSettings, TransactionSettings};
use crate::world::clock::{Clock, RealClock};
use crate::world::shutdown::Shutdown;

/// How often is shown how far it is.
const MOVE: Duration = Duration::from_millis(200);
/// Records that wait in the client for company, where nobody waits for a due time.
const LINGER_AT_MAX: Duration = Duration::from_millis(20);
/// What the client holds: records, and bytes of them.
const QUEUE_RECORDS: u32 = 60_000;
const QUEUE_BYTES: u64 = 32 << 20;

/// A replay that can begin.
pub(super) struct Run<'a> {
    pub args: &'a Args,
    pub plan: Plan,
    pub cluster: &'a Checked<Cluster>,
    pub targets: Targets,
    pub shutdown: Shutdown,
}

/// What became of it, and what is said beside it.
pub(super) struct Finished {
    pub plan: Arc<Plan>,
    pub done: Done,
    pub seconds: f64,
    pub sent_before: u64,
}

impl Run<'_> {
    /// Sends all that is wanted, or until somebody stops it.
    pub async fn run(self) -> anyhow::Result<Finished> {
        let Self {
            args,
            plan,
            cluster,
            targets,
            shutdown,
        } = self;
        let name = args.place.name.clone();
        let name = name.unwrap_or_else(|| plan.name.clone());
        let manner = args.manner();
        let usual = ProducerSettings::default().batch_bytes;
        let settings = ProducerSettings {
            linger: match manner.pace {
                Pace::Max => LINGER_AT_MAX,
                _ => Duration::ZERO,
            },
            compression: args.compression(),
            transactions: args.place.exactly_once.then(|| TransactionSettings {
                id: group(&name),
                expires: args.transaction_expires(cluster),
            }),
            queue_records: QUEUE_RECORDS,
            queue_bytes: QUEUE_BYTES,
            batch_bytes: targets.batch_bytes.map_or(usual, |most| most.min(usual)),
            // What somebody has typed wins over what is chosen here.
            properties: args.connection.typed()?.properties.into_iter().collect(),
        };
        let making = || format!("making a producer for {}", cluster.name);
        let producer = Producer::new(cluster, &settings)
            .await
            .with_context(making)?;
        let producer = Arc::new(producer);
        let control = Arc::new(Control::new(shutdown));
        let parts = (&producer, &control);
        let (kept, place) = begin(args, &plan, &targets, cluster, parts, &name).await?;
        let sent_before = place.sent;
        let start_ns = args.start_ms()?.map(monotonic);
        let plan = Arc::new(plan);
        let all = plan.total(args, &place).map(|total| All {
            total: Total {
                records: total.records.min(args.limit.unwrap_or(u64::MAX)),
                ..total
            },
            sent_before,
            is_by_time: args.is_by_time(),
        });
        let job = Job {
            plan: Arc::clone(&plan),
            producer: Arc::clone(&producer),
            control: Arc::clone(&control),
            topics: targets.topics,
            manner,
            sending: args.sending(),
            wanted: plan.read_of(args, &place),
            kept,
            place,
            start_ns,
        };
        let began = Instant::now();
        let done = watched(job, &control, &producer, all).await?;
        // The client waits for brokers that don't answer before it is gone: nobody else does, at the end of the process.
        std::thread::spawn(move || drop(producer));
        // From when the first record was due: what comes before it is no part of the schedule.
        let seconds = match done.played.begun_ns {
            Some(begun_ns) => ((Monotonic::of_thread().now_ns() - begun_ns) as f64 / 1e9).max(0.0),
            None => began.elapsed().as_secs_f64(),
        };
        Ok(Finished {
            plan,
            done,
            seconds,
            sent_before,
        })
    }
}

/// Where it begins, and how that is kept from then on.
async fn begin(
    args: &Args,
    plan: &Plan,
    targets: &Targets,
    cluster: &Cluster,
    (producer, control): (&Arc<Producer>, &Arc<Control>),
    name: &str,
) -> anyhow::Result<(Kept, Place)> {
    if !args.place.exactly_once {
        let path = Keeping::path(name);
        let lock = Keeping::lock(&path).with_context(|| format!("replay {name}"))?;
        let found = Keeping::load(&path)?;
        let before = found
            .clone()
            .filter(|place| place.sent > 0 && !args.place.resume);
        let place = at(args, plan, found, &format!("{}", path.display()))?;
        if let Some(before) = before {
            let (aside, sent) = Keeping::set_aside(&path, &before)?;
            let (aside, path) = (aside.display(), path.display());
            logging::complain(&format!(
                "the place behind {sent} records is in {aside} now; to go on there, stop this one, move it back to {path} \
                 and say --resume"
            ));
        }
        return Ok((Kept::File(Keeping::begin(path, &place, lock)?), place));
    }
    let topic = targets.topics.first();
    let topic = topic.map(|topic| topic.name.clone()).unwrap_or_default();
    let (length, expires) = (args.transaction(), args.transaction_expires(cluster));
    let mut transactions = Transactions::new(group(name), topic, length, expires);
    let (producer, control) = (Arc::clone(producer), Arc::clone(control));
    let stands = format!("group {}", group(name));
    let refuse = args.place.resume.then(|| {
        let (run, inputs) = (plan.run.clone(), plan.sources.len());
        move |place: &Place| refuse_another(place, &run, inputs, &stands)
    });
    let started = tokio::task::spawn_blocking(move || {
        // Before one that is under way is ended: it may be another replay of this name.
        if let (Some(refuse), Some(place)) = (refuse, transactions.peek(&producer)?) {
            refuse(&place)?;
        }
        let found = transactions.start(&producer, &control);
        found.map(|found| (transactions, found))
    });
    let (mut transactions, found) = started.await.context("starting transactions")??;
    let is_anew = found.is_some() && !args.place.resume;
    let place = at(args, plan, found, &format!("group {}", group(name)))?;
    match is_anew {
        true => transactions.begin_anew_at(&place),
        false => transactions.go_on_at(&place),
    }
    Ok((Kept::Transactions(transactions), place))
}

/// Where it begins: at the place that was found, if it is to go on there.
fn at(args: &Args, plan: &Plan, found: Option<Place>, stands: &str) -> anyhow::Result<Place> {
    match found {
        Some(place) if args.place.resume => {
            refuse_another(&place, &plan.run, plan.sources.len(), stands)?;
            plan.say_extents(&place);
            Ok(place)
        }
        None if args.place.resume => {
            logging::complain(&format!(
                "nothing to go on with in {stands}: beginning with the first record"
            ));
            Ok(plan.beginning())
        }
        Some(place) if place.sent > 0 => {
            let of = match place.run == plan.run {
                true => "this",
                false => "another replay",
            };
            logging::complain(&format!(
                "an earlier run has sent {} records of {of}, as {stands} says; this one begins with the first",
                place.sent
            ));
            Ok(plan.beginning())
        }
        _ => Ok(plan.beginning()),
    }
}

/// An error unless a place is that of this run with so many inputs.
fn refuse_another(place: &Place, run: &str, inputs: usize, stands: &str) -> anyhow::Result<()> {
    if place.run != run || place.counts.len() != inputs {
        bail!(
            "the place in {stands} is that of another replay, with other inputs or flags; repeat those, or leave --resume \
             out to begin anew"
        );
    }
    Ok(())
}

/// The consumer group of a replay, and what its producer is known by.
fn group(name: &str) -> String {
    format!("archiver-replay-{name}")
}

/// Runs it in a thread of its own, and shows how far it is.
async fn watched(
    job: Job,
    control: &Arc<Control>,
    producer: &Producer,
    all: Option<All>,
) -> anyhow::Result<Done> {
    let (tell, mut told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("player".into());
    let thread = thread.spawn(move || drop(tell.send(job.run())));
    thread.context("starting the thread that sends")?;
    let mut keys = Keys::listen(control);
    if keys.is_some() {
        logging::complain("p holds it and goes on, + and - change the speed");
    }
    let mut progress = Progress::new(keys.is_some(), all);
    let mut is_stopping = false;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut told => break done,
            () = tokio::time::sleep(MOVE) => {}
        }
        if is_stopping {
            continue;
        }
        match control.is_stopped() {
            true => {
                is_stopping = true;
                progress.finish();
                // A second signal leaves no time to give the terminal back.
                keys = None;
                let left = producer.outstanding();
                logging::complain(&match left {
                    0 => "stopping; a second signal stops at once".to_owned(),
                    left => format!(
                        "stopping: waiting up to {ARRIVE:?} for {left} records to arrive; a second signal stops at once"
                    ),
                });
            }
            false => progress.show(&control.seen(), producer),
        }
    };
    progress.finish();
    drop(keys);
    done.map_err(|_| anyhow!("the thread that sends has ended unexpectedly"))?
}

/// A moment of the wall clock, by the clock that records are sent by.
fn monotonic(ms: i64) -> i128 {
    let ahead_ms = ms - RealClock.now_ms();
    Monotonic::of_thread().now_ns() + of_ms(ahead_ms)
}
