//! `archiver ls`: which archives there are, and their segments.

use std::path::PathBuf;

use archiver_format::archive::{Archive, Segment, State};
use archiver_format::contents::Contents;
use archiver_format::gap::Gap;
use archiver_format::manifest::{Deleted, SealReason};
use archiver_format::position::Positions;
use serde::Serialize;

use crate::catalog::{Chosen, NO_ARCHIVES, choose};
use crate::cli::Common;
use crate::logging;
use crate::terminal::{Align, Output, Style, Styles, Table, bytes, ratio, time};
use crate::world::clock::rfc3339;

/// What to list.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// List the segments of more than one archive, too
    #[arg(short, long)]
    segments: bool,
    /// Print a JSON object for each archive
    #[arg(long)]
    json: bool,
}

/// Lists archives; returns the exit code.
///
/// # Errors
///
/// If nothing can be listed. One archive that can't be read is said, and the others are listed.
pub fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let chosen = choose(common.config.as_deref(), &args.archives)?;
    let mut code = 0;
    let mut listed = Vec::new();
    for chosen in chosen {
        match chosen.load() {
            Ok(archive) => listed.push((chosen, archive)),
            Err(error) => {
                logging::complain(&format!("archiver: archive {}: {error}", chosen.name));
                code = 1;
            }
        }
    }
    let mut output = Output::default();
    if args.json {
        for (chosen, archive) in &listed {
            output.json(&Listed::of(chosen, archive.as_ref()))?;
        }
    } else if args.segments || listed.len() == 1 {
        for (number, (chosen, archive)) in listed.iter().enumerate() {
            if number > 0 {
                output.line("")?;
            }
            let styles = Styles::of_output();
            for line in of_segments(styles, chosen, archive.as_ref()) {
                output.line(&line)?;
            }
        }
    } else if !listed.is_empty() {
        for line in of_archives(Styles::of_output(), &listed).lines() {
            output.line(&line)?;
        }
    } else if code == 0 {
        output.line(NO_ARCHIVES)?;
    }
    output.flush()?;
    Ok(code)
}

/// An archive in JSON; docs/reference/commands.md says what the fields are.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    state: PathBuf,
    topic: Option<&'a str>,
    topic_id: Option<&'a str>,
    cluster_id: Option<&'a str>,
    records: u64,
    bytes: u64,
    positions: Option<&'a Positions>,
    segments: Vec<ListedSegment<'a>>,
    gaps: &'a [Gap],
    deleted: &'a [Deleted],
}

/// A segment in JSON.
#[derive(Serialize)]
struct ListedSegment<'a> {
    sequence: u64,
    file: PathBuf,
    state: &'static str,
    format: &'a str,
    compression: &'static str,
    bytes: u64,
    opened: String,
    sealed: Option<&'a str>,
    reason: Option<SealReason>,
    xxh128: Option<&'a str>,
    #[serde(flatten)]
    contents: &'a Contents,
}

impl<'a> Listed<'a> {
    fn of(chosen: &'a Chosen, archive: Option<&'a Archive>) -> Self {
        let checkpoint = archive.map(|archive| &archive.checkpoint);
        let identity = checkpoint.map(|checkpoint| &checkpoint.identity);
        let segments = archive.into_iter();
        let segments = segments.flat_map(|archive| segments_of(chosen, archive));
        Self {
            name: &chosen.name,
            state: chosen.state.path().into(),
            topic: identity.map(|identity| identity.topic.as_str()),
            topic_id: identity.and_then(|identity| identity.topic_id.as_deref()),
            cluster_id: identity.and_then(|identity| identity.cluster_id.as_deref()),
            records: checkpoint.map_or(0, |checkpoint| checkpoint.progress.records),
            bytes: checkpoint.map_or(0, |checkpoint| checkpoint.progress.bytes()),
            positions: checkpoint.map(|checkpoint| &checkpoint.progress.positions),
            segments: segments.map(ListedSegment::of).collect(),
            gaps: archive.map_or(&[], |archive| &archive.gaps),
            deleted: archive.map_or(&[], |archive| &archive.deleted),
        }
    }
}

impl<'a> ListedSegment<'a> {
    fn of(segment: &'a Segment) -> Self {
        let sealed = match &segment.state {
            State::Sealed(sealed) => Some(sealed),
            State::Growing(_) => None,
        };
        Self {
            sequence: segment.file.sequence,
            file: segment.path_now(),
            state: state(segment),
            format: &segment.format,
            compression: segment.compression.name(),
            bytes: segment.bytes(),
            opened: match &segment.state {
                State::Sealed(sealed) => sealed.opened.clone(),
                State::Growing(growing) => rfc3339(growing.opened),
            },
            sealed: sealed.map(|sealed| sealed.sealed.as_str()),
            reason: sealed.map(|sealed| sealed.reason),
            xxh128: sealed.and_then(|sealed| sealed.xxh128.as_deref()),
            contents: segment.contents(),
        }
    }
}

/// The segments that are meant.
fn segments_of<'a>(
    chosen: &'a Chosen,
    archive: &'a Archive,
) -> impl Iterator<Item = &'a Segment> + Clone {
    let is_meant = |segment: &&Segment| {
        let only = chosen.segment;
        only.is_none_or(|only| only == segment.file.sequence)
    };
    archive.segments.iter().filter(is_meant)
}

fn state(segment: &Segment) -> &'static str {
    match segment.is_sealed() {
        true => "sealed",
        false => "growing",
    }
}

/// A row for each archive.
fn of_archives(styles: Styles, listed: &[(Chosen, Option<Archive>)]) -> Table {
    let columns = [
        ("ARCHIVE", Align::Left),
        ("SEGMENTS", Align::Right),
        ("RECORDS", Align::Right),
        ("SIZE", Align::Right),
        ("RATIO", Align::Right),
        ("LATEST RECORD", Align::Left),
        ("GAPS", Align::Right),
    ];
    let mut table = Table::new(styles, &columns);
    for (chosen, archive) in listed {
        let name = (Style::Plain, chosen.name.clone());
        let Some(archive) = archive else {
            table.row(vec![name]);
            table.note(Style::Bad, "not begun: it has no checkpoint yet".into());
            continue;
        };
        let segments = segments_of(chosen, archive);
        let sum = Sum::of(segments.clone());
        let gaps = archive.gaps.len();
        let style = if gaps > 0 { Style::Bad } else { Style::Plain };
        table.row(vec![
            name,
            (Style::Plain, segments.count().to_string()),
            (Style::Plain, sum.records()),
            (Style::Plain, bytes(sum.bytes)),
            (Style::Plain, sum.ratio()),
            (Style::Plain, time(sum.latest)),
            (style, gaps.to_string()),
        ]);
    }
    table
}

/// Two lines for each segment of an archive.
fn of_segments(styles: Styles, chosen: &Chosen, archive: Option<&Archive>) -> Vec<String> {
    let name = styles.paint(Style::Bold, &chosen.name);
    let Some(archive) = archive else {
        return vec![format!("{name}: not begun: it has no checkpoint yet")];
    };
    let mut lines = vec![format!(
        "{name}: {}",
        summary(styles, archive, segments_of(chosen, archive))
    )];
    let columns = [
        ("SEGMENT", Align::Right),
        ("STATE", Align::Left),
        ("RECORDS", Align::Right),
        ("SIZE", Align::Right),
        ("RATIO", Align::Right),
        ("EARLIEST RECORD", Align::Left),
        ("LATEST", Align::Left),
    ];
    let mut table = Table::new(styles, &columns);
    for segment in segments_of(chosen, archive) {
        let contents = segment.contents();
        let sum = Sum::of([segment].into_iter());
        let style = match segment.is_sealed() {
            true => Style::Plain,
            false => Style::Good,
        };
        // To the minute: the seconds of both don't fit.
        let minute = |ms| time(ms).chars().take("2026-11-20 09:00".len()).collect();
        table.row(vec![
            (Style::Plain, segment.file.sequence.to_string()),
            (style, state(segment).into()),
            (Style::Plain, sum.records()),
            (Style::Plain, bytes(segment.bytes())),
            (Style::Plain, sum.ratio()),
            (Style::Plain, minute(contents.earliest())),
            (Style::Plain, minute(contents.latest())),
        ]);
        table.note(Style::Dim, segment.path_now().display().to_string());
        for line in offsets(contents) {
            table.note(Style::Dim, line);
        }
    }
    lines.extend(table.lines());
    lines
}

/// What the segments of an archive hold together, in a line.
fn summary<'a>(
    styles: Styles,
    archive: &Archive,
    segments: impl Iterator<Item = &'a Segment> + Clone,
) -> String {
    let sum = Sum::of(segments.clone());
    let counted = |number: usize, what: &str| match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    };
    let gaps = counted(archive.gaps.len(), "gap");
    let gaps = match archive.gaps.is_empty() {
        true => gaps,
        false => styles.paint(Style::Bad, &gaps),
    };
    format!(
        "topic {}, {}, {} records, {}, {gaps}",
        archive.checkpoint.identity.topic,
        counted(segments.count(), "segment"),
        sum.records(),
        bytes(sum.bytes),
    )
}

/// The offsets of a segment by partition, half open, in lines of a few partitions each.
fn offsets(contents: &Contents) -> Vec<String> {
    const A_LINE: usize = 60;
    let mut lines = Vec::<String>::new();
    for (partition, span) in &contents.partitions {
        let end = span.last.saturating_add(1);
        let offsets = format!("{partition}: {}..{end}", span.first);
        match lines.last_mut() {
            Some(line) if line.len() + offsets.len() < A_LINE => {
                line.push_str(", ");
                line.push_str(&offsets);
            }
            _ => lines.push(offsets),
        }
    }
    if contents.uncounted_bytes > 0 {
        let uncounted = bytes(contents.uncounted_bytes);
        lines.push(format!(
            "{uncounted} at its beginning are not counted, as they are older than its index"
        ));
    }
    lines
}

/// What some segments hold together.
#[derive(Default)]
struct Sum {
    records: u64,
    bytes: u64,
    plain_bytes: u64,
    /// Bytes of the files of which it is known how many they are without compression.
    counted_bytes: u64,
    latest: Option<i64>,
}

impl Sum {
    fn of<'a>(segments: impl Iterator<Item = &'a Segment>) -> Self {
        let mut sum = Self::default();
        for segment in segments {
            let contents = segment.contents();
            sum.records += contents.records;
            sum.bytes += segment.bytes();
            sum.plain_bytes += contents.plain_bytes;
            sum.counted_bytes += segment.bytes().saturating_sub(contents.uncounted_bytes);
            sum.latest = sum.latest.max(contents.latest());
        }
        sum
    }

    /// How many there are, as far as they are counted.
    fn records(&self) -> String {
        match (self.counted_bytes < self.bytes, self.records) {
            (false, records) => records.to_string(),
            (true, 0) => "?".to_owned(),
            (true, records) => format!("≥{records}"),
        }
    }

    fn ratio(&self) -> String {
        ratio(self.plain_bytes, self.counted_bytes)
    }
}
