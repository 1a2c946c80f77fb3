//! A definition as the text of a query.

use super::{Aggregate, Analysis, Named, Time, Window, Written};

/// The query for the engine that is built in: `window_start` and `window_end` in milliseconds since 1970, the groups, then
/// what is measured, in the order of the windows and groups.
pub fn query(of: &Analysis) -> String {
    let (by, groups) = (list(&of.by), of.by.len());
    let named = of.by.iter().map(|by| {
        let Named { column, name } = by;
        format!(", {} AS {}", quoted(column), quoted(name))
    });
    let named = named.collect::<String>();
    let order = (1..=groups + 2)
        .map(|number| number.to_string())
        .collect::<Vec<_>>();
    let measured = measured(of);
    let windows = windows(of);
    format!(
        "WITH placed AS ({placed}), in_windows AS ({windows})\n\
         SELECT window_start, window_end{named}{measured}\n\
         FROM in_windows\n\
         GROUP BY window_start, window_end{by}\n\
         ORDER BY {order}",
        placed = placed(of),
        order = order.join(", "),
    )
}

/// The records that count, with their time in milliseconds. One without a time is in no window.
fn placed(of: &Analysis) -> String {
    let time = time(of.time.as_ref());
    let mut columns = of.by.clone();
    for value in &of.values {
        if columns.iter().all(|known| known.column != value.column) {
            columns.push(value.clone());
        }
    }
    let filter = match &of.filter {
        Some(filter) => format!(" WHERE ({filter})"),
        None => String::new(),
    };
    let (columns, source) = (list(&columns), quoted(&of.source));
    format!(
        "SELECT * FROM (SELECT {time} AS event_ms{columns} FROM {source}{filter}) WHERE event_ms IS NOT NULL"
    )
}

fn time(time: Option<&Time>) -> String {
    let Some(Time { column, written }) = time else {
        return "CAST(\"timestamp\" AS BIGINT)".into();
    };
    let column = quoted(column);
    match written {
        Written::Timestamp => format!("CAST({column} AS BIGINT)"),
        Written::Text => format!("CAST(to_timestamp_millis({column}) AS BIGINT)"),
        Written::Number => format!(
            "CASE WHEN abs({column}) < 100000000000 THEN CAST(floor({column} * 1000) AS BIGINT) \
             WHEN abs({column}) < 100000000000000 THEN CAST(floor({column}) AS BIGINT) \
             WHEN abs({column}) < 100000000000000000 THEN CAST(floor({column} / 1000.0) AS BIGINT) \
             ELSE CAST(floor({column} / 1000000.0) AS BIGINT) END"
        ),
    }
}

/// Each record with each window that it is in.
fn windows(of: &Analysis) -> String {
    match of.window {
        Window::Tumbling { size, offset } => {
            let start = start(size, offset);
            format!("SELECT *, {start} AS window_start, {start} + {size} AS window_end FROM placed")
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
                "SELECT * FROM (SELECT *, {start} - step * {every} AS window_start, \
                 {start} - step * {every} + {size} AS window_end FROM placed \
                 CROSS JOIN (VALUES {steps}) AS steps(step)) WHERE event_ms < window_end"
            )
        }
        Window::Session { gap } => {
            let by = list(&of.by);
            let partition = match of.by.is_empty() {
                true => String::new(),
                false => format!("PARTITION BY {} ", by.trim_start_matches(", ")),
            };
            let within = match of.by.is_empty() {
                true => "PARTITION BY session".to_owned(),
                false => format!("PARTITION BY {}, session", by.trim_start_matches(", ")),
            };
            format!(
                "SELECT *, min(event_ms) OVER ({within}) AS window_start, \
                 max(event_ms) OVER ({within}) + {gap} AS window_end FROM \
                 (SELECT *, sum(begins) OVER ({partition}ORDER BY event_ms ROWS UNBOUNDED PRECEDING) AS session FROM \
                 (SELECT *, CASE WHEN event_ms - lag(event_ms) OVER ({partition}ORDER BY event_ms) > {gap} \
                 THEN 1 ELSE 0 END AS begins FROM placed))"
            )
        }
    }
}

/// Where the latest window begins that a record is in, also before 1970.
fn start(every: i64, offset: i64) -> String {
    format!("event_ms - (((event_ms - {offset}) % {every}) + {every}) % {every}")
}

fn measured(of: &Analysis) -> String {
    let mut columns = String::new();
    for value in &of.values {
        for aggregate in &of.aggregates {
            let name = match &of.values[..] {
                [_] => aggregate.to_string(),
                _ => format!("{aggregate}_{}", value.name),
            };
            let value = quoted(&value.column);
            let measure = match aggregate {
                Aggregate::Count => format!("count({value})"),
                Aggregate::Sum => format!("sum({value})"),
                Aggregate::Mean => format!("avg({value})"),
                Aggregate::Min => format!("min({value})"),
                Aggregate::Max => format!("max({value})"),
                Aggregate::Stddev => format!("stddev_samp({value})"),
                Aggregate::Percentile(percent) => {
                    let fraction = f64::from(*percent) / 100.0;
                    format!("exact_percentile({value}, CAST({fraction} AS DOUBLE))")
                }
            };
            columns += &format!(", {measure} AS {}", quoted(&name));
        }
    }
    columns
}

/// Columns behind others.
fn list(columns: &[Named]) -> String {
    let columns = columns.iter();
    let columns = columns.map(|named| format!(", {}", quoted(&named.column)));
    columns.collect()
}

/// A name as SQL takes it, whatever stands in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
