//! Topics as a table, in JSON, and as archives of a configuration.

use serde::Serialize;

use crate::commands::survey::Surveyed;
use crate::terminal::{Align, Output, Style, Styles, Table, time};

/// So many of what couldn't be asked are said.
const ERRORS_MOST: usize = 3;

/// A topic in JSON; docs/reference/commands.md says what the fields are.
#[derive(Serialize)]
pub(super) struct Listed<'a> {
    cluster: &'a str,
    topic: &'a str,
    partitions: Option<i32>,
    records: Option<u64>,
    oldest: Option<i64>,
    newest: Option<i64>,
    records_per_s: Option<f64>,
    errors: Vec<String>,
}

impl<'a> Listed<'a> {
    pub fn new(cluster: &'a str, topic: &'a Surveyed) -> Self {
        Self {
            cluster,
            topic: &topic.topic,
            partitions: topic.described.as_ref().ok().map(|of| of.partitions),
            records: topic.records(),
            oldest: topic.oldest_ms,
            newest: topic.newest_ms,
            records_per_s: topic.records_per_s,
            errors: topic.errors(),
        }
    }
}

/// Prints a row for each topic.
pub(super) fn table(
    output: &mut Output,
    heading: Option<&str>,
    topics: &[Surveyed],
) -> anyhow::Result<()> {
    let styles = Styles::of_output();
    if let Some(heading) = heading {
        output.line(&styles.paint(Style::Bold, heading))?;
    }
    if topics.is_empty() {
        return output.line("no topics");
    }
    let columns = [
        ("TOPIC", Align::Left),
        ("PART", Align::Right),
        ("RECORDS", Align::Right),
        ("OLDEST", Align::Left),
        ("NEWEST", Align::Left),
        ("RECORDS/S", Align::Right),
    ];
    let mut table = Table::new(styles, &columns);
    // To the minute: the seconds of both don't fit.
    let minute = |ms| time(ms).chars().take("2026-11-20 09:00".len()).collect();
    for topic in topics {
        let listed = Listed::new("", topic);
        table.row(vec![
            (Style::Plain, topic.topic.clone()),
            (Style::Plain, known(listed.partitions)),
            (Style::Plain, known(listed.records)),
            (Style::Plain, minute(topic.oldest_ms)),
            (Style::Plain, minute(topic.newest_ms)),
            (
                Style::Plain,
                topic.records_per_s.map_or_else(String::new, rate),
            ),
        ]);
        let errors = topic.errors();
        for error in errors.iter().take(ERRORS_MOST) {
            table.note(Style::Bad, error.clone());
        }
        if errors.len() > ERRORS_MOST {
            let more = errors.len() - ERRORS_MOST;
            table.note(Style::Bad, format!("and {more} more partitions"));
        }
    }
    for line in table.lines() {
        output.line(&line)?;
    }
    Ok(())
}

/// A number; `-` if nobody knows it.
fn known(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A rate, with a digit behind the point where there is room for it.
fn rate(per_s: f64) -> String {
    match per_s {
        zero if zero <= 0.0 => "0".to_owned(),
        few if few < 99.95 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    }
}

/// Prints an archive for each topic. `hint` names what else has to stand in the configuration.
pub(super) fn toml(
    output: &mut Output,
    broker: &str,
    hint: &[String],
    topics: &[Surveyed],
) -> anyhow::Result<()> {
    if !hint.is_empty() {
        output.line(&format!("# In [kafka], as typed here: {}", hint.join(", ")))?;
        output.line("")?;
    }
    for topic in topics {
        let count = |number: u64, what: &str| match number {
            1 => format!("1 {what}"),
            many => format!("{many} {what}s"),
        };
        let partitions = count(u64::from(topic.partitions().unsigned_abs()), "partition");
        let records = match topic.records() {
            Some(records) => format!("at most {}", count(records, "record")),
            None => "records unknown, as not all could be asked".to_owned(),
        };
        let newest = match topic.newest_ms {
            Some(ms) => format!(", the newest of {}", time(Some(ms))),
            None => String::new(),
        };
        for line in [
            format!("# {partitions}, {records}{newest}"),
            "[[archive]]".to_owned(),
            format!("broker = {}", quoted(broker)),
            format!("topic = {}", quoted(&topic.topic)),
            format!(
                "file = {}",
                quoted(&format!("save_data/{}.ndjson.zst", topic.topic))
            ),
            String::new(),
        ] {
            output.line(&line)?;
        }
    }
    Ok(())
}

/// A text as TOML writes it: as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_short() {
        for (per_s, shown) in [(0.0, "0"), (0.04, "0.0"), (99.94, "99.9"), (1234.5, "1234")] {
            assert_eq!(rate(per_s), shown);
        }
    }
}
