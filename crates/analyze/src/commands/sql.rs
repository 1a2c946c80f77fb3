//! `archiver-analyze sql`: a query over archives.

use archiver::cli::Common;

use super::answer::{answer, say_notes};
use super::common::{Print, Read};

/// What to ask, and of which archives.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// The query
    #[arg(value_name = "SQL")]
    sql: String,
    /// Archives of the configuration, state directories, directories with .archiver in them, or files (of archives, or NDJSON, CSV, Parquet); else all archives
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    #[command(flatten)]
    read: Read,
    #[command(flatten)]
    print: Print,
}

const AFTER: &str = "\
Each archive is a table of its name, each file one of its name without endings;
the only one is also called records. The columns of an archive are topic, partition, \"offset\", timestamp, timestamp_type, key, value,
headers, and the fields of values that are JSON objects, with dots: \"meta.ts\".
A field that is called like one of them is \"value.timestamp\". DESCRIBE records
shows them all, EXPLAIN which segments and blocks a query reads.

    archiver-analyze sql \"SELECT host, count(*) FROM records GROUP BY host\" metrics";

/// Asks, and prints the answer.
///
/// # Errors
///
/// If an archive can't be read, or the engine can't answer.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let engine = args.read.engine(common, &args.archives).await?;
    answer(&engine, &args.sql, &args.print, None).await?;
    say_notes(&engine);
    Ok(())
}
