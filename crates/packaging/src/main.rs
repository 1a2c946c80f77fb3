//! Writes what packages hold besides the program, into the directory that it is given: manual pages, completions for
//! shells, and the changelog in Debian's form.
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

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.context("usage: archiver-packaging DIRECTORY")?;
    let (man, shells) = (directory.join("man"), directory.join("completions"));
    for directory in [&man, &shells] {
        fs::create_dir_all(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
    }
    pages::write(Cli::command(), &man)?;
    topics_toml::write(&man)?;
    completions::write(Cli::command(), &shells)?;
    changelog::write(&directory)
}
