//! `archiver(1)`, and a page for each command.

use std::path::Path;

use anyhow::Context;
use clap::Command;

/// Writes them into a directory.
pub fn write(command: Command, directory: &Path) -> anyhow::Result<()> {
    clap_mangen::generate_to(command, directory)
        .with_context(|| format!("writing pages into {}", directory.display()))
}
