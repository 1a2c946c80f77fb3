//! `archiver-analyze windows`: counts and measures by windows of time.

use archiver::cli::{Common, usage};

use super::answer::print_query;
use super::asked::Asked;
use super::cached;
use super::common::{Print, Read};
use super::definition::{Values, Windows, written};
use crate::definition::Dialect;

/// What to measure, by which windows.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    windows: Windows,
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
Windows are half open, and aligned to 1970 in UTC. window_start and window_end
are in milliseconds since 1970. Percentiles are exact.

    archiver-analyze windows metrics --value data --by host --tumbling 10m \\
        --aggregates count,sum,max";

/// Measures, and prints a row for each window and group.
///
/// # Errors
///
/// If the archive can't be read, or has no such fields.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let definition = written(&args.values, &args.windows, None);
    if definition.window.is_none() {
        return Err(usage("say one of --tumbling, --sliding and --session").into());
    }
    let Some(dialect) = args.emit else {
        let how = (&args.cache, &args.read, &args.print);
        return cached::answer(common, how, &definition, false).await;
    };
    let selection = args.read.selection();
    let asked = Asked::open(common, &args.read, &selection, &definition).await?;
    print_query(&asked.emitted(dialect)?)
}
