//! `archiver-analyze`: a first look at what was captured.
#![forbid(unsafe_code)]

use archiver_analyze::commands;
use clap::Parser;

// What one thread decompresses, another frees: jemalloc gives it back, where the system's own keeps it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    commands::run(commands::Cli::parse())
}
