//! `archiver check`: what would keep archives from being written, before it does.

mod asked;
mod cluster;
mod disks;
mod finding;
mod machine;
mod rate;
mod shown;
mod state;
mod topic;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::catalog::{archives, usual_config};
use crate::cli::{Common, UsageError};
use crate::commands::capture::expanded;
use crate::commands::connection::Connection;
use crate::config::{
    Checked, Config, NOT_WRITTEN, Typed, TypedError, for_capture, load, source_name,
};
use crate::terminal::Output;
use crate::world::fs::real::RealFs;

use finding::{Finding, Findings, Outcome};

/// What to check.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// A topic, or ^PATTERN, instead of those of the configuration; may be repeated
    #[arg(short, long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// The file, as of capture; without it or a configuration no path is checked
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Only the configuration and the paths; Kafka isn't asked
    #[arg(long)]
    offline: bool,
    /// Print a JSON object for each finding
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
✓ as it should be   ! works, but look   ✗ would fail   ? can't be told
Nothing is changed but for a file that is written, synced and removed.
Exit codes: 0 nothing would fail, 1 something would, 2 usage.

    archiver check -c topics.toml
    archiver check -b localhost:9092 -t metrics -o '/data/{topic}.ndjson'";

/// What is to be checked.
struct Subject {
    config: Checked<Config>,
    /// Are its files those that will be written?
    has_paths: bool,
}

/// Checks; returns the exit code.
///
/// # Errors
///
/// If it isn't known what to check.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let mut all = Vec::new();
    if let Some(subject) = configuration(common, args, &mut all).await? {
        check(&subject, args.offline, &mut all).await?;
    }
    let found = all.into_iter().flat_map(|findings| findings.all);
    let found = found.collect::<Vec<Finding>>();
    let mut output = Output::default();
    match args.json {
        true => found.iter().try_for_each(|finding| output.json(finding))?,
        false => shown::table(&mut output, &found)?,
    }
    output.flush()?;
    Ok(u8::from(found.iter().any(|of| of.outcome == Outcome::Bad)))
}

/// The configuration, unless that is what would fail.
async fn configuration(
    common: &Common,
    args: &Args,
    all: &mut Vec<Findings>,
) -> anyhow::Result<Option<Subject>> {
    let typed = args.connection.typed()?;
    let base = common.config.clone();
    let base = base.or_else(|| {
        let usual = usual_config().filter(|_| typed.broker.is_none());
        usual.map(PathBuf::from)
    });
    let name = base
        .as_deref()
        .map_or_else(|| "the command line".to_owned(), source_name);
    let mut findings = Findings::about("configuration");
    let is_as_it_is = typed == Typed::default() && args.topic.is_empty() && args.output.is_none();
    let (made, has_paths) = match (is_as_it_is, &base) {
        (true, Some(base)) => (load(base).map_err(TypedError::from), true),
        _ => {
            let mut typed = typed;
            typed.topics.clone_from(&args.topic);
            typed.file = args.output.clone().filter(|file| file != "-");
            if !args.offline && typed.topics.iter().any(|topic| topic.starts_with('^')) {
                typed = expanded(base.as_deref(), typed).await?;
            }
            match for_capture(base.as_deref(), &typed) {
                Err(TypedError::NoFile) => {
                    typed.file = Some(NOT_WRITTEN.to_owned());
                    (for_capture(base.as_deref(), &typed), false)
                }
                made => (made, true),
            }
        }
    };
    let config = match made {
        Ok(config) => config,
        Err(TypedError::Load(e)) => {
            findings.bad("file", e.to_string());
            all.push(findings);
            return Ok(None);
        }
        Err(e) => return Err(UsageError(e.to_string()).into()),
    };
    let (archives, patterns) = (config.archives.len(), config.patterns.len());
    findings.good(
        "file",
        format!("{name}: archives: {archives}, patterns: {patterns}"),
    );
    all.push(findings);
    Ok(Some(Subject { config, has_paths }))
}

async fn check(subject: &Subject, is_offline: bool, all: &mut Vec<Findings>) -> anyhow::Result<()> {
    let config = &subject.config;
    let mut asked = None;
    let archives = match is_offline {
        true => archives(config)?,
        false => {
            let mut answers = asked::Answers::default();
            let archives = answers.ask(config, all).await;
            asked = Some(answers);
            archives
        }
    };
    let fs = RealFs::default();
    for archive in &archives {
        let mut findings = Findings::about(format!("archive {}", archive.name));
        let mut of_state = Findings::about(format!("archive {}", archive.name));
        let stored = subject
            .has_paths
            .then(|| state::state(archive, &fs, &mut of_state))
            .flatten();
        if let Some(answers) = &asked
            && let Some(topic) = answers.of(archive)
        {
            topic.say(archive, stored.as_ref(), &mut findings);
        }
        findings.all.extend(of_state.all);
        all.push(findings);
    }
    if subject.has_paths {
        let rates: Option<&BTreeMap<String, f64>> = asked.as_ref().map(|answers| &answers.rates);
        all.extend(disks::disks(&archives, rates));
    }
    let answers = asked.as_ref().filter(|answers| answers.are_any());
    let newest = answers.map(asked::Answers::newest);
    all.push(machine::machine(&archives, newest));
    Ok(())
}
