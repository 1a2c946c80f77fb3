//! `archiver-analyze load`: records into a table of a database, each once.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use archiver::cli::{Common, UsageError, usage};
use archiver_format::read::Selection;

use super::answer::{answer, say, say_notes};
use super::common::{Print, Read};
use super::connection::Writing;
use super::progress::watched;
use crate::caret::check_filter;
use crate::engine::Engine;
use crate::load::{Counts, Job, Wanted, ids_file, load};

/// Which records, and into which table.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// An archive of the configuration, a state directory, a directory with .archiver in it, or a file of one
    #[arg(value_name = "NAME|PATH")]
    source: String,
    /// Only records of which this holds, in SQL; a division by zero holds as little as a null, and so does a text where a number is meant
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,
    /// mysql://user@host/database, postgres://…, sqlite:FILE, or a file that ends in .parquet or .ndjson
    #[arg(long, value_name = "URL|FILE")]
    to: String,
    /// The table
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The fields that go into it; all of them if none is named
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Write everything again, also what an earlier run has written
    #[arg(long, requires = "table")]
    again: bool,
    /// What you say of these records, whatever the filter says of others: normal
    #[arg(long, value_name = "WORD", requires = "table")]
    label: Option<String>,
    /// Only the records in this file: partition,offset in each line, or CSV or NDJSON with such columns
    #[arg(long, value_name = "FILE", requires = "label")]
    ids: Option<PathBuf>,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    read: Read,
}

const AFTER: &str = "\
A row has the record's topic, partition and offset as its id: what is loaded
twice, or again after it was killed, is there once. How far a run has come is in
the table archiver_load of the same database.

    archiver-analyze load services --since yesterday --until today \\
        --filter 'response_time < 1.2 AND fail_count / request_count < 0.2' \\
        --to mysql://metrics@db/metrics --table normal_samples --create";

/// Loads them, and says how many.
///
/// # Errors
///
/// If the archive can't be read, or the database can't be reached or refuses them.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let source = std::slice::from_ref(&args.source);
    let Some(table) = &args.table else {
        let path = file(&args.to)?;
        let selection = args.read.selection();
        let engine = args.read.engine_by_all(common, source, &selection).await?;
        return to_file(&engine, args, path, &selection).await;
    };
    let mut database = args.writing.open(&args.to).await?;
    let selection = args.read.selection();
    let engine = args.read.engine_by_all(common, source, &selection).await?;
    check_filter(&engine, args.filter.as_deref()).await?;
    let job = Job::of(&engine, wanted(args, table, &selection, &engine)?)?;
    let counts = job.counts(&engine).await?;
    let named = job.named(&engine).await?;
    let loading = load(&engine, &mut database, job, args.writing.how());
    let loaded = watched(&engine.progress, loading).await?;
    database.close().await;
    say(&[loaded.notes(), unknown(named), engine.notes()].concat());
    let _ = writeln!(stdout(), "{table}: {loaded}{}", behind(counts));
    Ok(())
}

/// What the filter let in, behind something else.
pub(super) fn behind(counts: Option<Counts>) -> String {
    counts.map_or_else(String::new, |counts| format!("; {counts}"))
}

/// What is said of ids of no record, of so many found and so many named.
fn unknown(named: Option<(u64, u64)>) -> Vec<String> {
    let unknown = named.filter(|(found, named)| found < named);
    let unknown =
        unknown.map(|(found, named)| format!("{} of {named} ids are of no record", named - found));
    unknown.into_iter().collect()
}

fn wanted(
    args: &Args,
    table: &str,
    selection: &Selection,
    engine: &Engine,
) -> anyhow::Result<Wanted> {
    let range = [selection.since_ms, selection.until_ms];
    if args.label.is_some() && args.ids.is_none() && args.filter.is_none() && range == [None; 2] {
        return Err(usage(
            "which records are so? name them by --ids, --filter, --since or --until",
        )
        .into());
    }
    let topic = engine.only()?.topic().unwrap_or_default();
    let ids = args.ids.as_deref().map(|path| ids_file::read(path, topic));
    Ok(Wanted {
        table: table.to_owned(),
        columns: args.columns.clone(),
        filter: args.filter.clone(),
        ids: ids.transpose()?,
        label: args.label.clone(),
        range,
        is_anew: args.again,
    })
}

/// The file, if that is where they go.
fn file(to: &str) -> Result<&Path, UsageError> {
    let path = Path::new(to);
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("parquet" | "ndjson" | "jsonl") if !to.contains("://") => Ok(path),
        _ => Err(usage(
            "--to a database needs --table; a file ends in .parquet or .ndjson",
        )),
    }
}

/// The whole of it anew, in place of what was there.
async fn to_file(
    engine: &Engine,
    args: &Args,
    path: &Path,
    selection: &Selection,
) -> anyhow::Result<()> {
    let job = Job::of(engine, wanted(args, "samples", selection, engine)?)?;
    let counts = job.counts(engine).await?;
    let print = Print {
        format: None,
        output: Some(path.to_owned()),
    };
    answer(engine, &job.query(&[]), &print, None).await?;
    say_notes(engine);
    let counts = counts.map_or_else(String::new, |counts| format!(": {counts}"));
    let _ = writeln!(stdout(), "{}{counts}", path.display());
    Ok(())
}
