//! `archiver-analyze run`: the analyses of a file.

use std::path::PathBuf;

use anyhow::Context;
use archiver::cli::{Common, usage};
use archiver::terminal::nearest;

use super::answer::say_notes;
use super::asked::Asked;
use super::common::{Print, Read};
use crate::definition::Dialect;
use crate::definition::file;
use crate::definition::written::{Definition, Output};

/// Which file, and which of its analyses.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// A file of [[analysis]] tables
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only these of its analyses
    #[arg(value_name = "ANALYSIS")]
    names: Vec<String>,
    /// Print the queries for this engine instead of their answers
    #[arg(long, value_enum, value_name = "ENGINE")]
    emit: Option<Dialect>,
    #[command(flatten)]
    read: Read,
    #[command(flatten)]
    print: Print,
}

const AFTER: &str = "\
An analysis goes where its outputs say, or else where -o and --format do.

    [[analysis]]
    name = \"latency\"
    source = \"traces\"
    value = [\"response_time\"]
    by = [\"service\"]
    window = { tumbling = \"1m\" }
    aggregates = [\"count\", \"p99\"]
    anomalies = { method = \"three-sigma\" }
    output = [{ file = \"out/latency.parquet\" }]";

/// Answers each of them, in the order of the file.
///
/// # Errors
///
/// If the file can't be read, or one of them can't be answered: with its name.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let definitions = file::read(&args.file)?;
    let chosen = chosen(&definitions, &args.names)?;
    if let (Some(_), [_, _, ..]) = (&args.print.output, &chosen[..]) {
        return Err(usage("-o takes one answer: name one analysis, or give each an output").into());
    }
    for definition in chosen {
        let answered = one(common, args, definition).await;
        answered.with_context(|| format!("analysis {}", definition.name))?;
    }
    Ok(())
}

fn chosen<'d>(
    definitions: &'d [Definition],
    names: &[String],
) -> anyhow::Result<Vec<&'d Definition>> {
    if names.is_empty() {
        return Ok(definitions.iter().collect());
    }
    let named = names.iter().map(|name| {
        let found = definitions
            .iter()
            .find(|definition| definition.name == *name);
        found.ok_or_else(|| {
            let known = definitions.iter().map(|definition| &definition.name[..]);
            match nearest(name, known.clone()) {
                Some(near) => usage(&format!(
                    "there is no analysis {name}; did you mean {near}?"
                )),
                None => usage(&format!(
                    "there is no analysis {name}; there is {}",
                    known.collect::<Vec<_>>().join(", ")
                )),
            }
        })
    });
    Ok(named.collect::<Result<_, _>>()?)
}

async fn one(common: &Common, args: &Args, definition: &Definition) -> anyhow::Result<()> {
    let asked = Asked::open(common, &args.read, definition).await?;
    if let Some(dialect) = args.emit {
        println!("-- {}\n{};", definition.name, asked.emitted(dialect)?);
        return Ok(());
    }
    if definition.output.is_empty() || args.print.output.is_some() {
        asked.answer(&args.print).await?;
    } else {
        for output in &definition.output {
            write(&asked, args, output).await?;
        }
    }
    say_notes(&asked.engine);
    Ok(())
}

async fn write(asked: &Asked, args: &Args, output: &Output) -> anyhow::Result<()> {
    let print = |path: &PathBuf| Print {
        format: args.print.format,
        output: Some(path.clone()),
    };
    match output {
        Output::File(path) => asked.answer(&print(path)).await,
        Output::Anomalies(path) => asked.anomalies(&print(path)).await,
    }
}
