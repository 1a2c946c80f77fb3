//! A definition as the text of a query over what comes: Flink's own windows (table-valued functions), which end by its
//! watermark.
//!
//! The table has two columns besides those of records: `archiver_time`, which says when a record was and has the watermark, and
//! `archiver_ms`, the same in milliseconds, null where a record doesn't say.

use super::sql::{behind, groups, measurable, measure, measures};
use super::{Aggregate, Analysis, Dialect, Window, Windows, Written};

const DIALECT: Dialect = Dialect::FlinkLive;

/// The query.
///
/// # Errors
///
/// If Flink has no such windows over what comes.
pub fn query(of: &Analysis, windows: &Windows) -> Result<String, String> {
    let groups = groups(of);
    let named = of.by.iter().zip(&groups);
    let named = named.map(|(field, group)| format!(", {group} AS {}", DIALECT.quoted(&field.name)));
    let mut columns = named.collect::<String>();
    let mut names = measures(of, windows).into_iter();
    for number in 0..of.values.len() {
        for (aggregate, name) in windows.aggregates.iter().zip(&mut names) {
            let measure = match aggregate {
                // There is no mean before the window has ended.
                Aggregate::Stddev => {
                    format!("stddev_samp(CAST({} AS DOUBLE))", measurable(of, number))
                }
                other => measure(*other, of, number, DIALECT),
            };
            columns += &format!(", {measure} AS {}", DIALECT.quoted(&name));
        }
    }
    Ok(format!(
        "SELECT {} AS window_start, {} AS window_end{columns}\n\
         FROM TABLE({})\n\
         GROUP BY window_start, window_end{}",
        milliseconds("window_start"),
        milliseconds("window_end"),
        records_in(of, windows.window, &groups)?,
        behind(&groups),
    ))
}

/// A bound of a window, which Flink says in the time of its session.
fn milliseconds(bound: &str) -> String {
    DIALECT.milliseconds(
        &format!("CAST({bound} AS TIMESTAMP_LTZ(3))"),
        Written::Timestamp,
    )
}

/// The records that count, each in its windows.
fn records_in(of: &Analysis, window: Window, groups: &[String]) -> Result<String, String> {
    let fields = of.by.iter().zip(groups);
    let fields =
        fields.map(|(field, group)| format!(", {} AS {group}", DIALECT.quoted(&field.column)));
    let values = of.values.iter().enumerate();
    let values = values
        .map(|(number, field)| format!(", {} AS value_{number}", DIALECT.quoted(&field.column)));
    let columns = fields.chain(values).collect::<String>();
    let filter = match &of.filter {
        Some(filter) => format!(" AND ({})", DIALECT.condition(filter)),
        None => String::new(),
    };
    let records = format!(
        "(SELECT archiver_time{columns} FROM {} WHERE archiver_ms IS NOT NULL{filter})",
        DIALECT.quoted(&of.source)
    );
    let time = "DESCRIPTOR(archiver_time)";
    Ok(match window {
        Window::Tumbling { size, offset } => {
            format!(
                "TUMBLE({records}, {time}, {}, {})",
                interval(size),
                interval(offset)
            )
        }
        Window::Sliding { size, every, .. } if size % every != 0 => {
            return Err(format!(
                "over what comes, Flink has only sliding windows whose length is a multiple of how often one begins: {size} ms is none of {every} ms"
            ));
        }
        Window::Sliding {
            size,
            every,
            offset,
        } => format!(
            "HOP({records}, {time}, {}, {}, {})",
            interval(every),
            interval(size),
            interval(offset)
        ),
        Window::Session { gap } => {
            let partition = match groups {
                [] => String::new(),
                groups => format!(" PARTITION BY ({})", groups.join(", ")),
            };
            format!("SESSION({records}{partition}, {time}, {})", interval(gap))
        }
    })
}

/// So many milliseconds.
fn interval(ms: i64) -> String {
    format!("INTERVAL '{}.{:03}' SECOND(10, 3)", ms / 1000, ms % 1000)
}
