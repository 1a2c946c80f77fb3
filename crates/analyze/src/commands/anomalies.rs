//! `archiver-analyze anomalies`: values outside of what is usual.

use archiver::cli::Common;

use super::answer::print_query;
use super::asked::Asked;
use super::cached;
use super::common::{Print, Read};
use super::definition::{Anomalies, Values, Windows, written};
use crate::definition::Dialect;
use crate::definition::detection::Method;

/// Which values, and what is usual of them.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    windows: Windows,
    #[command(flatten)]
    anomalies: Anomalies,
    /// Print the query for this engine instead of its answer
    #[arg(long, value_enum, value_name = "ENGINE")]
    emit: Option<Dialect>,
    #[command(flatten)]
    read: Read,
    #[command(flatten)]
    cache: cached::Flags,
    #[command(flatten)]
    print: Print,
}

const AFTER: &str = "\
Prints the rows whose score is above 1: those that lie outside of lower and
upper. Without windows, each record stands for itself; with them, what is
measured in each does. The method is three-sigma if none is named.

    archiver-analyze anomalies metrics --value data --by host --method mad
    archiver-analyze anomalies metrics --value data --tumbling 1m \\
        --aggregates count,p99 --method rolling-sigma --history 6h";

/// Judges, and prints a row for each anomalous value.
///
/// # Errors
///
/// If the archive can't be read, or has no such fields.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let detection = args.anomalies.detection(Some(Method::ThreeSigma))?;
    let definition = written(&args.values, &args.windows, detection);
    let Some(dialect) = args.emit else {
        let how = (&args.cache, &args.read, &args.print);
        return cached::answer(common, how, &definition, true).await;
    };
    let selection = args.read.selection();
    let asked = Asked::open(common, &args.read, &selection, &definition).await?;
    print_query(&asked.emitted(dialect)?)
}
