//! `archiver-analyze train`: what is usual, learned from the rows of a source.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, bail};
use archiver::cli::{Common, usage};
use tempfile::TempDir;

use super::answer::say_notes;
use super::common::Read;
use super::complain::complain;
use super::connection::Secret;
use super::progress::watched;
use crate::caret::check_filter;
use crate::definition::condition::condition;
use crate::model::learned::Method;
use crate::model::question::Question;
use crate::model::train::Training;

/// From which rows, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, override_usage = USAGE)]
pub struct Args {
    /// An archive of the configuration, a state directory, a directory with .archiver in it, or a file
    #[arg(
        value_name = "NAME|PATH",
        required_unless_present = "from",
        conflicts_with = "from"
    )]
    source: Option<String>,
    /// Learn from this table of a database instead: what archiver-analyze load put there
    #[arg(long, value_name = "TABLE", requires = "database")]
    from: Option<String>,
    /// mysql://user@host/database, postgres://…, or sqlite:FILE
    #[arg(long, value_name = "URL", requires = "from")]
    database: Option<String>,
    #[command(flatten)]
    secret: Secret,
    /// The file that the model is written to
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The fields that rows are judged by
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', required = true)]
    features: Vec<String>,
    /// The fields by which rows are told apart; each group is learned by itself
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    by: Vec<String>,
    /// How is learned
    #[arg(long, value_enum, value_name = "METHOD", default_value = "kmeans")]
    method: Method,
    /// kmeans: so many clusters; 3 if nothing is said
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clusters: Option<u32>,
    /// random-forest: the field that says which rows are anomalous: boolean, or 0 and 1
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// The field with the time, instead of the record's timestamp
    #[arg(long, value_name = "FIELD")]
    time: Option<String>,
    /// Only records of which this holds, in SQL
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,
    /// Another number gives other random numbers; the same gives the same model
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    read: Read,
}

/// As it would be made, but not wider than a terminal.
const USAGE: &str = "archiver-analyze train [OPTIONS] --model FILE --features FIELD,… NAME";

const AFTER: &str = "\
Learns from rows that are taken for usual: choose them with --filter. Rows of
which a feature is missing or no number are left out, and counted. The file is
JSON, and has what it takes to judge others: archiver-analyze predict.

    archiver-analyze train services --model services.json \\
        --features response_time,request_count,fail_count --by appid \\
        --filter 'response_time < 1.2' --since yesterday";

/// So many clusters, if nothing is said.
const CLUSTERS: u32 = 3;

impl Args {
    /// What is learned from, where it is, and what it is in as long as it is needed.
    async fn source(&self) -> anyhow::Result<(String, String, Option<TempDir>)> {
        let (Some(table), Some(url)) = (&self.from, &self.database) else {
            let source = self.source.clone().unwrap_or_default();
            return Ok((source.clone(), source, None));
        };
        let mut database = self.secret.open("database", url).await?;
        let directory = TempDir::new().context("making a temporary directory")?;
        let copy = directory.path().join("samples.parquet");
        database.copy(table, &copy).await?;
        database.close().await;
        let place = copy.to_string_lossy().into_owned();
        Ok((format!("table {table} of {url}"), place, Some(directory)))
    }
}

/// Learns, and writes the model.
///
/// # Errors
///
/// If the source can't be read, has no such fields, there is nothing to learn from, or the file can't be written.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    if args.clusters.is_some() && args.method != Method::KMeans {
        return Err(usage("--clusters is for --method kmeans").into());
    }
    args.method.check_label(args.label.as_deref())?;
    let selection = args.read.selection();
    let (source, place, _copy) = args.source().await?;
    let training = Training {
        source,
        question: Question {
            features: args.features.clone(),
            by: args.by.clone(),
            time: args.time.clone(),
            // As it means the same on each engine.
            filter: args.filter.as_deref().map(condition).transpose()?,
            label: args.label.clone(),
        },
        method: args.method,
        clusters: args.clusters.unwrap_or(CLUSTERS) as usize,
        seed: args.seed,
        range_ms: (selection.since_ms, selection.until_ms),
    };
    let engine = args.read.engine_with(common, &[place], &selection).await?;
    check_filter(&engine, args.filter.as_deref()).await?;
    if engine.reads(&args.model) {
        bail!(
            "writing {}: that file is what is learned from; write to another one",
            args.model.display()
        );
    }
    let (model, notes) = watched(&engine.progress, training.run(&engine)).await?;
    model.write(&args.model)?;
    let groups = match model.groups.len() {
        1 => "1 group".to_owned(),
        count => format!("{count} groups"),
    };
    // Nobody may listen; the file is there.
    let _ = writeln!(
        stdout(),
        "{}: {} of {} rows in {}",
        args.model.display(),
        args.method.name(),
        model.learned_from.rows,
        groups
    );
    notes.iter().for_each(|note| complain(note));
    say_notes(&engine);
    Ok(())
}
