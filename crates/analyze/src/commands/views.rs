//! `archiver-analyze views`: archives as views of another engine.

use std::io::{self, Write};

use anyhow::anyhow;
use archiver::catalog::choose;
use archiver::cli::Common;
use archiver::terminal::Closed;

use super::complain::complain;
use crate::sealed::{Sealed, said_of_gone};
use crate::source::NOT_BEGUN;
use crate::table::columns::columns;
use crate::table::reading::unread;
use crate::table::sample::Sample;
use crate::views::{Reader, View, statements};

/// Of which archives, for which engine.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files; else all
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// The engine that they are for
    #[arg(long = "for", value_enum, value_name = "ENGINE")]
    reader: Reader,
}

const AFTER: &str = "\
Prints statements that make a view for each archive, over the segments that are
sealed now. Print them again when others are.

    archiver-analyze views --for duckdb metrics | duckdb -init /dev/stdin";

/// Prints the statements.
///
/// # Errors
///
/// If an archive can't be read, or has no sealed segments.
pub fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    for chosen in choose(common.config.as_deref(), &args.archives)? {
        let name = chosen.name.clone();
        let archive = chosen.load()?;
        let archive = archive.ok_or_else(|| anyhow!("archive {name} {NOT_BEGUN}"))?;
        let sealed = Sealed::of(&chosen, &archive);
        let sample = Sample::of(&sealed.there, false);
        let sample = sample.map_err(|error| anyhow!(unread(&name, &error)))?;
        let view = View::new(name.clone(), &archive, &sealed, columns(sample.fields()))?;
        let statements = statements(&view, args.reader)?;
        writeln!(io::stdout(), "{statements}").map_err(|_| Closed)?;
        if let Some(said) = said_of_gone(&name, sealed.gone.len()) {
            complain(&said);
        }
    }
    Ok(())
}
