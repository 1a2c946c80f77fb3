//! What shells complete.

use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_complete::{Shell, generate_to};

/// Writes a file for each shell into a directory.
pub fn write(mut command: Command, directory: &Path) -> anyhow::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "archiver", directory)
            .with_context(|| format!("writing completions for {shell}"))?;
    }
    Ok(())
}
