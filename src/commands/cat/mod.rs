//! `archiver cat`: records of archives, in the order of their files.

mod printed;
mod printer;
mod source;

use std::thread;
use std::time::Duration;

use archiver_format::read::Selection;
use archiver_format::record::{NextOffset, Offsets, Partition};

use crate::catalog::choose;
use crate::cli::Common;
use crate::logging;
use crate::moment::Moment;
use crate::terminal::{Closed, bytes};
use crate::world::clock::{Clock, RealClock};
use printer::Printer;
use source::Source;

/// How often it is looked for more, with `--follow`.
const LOOK: Duration = Duration::from_millis(200);

/// What to print.
#[derive(Debug, clap::Args)]
#[command(after_help = TIMES)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files
    #[arg(value_name = "NAME|FILE", required = true)]
    archives: Vec<String>,
    /// Only records with this timestamp or a later one
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Only records with a timestamp before this one
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<Moment>,
    /// Only records of this partition
    #[arg(long, value_name = "N", value_parser = partition, allow_hyphen_values = true)]
    partition: Option<Partition>,
    /// Only records from offset A on and before B; either may be left out
    #[arg(long, value_name = "A..B", value_parser = offsets, allow_hyphen_values = true)]
    offsets: Option<Offsets>,
    /// Print an object for each record: topic, partition, offset, timestamp, value
    #[arg(long)]
    with_meta: bool,
    /// Print so many records at most
    #[arg(long, value_name = "N", conflicts_with = "tail")]
    limit: Option<u64>,
    /// Print only the last so many of them
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Go on with what is archived from now on
    #[arg(short, long, conflicts_with = "until")]
    follow: bool,
}

const TIMES: &str = "\
TIME is 2026-11-20T09:00:00Z, or \"2026-11-20 09:00\" or 09:00 by the clock of
this machine, or seconds or milliseconds since 1970, or -5m for five minutes ago.";

/// Prints records; returns the exit code.
///
/// # Errors
///
/// If something can't be read, or nobody reads what is printed.
pub fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let selection = args.selection(RealClock.now_ms());
    let chosen = choose(common.config.as_deref(), &args.archives)?;
    let sources = chosen.into_iter();
    let sources = sources.map(|chosen| Source::new(chosen, selection.clone(), args.follow));
    let mut sources = sources.collect::<Vec<_>>();
    let mut printer = Printer::new(args.with_meta, args.limit, args.tail);
    let mut code = 0;
    for source in &mut sources {
        if printer.is_done() {
            break;
        }
        if source.load()? {
            source.print(&mut printer)?;
        } else {
            logging::complain(&format!(
                "archiver: archive {} has not begun yet",
                source.name()
            ));
            code = 1;
        }
    }
    printer.end_tail()?;
    printer.flush()?;
    for source in &sources {
        if source.left_out() > 0 {
            logging::complain(&format!(
                "archiver: archive {}: {} of its files were left out, as they have no index by which it would be known which records they hold",
                source.name(),
                bytes(source.left_out())
            ));
            code = 1;
        }
        if source.handed_over() > 0 {
            logging::complain(&format!(
                "archiver: archive {}: {} records were left out, as their segments were handed over to on_seal and are gone",
                source.name(),
                source.handed_over()
            ));
            code = 1;
        }
    }
    if args.follow {
        follow(&mut sources, &mut printer)?;
    }
    Ok(code)
}

/// Prints what is archived from now on, until as many records were printed as are wanted, or nobody reads them.
fn follow(sources: &mut [Source], printer: &mut Printer) -> anyhow::Result<()> {
    while !printer.is_done() {
        if printer.is_unread() {
            return Err(Closed.into());
        }
        thread::sleep(LOOK);
        for source in &mut *sources {
            if source.load()? {
                source.print(printer)?;
            }
        }
        printer.flush()?;
    }
    Ok(())
}

impl Args {
    fn selection(&self, now_ms: i64) -> Selection {
        let ms = |moment: Moment| moment.ms(now_ms);
        Selection {
            since_ms: self.since.map(ms),
            until_ms: self.until.map(ms),
            partition: self.partition,
            offsets: self.offsets.clone(),
            ..Selection::default()
        }
    }
}

/// The number of a partition.
fn partition(text: &str) -> Result<Partition, String> {
    let number = text.parse::<Partition>().ok();
    let number = number.filter(|number| *number >= 0);
    number.ok_or_else(|| "not a partition; they are numbered from 0 on".to_owned())
}

/// Offsets, half open: `A..B`, `A..`, `..B`.
pub(super) fn offsets(text: &str) -> Result<Offsets, String> {
    let refused =
        || "not offsets; write A..B for those from A on and before B, or A.. or ..B".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(refused)?;
    let number = |text: &str, absent| match text {
        "" => Ok(absent),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(|_| refused())
        }
        _ => Err(refused()),
    };
    let (from, to) = (number(from, 0)?, number(to, i64::MAX)?);
    if from > to {
        return Err(format!("{from} comes after {to}"));
    }
    Ok(NextOffset::new(from)..NextOffset::new(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_numbers_from_0_on() {
        assert_eq!(partition("7"), Ok(7));
        for text in ["", "-1", "x", "--json", "99999999999"] {
            assert!(partition(text).is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_are_half_open() {
        let range = |from, to| Ok(NextOffset::new(from)..NextOffset::new(to));
        assert_eq!(offsets("3..7"), range(3, 7));
        assert_eq!(offsets("3.."), range(3, i64::MAX));
        assert_eq!(offsets("..7"), range(0, 7));
        assert_eq!(offsets("7..7"), range(7, 7));
        for text in [
            "",
            "3",
            "3-7",
            "a..b",
            "-1..3",
            "3..=7",
            "7..3",
            "99999999999999999999..",
        ] {
            assert!(offsets(text).is_err(), "{text}");
        }
    }
}
