//! A definition as the text of a query.
//!
//! In it, columns have names of its own (`by_0`, `value_0`), so that a field may be called anything. What it is made of:
//! `placed` (the records that count, with their time), `in_windows` (each with each window that it is in), where an engine
//! needs it `centred` (with the mean of its window), a row for each window and group (`windowed`), and if they are asked for, `filled` with
//! those in which there is nothing.

use super::dialect::{Dialect, HAS_TIME};
use super::fill::Fill;
use super::{Aggregate, Analysis, Time, Window, Windows, Written};
use crate::table::columns::Kind;

/// The query: `window_start` and `window_end` in milliseconds since 1970, the groups, then what is measured, in the order of
/// the windows and groups.
pub fn query(of: &Analysis, windows: &Windows, dialect: Dialect) -> String {
    let (steps, windowed) = windowed(of, windows, dialect);
    format!("WITH {steps}\n{}", answered(of, windows, windowed, dialect))
}

/// The rows of this relation as they are answered, with names and in order. It may be one that is joined, with a condition.
pub(super) fn answered(of: &Analysis, windows: &Windows, from: &str, dialect: Dialect) -> String {
    let names = of.by.iter().map(|field| field.name.clone()).enumerate();
    let groups = names.map(|(number, name)| (by(number), name));
    let measures = measures(of, windows).into_iter().enumerate();
    let measures = measures.map(|(number, name)| (measure_column(number), name));
    let named = groups.chain(measures);
    let named = named.map(|(column, name)| format!(", {column} AS {}", dialect.quoted(&name)));
    let named = named.collect::<String>();
    let order = (1..=of.by.len() + 2).map(|number| format!("{number} NULLS LAST"));
    let order = order.collect::<Vec<_>>().join(", ");
    format!("SELECT window_start, window_end{named}\nFROM {from}\nORDER BY {order}")
}

/// The steps to a relation with `window_start`, `window_end`, `by_0`, …, and `measure_0`, …, and its name.
pub(super) fn windowed(
    of: &Analysis,
    windows: &Windows,
    dialect: Dialect,
) -> (String, &'static str) {
    let placed = placed(of, dialect);
    let in_windows = in_windows(of, windows.window);
    let steps = steps(of, windows, (&placed, &in_windows), dialect);
    match filled(of, windows, dialect) {
        Some(filled) => (format!("{steps},\n{filled}"), "filled"),
        None => (steps, "windowed"),
    }
}

/// The steps to a row for each window and group in which there is something, from records and the windows that they are in.
pub(super) fn steps(
    of: &Analysis,
    windows: &Windows,
    (placed, in_windows): (&str, &str),
    dialect: Dialect,
) -> String {
    let groups = behind(&groups(of));
    let (centred, from) = match centred(of, windows, dialect) {
        Some(centred) => (format!(", centred AS ({centred})"), "centred"),
        None => (String::new(), "in_windows"),
    };
    let measured = measured(of, windows, dialect);
    format!(
        "placed AS ({placed}), in_windows AS ({in_windows}){centred},\n\
         windowed AS (SELECT window_start, window_end{groups}{measured} FROM {from} GROUP BY window_start, window_end{groups})"
    )
}

/// So many windows in a row may be empty: more of them come from a time that is wrong.
const EMPTY_MOST: i64 = 1_000_000;
/// What an engine says it can't make a number of where there are more: SQL has no other way to fail.
pub const TOO_MANY: &str = "more than 1000000 empty windows in a row";

/// The steps that put rows for empty windows between those of a group.
pub(super) fn filled(of: &Analysis, windows: &Windows, dialect: Dialect) -> Option<String> {
    let (fill, (size, every)) = (windows.fill?, windows.window.size_and_every()?);
    let groups = groups(of);
    let partition = partition(&groups);
    let empty = match fill {
        Fill::Zero => "0",
        Fill::Null => "NULL",
    };
    let aggregates = of.values.iter().flat_map(|_| &windows.aggregates);
    let measures = aggregates.enumerate().map(|(number, aggregate)| {
        let empty = if *aggregate == Aggregate::Count {
            "0"
        } else {
            empty
        };
        let column = measure_column(number);
        format!(", CASE WHEN start_ms = window_start THEN {column} ELSE {empty} END AS {column}")
    });
    let measures = measures.collect::<String>();
    let groups = behind(&groups);
    let starts = dialect.starts("window_start", "end_ms", every)?;
    let most = every.saturating_mul(EMPTY_MOST);
    Some(format!(
        "with_next AS (SELECT windowed.*, lead(window_start) OVER ({partition}ORDER BY window_start) AS next_ms FROM windowed),\n\
         with_end AS (SELECT with_next.*, CAST(CASE WHEN next_ms IS NULL THEN CAST(window_start + {every} AS STRING) \
         WHEN next_ms - window_start > {most} THEN '{TOO_MANY}' ELSE CAST(next_ms AS STRING) END AS BIGINT) AS end_ms FROM with_next),\n\
         with_starts AS (SELECT with_end.*, {starts} AS start_ms FROM with_end),\n\
         filled AS (SELECT start_ms AS window_start, start_ms + {size} AS window_end{groups}{measures} FROM with_starts)"
    ))
}

/// What is measured, by the names in the answer: without the value's where there is one.
pub(super) fn measures(of: &Analysis, windows: &Windows) -> Vec<String> {
    let mut names = Vec::new();
    for field in &of.values {
        for aggregate in &windows.aggregates {
            names.push(match &of.values[..] {
                [_] => aggregate.to_string(),
                _ => format!("{aggregate}_{}", field.name),
            });
        }
    }
    names
}

/// The columns of the groups in the query.
pub(super) fn groups(of: &Analysis) -> Vec<String> {
    (0..of.by.len()).map(by).collect()
}

/// The column of a measure in the query.
pub(super) fn measure_column(number: usize) -> String {
    format!("measure_{number}")
}

/// The column of a group in the query.
pub(super) fn by(number: usize) -> String {
    format!("by_{number}")
}

/// Columns behind others.
pub(super) fn behind(columns: &[String]) -> String {
    columns.iter().map(|column| format!(", {column}")).collect()
}

/// When a record was, in milliseconds since 1970; null where it doesn't say.
pub fn event_ms(of: &Analysis, dialect: Dialect) -> String {
    match &of.time {
        Some(Time { column, written }) => dialect.milliseconds(&dialect.quoted(column), *written),
        None => dialect.milliseconds(&dialect.quoted("timestamp"), Written::Timestamp),
    }
}

/// The records that count, with their time in milliseconds. One without a time is in no window.
pub(super) fn placed(of: &Analysis, dialect: Dialect) -> String {
    let (time, has_time) = dialect.counted_time(event_ms(of, dialect));
    let timed = timed_by(of, &time, "", dialect);
    format!("SELECT * FROM ({timed}) AS timed WHERE {has_time}")
}

/// The same, with more columns of the source, and without counting those that have no time.
pub(super) fn placed_with(of: &Analysis, more: &str, dialect: Dialect) -> String {
    let timed = timed(of, more, dialect);
    format!("SELECT * FROM ({timed}) AS timed WHERE {HAS_TIME}")
}

/// The records that the filter lets through, with their time in milliseconds or null, and more columns of the source.
pub(super) fn timed(of: &Analysis, more: &str, dialect: Dialect) -> String {
    timed_by(of, &event_ms(of, dialect), more, dialect)
}

fn timed_by(of: &Analysis, time: &str, more: &str, dialect: Dialect) -> String {
    let quoted = |name: &str| dialect.quoted(name);
    let groups = of.by.iter().enumerate();
    let groups =
        groups.map(|(number, field)| format!(", {} AS {}", quoted(&field.column), by(number)));
    let values = of.values.iter().enumerate();
    let values =
        values.map(|(number, field)| format!(", {} AS value_{number}", quoted(&field.column)));
    let columns = groups.chain(values).collect::<String>();
    let filter = match &of.filter {
        Some(filter) => format!(" WHERE ({})", dialect.condition(filter)),
        None => String::new(),
    };
    let source = quoted(&of.source);
    format!("SELECT {time} AS event_ms{columns}{more} FROM {source}{filter}")
}

/// Each record with each window that it is in.
pub(super) fn in_windows(of: &Analysis, window: Window) -> String {
    match window {
        Window::Tumbling { size, offset } => {
            let start = start(size, offset);
            format!(
                "SELECT placed.*, {start} AS window_start, {start} + {size} AS window_end FROM placed"
            )
        }
        Window::Sliding {
            size,
            every,
            offset,
        } => {
            let start = start(every, offset);
            let overlaps = (size + every - 1) / every;
            let steps = (0..overlaps).map(|step| format!("({step})"));
            let steps = steps.collect::<Vec<_>>().join(", ");
            format!(
                "SELECT * FROM (SELECT placed.*, {start} - back * {every} AS window_start, \
                 {start} - back * {every} + {size} AS window_end FROM placed \
                 CROSS JOIN (VALUES {steps}) AS steps(back)) AS slid WHERE event_ms < window_end"
            )
        }
        Window::Session { gap } => sessions(of, gap),
    }
}

/// The part of a window function that keeps groups apart.
pub(super) fn partition(groups: &[String]) -> String {
    match groups {
        [] => String::new(),
        groups => format!("PARTITION BY {} ", groups.join(", ")),
    }
}

/// A record begins a session if it comes later than the gap behind the one before it. Of records at the same time any may be
/// the one that begins it, and another one in the next step, as nothing orders them: `RANGE` counts them all at once.
fn sessions(of: &Analysis, gap: i64) -> String {
    let groups = groups(of);
    let partition = partition(&groups);
    let within = [groups, vec!["number_of_session".to_owned()]].concat();
    let within = format!("PARTITION BY {}", within.join(", "));
    format!(
        "SELECT numbered.*, min(event_ms) OVER ({within}) AS window_start, \
         max(event_ms) OVER ({within}) + {gap} AS window_end FROM \
         (SELECT begun.*, sum(begins) OVER ({partition}ORDER BY event_ms \
         RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number_of_session FROM \
         (SELECT placed.*, CASE WHEN event_ms - lag(event_ms) OVER ({partition}ORDER BY event_ms) > {gap} \
         THEN 1 ELSE 0 END AS begins FROM placed) AS begun) AS numbered"
    )
}

/// Where the latest window begins that a record is in, also before 1970.
fn start(every: i64, offset: i64) -> String {
    format!("event_ms - (((event_ms - {offset}) % {every}) + {every}) % {every}")
}

/// Each record with the mean of its window and group, where an engine needs it.
fn centred(of: &Analysis, windows: &Windows, dialect: Dialect) -> Option<String> {
    if !dialect.needs_means() || !windows.aggregates.contains(&Aggregate::Stddev) {
        return None;
    }
    let groups = behind(&groups(of));
    let means = (0..of.values.len()).map(|number| {
        let value = measurable(of, number);
        format!(
            ", avg(CAST({value} AS DOUBLE)) OVER (PARTITION BY window_start, window_end{groups}) AS mean_{number}"
        )
    });
    let means = means.collect::<String>();
    Some(format!("SELECT in_windows.*{means} FROM in_windows"))
}

fn measured(of: &Analysis, windows: &Windows, dialect: Dialect) -> String {
    let values = 0..of.values.len();
    let measures = values.flat_map(|value| {
        let aggregates = windows.aggregates.iter();
        aggregates.map(move |aggregate| measure(*aggregate, of, value, dialect))
    });
    let measures = measures.enumerate();
    let measures =
        measures.map(|(number, measure)| format!(", {measure} AS {}", measure_column(number)));
    measures.collect()
}

/// The value of this number, as it is measured: of text, what reads as a number; of booleans, 1 and 0.
pub fn measurable(of: &Analysis, number: usize) -> String {
    let value = format!("value_{number}");
    match of.values[number].kind {
        Kind::Text => format!("TRY_CAST({value} AS DOUBLE)"),
        Kind::Boolean => format!("CASE WHEN {value} THEN 1 WHEN NOT {value} THEN 0 END"),
        Kind::Integer | Kind::Number => value,
    }
}

/// What is measured of the value of this number.
pub(super) fn measure(
    aggregate: Aggregate,
    of: &Analysis,
    number: usize,
    dialect: Dialect,
) -> String {
    let value = match aggregate {
        Aggregate::Count => format!("value_{number}"),
        _ => measurable(of, number),
    };
    match aggregate {
        Aggregate::Count => format!("count({value})"),
        Aggregate::Sum if of.values[number].kind == Kind::Integer => dialect.whole_sum(&value),
        Aggregate::Sum => format!("sum({value})"),
        Aggregate::Mean => format!("avg(CAST({value} AS DOUBLE))"),
        Aggregate::Min => format!("min({value})"),
        Aggregate::Max => format!("max({value})"),
        Aggregate::Stddev if dialect.needs_means() => {
            let off = format!("(CAST({value} AS DOUBLE) - mean_{number})");
            format!(
                "CASE WHEN count({value}) > 1 THEN sqrt(sum({off} * {off}) / CAST(count({value}) - 1 AS DOUBLE)) END"
            )
        }
        Aggregate::Stddev => format!("stddev_samp(CAST({value} AS DOUBLE))"),
        Aggregate::Percentile(percent) => dialect.percentile(&value, percent),
    }
}
