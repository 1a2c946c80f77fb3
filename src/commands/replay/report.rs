//! The report: what became of a replay.

use std::collections::BTreeMap;

use serde::Serialize;

use super::job::Done;
use super::plan::Plan;
use crate::replay::kafka_sink::Outcome;
use crate::replay::{Figures, Lateness};
use crate::terminal::{Align, Output, Style, Styles, Table, grouped};

/// What became of a replay.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Everything was sent, and nobody has stopped it.
    complete: bool,
    topics: Vec<OfTopic>,
    /// How late records were, against when they were due; nothing where they had no schedule.
    lateness: Option<Figures>,
    /// From the first record's due time to the end of all.
    seconds: f64,
    /// How late the last record was.
    end_late_ms: Option<f64>,
    /// So many records were sent before, by runs that this one went on with.
    sent_before: u64,
    /// So many records had happened before one that came earlier in their input.
    steps_back: u64,
    /// So many pauses were shortened, by so much together.
    shortened_pauses: u64,
    shortened_ms: f64,
    /// By so much the schedule was moved, as records were late.
    stretched_ms: f64,
    /// Rows that could not be used: left out, or sent as they stand.
    rows_skipped: u64,
    rows_sent_raw: u64,
    /// So many records had no field or cell that is the key, where one was named.
    without_key: Option<u64>,
}

#[derive(Debug, Serialize)]
struct OfTopic {
    topic: String,
    sent: u64,
    arrived: u64,
    refused: BTreeMap<String, u64>,
    lateness: Option<Figures>,
}

impl Report {
    /// Of what was done. `sent_before` records were sent by earlier runs.
    pub fn new(plan: &Plan, done: &Done, is_paced: bool, seconds: f64, sent_before: u64) -> Self {
        let played = &done.played;
        let topics = plan.topics.iter().zip(&done.outcomes).enumerate();
        let topics = topics.map(|(number, (topic, outcome))| {
            let mut lateness = Lateness::default();
            let inputs = plan.of_inputs.iter().zip(&played.lateness);
            for (_, input) in inputs.filter(|(of, _)| **of == number) {
                lateness.add(input);
            }
            let Outcome {
                sent,
                arrived,
                refused,
            } = outcome.clone();
            OfTopic {
                topic: topic.name.clone(),
                sent,
                arrived,
                refused,
                lateness: is_paced.then(|| lateness.figures()),
            }
        });
        Self {
            complete: done.error.is_none() && !played.is_stopped,
            topics: topics.collect(),
            lateness: is_paced.then(|| played.all.figures()),
            seconds,
            end_late_ms: is_paced.then_some(played.last_late_ns as f64 / 1e6),
            sent_before,
            steps_back: played.steps_back,
            shortened_pauses: played.shortened.pauses,
            shortened_ms: played.shortened.by_ns as f64 / 1e6,
            stretched_ms: played.stretched_ns as f64 / 1e6,
            rows_skipped: played.read.skipped,
            rows_sent_raw: played.read.sent_raw,
            without_key: plan.wanted.typed.key.as_ref().map(|_| played.keyless),
        }
    }

    /// Was something left out that could not be used, or was refused?
    pub fn has_left_out(&self) -> bool {
        self.rows_skipped > 0 || self.topics.iter().any(|topic| !topic.refused.is_empty())
    }

    /// Prints it.
    pub fn print(&self, is_json: bool) -> anyhow::Result<()> {
        let mut output = Output::default();
        if is_json {
            output.json(self)?;
        } else {
            for line in self.table().lines() {
                output.line(&line)?;
            }
            for note in self.notes() {
                output.line(&note)?;
            }
        }
        output.flush()
    }

    fn table(&self) -> Table {
        let columns = [
            ("TOPIC", Align::Left),
            ("SENT", Align::Right),
            ("ARRIVED", Align::Right),
            ("REFUSED", Align::Right),
            ("LATE p50", Align::Right),
            ("p99", Align::Right),
            ("MOST", Align::Right),
        ];
        let mut table = Table::new(Styles::of_output(), &columns);
        for of in &self.topics {
            let refused = of.refused.values().sum::<u64>();
            let late = |figure: fn(&Figures) -> f64| {
                let ms = of.lateness.as_ref().map(figure);
                ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1} ms"))
            };
            let bad = if refused > 0 {
                Style::Bad
            } else {
                Style::Plain
            };
            table.row(vec![
                (Style::Plain, of.topic.clone()),
                (Style::Plain, of.sent.to_string()),
                (Style::Plain, of.arrived.to_string()),
                (bad, refused.to_string()),
                (Style::Plain, late(|of| of.p50_ms)),
                (Style::Plain, late(|of| of.p99_ms)),
                (Style::Plain, late(|of| of.max_ms)),
            ]);
        }
        table
    }

    fn notes(&self) -> Vec<String> {
        let sent = self.topics.iter().map(|of| of.sent).sum::<u64>();
        let rate = sent as f64 / self.seconds.max(0.001);
        let mut notes = vec![format!(
            "{} records in {:.3} s, {}/s",
            grouped(sent),
            self.seconds,
            grouped(rate as u64)
        )];
        for of in &self.topics {
            let refused = of.refused.iter();
            notes.extend(refused.map(|(why, count)| {
                format!("topic {}: refused: {}: {why}", of.topic, grouped(*count))
            }));
        }
        let mut note = |count: u64, said: String| {
            if count > 0 {
                notes.push(said);
            }
        };
        note(
            self.sent_before,
            format!("{} were sent before", grouped(self.sent_before)),
        );
        note(
            self.steps_back,
            format!(
                "{} stepped back in time, and were sent with what came before them",
                grouped(self.steps_back)
            ),
        );
        note(
            self.shortened_pauses,
            format!(
                "{} pauses were shortened, by {:.1} s together",
                self.shortened_pauses,
                self.shortened_ms / 1e3
            ),
        );
        note(
            self.stretched_ms as u64,
            format!(
                "the schedule was moved by {:.1} ms, as records were late",
                self.stretched_ms
            ),
        );
        let without_key = self.without_key.unwrap_or(0);
        note(
            without_key,
            format!(
                "{} have nothing in the field that --key names, and were sent without a key",
                grouped(without_key)
            ),
        );
        note(
            self.rows_skipped,
            format!(
                "{} rows could not be used, and were left out",
                self.rows_skipped
            ),
        );
        note(
            self.rows_sent_raw,
            format!(
                "{} rows could not be used, and were sent as they stand",
                self.rows_sent_raw
            ),
        );
        notes
    }
}
