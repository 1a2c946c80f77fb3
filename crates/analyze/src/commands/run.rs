//! `archiver-analyze run`: the analyses of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use archiver::cli::{Common, usage};
use archiver::moment::Zone;
use archiver::terminal::nearest;

use super::answer::{print_query, say_notes};
use super::asked::Asked;
use super::common::{Print, Read};
use super::follow::Follow;
use super::pictures::{Kind, series, write_pictures, write_report};
use crate::definition::Dialect;
use crate::definition::file;
use crate::definition::written::{Definition, Output};
use crate::plot::series::Series;

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
    /// Whose clock the times in pictures are of: an IANA name, UTC or local
    #[arg(long, value_name = "ZONE", default_value = "local")]
    timezone: Zone,
    #[command(flatten)]
    follow: Follow,
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
    output = [{ file = \"out/latency.parquet\" }, { plot = \"graph_save\" }]";

impl Args {
    /// Does it go on as archives grow?
    pub fn is_followed(&self) -> bool {
        self.follow.is_wanted()
    }
}

/// Answers each of them, in the order of the file.
///
/// # Errors
///
/// If the file can't be read, or one of them can't be answered: with its name.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let definitions = file::read(&args.file)?;
    let chosen = chosen(&definitions, &args.names)?;
    if args.follow.is_wanted() {
        let how = (&args.read, &args.print);
        return args.follow.run(common, how, &args.file, chosen).await;
    }
    if let (Some(_), [_, _, ..]) = (&args.print.output, &chosen[..]) {
        return Err(usage("-o takes one answer: name one analysis, or give each an output").into());
    }
    let mut reports = BTreeMap::new();
    for definition in chosen {
        let answered = one(common, args, definition, &mut reports).await;
        answered.with_context(|| format!("analysis {}", definition.name))?;
    }
    let title = args.file.file_stem().unwrap_or_default();
    for (path, series) in &reports {
        write_report(path, &title.to_string_lossy(), series, &args.timezone.0)?;
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

/// What goes to each page.
type Reports = BTreeMap<PathBuf, Vec<Series>>;

async fn one(
    common: &Common,
    args: &Args,
    definition: &Definition,
    reports: &mut Reports,
) -> anyhow::Result<()> {
    let tells = |output: &Output| matches!(output, Output::Webhook(_) | Output::Command(_));
    if args.emit.is_none() && definition.output.iter().any(tells) {
        return Err(only_followed());
    }
    let asked = Asked::open(common, &args.read, &args.read.selection(), definition).await?;
    if let Some(dialect) = args.emit {
        let query = asked.emitted(dialect)?;
        return print_query(&format!("-- {}\n{query};", definition.name));
    }
    if definition.output.is_empty() || args.print.output.is_some() {
        asked.answer(&args.print, None).await?;
    } else {
        for output in &definition.output {
            write(&asked, args, output).await?;
        }
        draw(&asked, args, definition, reports).await?;
    }
    say_notes(&asked.engine);
    Ok(())
}

fn only_followed() -> anyhow::Error {
    usage("webhook and command have alerts as they come: that is run --follow").into()
}

async fn write(asked: &Asked, args: &Args, output: &Output) -> anyhow::Result<()> {
    let print = |path: &PathBuf| Print {
        format: args.print.format,
        output: Some(path.clone()),
    };
    match output {
        Output::File(path) => asked.answer(&print(path), None).await,
        Output::Anomalies(path) => asked.anomalies(&print(path), None).await,
        // All of these at once: they have the same series.
        Output::Plot(_) | Output::Report(_) => Ok(()),
        Output::Webhook(_) | Output::Command(_) => Err(only_followed()),
    }
}

async fn draw(
    asked: &Asked,
    args: &Args,
    definition: &Definition,
    reports: &mut Reports,
) -> anyhow::Result<()> {
    let is_drawn = |output: &Output| matches!(output, Output::Plot(_) | Output::Report(_));
    if !definition.output.iter().any(is_drawn) {
        return Ok(());
    }
    let mut series = series(asked).await?;
    for series in &mut series {
        // Others may measure the same.
        series.metric = format!("{}.{}", definition.name, series.metric);
    }
    for output in &definition.output {
        match output {
            Output::Plot(below) => write_pictures(below, &series, &args.timezone.0, Kind::Png)?,
            Output::Report(path) => {
                let report = reports.entry(path.clone()).or_default();
                report.extend(series.iter().cloned());
            }
            _ => {}
        }
    }
    Ok(())
}
