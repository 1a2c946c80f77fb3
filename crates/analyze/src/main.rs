//! `archiver-analyze`: a first look at what was captured.
#![forbid(unsafe_code)]

use archiver_analyze::commands;
use clap::Parser;

fn main() -> std::process::ExitCode {
    commands::run(commands::Cli::parse())
}
