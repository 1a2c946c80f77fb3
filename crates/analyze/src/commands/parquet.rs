//! `archiver-analyze parquet`: sealed segments as Parquet files, each record exactly once.

use std::io::{self, Write};
use std::path::PathBuf;

use archiver::catalog::choose;
use archiver::cli::Common;
use archiver::moment::Zone;

use super::common::Resources;
use super::complain::complain;
use crate::engine::runtime;
use crate::export::{Done, Export, Layout, PartitionBy, Settings};
use crate::source::NOT_BEGUN;

/// Of which archives, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files; else all
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// Write to this directory
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write to a directory for each day, or each hour, of the records' timestamps
    #[arg(long, value_enum, value_name = "WHAT")]
    partition_by: Option<PartitionBy>,
    /// Whose clock says which day it is: an IANA name, or local
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: Zone,
    /// Compress with zstd, instead of snappy
    #[arg(long)]
    zstd: bool,
    #[command(flatten)]
    resources: Resources,
}

const AFTER: &str = "\
Run it again, and it goes on with segments that were sealed since. A run that is
killed leaves nothing half done for the next one. Files are below DIR/NAME, and
in DIR/.archiver-analyze is what is there already.

    archiver-analyze parquet metrics -o lake --partition-by day,hour --zstd";

/// Writes what is new, and says how much that was.
///
/// # Errors
///
/// If an archive can't be read, or its files can't be written.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let settings = Settings {
        directory: args.output.clone(),
        layout: Layout {
            by: args.partition_by,
            zone: args.timezone.clone(),
        },
        is_zstd: args.zstd,
        skips_damaged: args.resources.skip_damaged,
        memory_bytes: args.resources.memory,
    };
    let runtime = runtime(settings.memory_bytes)?;
    for chosen in choose(common.config.as_deref(), &args.archives)? {
        let Some(export) = Export::open(&runtime, &settings, &chosen)? else {
            complain(&format!("archive {} {NOT_BEGUN}", chosen.name));
            continue;
        };
        let done = export.run().await?;
        for note in &done.notes {
            complain(note);
        }
        say(&chosen.name, &done);
    }
    Ok(())
}

/// Whether somebody reads it makes no difference to what was done.
fn say(name: &str, done: &Done) {
    let mut said = format!(
        "{name}: {} with {}, in {}",
        counted(done.segments, "segment"),
        counted(done.records, "record"),
        counted(done.files, "file")
    );
    if done.known > 0 {
        said += &format!("; {} before", counted(done.known, "segment"));
    }
    if done.growing > 0 {
        said += &format!("; {} not sealed yet", done.growing);
    }
    let _ = writeln!(io::stdout(), "{said}");
}

fn counted(count: u64, of: &str) -> String {
    match count {
        1 => format!("1 {of}"),
        count => format!("{count} {of}s"),
    }
}
