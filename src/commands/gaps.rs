//! `archiver gaps`: what archives will never hold, why, and since when that is known.

use archiver_format::gap::{Gap, GapReason};
use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{NO_ARCHIVES, choose};
use crate::cli::Common;
use crate::logging;
use crate::terminal::{Align, Output, Style, Styles, Table, time};

/// Whose gaps to list.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// Print a JSON object for each gap
    #[arg(long)]
    json: bool,
}

/// A gap in JSON: its fields in the manifest, and whose it is.
#[derive(Serialize)]
struct Listed<'a> {
    archive: &'a str,
    topic: &'a str,
    #[serde(flatten)]
    gap: &'a Gap,
}

/// Lists gaps; returns the exit code.
///
/// # Errors
///
/// If nothing can be listed. One archive that can't be read is said, and those of the others are listed.
pub fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let chosen = choose(common.config.as_deref(), &args.archives)?;
    let (mut code, mut count, mut read) = (0, 0, 0);
    let mut output = Output::default();
    let columns = [
        ("ARCHIVE", Align::Left),
        ("PARTITION", Align::Right),
        ("FROM", Align::Right),
        ("TO", Align::Right),
        ("OFFSETS", Align::Right),
        ("REASON", Align::Left),
        ("SINCE", Align::Left),
    ];
    let mut table = Table::new(Styles::of_output(), &columns);
    for chosen in &chosen {
        let archive = match chosen.load() {
            Ok(archive) => archive,
            Err(error) => {
                logging::complain(&format!("archiver: archive {}: {error}", chosen.name));
                code = 1;
                continue;
            }
        };
        read += 1;
        let Some(archive) = archive else {
            continue;
        };
        count += archive.gaps.len();
        for gap in &archive.gaps {
            if args.json {
                output.json(&Listed {
                    archive: &chosen.name,
                    topic: &archive.checkpoint.identity.topic,
                    gap,
                })?;
            } else {
                table.row(row(&chosen.name, gap));
                table.note(Style::Dim, gap.explanation.clone());
            }
        }
    }
    if !args.json && count > 0 {
        for line in table.lines() {
            output.line(&line)?;
        }
    } else if !args.json && chosen.is_empty() {
        output.line(NO_ARCHIVES)?;
    } else if !args.json && read > 0 {
        let archives = if read == 1 { "archive" } else { "archives" };
        output.line(&format!("no gaps in {read} {archives}"))?;
    }
    output.flush()?;
    Ok(code)
}

fn row(archive: &str, gap: &Gap) -> Vec<(Style, String)> {
    let unknown = || "?".to_owned();
    let noticed = gap.noticed.parse::<Timestamp>().ok();
    let offsets = gap.to.map(|to| to.since(gap.from).to_string());
    vec![
        (Style::Plain, archive.to_owned()),
        (Style::Plain, gap.partition.to_string()),
        (Style::Plain, gap.from.to_string()),
        (
            Style::Plain,
            gap.to.map_or_else(unknown, |to| to.to_string()),
        ),
        (Style::Plain, offsets.unwrap_or_else(unknown)),
        (Style::Bad, reason(gap.reason).to_owned()),
        (Style::Plain, time(noticed.map(Timestamp::as_millisecond))),
    ]
}

fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Expired => "expired",
        GapReason::Recreated => "recreated",
        GapReason::Truncated => "truncated",
        GapReason::Corrupt => "corrupt",
    }
}
