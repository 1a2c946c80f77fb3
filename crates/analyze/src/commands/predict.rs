//! `archiver-analyze predict`: rows with what a model says of them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use archiver::cli::Common;

use super::answer::{print_rows, say};
use super::cached::{Answers, Flags, Question};
use super::common::{Print, Read};
use crate::engine::is_among;
use crate::model::file::Model;
use crate::model::verdicts::{Wanted, verdicts};

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
    answers
        .keep(&question, engine.digest(), recorder, &notes)
        .await;
    say(&notes);
    Ok(())
}
