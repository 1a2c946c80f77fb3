//! `archiver-analyze windows`: counts and measures by windows of time.

use std::time::Duration;

use anyhow::anyhow;
use archiver::cli::{Common, usage};
use archiver::moment::parse_duration;
use archiver::terminal::nearest;

use super::answer::answer;
use super::common::{Print, Read};
use crate::definition::{Aggregate, Analysis, Dialect, Named, Time, Window, Written, sql};
use crate::engine::ONLY;
use crate::table::columns::{Column, Kind, Of};
use crate::table::provider::ArchiveTable;

/// What to measure, by which windows.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// An archive of the configuration, a state directory, a directory with .archiver in it, or a file
    #[arg(value_name = "NAME|PATH")]
    archive: String,
    /// The field with the time, instead of the record's timestamp
    #[arg(long, value_name = "FIELD")]
    time: Option<String>,
    /// The fields that are measured
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', required = true)]
    value: Vec<String>,
    /// The fields by which records are told apart
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    by: Vec<String>,
    /// Only records of which this holds, in SQL
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,
    /// Windows one behind the other, so long each
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    tumbling: Option<Duration>,
    /// Windows that overlap, so long each
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "every")]
    sliding: Option<Duration>,
    /// How often a sliding window begins
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "sliding")]
    every: Option<Duration>,
    /// Windows that end when nothing has come for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    session: Option<Duration>,
    /// Windows begin so much later than 1970, instead of with it
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    offset: Duration,
    /// What is measured: count, sum, mean, min, max, stddev, p50, p99…
    #[arg(
        long,
        value_name = "WHAT,…",
        value_delimiter = ',',
        default_value = "count"
    )]
    aggregates: Vec<Aggregate>,
    /// Print the query for this engine instead of its answer
    #[arg(long, value_enum, value_name = "ENGINE")]
    emit: Option<Dialect>,
    #[command(flatten)]
    read: Read,
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
    let sliding = args.sliding.zip(args.every);
    let window = Window::new(args.tumbling, sliding, args.session, args.offset);
    let window = window.map_err(|e| usage(&e))?;
    let words = std::slice::from_ref(&args.archive);
    let engine = args.read.engine(common, words)?;
    let table = engine.only()?;
    let field = |name: &String| {
        column(table, name).map(|column| Named {
            column: column.name.clone(),
            name: name.clone(),
        })
    };
    let fields = |names: &[String]| names.iter().map(field).collect::<Result<Vec<_>, _>>();
    let analysis = Analysis {
        source: match args.emit {
            Some(_) => engine.tables[0].0.clone(),
            None => ONLY.to_owned(),
        },
        time: args
            .time
            .as_ref()
            .map(|name| time(table, name))
            .transpose()?,
        values: fields(&args.value)?,
        by: fields(&args.by)?,
        filter: args.filter.clone(),
        window,
        aggregates: args.aggregates.clone(),
    };
    if let Some(dialect) = args.emit {
        println!("{}", sql::query(&analysis, dialect));
        return Ok(());
    }
    let query = sql::query(&analysis, Dialect::DataFusion);
    answer(&engine, &query, &args.print).await
}

/// The column of a field: that of the value, if a part of the record is called the same.
fn column<'t>(table: &'t ArchiveTable, name: &str) -> anyhow::Result<&'t Column> {
    let columns = table.columns();
    let is_field =
        |column: &&Column| matches!(&column.of, Of::Field(path) if path.join(".") == name);
    let is_called = |column: &&Column| column.name == name;
    let found = columns.iter().find(is_field);
    found
        .or_else(|| columns.iter().find(is_called))
        .ok_or_else(|| {
            let names = columns.iter().map(|column| &column.name[..]);
            match nearest(name, names) {
                Some(near) => anyhow!("there is no field {name}; did you mean {near}?"),
                None => {
                    anyhow!("there is no field {name}; DESCRIBE {ONLY} shows those that there are")
                }
            }
        })
}

fn time(table: &ArchiveTable, name: &str) -> anyhow::Result<Time> {
    let column = column(table, name)?;
    let written = match (&column.of, column.kind) {
        (Of::Timestamp, _) => Written::Timestamp,
        (Of::Field(_), Kind::Integer | Kind::Number) => Written::Number,
        (Of::Field(_), Kind::Text) => Written::Text,
        _ => return Err(anyhow!("{name} is no time")),
    };
    Ok(Time {
        column: column.name.clone(),
        written,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "not a duration; write 30s, 10m or 1h30m".to_owned())
}
