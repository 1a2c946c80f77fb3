//! What was captured: a table for people, or JSON.

use std::collections::BTreeMap;

use archiver_format::gap::Gap;
use archiver_format::record::Partition;
use serde::Serialize;

use super::run::{Ended, Finished};
use crate::catalog::Chosen;
use crate::config::{Archive, Checked, Config};
use crate::logging;
use crate::terminal::{Align, Output, Style, Styles, Table, bytes, time};

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
struct Captured {
    topic: String,
    complete: bool,
    /// Why not.
    error: Option<String>,
    /// How many of its partitions are in the window.
    partitions: usize,
    records: u64,
    /// Of the files.
    bytes: u64,
    /// The first and the last timestamp, in milliseconds since 1970.
    first: Option<i64>,
    last: Option<i64>,
    /// Records that this run has read, and how many bytes their keys and values have.
    read: u64,
    read_bytes: u64,
    /// Those of them that are out of the window, of each partition.
    left_out: BTreeMap<Partition, u64>,
    /// Whose timestamps they have, if any was read: the brokers' or the producers'.
    timestamps: Option<&'static str>,
    /// Offsets behind the window in partitions that end in an open transaction.
    open: BTreeMap<Partition, i64>,
    gaps: Vec<Gap>,
    file: String,
    /// Its state directory.
    state: String,
}

/// Prints what was captured.
pub(super) fn print(config: &Config, finished: &Finished, json: bool) -> anyhow::Result<Complete> {
    let mut captured = Vec::new();
    for (archive, ended) in config.archives.iter().zip(&finished.archives) {
        captured.push(of(archive, ended)?);
    }
    let mut output = Output::default();
    if json {
        for captured in &captured {
            output.json(captured)?;
        }
    } else {
        for line in table(&captured).lines() {
            output.line(&line)?;
        }
    }
    output.flush()?;
    let mut complete = Complete::Yes;
    for captured in &captured {
        if let Some(error) = captured.error.as_ref().filter(|_| !captured.complete) {
            logging::complain(&format!("archiver: topic {}: {error}", captured.topic));
        }
        if !captured.complete {
            complete = Complete::No;
        } else if !captured.gaps.is_empty() && complete == Complete::Yes {
            complete = Complete::WithGaps;
        }
    }
    Ok(complete)
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
        read: ended.read.records,
        read_bytes: ended.read.bytes,
        left_out: ended.read.left_out.clone(),
        timestamps: match ended.read.is_stamped_by_brokers {
            true => Some("broker"),
            false => (ended.read.records > 0).then_some("producer"),
        },
        open: ended.open.clone(),
        gaps: stored.map_or_else(Vec::new, |stored| stored.gaps),
        file: archive.file.display().to_string(),
        state: archive.state.display().to_string(),
    })
}

fn table(captured: &[Captured]) -> Table {
    let columns = [
        ("TOPIC", Align::Left),
        ("PART", Align::Right),
        ("RECORDS", Align::Right),
        ("SIZE", Align::Right),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
        ("GAPS", Align::Right),
    ];
    let mut table = Table::new(Styles::of_output(), &columns);
    for captured in captured {
        let gaps = match captured.gaps.len() {
            0 => Style::Plain,
            _ => Style::Bad,
        };
        table.row(vec![
            (Style::Plain, captured.topic.clone()),
            (Style::Plain, captured.partitions.to_string()),
            (Style::Plain, captured.records.to_string()),
            (Style::Plain, bytes(captured.bytes)),
            (Style::Plain, time(captured.first)),
            (Style::Plain, time(captured.last)),
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

/// What else is worth knowing of a topic.
fn notes(captured: &Captured) -> Vec<String> {
    let mut notes = Vec::new();
    let left_out = captured.left_out.values().sum::<u64>();
    if left_out > 0 {
        let (read, size) = (captured.read, bytes(captured.read_bytes));
        let of = by_partition(&captured.left_out);
        notes.push(format!("read {read} records, {size}, to find them"));
        notes.push(format!("left out by their timestamps: {left_out} ({of})"));
    }
    if captured.timestamps == Some("broker") {
        notes.push("timestamps are the brokers': when a record was appended".to_owned());
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
