//! `archiver status`: what an archiver that runs is doing, as its page says it.

mod shown;

use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use crate::cli::Common;
use crate::commands::whom::Whom;
use crate::http::client::{AskError, Target};
use crate::observe::snapshot::{Archive, Disk, Snapshot, VERSION};
use crate::terminal::{Output, Screen, Styles};
use crate::world::shutdown::Shutdown;

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);

/// How to show it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whom: Whom,
    /// Go on showing it, until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
    /// Print what /api/status answers
    #[arg(long)]
    json: bool,
}

/// Shows what an archiver is doing; returns the exit code: 1 if something needs a look.
///
/// # Errors
///
/// If it doesn't answer.
pub async fn run(common: &Common, args: &Args, shutdown: Shutdown) -> anyhow::Result<u8> {
    let target = args.whom.target(common)?;
    match args.watch {
        true => watch(&target, args.json, shutdown).await,
        false => {
            let body = target.get("/api/status").await?;
            let snapshot = decoded(&target, &body)?;
            let mut output = Output::default();
            if args.json {
                output.write(&body)?;
            } else {
                for line in shown::lines(Styles::of_output(), &snapshot) {
                    output.line(&line)?;
                }
            }
            output.flush()?;
            Ok(u8::from(!is_well(&snapshot)))
        }
    }
}

/// Shows it again and again, until it is asked to stop. That it doesn't answer for a while is shown, too.
async fn watch(target: &Target, is_json: bool, mut shutdown: Shutdown) -> anyhow::Result<u8> {
    let mut output = Output::default();
    let mut screen = (!is_json).then(Screen::begin);
    loop {
        let looked = async {
            let body = target.get("/api/status").await?;
            let snapshot = decoded(target, &body)?;
            Ok::<_, anyhow::Error>((body, snapshot))
        };
        let looked = tokio::select! {
            biased;
            () = shutdown.requested() => break,
            looked = looked => looked,
        };
        match (&mut screen, looked) {
            (Some(screen), Ok((_, snapshot))) => {
                screen.draw(&mut output, &shown::lines(screen.styles(), &snapshot))?;
            }
            (Some(screen), Err(error)) => {
                screen.draw(&mut output, &[format!("archiver: {error}")])?;
            }
            (None, Ok((body, _))) => output.write(&body)?,
            (None, Err(error)) => return Err(error),
        }
        output.flush()?;
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    if let Some(screen) = screen {
        screen.end(&mut output)?;
    }
    Ok(0)
}

/// The picture, if this version of it is known.
fn decoded(target: &Target, body: &[u8]) -> anyhow::Result<Snapshot> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let name = target.name();
    let said = || format!("asking {name}: what it answers is not what an archiver would");
    let Versioned { version } = serde_json::from_slice(body).with_context(said)?;
    if version != VERSION {
        return Err(AskError::OtherVersion {
            target: name.to_owned(),
            version,
        }
        .into());
    }
    serde_json::from_slice(body).with_context(said)
}

/// Does nothing need a look?
fn is_well(snapshot: &Snapshot) -> bool {
    let Snapshot {
        process, archives, ..
    } = snapshot;
    archives.iter().all(Archive::is_well)
        && process
            .clusters
            .iter()
            .all(|cluster| cluster.trouble.is_none())
        && process.disks.iter().all(Disk::is_well)
}
