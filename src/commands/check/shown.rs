//! Findings as a table: a heading for each subject, a line for each check, what to do below it.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Outcome};
use crate::terminal::{Output, Style, Styles, line_width, wrapped};

/// Where the texts begin: behind a mark and the name of a check.
const INDENT: usize = 15;

/// With more archives, those are left out of which all is as it should be.
const ARCHIVES_MOST: usize = 20;

/// Prints what was found.
pub(super) fn table(output: &mut Output, findings: &[Finding]) -> anyhow::Result<()> {
    let styles = Styles::of_output();
    let (width, indent) = (line_width(), " ".repeat(INDENT));
    let (mut subject, left_out) = ("", left_out(findings));
    for finding in findings {
        if left_out.contains(finding.subject.as_str()) {
            continue;
        }
        if finding.subject != subject {
            if !subject.is_empty() {
                output.line("")?;
            }
            subject = &finding.subject;
            output.line(&styles.paint(Style::Bold, subject))?;
        }
        let style = match finding.outcome {
            Outcome::Good => Style::Good,
            Outcome::Unknown => Style::Dim,
            Outcome::Doubtful | Outcome::Bad => Style::Bad,
        };
        let mark = styles.paint(style, finding.outcome.mark());
        let mut head = format!("  {mark} {:<width$}", finding.check, width = INDENT - 4);
        let lines = match finding.text.contains('\n') {
            // It shows lines of a file, and marks below them.
            true => finding.text.lines().map(str::to_owned).collect(),
            false => wrapped(&finding.text, width.saturating_sub(INDENT)),
        };
        for line in lines {
            output.line(&format!("{head}{line}"))?;
            head.clone_from(&indent);
        }
        let mut arrow = "→ ";
        let advice = finding.advice.as_deref().unwrap_or_default();
        for line in wrapped(advice, width.saturating_sub(INDENT + 2)) {
            output.line(&format!("{indent}{arrow}{line}"))?;
            arrow = "  ";
        }
        if let Some(command) = &finding.command {
            // In one piece, to be copied.
            output.line(&format!("{indent}  {command}"))?;
        }
    }
    if !left_out.is_empty() {
        output.line("")?;
        output.line(&format!(
            "{} archives more, of which all is as it should be (--json tells it)",
            left_out.len()
        ))?;
    }
    let count = |outcome| findings.iter().filter(|of| of.outcome == outcome).count();
    let (bad, doubtful) = (count(Outcome::Bad), count(Outcome::Doubtful));
    let unknown = count(Outcome::Unknown);
    let said = match bad {
        0 => "nothing would fail".to_owned(),
        1 => "1 thing would fail".to_owned(),
        more => format!("{more} things would fail"),
    };
    let style = if bad > 0 { Style::Bad } else { Style::Good };
    output.line("")?;
    output.line(&format!(
        "{} ({doubtful} to look at, {unknown} that can't be told)",
        styles.paint(style, &said)
    ))
}

/// Archives that need not be shown.
fn left_out(findings: &[Finding]) -> BTreeSet<&str> {
    let mut archives = BTreeMap::<&str, bool>::new();
    let of_archives = findings
        .iter()
        .filter(|of| of.subject.starts_with("archive "));
    for finding in of_archives {
        let is_good = archives.entry(&finding.subject).or_insert(true);
        *is_good &= finding.outcome == Outcome::Good;
    }
    if archives.len() <= ARCHIVES_MOST {
        return BTreeSet::new();
    }
    let good = archives.into_iter().filter(|(_, is_good)| *is_good);
    good.map(|(subject, _)| subject).collect()
}
