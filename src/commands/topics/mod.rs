//! `archiver topics`: which topics there are to archive, how large they are, and how fast they grow.

mod shown;

use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::{Common, UsageError};
use crate::commands::connection::Connection;
use crate::commands::survey::survey;
use crate::config::{Cluster, matching};
use crate::moment::parse_duration;
use crate::source::kafka::Scanner;
use crate::terminal::Output;

/// Which topics to list.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Only topics whose whole names match; Kafka's own (__…) only if it begins with __
    #[arg(value_name = "REGEX")]
    pattern: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// How long to look for records that come, by which records/s are told; 0s for not at all
    #[arg(long, value_name = "DURATION", value_parser = moment, default_value = "1s")]
    moment: Duration,
    /// Print a JSON object for each topic
    #[arg(long)]
    json: bool,
    /// Print the archives of a configuration, one for each topic
    #[arg(long, conflicts_with = "json")]
    toml: bool,
}

const AFTER: &str = "\
RECORDS are those that there may be at most: what compaction has removed and
the ends of transactions are counted, too. Kafka isn't asked for bytes.

    archiver topics -b localhost:9092
    archiver topics -b localhost:9092 'app\\..*' --toml >> topics.toml";

/// Lists topics; returns the exit code.
///
/// # Errors
///
/// If they can't be listed. A topic that can't be asked about says why, and the code is 1.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let config = args.connection.config(common)?;
    let mut output = Output::default();
    let mut is_whole = true;
    for (number, cluster) in config.clusters.iter().enumerate() {
        let scanner = Scanner::new(cluster, config.memory_bytes);
        let names = named(cluster, &scanner, args.pattern.as_deref()).await?;
        // What is pasted doesn't say how fast it grows.
        let moment = if args.toml {
            Duration::ZERO
        } else {
            args.moment
        };
        let surveyed = survey(&scanner, names, moment).await;
        let surveyed = surveyed.with_context(|| format!("asking {}", cluster.name))?;
        is_whole &= surveyed.iter().all(|topic| topic.errors().is_empty());
        if args.json {
            for topic in &surveyed {
                output.json(&shown::Listed::new(&cluster.name, topic))?;
            }
        } else if args.toml {
            // Names only: a value may be a secret.
            let properties = args.connection.typed()?.properties;
            let hint = properties.into_iter().map(|(name, _)| name);
            let hint = hint.collect::<Vec<_>>();
            shown::toml(&mut output, &cluster.name, &hint, &surveyed)?;
        } else {
            if number > 0 {
                output.line("")?;
            }
            let heading = (config.clusters.len() > 1).then_some(cluster.name.as_str());
            shown::table(&mut output, heading, &surveyed)?;
        }
    }
    output.flush()?;
    Ok(u8::from(!is_whole))
}

/// The topics of a cluster that are meant, by their names.
async fn named(
    cluster: &Cluster,
    scanner: &Scanner,
    pattern: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    // Says sooner why nobody answers.
    let all = match scanner.id().await {
        Ok(_) => scanner.topics().await,
        Err(e) => Err(e),
    };
    let all = all.with_context(|| format!("asking {} which topics there are", cluster.name))?;
    let typed = pattern.unwrap_or(".*");
    let found = matching(typed.strip_prefix('^').unwrap_or(typed), all)
        .map_err(|e| UsageError(format!("{typed:?} is not a pattern: {e}")))?;
    let mut found = found;
    found.sort_unstable();
    if found.is_empty() && pattern.is_some() {
        bail!(
            "no topic of {} matches {typed} as a whole; .* stands for any text",
            cluster.name
        );
    }
    Ok(found)
}

fn moment(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "not a duration; write 1s, 500ms or 1m".to_owned())
}
