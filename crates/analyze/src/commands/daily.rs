//! `archiver-analyze daily`: what is done for each day that is over.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use archiver::cli::{Common, UsageError, usage};
use archiver::moment::Zone;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;

use super::answer::say;
use super::common::Resources;
use super::complain::complain;
use super::load::behind;
use crate::caret::check_filter;
use crate::daily::days::{Day, due};
use crate::daily::done::{self, Done};
use crate::daily::file::{Task, read};
use crate::database::{Database, Password};
use crate::engine::{Engine, Settings};
use crate::load::{self, BATCH_ROWS, How, Job, is_empty, load, write_verdicts};
use crate::model::file::Model;
use crate::model::verdicts::{self, verdicts};
use crate::plain::chained;

/// Which file says what is done.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// A file of [[load]] and [[predict]] tables
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    resources: Resources,
}

const AFTER: &str = "\
Each day that is over by the calendar of timezone is done by itself, from its
midnight on and before the next one: yesterday, those before it that were
missed, and the last one that was done once more, for records that came late.
A day without records has no rows. Where the table is empty, or first is before
the days that are done, all of them are done again.
What is loaded goes first, then what is judged by a model.

    timezone = \"Europe/Berlin\"

    [[load]]
    name = \"services\"
    source = \"services\"
    filter = \"response_time < 1.2 AND fail_count / request_count < 0.2\"
    to = \"mysql://metrics@db/metrics\"
    password_file = \"/etc/archiver/db.password\"
    table = \"normal_samples\"
    create = true

    [[predict]]
    name = \"verdicts\"
    source = \"services\"
    model = \"/etc/archiver/services.json\"
    to = \"mysql://metrics@db/metrics\"
    password_file = \"/etc/archiver/db.password\"
    table = \"verdicts\"
    create = true";

/// Does what is due, and says what it did.
///
/// # Errors
///
/// If the file can't be read, or one of the tasks fails: those behind it are done before it is said.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let daily = read(&args.file).map_err(|error| usage(&chained(&error)))?;
    let mut failed = Vec::new();
    for task in daily.tasks() {
        let done = one(common, args, task, &daily.timezone).await;
        failed.extend(done.with_context(|| task.title()).err());
    }
    // What another run may mend says how it ends, so that it is tried again.
    failed.sort_by_key(|error| !error.is::<UsageError>());
    let last = failed.pop();
    for error in failed {
        complain(&chained(&error));
    }
    last.map_or(Ok(()), Err)
}

async fn one(common: &Common, args: &Args, task: &Task, zone: &Zone) -> anyhow::Result<()> {
    let password = Password::find(task.password_file.as_deref())?;
    let mut database = Database::open(&task.to, password.as_ref()).await?;
    let mut done = done::days(&mut database, task).await?;
    if let Some(known) = &mut done {
        if is_gone(&mut database, &task.table).await? {
            known.last = None;
        }
        if known.last.is_none() {
            say(&[format!(
                "{}: table {} is empty, or was since its days were done, or no record had come to them; all since {} are done again",
                task.title(),
                task.table,
                known.next(task.first)
            )]);
        }
    }
    let first = done.map(|done| done.next(task.first)).or(task.first);
    for day in due(first, RealClock.now_ms(), &zone.0)? {
        let engine = opened(common, args, task, &day).await?;
        let (did, notes) = match &task.model {
            None => loaded(&engine, task, &day, &mut database).await?,
            Some(model) => judged(&engine, (task, model), &mut database).await?,
        };
        say(&[notes, engine.notes()].concat());
        // Whether somebody reads it makes no difference to what was done.
        let _ = writeln!(
            stdout(),
            "{} {} ({}): {did}",
            task.name,
            day.date,
            zone.name()
        );
        let latest_ms = engine.only()?.latest_ms();
        let is_reached = latest_ms.is_none_or(|latest| latest >= day.since_ms);
        let days = Done::with(done, day.date, is_reached);
        done::note(&mut database, task, days).await?;
        done = Some(days);
    }
    database.close().await;
    Ok(())
}

/// Is a table not there, or has it no rows?
async fn is_gone(database: &mut Database, table: &str) -> anyhow::Result<bool> {
    let is_there = !database.columns(table).await?.is_empty();
    Ok(!is_there || is_empty(database, table).await?)
}

/// The engine with what there is of a day, and columns by all days.
async fn opened(common: &Common, args: &Args, task: &Task, day: &Day) -> anyhow::Result<Engine> {
    let selection = Selection {
        since_ms: Some(day.since_ms),
        until_ms: Some(day.until_ms),
        ..Selection::default()
    };
    let settings = Settings {
        memory_bytes: args.resources.memory,
        skips_damaged: args.resources.skip_damaged,
        declared: task.field.clone(),
        samples_all: true,
    };
    let config = common.config.as_deref();
    let source = std::slice::from_ref(&task.source);
    let engine = Engine::open(config, source, &selection, settings).await?;
    check_filter(&engine, task.filter.as_deref()).await?;
    Ok(engine)
}

fn how(task: &Task) -> How {
    How {
        batch_rows: BATCH_ROWS,
        creates: task.create,
    }
}

/// Loads a day; returns what was done, and what is said beside it.
async fn loaded(
    engine: &Engine,
    task: &Task,
    day: &Day,
    database: &mut Database,
) -> anyhow::Result<(String, Vec<String>)> {
    let wanted = load::Wanted {
        table: task.table.clone(),
        columns: task.columns.clone(),
        filter: task.filter.clone(),
        range: [Some(day.since_ms), Some(day.until_ms)],
        ..load::Wanted::default()
    };
    let job = Job::of(engine, wanted)?;
    let counts = job.counts(engine).await?;
    let loaded = load(engine, database, job, how(task)).await?;
    let did = format!("{loaded} into {}{}", task.table, behind(counts));
    Ok((did, loaded.notes()))
}

/// Judges a day; returns what was done, and what is said beside it.
async fn judged(
    engine: &Engine,
    (task, path): (&Task, &Path),
    database: &mut Database,
) -> anyhow::Result<(String, Vec<String>)> {
    let (model, digest) = Model::read(path)?;
    let wanted = verdicts::Wanted {
        filter: task.filter.clone(),
        ..verdicts::Wanted::default()
    };
    let verdicts = verdicts(engine, &Arc::new(model), &wanted).await;
    let verdicts = verdicts.with_context(|| format!("using {}", path.display()))?;
    let into = (&task.table[..], how(task));
    let judged = write_verdicts(engine, (verdicts, &digest), database, into).await?;
    Ok((format!("{judged} into {}", task.table), judged.notes))
}
