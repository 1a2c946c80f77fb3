//! What is said of an archive that was verified.

use archiver_format::verify::{Finding, Hole, Report, Severity};
use serde::Serialize;

use super::broker::Answer;
use super::rebuild::Rebuilt;
use crate::terminal::{Style, Styles, bytes};

/// So many findings and holes are said for people; all of them in JSON.
const SAID_MOST: usize = 20;
/// So many holes are listed.
const HOLES_MOST: usize = 1_000;

/// An archive that was verified, in JSON; docs/reference/commands.md says what the fields are.
#[derive(Debug, Serialize)]
pub struct Verdict {
    name: String,
    verdict: Word,
    segments: u64,
    deleted_segments: u64,
    records: u64,
    bytes: u64,
    plain_bytes: u64,
    gaps: u64,
    holes: Holes,
    findings: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<Vec<Rebuilt>>,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Complete,
    Wrong,
}

/// Offsets that no segment holds and no gap explains.
#[derive(Debug, Default, Serialize)]
struct Holes {
    /// How many holes, and how many offsets these are.
    count: u64,
    offsets: u64,
    /// The first of them.
    first: Vec<OneHole>,
}

#[derive(Debug, Serialize)]
struct OneHole {
    partition: i32,
    from: i64,
    to: i64,
}

/// A finding in JSON.
#[derive(Debug, Serialize)]
struct Found {
    kind: &'static str,
    severity: &'static str,
    file: String,
    text: String,
    #[serde(skip)]
    bad: bool,
}

impl Verdict {
    /// What was found in an archive, in words.
    pub fn of(report: &Report, broker: Option<Answer>, rebuilt: Option<Vec<Rebuilt>>) -> Self {
        let mut holes = Holes::default();
        report.coverage.holes(|hole| holes.add(&hole));
        let mut findings = report.findings.iter().map(Found::of).collect::<Vec<_>>();
        findings.sort_by_key(|finding| !finding.bad);
        Self {
            name: report.name.clone(),
            verdict: match report.is_sound() && !broker.as_ref().is_some_and(Answer::is_bad) {
                true => Word::Complete,
                false => Word::Wrong,
            },
            segments: report.segments,
            deleted_segments: report.deleted,
            records: report.records,
            bytes: report.bytes,
            plain_bytes: report.plain_bytes,
            gaps: report.gaps,
            holes,
            findings,
            broker,
            rebuilt,
        }
    }

    /// Is nothing missing or wrong, as far as can be known, and was each index made anew that should be?
    pub fn is_complete(&self) -> bool {
        let mut rebuilt = self.rebuilt.iter().flatten();
        self.verdict == Word::Complete && rebuilt.all(Rebuilt::is_done)
    }

    /// For people: one line, and one for each thing that isn't as it should be.
    pub fn lines(&self, styles: Styles, width: usize) -> Vec<String> {
        let (style, word) = match self.verdict {
            Word::Complete => (Style::Good, "complete"),
            Word::Wrong => (Style::Bad, "WRONG"),
        };
        let mut facts = vec![
            counted(self.records, "record"),
            counted(self.segments, "segment"),
            bytes(self.bytes),
        ];
        if self.gaps > 0 {
            facts.push(counted(self.gaps, "gap"));
        }
        if self.holes.count > 0 {
            facts.push(counted(self.holes.count, "hole"));
        }
        let word = styles.paint(style, &format!("{word:8}"));
        let width = width.min(30);
        let mut lines = vec![format!(
            "{:width$}  {word}  {}",
            self.name,
            facts.join(", ")
        )];
        for rebuilt in self.rebuilt.iter().flatten() {
            let style = if rebuilt.is_done() {
                Style::Good
            } else {
                Style::Bad
            };
            lines.push(format!("  {}", styles.paint(style, rebuilt.text())));
        }
        for finding in self.findings.iter().take(SAID_MOST) {
            let style = if finding.bad {
                Style::Bad
            } else {
                Style::Plain
            };
            lines.push(format!("  {}", styles.paint(style, &finding.text)));
        }
        if let Some(more) = self.findings.len().checked_sub(SAID_MOST + 1) {
            let more = more + 1;
            lines.push(format!("  and {more} more; --json has all"));
        }
        let more = match &self.broker {
            None => self.holes.lines(),
            Some(answer) => said(answer),
        };
        let more = more.into_iter();
        lines.extend(more.map(|(style, line)| format!("  {}", styles.paint(style, &line))));
        lines
    }
}

impl Holes {
    fn add(&mut self, hole: &Hole) {
        self.count += 1;
        self.offsets += hole.to.abs_diff(hole.from);
        if self.first.len() < HOLES_MOST {
            self.first.push(OneHole {
                partition: hole.partition,
                from: hole.from,
                to: hole.to,
            });
        }
    }

    fn lines(&self) -> Vec<(Style, String)> {
        let Some(first) = self.first.first() else {
            return Vec::new();
        };
        let offsets = counted(self.offsets, "offset");
        let (partition, from, last) = (first.partition, first.from, first.to - 1);
        let place = match from == last {
            true => format!("partition {partition}: {from}"),
            false => format!("partition {partition}: {from} to {last}"),
        };
        let lines = [
            format!("{offsets} in no segment, the first in {place}:"),
            "not records (markers of transactions, compacted) or lost; --broker tells".into(),
        ];
        lines.map(|line| (Style::Plain, line)).into()
    }
}

/// What Kafka has answered.
fn said(answer: &Answer) -> Vec<(Style, String)> {
    let mut lines = Vec::new();
    let mut say = |style, line| lines.push((style, line));
    if answer.is_another_topic {
        let line = "the topic was created again; nothing can be compared with the one that is gone";
        say(Style::Plain, line.to_owned());
    }
    if answer.is_missing_topic {
        let line = "the topic doesn't exist (any more); nothing can be compared with it";
        say(Style::Plain, line.to_owned());
    }
    if answer.behind() > 0 {
        let behind = counted(answer.behind(), "offset");
        say(Style::Plain, format!("{behind} of the topic not read yet"));
    }
    if answer.lost > 0 {
        say(
            Style::Bad,
            format!("LOST: {} that Kafka has", counted(answer.lost, "record")),
        );
    }
    for lost in answer.lost_offsets.iter().take(SAID_MOST) {
        let (partition, from, last) = (lost.partition, lost.from, lost.to - 1);
        say(
            Style::Bad,
            format!("lost: partition {partition}, offsets {from} to {last}"),
        );
    }
    if answer.explained > 0 {
        let offsets = counted(answer.explained, "offset");
        say(
            Style::Plain,
            format!("{offsets} without a line are no records"),
        );
    }
    if answer.unknown > 0 {
        let offsets = counted(answer.unknown, "offset");
        let line = format!("{offsets} without a line can't be explained: Kafka has them no more");
        say(Style::Plain, line);
    }
    if let Some(compared) = &answer.compared {
        let (equal, gone, skipped) = (compared.equal, compared.gone, compared.skipped);
        let line = format!("compared: {equal} equal, {gone} gone from Kafka, {skipped} skipped");
        say(Style::Plain, line);
        for differing in compared.first.iter().take(SAID_MOST) {
            let super::deep::Differing {
                file,
                partition,
                offset,
            } = differing;
            let line = format!("{file}: partition {partition}, offset {offset}: other bytes");
            say(Style::Bad, line);
        }
    }
    if let Some(error) = &answer.error {
        say(Style::Bad, format!("not compared: {error}"));
    }
    lines
}

impl Found {
    fn of(finding: &Finding) -> Self {
        let severity = finding.severity();
        Self {
            kind: finding.kind(),
            severity: match severity {
                Severity::Note => "note",
                Severity::Unknown => "unknown",
                Severity::Wrong => "wrong",
            },
            file: finding.path().display().to_string(),
            text: finding.to_string(),
            bad: severity == Severity::Wrong,
        }
    }
}

/// A number with its noun.
fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
