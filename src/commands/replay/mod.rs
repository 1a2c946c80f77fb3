//! `archiver replay`: archives and files back into Kafka, with their original pauses.

mod ahead;
mod args;
mod dry;
mod job;
mod keys;
mod looked;
mod plan;
mod progress;
mod report;
mod run;
mod targets;

use crate::cli::Common;
use crate::commands::again::again;
use crate::logging;
use crate::replay::speed::Pace;
use crate::replay::{NotResumable, shown};
use crate::world::shutdown::Shutdown;

pub use args::Args;
use plan::Plan;
use report::Report;
use run::{Finished, Run};

/// Somebody has stopped it.
const INTERRUPTED: u8 = 130;
/// Complete, but for what could not be used, or was refused.
const LEFT_OUT: u8 = 3;
/// It could not go on.
const FAILED: u8 = 1;

/// Replays what the flags say; returns the exit code.
///
/// # Errors
///
/// If it can't begin, or nobody reads what is printed.
pub async fn run(common: &Common, args: &Args, shutdown: Shutdown) -> anyhow::Result<u8> {
    args.check()?;
    let plan = Plan::new(args, common.config.as_deref())?;
    let config = args.connection.config(common)?;
    let Some(cluster) = config.clusters.first() else {
        anyhow::bail!("there is no cluster to send to; say -b HOST:PORT");
    };
    for said in &plan.descriptions {
        logging::complain(&shown(said));
    }
    if let Some(said) = plan.nothing() {
        logging::complain(&shown(&said));
    }
    let mut stopped = shutdown.clone();
    if args.dry_run {
        return tokio::select! {
            biased;
            () = stopped.requested() => Ok(INTERRUPTED),
            shown = dry::show(args, plan, cluster, config.memory_bytes) => shown,
        };
    }
    for said in looked::warnings(&plan.looked, args.manner().pace) {
        logging::complain(&format!("warning: {said}"));
    }
    let targets = tokio::select! {
        biased;
        () = stopped.requested() => return Ok(interrupted()),
        targets = targets::look(args, cluster, config.memory_bytes, &plan.topics, true) => targets?,
    };
    targets.say()?;
    if args.is_not_idempotent() {
        logging::complain(
            "warning: with enable.idempotence=false a record may arrive twice, or behind a later one, whenever the client \
             sends it again",
        );
    }
    for made in &targets.made {
        logging::complain(&format!("topic {made} was made"));
    }
    let run = Run {
        args,
        plan,
        cluster,
        targets,
        shutdown,
    };
    let Finished {
        plan,
        done,
        seconds,
        sent_before,
    } = run.run().await?;
    let is_paced = args.manner().pace != Pace::Max;
    let report = Report::new(&plan, &done, is_paced, seconds, sent_before);
    report.print(args.json)?;
    if let Some(error) = done.error {
        logging::complain_of(&error);
        if !error.is::<NotResumable>() {
            logging::complain(&format!("to go on: {}", again(std::env::args())));
        }
        return Ok(FAILED);
    }
    if done.played.is_stopped {
        logging::complain(&format!(
            "interrupted after {} records, all of which have arrived; to go on: {}",
            done.place.sent,
            again(std::env::args())
        ));
        return Ok(INTERRUPTED);
    }
    Ok(if report.has_left_out() { LEFT_OUT } else { 0 })
}

/// Somebody has stopped it before it began.
fn interrupted() -> u8 {
    logging::complain("interrupted before anything was sent");
    INTERRUPTED
}
