//! `archiver-analyze plot`: pictures of values by time, and a page with all of them.

use std::ffi::OsStr;
use std::path::PathBuf;

use archiver::cli::{Common, UsageError, usage};
use archiver::moment::Zone;

use super::answer::say_notes;
use super::asked::Asked;
use super::common::Read;
use super::complain::complain;
use super::definition::{Anomalies, Values, Windows, written};
use super::pictures::{Kind, report_below, series, write_picture, write_pictures, write_report};
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
    /// The directory of the pictures; or a file that ends with .png, .svg or .html
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
several groups there is one with all of them, too, and -o x.png writes that
alone. Without windows, each record
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
    let wanted = args.wanted()?;
    let method = (!args.plain).then_some(Method::ThreeSigma);
    let detection = args.anomalies.detection(method)?;
    let definition = written(&args.values, &args.windows, detection);
    let asked = Asked::open(common, &args.read, &args.read.selection(), &definition).await?;
    let series = series(&asked).await?;
    let (path, zone) = (&args.output, &args.timezone.0);
    if series.is_empty() {
        complain("there is nothing to draw: no record has such a value");
    } else {
        match wanted {
            Wanted::Pictures(kind) => write_pictures(path, &series, zone, kind)?,
            Wanted::Picture(kind) => write_picture(path, &series, zone, kind)?,
            Wanted::Page => write_report(path, &definition.name, &series, zone)?,
            Wanted::PageBelow => {
                let path = report_below(path, &series, zone);
                write_report(&path, &definition.name, &series, zone)?;
            }
        }
    }
    say_notes(&asked.engine);
    Ok(())
}

/// What is written at the path of -o.
enum Wanted {
    /// A directory of pictures.
    Pictures(Kind),
    /// One picture.
    Picture(Kind),
    /// A page.
    Page,
    /// A directory with a page in it.
    PageBelow,
}

impl Args {
    /// By the name of -o, and by --format, which must not say something else.
    fn wanted(&self) -> Result<Wanted, UsageError> {
        let extension = self.output.extension().and_then(OsStr::to_str);
        let by_name = match extension {
            Some("png") => Some(Format::Png),
            Some("svg") => Some(Format::Svg),
            Some("html") => Some(Format::Html),
            _ => None,
        };
        if let (Some(said), Some(by_name)) = (self.format, by_name)
            && said != by_name
        {
            return Err(usage(
                "the name of -o says another format than --format; leave out one of both",
            ));
        }
        Ok(match (by_name, self.format) {
            (Some(Format::Png), _) => Wanted::Picture(Kind::Png),
            (Some(Format::Svg), _) => Wanted::Picture(Kind::Svg),
            (Some(Format::Html), _) => Wanted::Page,
            (None, None | Some(Format::Png)) => Wanted::Pictures(Kind::Png),
            (None, Some(Format::Svg)) => Wanted::Pictures(Kind::Svg),
            (None, Some(Format::Html)) => Wanted::PageBelow,
        })
    }
}
