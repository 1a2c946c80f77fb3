//! The command line, as far as all commands have it in common.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

/// What was typed doesn't make sense together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// What was typed doesn't make sense together, for this reason.
pub fn usage(said: &str) -> UsageError {
    UsageError(said.to_owned())
}
