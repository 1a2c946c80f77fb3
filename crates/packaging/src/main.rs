//! Writes what packages hold besides the program, into the directory that it is given: manual pages, completions for
//! shells, and the changelog in Debian's form, whose time is the second argument: seconds since 1970.
#![forbid(unsafe_code)]

mod changelog;
mod completions;
mod pages;
mod topics_toml;

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use archiver::commands::Cli;
use clap::CommandFactory;
use jiff::Timestamp;

fn main() -> anyhow::Result<()> {
    let usage = "usage: archiver-packaging DIRECTORY SECONDS";
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map(PathBuf::from).context(usage)?;
    let seconds = arguments.next().context(usage)?.parse().context(usage)?;
    let time = Timestamp::from_second(seconds).context(usage)?;
    let (man, shells) = (directory.join("man"), directory.join("completions"));
    for directory in [&man, &shells] {
        fs::create_dir_all(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
    }
    pages::write(Cli::command(), &man)?;
    topics_toml::write(&man)?;
    completions::write(Cli::command(), &shells)?;
    changelog::write(&directory, time)
}
