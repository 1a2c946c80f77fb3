//! The commands: from flags to what is printed, and the exit code.

mod anomalies;
mod answer;
mod asked;
mod cached;
mod common;
mod complain;
mod connection;
mod daily;
mod definition;
mod emit;
mod exit;
mod follow;
mod load;
mod parquet;
mod pictures;
mod plot;
mod predict;
mod progress;
mod run;
mod serve;
mod sql;
mod train;
mod views;
mod windows;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;

use self::complain::complain;
use self::exit::{FAILED, INTERRUPTED, Interrupted, USAGE};
use crate::plain::chained;
use archiver::catalog::ChoiceError;
use archiver::cli::{Common, UsageError};
use archiver::signals::{self, Wishes};
use archiver::terminal::Closed;
use archiver::world::shutdown;

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
    /// Write sealed segments as Parquet files, each record exactly once
    Parquet(parquet::Args),
    /// Print archives as views for another engine
    Views(views::Args),
    /// Count and measure by windows of time
    Windows(windows::Args),
    /// Find values outside of what is usual
    Anomalies(anomalies::Args),
    /// Draw values by time, what is usual of them, and what is outside of that
    Plot(plot::Args),
    /// Answer the analyses of a file
    Run(run::Args),
    /// Learn what is usual of rows, into the file of a model
    Train(train::Args),
    /// Judge rows by a model
    Predict(predict::Args),
    /// Show archives and analyses on a page, and answer programs as JSON
    Serve(serve::Args),
    /// Put records into a table of a database, each once
    Load(load::Args),
    /// Do what is due for each day that is over
    Daily(daily::Args),
}

impl Command {
    /// What is true when it is interrupted.
    fn when_interrupted(&self) -> &'static str {
        match self {
            Self::Load(_) | Self::Daily(_) => {
                "what was loaded is there, and the next run goes on behind it"
            }
            Self::Predict(args) if args.is_into_table() => {
                "what was written is there, and the next run writes it again"
            }
            _ => "no answer was written",
        }
    }
}

/// What the engine does with a query goes as deep as the query does. Memory is taken for what is used of it.
const STACK_BYTES: usize = 128 << 20;

/// Runs what was typed.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => {
            complain(&format!(
                "starting its threads: {e}; raise the limit of processes (ulimit -u)"
            ));
            return FAILED.into();
        }
    };
    let Cli { common, command } = cli;
    let done = runtime.block_on(async {
        match &command {
            // They go on until they are told to stop.
            Command::Run(args) if args.is_followed() => run::run(&common, args).await,
            Command::Serve(args) => serve::run(&common, args).await,
            command => interruptible(answered(&common, command), command.when_interrupted()).await,
        }
    });
    // A reader may be waiting for a disk; the end of the process takes it along.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            complain(&chained(&error));
            code_of(&error).into()
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<ChoiceError>() || error.is::<UsageError>() {
        USAGE
    } else if error.is::<Interrupted>() {
        INTERRUPTED
    } else {
        FAILED
    }
}

async fn answered(common: &Common, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Sql(args) => sql::run(common, args).await,
        Command::Parquet(args) => parquet::run(common, args).await,
        Command::Views(args) => views::run(common, args),
        Command::Windows(args) => windows::run(common, args).await,
        Command::Anomalies(args) => anomalies::run(common, args).await,
        Command::Plot(args) => plot::run(common, args).await,
        Command::Run(args) => run::run(common, args).await,
        Command::Serve(args) => serve::run(common, args).await,
        Command::Load(args) => load::run(common, args).await,
        Command::Daily(args) => daily::run(common, args).await,
        Command::Train(args) => train::run(common, args).await,
        Command::Predict(args) => predict::run(common, args).await,
    }
}

/// Does it until the first SIGINT or SIGTERM, and then leaves nothing half done: files that aren't whole go away.
async fn interruptible(
    work: impl Future<Output = anyhow::Result<()>>,
    otherwise: &'static str,
) -> anyhow::Result<()> {
    let (stopper, mut shutdown) = shutdown::channel();
    signals::listen(stopper, Wishes::default(), INTERRUPTED)
        .context("starting to listen for signals")?;
    tokio::select! {
        done = work => done,
        () = shutdown.requested() => Err(Interrupted(otherwise).into()),
    }
}
