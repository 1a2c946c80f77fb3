//! `archiver capture`: a part of some topics, as files, by the engine of the service, with an end.

mod args;
mod outputs;
mod progress;
mod range;
mod report;
mod run;
mod stdout;
mod topics;

use crate::cli::{Common, UsageError};
use crate::config::{TypedError, for_capture};
use crate::logging;
use crate::terminal::Closed;
use crate::world::shutdown::Shutdown;

pub use args::Args;
use outputs::Output;
use report::Complete;
use run::Run;
pub(super) use topics::expanded;

/// Somebody has stopped it.
const INTERRUPTED: u8 = 130;
/// Complete, but for what Kafka no longer held.
const GAPS: u8 = 3;
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Captures what the flags say; returns the exit code.
pub async fn run(common: &Common, args: &Args, shutdown: Shutdown) -> u8 {
    match capture(common, args, shutdown).await {
        Ok(code) => code,
        Err(error) if error.is::<Closed>() => 0,
        Err(error) => {
            logging::complain_of(&error);
            match error.is::<UsageError>() || error.is::<TypedError>() {
                true => USAGE,
                false => FAILED,
            }
        }
    }
}

async fn capture(common: &Common, args: &Args, shutdown: Shutdown) -> anyhow::Result<u8> {
    let wanted = args.wanted()?;
    let base = common.config.as_deref();
    let typed = topics::expanded(base, args.typed()?).await?;
    let config = for_capture(base, &typed)?;
    if args.is_to_output() {
        let is_whole = stdout::print(&config, &wanted, &shutdown).await?;
        return Ok(if is_whole { 0 } else { INTERRUPTED });
    }
    let asked = args.asked();
    for archive in &config.archives {
        Output::new(archive, &asked).prepare(args.resume, args.overwrite)?;
    }
    let run = Run {
        config: &config,
        wanted,
        asked,
        shutdown,
        stop_after: args.stop_after,
    };
    let finished = run.run().await?;
    let complete = report::print(&config, &finished, args.json)?;
    if finished.is_interrupted {
        let again = args::again();
        logging::complain(&format!(
            "interrupted; the files are valid as they are; to go on: {again}"
        ));
        return Ok(INTERRUPTED);
    }
    Ok(match complete {
        Complete::Yes => 0,
        Complete::WithGaps => GAPS,
        Complete::No => FAILED,
    })
}
