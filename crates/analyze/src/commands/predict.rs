//! `archiver-analyze predict`: rows with what a model says of them.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use archiver::cli::Common;
use archiver::moment::Zone;
use jiff::tz::TimeZone;

use super::answer::{print_rows, say};
use super::cached::{Answers, Flags, Question};
use super::common::{Print, Read};
use super::complain::complain;
use super::connection::Writing;
use super::pictures::{Kind, write_pictures, write_report};
use super::progress::watched;
use crate::ask::scores::scores;
use crate::engine::{Engine, is_among};
use crate::load::write_verdicts;
use crate::model::file::Model;
use crate::model::verdicts::{Wanted, verdicts};
use crate::plot::columns::COLUMNS_MOST;

/// Of which rows, by which model.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// An archive of the configuration, a state directory, a directory with .archiver in it, or a file
    #[arg(value_name = "NAME|PATH")]
    source: String,
    /// The file with the model, as train wrote it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Only records of which this holds, in SQL
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,
    /// Only rows that are anomalous
    #[arg(long = "anomalies")]
    only_anomalies: bool,
    /// Draw the scores by time, instead of printing rows: the directory of the pictures, or a file with .html at its end
    #[arg(long, value_name = "PATH", conflicts_with_all = ["only_anomalies", "output", "format"])]
    plot: Option<PathBuf>,
    /// Put the verdicts into a table, instead of printing rows: mysql://user@host/database, postgres://…, sqlite:FILE
    #[arg(long, value_name = "URL", requires = "table", conflicts_with_all = ["plot", "output", "format"])]
    to: Option<String>,
    /// The table
    #[arg(long, value_name = "NAME", requires = "to")]
    table: Option<String>,
    #[command(flatten)]
    writing: Writing,
    /// Whose clock the times in pictures are of: an IANA name, UTC or local
    #[arg(long, value_name = "ZONE", default_value = "local")]
    timezone: Zone,
    #[command(flatten)]
    read: Read,
    #[command(flatten)]
    cache: Flags,
    #[command(flatten)]
    print: Print,
}

const AFTER: &str = "\
A row has topic, partition and offset, time in milliseconds since 1970, the
fields by which the model tells rows apart and those that it judges by, then
cluster (kmeans), distance, score and is_anomaly: above a score of 1. The filter
that the model was learned with isn't asked again. What can't be judged has no
score, and is counted.

    archiver-analyze predict services --model services.json --since -1d \\
        --anomalies

In a table, the record's topic, partition and offset are a row's id: verdicts of
before on the same record are replaced. model_sha256 tells by which model each
is.

    archiver-analyze predict services --model services.json --since yesterday \\
        --until today --to mysql://metrics@db/metrics --table verdicts --create";

impl Args {
    /// Do verdicts go into a table?
    pub fn is_into_table(&self) -> bool {
        self.to.is_some()
    }
}

/// Judges, and prints the rows.
///
/// # Errors
///
/// If the model or the source can't be read, or the source has no such fields.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let (model, digest) = Model::read(&args.model)?;
    let output = args.print.output.as_deref();
    if output.is_some_and(|output| is_among(std::slice::from_ref(&args.model), output)) {
        bail!("-o names the model itself; write to another file");
    }
    let wanted = Wanted {
        filter: args.filter.clone(),
        only_anomalies: args.only_anomalies,
    };
    let selection = args.read.selection();
    if let (Some(url), Some(table)) = (&args.to, &args.table) {
        let model = (&Arc::new(model), &digest[..]);
        return to_table(common, args, model, &wanted, (url, table)).await;
    }
    let question = Question {
        command: "predict",
        definition: &format!("{digest} {wanted:?}"),
        source: &args.source,
        selection: &selection,
        read: &args.read,
    };
    if let Some(path) = &args.plot {
        let words = std::slice::from_ref(&args.source);
        let engine = args.read.engine_with(common, words, &selection).await?;
        return draw(&engine, Arc::new(model), &wanted, (path, &args.timezone.0)).await;
    }
    let mut answers = Answers::open(&args.cache).await;
    if answers.print(common, &question, &args.print).await? {
        return Ok(());
    }
    let words = std::slice::from_ref(&args.source);
    let engine = args.read.engine_with(common, words, &selection).await?;
    let judged = verdicts(&engine, &Arc::new(model), &wanted).await;
    let judged = judged.with_context(|| format!("using {}", args.model.display()))?;
    let recorder = answers.recorder();
    let rows = match &recorder {
        Some(recorder) => recorder.record(judged.rows),
        None => judged.rows,
    };
    print_rows(&engine, &judged.query, rows, &args.print).await?;
    let notes = [judged.unjudged.notes(), engine.notes()].concat();
    answers.keep(&question, &engine, recorder, &notes).await;
    say(&notes);
    Ok(())
}

/// Puts verdicts into a table, and says how many.
async fn to_table(
    common: &Common,
    args: &Args,
    (model, digest): (&Arc<Model>, &str),
    wanted: &Wanted,
    (url, table): (&str, &str),
) -> anyhow::Result<()> {
    let mut database = args.writing.open(url).await?;
    let words = std::slice::from_ref(&args.source);
    let engine = args.read.engine(common, words).await?;
    let verdicts = verdicts(&engine, model, wanted).await;
    let verdicts = verdicts.with_context(|| format!("using {}", args.model.display()))?;
    let into = (table, args.writing.how());
    let writing = write_verdicts(&engine, (verdicts, digest), &mut database, into);
    let judged = watched(&engine.progress, writing).await?;
    database.close().await;
    say(&[judged.notes.clone(), engine.notes()].concat());
    let _ = writeln!(stdout(), "{table}: {judged}");
    Ok(())
}

/// Draws the scores of each group, and prints the names of the files.
async fn draw(
    engine: &Engine,
    model: Arc<Model>,
    wanted: &Wanted,
    (path, zone): (&Path, &TimeZone),
) -> anyhow::Result<()> {
    let mut judged = verdicts(engine, &model, wanted).await?;
    let by = &model.question.by;
    let scores = scores(engine, &mut judged, by, COLUMNS_MOST);
    let series = watched(&engine.progress, scores).await?;
    match path.extension().is_some_and(|of| of == "html") {
        _ if series.is_empty() => complain("there is nothing to draw: no row was judged"),
        true => write_report(path, &model.learned_from.source, &series, zone)?,
        false => write_pictures(path, &series, zone, Kind::Png)?,
    }
    say(&[judged.unjudged.notes(), engine.notes()].concat());
    Ok(())
}
