//! `--dry-run`: the schedule, without sending anything.

use std::time::Duration;

use serde::Serialize;

use super::args::Args;
use super::looked::{self, Looked};
use super::plan::{Plan, Topic};
use super::targets;
use crate::config::{Checked, Cluster};
use crate::logging;
use crate::replay::clock::in_ms;
use crate::replay::player::Manner;
use crate::replay::schedule::Schedule;
use crate::replay::{Buffer, Reader, Taken, Wanted};
use crate::terminal::{Align, Output, Style, Styles, Table, bytes, grouped, time};

/// What is known of a topic once all of its records were read.
#[derive(Default)]
struct OfTopic {
    records: u64,
    bytes: u64,
    /// When the first and the last are due, in nanoseconds after the beginning.
    due_ns: Option<(i128, i128)>,
    /// The same topic, with all of its records looked at.
    known: Topic,
}

/// Reads all of it, and shows when it would be sent; returns the exit code: 1 if nothing would arrive.
pub(super) async fn show(
    args: &Args,
    plan: Plan,
    cluster: &Checked<Cluster>,
    memory_bytes: u64,
) -> anyhow::Result<u8> {
    let wanted = plan.read_of(args, &plan.beginning());
    let manner = args.manner();
    let read = tokio::task::spawn_blocking(move || {
        let found = read(&plan, wanted, manner);
        found.map(|found| (plan, found))
    });
    let (mut plan, (found, schedule, looked)) = read.await??;
    plan.topics = found.iter().map(|of| of.known.clone()).collect();
    match args.json {
        true => print_json(&plan, &found, schedule.as_ref())?,
        false => print(&plan, &found, schedule.as_ref())?,
    }
    for said in looked::warnings(&looked, manner.pace) {
        logging::complain(&format!("warning: {said}"));
    }
    let targets = targets::look(args, cluster, memory_bytes, &plan.topics, false).await?;
    for made in &targets.made {
        logging::complain(&format!("topic {made} would be made"));
    }
    match targets.say() {
        Ok(()) => Ok(0),
        Err(error) => {
            logging::complain_of(&error);
            Ok(1)
        }
    }
}

type Found = (Vec<OfTopic>, Option<Schedule>, Vec<Looked>);

fn read(plan: &Plan, wanted: Wanted, manner: Manner) -> anyhow::Result<Found> {
    let unseen = plan.topics.iter().map(|topic| OfTopic {
        known: topic.unseen(),
        ..OfTopic::default()
    });
    let mut found = unseen.collect::<Vec<_>>();
    let mut looked = plan.looked.iter().map(Looked::unseen).collect::<Vec<_>>();
    let mut schedule: Option<Schedule> = None;
    let mut first_ns = None;
    let place = plan.beginning();
    let reader = Reader {
        open: plan.opener(&place),
        wanted,
        place,
    };
    let buffer = std::sync::Arc::<Buffer>::default();
    let filled = std::sync::Arc::clone(&buffer);
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || reader.read(&filled))?;
    loop {
        let records = match buffer.take(Duration::from_secs(1), false) {
            Taken::Records(records) => records,
            Taken::Nothing => continue,
            Taken::End(end) => {
                end?;
                found.iter_mut().for_each(|of| of.known.conclude());
                looked.iter_mut().for_each(|of| of.is_whole = true);
                return Ok((found, schedule, looked));
            }
        };
        for due in records {
            match &mut schedule {
                Some(schedule) => schedule.advance(due.at_ns()),
                None => schedule = Some(manner.schedule(due.at_ns(), 0)),
            }
            let first_ns = *first_ns.get_or_insert(due.merged.record.time_ns);
            let due_ns = schedule.as_ref().map_or(0, Schedule::due);
            let of = &mut found[plan.of_inputs[due.merged.input]];
            let record = &due.merged.record;
            of.records += 1;
            of.bytes += super::plan::bytes(record);
            of.known.note(record);
            let shifted_ns = record.time_ns + due.later_ns - first_ns;
            of.known.ahead_ms = of.known.ahead_ms.max(in_ms(shifted_ns - due_ns));
            looked[due.merged.input].note(record);
            of.due_ns = Some((of.due_ns.map_or(due_ns, |(first, _)| first), due_ns));
        }
    }
}

/// The schedule, for programs. Seconds are those after the beginning.
#[derive(Serialize)]
struct Shown<'a> {
    topics: Vec<ShownTopic<'a>>,
    shortened_pauses: u64,
    shortened_ms: f64,
}

#[derive(Serialize)]
struct ShownTopic<'a> {
    topic: &'a str,
    records: u64,
    bytes: u64,
    first_due_seconds: Option<f64>,
    last_due_seconds: Option<f64>,
    /// In milliseconds since 1970.
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
}

fn print_json(plan: &Plan, found: &[OfTopic], schedule: Option<&Schedule>) -> anyhow::Result<()> {
    let seconds = |ns: i128| ns as f64 / 1e9;
    let topics = plan.topics.iter().zip(found).map(|(topic, of)| ShownTopic {
        topic: &topic.name,
        records: of.records,
        bytes: of.bytes,
        first_due_seconds: of.due_ns.map(|(first, _)| seconds(first)),
        last_due_seconds: of.due_ns.map(|(_, last)| seconds(last)),
        oldest_ms: of.known.records.oldest_ms,
        newest_ms: of.known.records.newest_ms,
    });
    let shortened = schedule.map(Schedule::shortened).unwrap_or_default();
    let mut output = Output::default();
    output.json(&Shown {
        topics: topics.collect(),
        shortened_pauses: shortened.pauses,
        shortened_ms: shortened.by_ns as f64 / 1e6,
    })?;
    output.flush()
}

fn print(plan: &Plan, found: &[OfTopic], schedule: Option<&Schedule>) -> anyhow::Result<()> {
    let columns = [
        ("TOPIC", Align::Left),
        ("RECORDS", Align::Right),
        ("SIZE", Align::Right),
        ("FIRST DUE", Align::Right),
        ("LAST DUE", Align::Right),
        ("RECORDS/S", Align::Right),
        ("FROM", Align::Left),
    ];
    let mut table = Table::new(Styles::of_output(), &columns);
    let due = |ns: i128| format!("+{:.3} s", ns as f64 / 1e9);
    for (topic, of) in plan.topics.iter().zip(found) {
        let (first, last) = of.due_ns.unwrap_or_default();
        let seconds = (last - first) as f64 / 1e9;
        let rate = match seconds > 0.0 {
            true => format!("{:.1}", of.records as f64 / seconds),
            false => "-".into(),
        };
        table.row(vec![
            (Style::Plain, topic.name.clone()),
            (Style::Plain, grouped(of.records)),
            (Style::Plain, bytes(of.bytes)),
            (Style::Plain, due(first)),
            (Style::Plain, due(last)),
            (Style::Plain, rate),
            (Style::Plain, time(of.known.records.oldest_ms)),
        ]);
    }
    let mut output = Output::default();
    for line in table.lines() {
        output.line(&line)?;
    }
    if let Some(schedule) = schedule {
        let shortened = schedule.shortened();
        if shortened.pauses > 0 {
            output.line(&format!(
                "{} pauses would be shortened, by {:.1} s together",
                shortened.pauses,
                shortened.by_ns as f64 / 1e9
            ))?;
        }
    }
    output.flush()
}
