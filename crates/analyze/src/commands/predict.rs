//! `archiver-analyze predict`: rows with what a model says of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use archiver::cli::Common;
use archiver::moment::Zone;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use futures::StreamExt;
use jiff::tz::TimeZone;

use super::answer::{print_rows, say};
use super::cached::{Answers, Flags, Question};
use super::common::{Print, Read};
use super::complain::complain;
use super::pictures::{Kind, write_pictures, write_report};
use super::progress::watched;
use crate::caret::explained;
use crate::engine::{Engine, is_among};
use crate::model::file::Model;
use crate::model::verdicts::{Wanted, verdicts};
use crate::plot::collector::Collector;
use crate::plot::series::Point;

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
        --anomalies";

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

/// Draws the scores of each group, and prints the names of the files.
async fn draw(
    engine: &Engine,
    model: Arc<Model>,
    wanted: &Wanted,
    (path, zone): (&Path, &TimeZone),
) -> anyhow::Result<()> {
    let mut judged = verdicts(engine, &model, wanted).await?;
    let by = &model.question.by;
    let mut collector = Collector::new("score", by);
    let collected = async {
        while let Some(batch) = judged.rows.next().await {
            let batch = batch.map_err(|error| explained(&error, &judged.query, engine))?;
            collect(&batch, by.len(), &mut collector)?;
        }
        anyhow::Ok(())
    };
    watched(&engine.progress, collected).await?;
    let series = collector.finish(None);
    match path.extension().is_some_and(|of| of == "html") {
        _ if series.is_empty() => complain("there is nothing to draw: no row was judged"),
        true => write_report(path, &model.learned_from.source, &series, zone)?,
        false => write_pictures(path, &series, zone, Kind::Png)?,
    }
    say(&[judged.unjudged.notes(), engine.notes()].concat());
    Ok(())
}

/// Adds the scores of rows that say when they were.
fn collect(batch: &RecordBatch, groups: usize, to: &mut Collector) -> anyhow::Result<()> {
    let named = |name: &str, of: &DataType| -> anyhow::Result<ArrayRef> {
        let column = batch.column_by_name(name);
        let column = column.ok_or_else(|| anyhow!("verdicts have no column {name}"))?;
        Ok(cast(column, of)?)
    };
    let times = named("time", &DataType::Int64)?;
    let times = times.as_primitive::<Int64Type>();
    let scores = named("score", &DataType::Float64)?;
    let scores = scores.as_primitive::<Float64Type>();
    // Groups are behind the places and the time.
    let texts = (4..4 + groups).map(|number| cast(batch.column(number), &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        if times.is_null(row) || scores.is_null(row) {
            continue;
        }
        let group = texts.iter().map(|texts| {
            let texts = texts.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row))
        });
        let score = Some(scores.value(row));
        let point = Point {
            time_ms: times.value(row),
            value: score,
            expected: None,
            lower: Some(0.0),
            upper: Some(1.0),
            score,
        };
        to.add(&group.collect::<Vec<_>>(), point)?;
    }
    Ok(())
}
