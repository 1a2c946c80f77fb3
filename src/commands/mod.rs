//! The commands: a file for each, with its flags, its help and what it prints.

mod again;
pub mod capture;
pub mod cat;
pub mod check;
mod connection;
pub mod demo;
pub mod gaps;
pub mod ls;
pub mod reload;
pub mod replay;
pub mod status;
mod survey;
pub mod time;
pub mod topics;
pub mod verify;
pub mod watch;
mod whom;

use clap::{Parser, Subcommand};

use crate::cli::Common;

/// Captures Kafka topics into plain files, each record exactly once
///
/// Every configured (broker, topic, file) triple is read into its file, one line for each record, readable a
/// second after the record arrived, and never lost or doubled: not by kill -9, a power cut, a full disk or a
/// broker's restart.
#[derive(Debug, Parser)]
#[command(name = "archiver", version, max_term_width = 80, after_help = AFTER)]
pub struct Cli {
    /// What to do; without it, archive
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
}

const AFTER: &str = "\
Exit codes: 0 stopped cleanly, 1 it could not go on, 2 usage or configuration.
SIGINT or SIGTERM stops cleanly; a second one stops at once, and nothing is lost.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Archive what the configuration names (the default)
    Run,
    /// Capture a part of some topics, as files, and end
    Capture(Box<capture::Args>),
    /// Print records of some topics as they come
    Watch(Box<watch::Args>),
    /// Show what an archiver that runs is doing
    Status(status::Args),
    /// Say what a reload of the configuration would do
    Reload(reload::Args),
    /// List archives and their segments
    Ls(ls::Args),
    /// Print records, those of growing files included
    Cat(Box<cat::Args>),
    /// List what archives will never hold, why, and since when that is known
    Gaps(gaps::Args),
    /// Check that archives hold what they say, all of it, and nothing twice
    Verify(verify::Args),
    /// Check that nothing will keep archives from being written: Kafka, rights, disks, state
    Check(Box<check::Args>),
    /// Play archives and files back into Kafka, with their original pauses
    Replay(Box<replay::Args>),
    /// List the topics that there are to archive
    Topics(topics::Args),
    /// Print a moment in all its forms, or the moments of a range
    Time(time::Args),
    /// Show it at work, on a small Kafka inside this process, into ./demo
    Demo,
}
