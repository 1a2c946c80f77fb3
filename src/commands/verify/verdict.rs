//! What is said of an archive that was verified.

use archiver_format::verify::{Finding, Hole, Report, Severity};
use serde::Serialize;

use super::shown;
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
    pub fn of(report: &Report) -> Self {
        let mut holes = Holes::default();
        report.coverage.holes(|hole| holes.add(&hole));
        let mut findings = report.findings.iter().map(Found::of).collect::<Vec<_>>();
        findings.sort_by_key(|finding| !finding.bad);
        Self {
            name: report.name.clone(),
            verdict: match report.is_sound() {
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
        }
    }

    /// Is nothing missing or wrong, as far as can be known?
    pub fn is_complete(&self) -> bool {
        self.verdict == Word::Complete
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
        lines.extend(
            self.holes
                .lines()
                .into_iter()
                .map(|line| format!("  {line}")),
        );
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

    fn lines(&self) -> Vec<String> {
        let Some(first) = self.first.first() else {
            return Vec::new();
        };
        let offsets = counted(self.offsets, "offset");
        let (partition, from, last) = (first.partition, first.from, first.to - 1);
        let place = match from == last {
            true => format!("partition {partition}: {from}"),
            false => format!("partition {partition}: {from} to {last}"),
        };
        vec![
            format!("{offsets} in no segment (first in {place}):"),
            "not records (markers of transactions, compacted) or lost; --broker tells".into(),
        ]
    }
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
            file: shown(finding.path()),
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
