//! The flags of `archiver watch`, and what they mean.

use std::io::{self, IsTerminal};

use archiver_format::record::Partition;
use jiff::tz::TimeZone;
use rustix::termios::tcgetwinsize;

use super::begin::Begin;
use super::lines::{Form, View};
use super::pattern::Pattern;
use super::printer::Filter;
use super::tokens::{HELP, Tokens};
use crate::cli::{UsageError, usage};
use crate::commands::connection::Connection;
use crate::moment::{Moment, NotAMoment, Zone};
use crate::terminal::Styles;

/// The columns of a terminal that doesn't say how many it has.
const COLUMNS: usize = 80;

/// What to watch.
#[derive(Debug, clap::Args)]
#[command(after_help = after())]
pub struct Args {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// A topic, or ^PATTERN for all whose whole names match, also later ones; may be repeated
    #[arg(short, long, value_name = "TOPIC")]
    pub(super) topic: Vec<String>,
    /// Begin with what comes now (latest), with all that there is (earliest), or at a TIME
    #[arg(
        long,
        value_name = "PLACE",
        default_value = "latest",
        allow_hyphen_values = true
    )]
    from: String,
    /// The zone whose clock is meant and shown, instead of this machine's
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// Only records in whose value this regular expression is found
    #[arg(long, value_name = "REGEX")]
    grep: Option<Pattern>,
    /// Only records in whose key this regular expression is found
    #[arg(long, value_name = "REGEX")]
    key: Option<Pattern>,
    /// Only this partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(super) partition: Option<Partition>,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) limit: Option<u64>,
    /// Print the value and a newline
    #[arg(long, group = "form")]
    raw: bool,
    /// Print all of the record as a JSON object, as format = "json" writes it
    #[arg(long, group = "form")]
    json: bool,
    /// Print this, with tokens for what the record has
    #[arg(long, value_name = "TEXT", group = "form")]
    format: Option<Tokens>,
}

/// What stands below the flags.
fn after() -> String {
    format!(
        "\
PLACE may also be 2026-11-20T09:00:00Z, \"2026-11-20 09:00\", 09:00, or -5m.
A topic that isn't there is waited for. Ctrl-C ends with how many records were
printed. Tokens of --format:

{HELP}

    archiver watch -b localhost:9092 -t my-stream --from -5m
    archiver watch -b localhost:9092 -t '^app\\..*' --grep '\"level\":\"error\"'
    archiver watch -b localhost:9092 -t my-stream --format '%T %k %v' --limit 10"
    )
}

impl Args {
    /// Where it begins.
    pub(super) fn begin(&self) -> Result<Begin, UsageError> {
        match self.from.as_str() {
            "latest" => return Ok(Begin::Latest),
            "earliest" => return Ok(Begin::Earliest),
            _ => {}
        }
        let now = self.timezone.clone().unwrap_or_default().now();
        // Without --timezone it is the clock of this machine, if it is known where that is.
        let moment = match self.timezone {
            Some(_) => Moment::parse(&self.from, &now),
            None => self.from.parse(),
        };
        let refused =
            |e: NotAMoment| usage(&format!("--from {:?}: {e}; or latest, earliest", self.from));
        let ms = moment
            .map_err(refused)?
            .ms(now.timestamp().as_millisecond());
        if ms > now.timestamp().as_millisecond() {
            return Err(usage(&format!(
                "--from {:?} is still to come; leave it out for what comes from now on",
                self.from
            )));
        }
        Ok(Begin::Time(ms))
    }

    /// Which records are printed.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            value: self.grep.clone(),
            key: self.key.clone(),
        }
    }

    /// How they are printed.
    pub(super) fn view(&self) -> View {
        let form = match &self.format {
            Some(tokens) => Form::Tokens(tokens.clone()),
            None if self.raw => Form::Raw,
            None if self.json => Form::Json,
            None => Form::Shown,
        };
        let size = tcgetwinsize(io::stdout()).ok();
        let columns = size.map(|size| usize::from(size.ws_col));
        let zone = self.timezone.as_ref().map(|zone| zone.0.clone());
        View {
            form,
            is_terminal: io::stdout().is_terminal(),
            styles: Styles::of_output(),
            width: columns.filter(|columns| *columns > 0).unwrap_or(COLUMNS),
            zone: zone.unwrap_or_else(TimeZone::system),
        }
    }
}
