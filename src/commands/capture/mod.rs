//! `archiver capture`: a part of some topics, as files, by the engine of the service, with an end.

mod args;
mod outputs;
mod progress;
mod report;
mod run;
mod stdout;
mod topics;
mod wanted;

use crate::cli::Common;
use crate::commands::again::again;
use crate::config::{Config, for_capture};
use crate::logging;
use crate::terminal::Stalled;
use crate::world::shutdown::Shutdown;

pub use args::Args;
use outputs::Output;
use report::Complete;
use run::Run;
pub(super) use topics::expanded;
use wanted::Wanted;

/// Somebody has stopped it.
const INTERRUPTED: u8 = 130;
/// Complete, but for what Kafka no longer held.
const GAPS: u8 = 3;
/// It could not go on.
const FAILED: u8 = 1;

/// Captures what the flags say; returns the exit code.
///
/// # Errors
///
/// If it can't begin, or nobody reads what is printed.
pub async fn run(common: &Common, args: &Args, shutdown: Shutdown) -> anyhow::Result<u8> {
    args.check_output()?;
    let wanted = args.wanted()?;
    let base = common.config.as_deref();
    let mut stopped = shutdown.clone();
    let typed = tokio::select! {
        biased;
        () = stopped.requested() => return Ok(interrupted()),
        typed = topics::expanded(base, args.typed()?) => typed?,
    };
    let config = for_capture(base, &typed)?;
    if args.is_to_output() {
        return to_output(&config, &wanted, args.json, &shutdown).await;
    }
    let asked = args.asked();
    for archive in &config.archives {
        Output::new(archive, &asked).check(args.resume, args.overwrite)?;
    }
    let run = Run {
        config: &config,
        wanted,
        asked,
        shutdown,
        overwrite: args.overwrite,
        stop_after: args.stop_after,
    };
    let finished = run.run().await?;
    if finished.is_interrupted && finished.archives.is_empty() {
        return Ok(interrupted());
    }
    let captured = report::of_files(&config, &finished)?;
    report::print(&captured, args.json)?;
    let complete = report::complain(&captured);
    if finished.is_interrupted {
        let again = again(std::env::args());
        logging::complain(&format!(
            "interrupted; the files are valid as they are; to go on: {again}"
        ));
        return Ok(INTERRUPTED);
    }
    Ok(code(complete))
}

/// Somebody has stopped it before it began.
fn interrupted() -> u8 {
    logging::complain("interrupted before anything was captured");
    INTERRUPTED
}

async fn to_output(
    config: &Config,
    wanted: &Wanted,
    json: bool,
    shutdown: &Shutdown,
) -> anyhow::Result<u8> {
    let run = stdout::Run {
        config,
        wanted,
        shutdown,
    };
    let captured = match run.run().await {
        Err(e) if e.is::<Stalled>() => {
            logging::complain(
                "interrupted; nobody read standard output, which may end in the middle of a line",
            );
            return Ok(INTERRUPTED);
        }
        captured => captured?,
    };
    report::say(&captured, json)?;
    let complete = report::complain(&captured);
    // What fails is an error here.
    if complete == Complete::No || captured.len() < config.archives.len() {
        logging::complain("interrupted; what was printed ends there");
        return Ok(INTERRUPTED);
    }
    Ok(code(complete))
}

fn code(complete: Complete) -> u8 {
    match complete {
        Complete::Yes => 0,
        Complete::WithGaps => GAPS,
        Complete::No => FAILED,
    }
}
