//! What was captured: a table for people, or JSON.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use anyhow::Context;
use archiver_format::gap::Gap;
use archiver_format::record::{NextOffset, Partition};
use serde::Serialize;

use super::run::{Ended, Finished};
use crate::catalog::Chosen;
use crate::config::{Archive, Checked, Config};
use crate::logging;
use crate::observe::status::WindowRead;
use crate::terminal::{Align, Output, Style, Styles, Table, bytes, is_watched, time};

/// Is everything there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complete {
    Yes,
    /// But for what Kafka no longer held.
    WithGaps,
    No,
}

/// What was captured of one topic.
#[derive(Serialize)]
pub(super) struct Captured {
    pub topic: String,
    pub complete: bool,
    /// Why not.
    pub error: Option<String>,
    /// How many of its partitions are in the window.
    pub partitions: usize,
    pub records: u64,
    /// Of the files, or of what was printed.
    pub bytes: u64,
    /// The first and the last timestamp, in milliseconds since 1970.
    pub first: Option<i64>,
    pub last: Option<i64>,
    #[serde(flatten)]
    pub read: Read,
    /// Offsets behind the window in partitions that end in an open transaction.
    pub open: BTreeMap<Partition, i64>,
    /// Where partitions end that end before offsets that were asked for.
    pub short: BTreeMap<Partition, NextOffset>,
    pub gaps: Vec<Gap>,
    /// `-` is standard output.
    pub file: String,
    /// Its state directory, if it has one.
    pub state: Option<String>,
}

/// What a run has read of its window.
#[derive(Serialize)]
pub(super) struct Read {
    /// Records, and how many bytes their keys and values have.
    read: u64,
    read_bytes: u64,
    /// Those of them that are out of the window, of each partition.
    left_out: BTreeMap<Partition, u64>,
    /// Whose timestamps they have, if any was read: the brokers' or the producers'.
    timestamps: Option<&'static str>,
}

impl From<&WindowRead> for Read {
    fn from(read: &WindowRead) -> Self {
        Self {
            read: read.records,
            read_bytes: read.bytes,
            left_out: read.left_out.clone(),
            timestamps: match read.is_stamped_by_brokers {
                true => Some("broker"),
                false => (read.records > 0).then_some("producer"),
            },
        }
    }
}

/// What was captured into files.
pub(super) fn of_files(config: &Config, finished: &Finished) -> anyhow::Result<Vec<Captured>> {
    let archives = config.archives.iter();
    let archives =
        archives.filter_map(|archive| Some((archive, finished.archives.get(&archive.name)?)));
    archives
        .map(|(archive, ended)| of(archive, ended))
        .collect()
}

/// Prints what was captured.
pub(super) fn print(captured: &[Captured], json: bool) -> anyhow::Result<()> {
    let mut output = Output::default();
    if json {
        for captured in captured {
            output.json(captured)?;
        }
    } else {
        for line in table(captured, Styles::of_output()).lines() {
            output.line(&line)?;
        }
    }
    output.flush()
}

/// Says on standard error what was printed to standard output: as JSON, or as a table if somebody sees it.
pub(super) fn say(captured: &[Captured], json: bool) -> anyhow::Result<()> {
    if json {
        for captured in captured {
            logging::complain(&serde_json::to_string(captured).context("writing JSON")?);
        }
    } else if is_watched() && !io::stdout().is_terminal() {
        for line in table(captured, Styles::of_errors()).lines() {
            logging::complain(&line);
        }
    }
    Ok(())
}

/// Says on standard error why something is not there.
pub(super) fn complain(captured: &[Captured]) -> Complete {
    let mut complete = Complete::Yes;
    for captured in captured {
        if let Some(error) = captured.error.as_ref().filter(|_| !captured.complete) {
            logging::complain(&format!("archiver: topic {}: {error}", captured.topic));
        }
        if !captured.complete {
            complete = Complete::No;
        } else if !captured.gaps.is_empty() && complete == Complete::Yes {
            complete = Complete::WithGaps;
        }
    }
    complete
}

fn of(archive: &Checked<Archive>, ended: &Ended) -> anyhow::Result<Captured> {
    let stored = Chosen::from(&**archive).load()?;
    let contents = stored.iter().flat_map(|stored| &stored.segments);
    let contents = contents
        .map(|segment| segment.contents())
        .collect::<Vec<_>>();
    let progress = stored.as_ref().map(|stored| &stored.checkpoint.progress);
    Ok(Captured {
        topic: archive.topic.clone(),
        complete: ended.is_whole,
        error: ended.failure.clone(),
        partitions: progress.map_or(0, |progress| progress.positions.partitions().count()),
        records: progress.map_or(0, |progress| progress.records),
        bytes: progress.map_or(0, |progress| progress.bytes()),
        first: contents
            .iter()
            .filter_map(|contents| contents.earliest())
            .min(),
        last: contents
            .iter()
            .filter_map(|contents| contents.latest())
            .max(),
        read: Read::from(&ended.read),
        open: ended.beyond.open.clone(),
        short: ended.beyond.short.clone(),
        gaps: stored.map_or_else(Vec::new, |stored| stored.gaps),
        file: archive.file.display().to_string(),
        state: Some(archive.state.display().to_string()),
    })
}

fn table(captured: &[Captured], styles: Styles) -> Table {
    let columns = [
        ("TOPIC", Align::Left),
        ("PART", Align::Right),
        ("RECORDS", Align::Right),
        ("SIZE", Align::Right),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
        ("GAPS", Align::Right),
    ];
    let mut table = Table::new(styles, &columns);
    for captured in captured {
        let (first, last) = from_to(time(captured.first), time(captured.last));
        let gaps = match captured.gaps.len() {
            0 => Style::Plain,
            _ => Style::Bad,
        };
        table.row(vec![
            (Style::Plain, captured.topic.clone()),
            (Style::Plain, captured.partitions.to_string()),
            (Style::Plain, captured.records.to_string()),
            (Style::Plain, bytes(captured.bytes)),
            (Style::Plain, first),
            (Style::Plain, last),
            (gaps, captured.gaps.len().to_string()),
        ]);
        table.note(Style::Dim, format!("  {}", captured.file));
        for note in notes(captured) {
            table.note(Style::Dim, format!("  {note}"));
        }
        if !captured.complete {
            table.note(Style::Bad, "  not complete".to_owned());
        }
    }
    table
}

/// Two times, as short as they can be told: the day once, or no seconds where days lie between them.
fn from_to(first: String, last: String) -> (String, String) {
    const DAY: usize = "2026-11-20 ".len();
    const MINUTE: usize = "2026-11-20 09:00".len();
    match (first.get(..DAY), last.get(..DAY), last.get(DAY..)) {
        (Some(day), Some(of_last), Some(clock)) if day == of_last => {
            let clock = clock.to_owned();
            (first, clock)
        }
        _ => {
            let minute = |time: String| time.chars().take(MINUTE).collect();
            (minute(first), minute(last))
        }
    }
}

/// What else is worth knowing of a topic.
fn notes(captured: &Captured) -> Vec<String> {
    let mut notes = Vec::new();
    let Read {
        read,
        read_bytes,
        left_out,
        timestamps,
    } = &captured.read;
    let all = left_out.values().sum::<u64>();
    if all > 0 {
        let of = by_partition(left_out);
        notes.push(format!("left out by their timestamps: {all} ({of})"));
    }
    notes.push(format!("read {read} records, {}", bytes(*read_bytes)));
    if *timestamps == Some("broker") {
        notes.push("timestamps are the brokers': when a record was appended".to_owned());
    }
    for (partition, end) in &captured.short {
        notes.push(format!(
            "partition {partition} ends at offset {end}: nothing is there behind it"
        ));
    }
    if !captured.open.is_empty() {
        let of = by_partition(&captured.open);
        notes.push(format!(
            "ends before an open transaction; offsets behind it, by partition: {of}"
        ));
    }
    notes
}

fn by_partition<T: std::fmt::Display>(counts: &BTreeMap<Partition, T>) -> String {
    let of = counts.iter();
    let of = of.map(|(partition, count)| format!("{partition}: {count}"));
    of.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_told_once_and_seconds_only_within_a_day() {
        for (typed, told) in [
            (
                ["2026-11-20 09:00:01", "2026-11-20 09:05:02"],
                ["2026-11-20 09:00:01", "09:05:02"],
            ),
            (
                ["2026-11-20 09:00:01", "2026-11-21 09:05:02"],
                ["2026-11-20 09:00", "2026-11-21 09:05"],
            ),
            (["", ""], ["", ""]),
            (
                ["< -9999", "2026-11-20 09:05:02"],
                ["< -9999", "2026-11-20 09:05"],
            ),
        ] {
            let [first, last] = typed.map(str::to_owned);
            assert_eq!(from_to(first, last), told.map(str::to_owned).into());
        }
    }
}
