//! `archiver-analyze daily`: what is done for each day that is over.

use std::path::PathBuf;

use anyhow::Context;
use archiver::cli::Common;
use archiver::moment::Zone;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;

use super::answer::say_notes;
use super::common::Resources;
use super::complain::complain;
use super::load::behind;
use crate::daily::days::{Day, due};
use crate::daily::done;
use crate::daily::file::{Load, read};
use crate::database::{Database, Password, Place};
use crate::engine::{Engine, Settings};
use crate::load::{BATCH_ROWS, How, Job, Wanted, load};

/// Which file says what is done.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// A file of [[load]] tables
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    resources: Resources,
}

const AFTER: &str = "\
Each day that is over by the calendar of timezone is loaded by itself, from its
midnight on and before the next one: yesterday, those before it that were
missed, and the last one that was done once more, for records that came late.

    timezone = \"Europe/Berlin\"

    [[load]]
    name = \"services\"
    source = \"services\"
    filter = \"response_time < 1.2 AND fail_count / request_count < 0.2\"
    to = \"mysql://metrics@db/metrics\"
    password_file = \"/etc/archiver/db.password\"
    table = \"normal_samples\"
    create = true";

/// Does what is due, and says what it did.
///
/// # Errors
///
/// If one of the loads fails: those behind it are done before it is said.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let daily = read(&args.file)?;
    let mut failed = None;
    for load in &daily.load {
        let done = one(common, args, load, &daily.timezone).await;
        let Err(error) = done.with_context(|| format!("load {}", load.name)) else {
            continue;
        };
        if let Some(earlier) = failed.replace(error) {
            complain(&format!("{earlier:#}"));
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn one(common: &Common, args: &Args, load: &Load, zone: &Zone) -> anyhow::Result<()> {
    let place = load.to.parse::<Place>();
    let place = place.map_err(|e| anyhow::anyhow!("to: {e}"))?;
    let password = Password::find(load.password_file.as_deref())?;
    let mut database = Database::open(&place, password.as_ref()).await?;
    let last = done::last(&mut database, &load.name).await?;
    let days = due(last.or(load.first), RealClock.now_ms(), &zone.0)?;
    for day in days {
        one_day(common, args, load, (&day, zone), &mut database).await?;
        done::note(&mut database, &load.name, day.date).await?;
    }
    database.close().await;
    Ok(())
}

async fn one_day(
    common: &Common,
    args: &Args,
    of: &Load,
    (day, zone): (&Day, &Zone),
    database: &mut Database,
) -> anyhow::Result<()> {
    let range = [Some(day.since_ms), Some(day.until_ms)];
    let selection = Selection {
        since_ms: range[0],
        until_ms: range[1],
        ..Selection::default()
    };
    let settings = Settings {
        memory_bytes: args.resources.memory,
        skips_damaged: args.resources.skip_damaged,
        declared: Vec::new(),
    };
    let config = common.config.as_deref();
    let source = std::slice::from_ref(&of.source);
    let engine = Engine::open(config, source, &selection, settings).await?;
    let job = Job::of(
        &engine,
        Wanted {
            table: of.table.clone(),
            columns: of.columns.clone(),
            filter: of.filter.clone(),
            range,
            ..Wanted::default()
        },
    )?;
    let counts = job.counts(&engine).await?;
    let how = How {
        batch_rows: BATCH_ROWS,
        creates: of.create,
        is_anew: false,
    };
    let loaded = load(&engine, database, job, how).await?;
    say_notes(&engine);
    println!(
        "{} {} ({}): {loaded} into {}{}",
        of.name,
        day.date,
        zone.name(),
        of.table,
        behind(counts)
    );
    Ok(())
}
