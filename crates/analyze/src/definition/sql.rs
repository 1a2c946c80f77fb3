//! A definition as the text of a query.
//!
//! In it, columns have names of its own (`by_0`, `value_0`), so that a field may be called anything. What it is made of:
//! `placed` (the records that count, with their time), `in_windows` (each with each window that it is in), where an engine
//! needs it `centred` (with the mean of its window), and then a row for each window and group.

use super::dialect::Dialect;
use super::{Aggregate, Analysis, Time, Window, Written};

/// The query: `window_start` and `window_end` in milliseconds since 1970, the groups, then what is measured, in the order of
/// the windows and groups.
pub fn query(of: &Analysis, dialect: Dialect) -> String {
    let groups = (0..of.by.len()).map(by).collect::<Vec<_>>();
    let named = of.by.iter().zip(&groups);
    let named = named.map(|(field, group)| format!(", {group} AS {}", dialect.quoted(&field.name)));
    let named = named.collect::<String>();
    let (centred, from) = match centred(of, dialect) {
        Some(centred) => (format!(", centred AS ({centred})"), "centred"),
        None => (String::new(), "in_windows"),
    };
    let order = (1..=groups.len() + 2).map(|number| format!("{number} NULLS LAST"));
    let order = order.collect::<Vec<_>>().join(", ");
    format!(
        "WITH placed AS ({placed}), in_windows AS ({windows}){centred}\n\
         SELECT window_start, window_end{named}{measured}\n\
         FROM {from}\n\
         GROUP BY window_start, window_end{groups}\n\
         ORDER BY {order}",
        placed = placed(of, dialect),
        windows = windows(of),
        measured = measured(of, dialect),
        groups = behind(&groups),
    )
}

/// The column of a group in the query.
fn by(number: usize) -> String {
    format!("by_{number}")
}

/// Columns behind others.
fn behind(columns: &[String]) -> String {
    columns.iter().map(|column| format!(", {column}")).collect()
}

/// The records that count, with their time in milliseconds. One without a time is in no window.
fn placed(of: &Analysis, dialect: Dialect) -> String {
    let quoted = |name: &str| dialect.quoted(name);
    let time = match &of.time {
        Some(Time { column, written }) => dialect.milliseconds(&quoted(column), *written),
        None => dialect.milliseconds(&quoted("timestamp"), Written::Timestamp),
    };
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
    format!(
        "SELECT * FROM (SELECT {time} AS event_ms{columns} FROM {source}{filter}) AS timed WHERE event_ms IS NOT NULL"
    )
}

/// Each record with each window that it is in.
fn windows(of: &Analysis) -> String {
    match of.window {
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

/// A record begins a session if it comes later than the gap behind the one before it.
fn sessions(of: &Analysis, gap: i64) -> String {
    let groups = (0..of.by.len()).map(by).collect::<Vec<_>>();
    let partition = match &groups[..] {
        [] => String::new(),
        groups => format!("PARTITION BY {} ", groups.join(", ")),
    };
    let within = [groups, vec!["number_of_session".to_owned()]].concat();
    let within = format!("PARTITION BY {}", within.join(", "));
    format!(
        "SELECT numbered.*, min(event_ms) OVER ({within}) AS window_start, \
         max(event_ms) OVER ({within}) + {gap} AS window_end FROM \
         (SELECT begun.*, sum(begins) OVER ({partition}ORDER BY event_ms \
         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number_of_session FROM \
         (SELECT placed.*, CASE WHEN event_ms - lag(event_ms) OVER ({partition}ORDER BY event_ms) > {gap} \
         THEN 1 ELSE 0 END AS begins FROM placed) AS begun) AS numbered"
    )
}

/// Where the latest window begins that a record is in, also before 1970.
fn start(every: i64, offset: i64) -> String {
    format!("event_ms - (((event_ms - {offset}) % {every}) + {every}) % {every}")
}

/// Each record with the mean of its window and group, where an engine needs it.
fn centred(of: &Analysis, dialect: Dialect) -> Option<String> {
    if !dialect.needs_means() || !of.aggregates.contains(&Aggregate::Stddev) {
        return None;
    }
    let groups = behind(&(0..of.by.len()).map(by).collect::<Vec<_>>());
    let means = (0..of.values.len()).map(|number| {
        format!(
            ", avg(CAST(value_{number} AS DOUBLE)) OVER (PARTITION BY window_start, window_end{groups}) AS mean_{number}"
        )
    });
    let means = means.collect::<String>();
    Some(format!("SELECT in_windows.*{means} FROM in_windows"))
}

fn measured(of: &Analysis, dialect: Dialect) -> String {
    let mut columns = String::new();
    for (number, field) in of.values.iter().enumerate() {
        for aggregate in &of.aggregates {
            let name = match &of.values[..] {
                [_] => aggregate.to_string(),
                _ => format!("{aggregate}_{}", field.name),
            };
            let measure = measure(*aggregate, number, dialect);
            columns += &format!(", {measure} AS {}", dialect.quoted(&name));
        }
    }
    columns
}

/// What is measured of the value of this number.
fn measure(aggregate: Aggregate, number: usize, dialect: Dialect) -> String {
    let value = format!("value_{number}");
    match aggregate {
        Aggregate::Count => format!("count({value})"),
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
