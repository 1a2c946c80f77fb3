//! `archiver status`: what an archiver that runs is doing, as its page says it.

mod shown;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use crate::catalog::{USUAL_PLACES, usual_config};
use crate::cli::{Common, UsageError, usage};
use crate::config::{self, Token};
use crate::http::client::{AskError, Target};
use crate::observe::snapshot::{Archive, Disk, Snapshot, VERSION};
use crate::terminal::{Output, Screen, Styles};
use crate::world::shutdown::Shutdown;

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(2);

/// Whom to ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whom to ask, http://HOST:PORT or the path of a socket; else what the configuration listens on
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// With --url: a file with the token that it wants
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Go on showing it, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
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
    let target = target(common, args)?;
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

fn target(common: &Common, args: &Args) -> anyhow::Result<Target> {
    if let Some(url) = &args.url {
        let token = args.token_file.as_deref().map(read_token).transpose()?;
        return Target::parse(url, token).map_err(|error| usage(&error.to_string()).into());
    }
    let path = common.config.as_deref().or_else(|| usual_config());
    let Some(path) = path else {
        let places = USUAL_PLACES.join(" and ");
        let said =
            format!("no configuration: {places} don't exist; name one with -c FILE, or --url");
        return Err(usage(&said).into());
    };
    let config = config::load(path).map_err(|error| usage(&error.to_string()))?;
    let Some(http) = &config.http else {
        let name = config::source_name(path);
        return Err(usage(&format!(
            "{name} has no `[http] listen`, so nothing answers; write it and start archiver again, or --url"
        ))
        .into());
    };
    Ok(Target::of(http))
}

fn read_token(path: &Path) -> Result<Token, UsageError> {
    let shown = path.display();
    Token::read(path).map_err(|why| usage(&format!("reading the token in {shown}: {why}")))
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
