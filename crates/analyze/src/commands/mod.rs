//! The commands: from flags to what is printed, and the exit code.

mod common;
mod sql;
mod windows;

use std::process::ExitCode;

use archiver::catalog::ChoiceError;
use archiver::cli::{Common, UsageError};
use archiver::logging;
use archiver::terminal::Closed;

/// It could not go on.
const FAILED: u8 = 1;
/// What was typed makes no sense.
const USAGE: u8 = 2;

/// A first look at what archiver has captured
#[derive(Debug, clap::Parser)]
#[command(name = "archiver-analyze", version, max_term_width = 80)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask archives for something in SQL
    Sql(sql::Args),
    /// Count and measure by windows of time
    Windows(windows::Args),
}

/// Runs what was typed.
pub fn run(mut cli: Cli) -> ExitCode {
    if cli.common.verbose == 0 {
        // What is found is all that is printed.
        cli.common.quiet = 2;
    }
    if let Err(e) = logging::start(&cli.common) {
        eprintln!(
            "archiver-analyze: starting the log's thread: {e}; raise the limit of processes (ulimit -u)"
        );
        return FAILED.into();
    }
    let code = in_runtime(cli);
    logging::finish();
    code.into()
}

fn in_runtime(cli: Cli) -> u8 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => {
            logging::complain(&format!(
                "archiver-analyze: starting its threads: {e}; raise the limit of processes (ulimit -u)"
            ));
            return FAILED;
        }
    };
    let Cli { common, command } = cli;
    let done = runtime.block_on(async {
        match command {
            Command::Sql(args) => sql::run(&common, &args).await,
            Command::Windows(args) => windows::run(&common, &args).await,
        }
    });
    // A reader may be waiting for a disk; the end of the process takes it along.
    runtime.shutdown_background();
    match done {
        Ok(()) => 0,
        Err(error) if error.is::<Closed>() => 0,
        Err(error) => {
            logging::complain_of(&error);
            let is_usage = error.is::<ChoiceError>() || error.is::<UsageError>();
            if is_usage { USAGE } else { FAILED }
        }
    }
}
