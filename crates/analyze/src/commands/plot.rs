//! `archiver-analyze plot`: pictures of values by time, and a page with all of them.

use std::path::PathBuf;

use archiver::cli::{Common, usage};
use archiver::moment::Zone;

use super::answer::say_notes;
use super::asked::Asked;
use super::common::Read;
use super::complain::complain;
use super::definition::{Anomalies, Values, Windows, written};
use super::pictures::{Kind, report_below, series, write_pictures, write_report};
use crate::definition::detection::Method;

/// Which values, what is usual of them, and how they are drawn.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    windows: Windows,
    #[command(flatten)]
    anomalies: Anomalies,
    /// Lines alone: nothing is expected of them
    #[arg(long, conflicts_with = "method")]
    plain: bool,
    /// The directory of the pictures, or a file with .html at its end
    #[arg(short, long, value_name = "PATH", default_value = "graph_save")]
    output: PathBuf,
    /// How they are drawn; png if the name of -o doesn't say otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Whose clock the times are of: an IANA name, UTC or local
    #[arg(long, value_name = "ZONE", default_value = "local")]
    timezone: Zone,
    #[command(flatten)]
    read: Read,
}

/// How series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A picture of each metric and group, in pixels
    Png,
    /// The same in lines, as large as you like
    Svg,
    /// One page with all of them, to zoom in
    Html,
}

const AFTER: &str = "\
Pictures are <from>~<to>/<metric>[-<group>].png below the directory of -o; of
several groups there is one with all of them, too. Without windows, each record
stands for itself. The method is three-sigma if none is named.

    archiver-analyze plot metrics --value data -o graph_save
    archiver-analyze plot metrics --value data --by host --tumbling 1m \\
        --aggregates p99 --method rolling-sigma --history 6h -o report.html";

/// Draws, and prints the names of the files.
///
/// # Errors
///
/// If the archive can't be read, has no such fields, or a file can't be written.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let is_page = args.output.extension().is_some_and(|of| of == "html");
    let format = match (args.format, is_page) {
        (None | Some(Format::Html), true) => Format::Html,
        (Some(_), true) => {
            return Err(usage("-o names a page; name a directory for pictures").into());
        }
        (format, false) => format.unwrap_or(Format::Png),
    };
    let method = (!args.plain).then_some(Method::ThreeSigma);
    let detection = args.anomalies.detection(method)?;
    let definition = written(&args.values, &args.windows, detection);
    let asked = Asked::open(common, &args.read, &args.read.selection(), &definition).await?;
    let series = series(&asked).await?;
    let zone = &args.timezone.0;
    if series.is_empty() {
        complain("there is nothing to draw: no record has such a value");
    } else {
        match format {
            Format::Png => write_pictures(&args.output, &series, zone, Kind::Png)?,
            Format::Svg => write_pictures(&args.output, &series, zone, Kind::Svg)?,
            Format::Html => {
                let path = match is_page {
                    true => args.output.clone(),
                    false => report_below(&args.output, &series, zone),
                };
                write_report(&path, &definition.name, &series, zone)?;
            }
        }
    }
    say_notes(&asked.engine);
    Ok(())
}
