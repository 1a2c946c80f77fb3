//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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

/// Options of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// The configuration, `-` for standard input; else ./topics.toml or /etc/archiver/topics.toml
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How the log is written to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// Log more (RUST_LOG says it in detail)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Log only warnings and errors; twice: nothing at all
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "verbose", global = true)]
    pub quiet: u8,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Archive what the configuration names (the default)
    Run,
    /// Show it at work, on a small Kafka inside this process, into ./demo
    Demo,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}
