//! `archiver verify`: whether archives hold what they say, all of it, and nothing twice.

mod broker;
mod deep;
mod held;
mod progress;
mod rebuild;
mod records;
mod topic_source;
mod verdict;

use std::sync::atomic::AtomicU64;

use archiver_format::verify::{Report, Severity, Subject, verify};

use crate::catalog::{Chosen, NO_ARCHIVES, choose, usual_config};
use crate::cli::Common;
use crate::commands::connection::{Connection, Properties, pair};
use crate::terminal::{Output, Styles};

use broker::Broker;
use progress::Progress;
use rebuild::{Rebuilt, rebuild_indexes};
use topic_source::TopicSource;
use verdict::Verdict;

/// What to verify.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// Ask Kafka, too: how far the archives are behind, and whether offsets that they lack ever were records
    #[arg(long)]
    broker: bool,
    /// The same of archives that no configuration names, such as captures: HOST:PORT[,HOST:PORT…], or a cluster of
    /// the configuration
    #[arg(short, value_name = "BROKERS")]
    brokers: Option<String>,
    #[command(flatten)]
    properties: Properties,
    /// With -b: how they were written, such as newline=\"escape\"
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "brokers")]
    set: Vec<(String, String)>,
    /// Read all that Kafka still holds, and compare each line, too
    #[arg(long)]
    deep: bool,
    /// Make each index of a sealed segment anew that is lost or damaged: by its lines, or, of raw ones, by Kafka
    /// (--broker). Only where no archiver runs
    #[arg(long)]
    rebuild_index: bool,
    /// Print a JSON object for each archive
    #[arg(long)]
    json: bool,
}

/// Something is missing or wrong.
const WRONG: u8 = 1;

/// Verifies archives; returns the exit code.
///
/// # Errors
///
/// If there is nothing that could be verified.
pub fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let mut chosen = choose(common.config.as_deref(), &args.archives)?;
    // A file that was named means its archive: offsets are held against those of all segments.
    chosen.dedup_by(|next, before| next.state == before.state);
    let subjects = chosen.iter().map(|chosen| {
        let (name, paths) = (&chosen.name, chosen.paths.as_ref());
        Subject::load(name, &chosen.state, paths)
    });
    let subjects = subjects.collect::<Vec<_>>();
    let mut broker = args.broker(common)?;
    let mut next = chosen.iter();
    let read = AtomicU64::new(0);
    let bytes = subjects.iter().map(Subject::bytes).sum();
    let mut verdicts = Verdicts {
        output: Output::default(),
        styles: Styles::of_output(),
        json: args.json,
        width: chosen.iter().map(|chosen| chosen.name.len()).max(),
        wrong: false,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failed = Ok(());
    Progress::new(bytes, &read).during(|progress| {
        verify(subjects, cores, &read, |mut report| {
            let Some(chosen) = next.next() else { return };
            let mut rebuilt = args.rebuild_index.then(Vec::new);
            if let Some(rebuilt) = &mut rebuilt
                && is_doubtful(&report)
            {
                *rebuilt = rebuild_indexes(chosen, broker.as_mut());
                if rebuilt.iter().any(Rebuilt::is_done) {
                    report = verified(chosen, cores).unwrap_or(report);
                }
            }
            let answer = broker.as_mut();
            let answer = answer.map(|broker| broker.ask(&chosen.state, &report));
            if failed.is_ok() {
                let verdict = Verdict::of(&report, answer, rebuilt);
                failed = progress.hidden(|| verdicts.say(&verdict));
            }
        });
    });
    failed?;
    if chosen.is_empty() && !args.json {
        verdicts.output.line(NO_ARCHIVES)?;
    }
    verdicts.output.flush()?;
    Ok(if verdicts.wrong { WRONG } else { 0 })
}

impl Args {
    /// Whom to ask, if anybody.
    fn broker(&self, common: &Common) -> anyhow::Result<Option<Broker>> {
        let source = match &self.brokers {
            Some(_) => {
                let connection = Connection {
                    broker: self.brokers.clone(),
                    properties: self.properties.clone(),
                };
                TopicSource::of_cluster(common, &connection, &self.set)?
            }
            None if self.broker || self.deep => {
                let config = common.config.as_deref().or_else(|| usual_config());
                TopicSource::of_config(config)?
            }
            None => return Ok(None),
        };
        Ok(Some(Broker::new(source, self.deep)?))
    }
}

/// Was something found that may be the fault of an index?
fn is_doubtful(report: &Report) -> bool {
    let mut findings = report.findings.iter();
    findings.any(|finding| finding.severity() > Severity::Note)
}

/// What is found in an archive now.
fn verified(chosen: &Chosen, threads: usize) -> Option<Report> {
    let subject = Subject::load(&chosen.name, &chosen.state, chosen.paths.as_ref());
    let mut found = None;
    verify(vec![subject], threads, &AtomicU64::new(0), |report| {
        found = Some(report);
    });
    found
}

/// Prints verdicts as they come.
struct Verdicts {
    output: Output,
    styles: Styles,
    json: bool,
    width: Option<usize>,
    wrong: bool,
}

impl Verdicts {
    fn say(&mut self, verdict: &Verdict) -> anyhow::Result<()> {
        self.wrong |= !verdict.is_complete();
        if self.json {
            self.output.json(verdict)?;
        } else {
            for line in verdict.lines(self.styles, self.width.unwrap_or(0)) {
                self.output.line(&line)?;
            }
        }
        self.output.flush()
    }
}
