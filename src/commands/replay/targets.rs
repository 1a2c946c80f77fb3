//! The topics that are sent to: described, made where they don't exist, and judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::args::Args;
use super::plan::Topic;
use crate::config::{Checked, Cluster};
use crate::logging;
use crate::replay::sending::{self, Partitions, Timestamps};
use crate::replay::target::{Config, Manner, Verdict, batch_bytes, verdicts};
use crate::source::cluster::{self, KafkaError, Trouble};
use crate::source::kafka::Scanner;
use crate::world::clock::{Clock, RealClock};

/// What is known of the topics that are sent to.
pub(super) struct Targets {
    /// In the order of the plan.
    pub topics: Vec<sending::Topic>,
    /// What is wrong with them, one line each.
    pub warnings: Vec<String>,
    /// What keeps everything from arriving.
    pub errors: Vec<String>,
    /// Those that were made, or would be.
    pub made: Vec<String>,
    /// The bytes that a batch may have in each of them.
    pub batch_bytes: Option<u32>,
}

/// For so long a topic that is missing is looked for again.
const JUST_MADE: Duration = Duration::from_secs(1);
/// How long it may take until each broker knows a topic that was made.
const KNOWN: Duration = Duration::from_secs(10);

type Described = Result<cluster::Topic, KafkaError>;

/// Asks about the topics, and makes those that are missing, if that is wanted.
pub(super) async fn look(
    args: &Args,
    cluster: &Checked<Cluster>,
    memory_bytes: u64,
    topics: &[Topic],
    may_make: bool,
) -> anyhow::Result<Targets> {
    let scanner = Scanner::new(cluster, memory_bytes);
    let names = topics.iter().map(|topic| topic.name.clone());
    let names = names.collect::<Vec<_>>();
    let asking = || format!("asking {} about its topics", cluster.name);
    let mut described = scanner.describe_all(&names).await.with_context(asking)?;
    let asked = Instant::now();
    // One that somebody has made a moment ago isn't known to each broker yet.
    while described.iter().any(is_missing) && asked.elapsed() < JUST_MADE {
        tokio::time::sleep(JUST_MADE / 5).await;
        described = scanner.describe_all(&names).await.with_context(asking)?;
    }
    let mut targets = Targets {
        topics: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
        made: Vec::new(),
        batch_bytes: None,
    };
    for (topic, found) in topics.iter().zip(&mut described) {
        if is_missing(found) {
            make(args, &scanner, topic, found, may_make, &mut targets).await?;
        }
    }
    let there = names.iter().zip(&described);
    let there = there.filter(|(_, found)| found.is_ok());
    let there = there.map(|(name, _)| name.clone()).collect::<Vec<_>>();
    // A topic that isn't there yet has no configuration.
    let configs = match there.is_empty() {
        true => BTreeMap::new(),
        false => scanner.configs(there).await.with_context(asking)?,
    };
    for (topic, found) in topics.iter().zip(&described) {
        let config = configs.get(&topic.name);
        let config = config.and_then(|config| config.as_ref().ok());
        targets.judge(args, topic, found, config);
    }
    Ok(targets)
}

fn is_missing(found: &Described) -> bool {
    matches!(
        found,
        Err(KafkaError {
            kind: Trouble::Missing,
            ..
        })
    )
}

async fn make(
    args: &Args,
    scanner: &Scanner,
    topic: &Topic,
    found: &mut Described,
    may_make: bool,
    targets: &mut Targets,
) -> anyhow::Result<()> {
    let Some(mut new) = args.new_topic(&topic.name)? else {
        return Ok(());
    };
    new.partitions = new.partitions.or(topic.partitions);
    targets.made.push(topic.name.clone());
    if !may_make {
        *found = Ok(cluster::Topic {
            id: None,
            cluster_id: None,
            partitions: new.partitions.unwrap_or(1),
        });
        return Ok(());
    }
    let name = &topic.name;
    let made = scanner.create_topic(new).await;
    made.with_context(|| format!("making topic {name}"))?;
    let deadline = Instant::now() + KNOWN;
    loop {
        let described = scanner.describe_all(std::slice::from_ref(name)).await?;
        *found = described
            .into_iter()
            .next()
            .ok_or_else(|| anyhow!("asking about topic {name}: nothing was answered"))?;
        // A broker may learn of it a moment later than the one that made it.
        if !is_missing(found) || Instant::now() > deadline {
            return Ok(());
        }
        tokio::time::sleep(KNOWN / 100).await;
    }
}

impl Targets {
    fn judge(&mut self, args: &Args, topic: &Topic, found: &Described, config: Option<&Config>) {
        let sending = args.sending();
        let now_ms = RealClock.now_ms();
        let mut records = topic.records.clone();
        if sending.timestamps == Timestamps::Shift {
            records.oldest_ms = Some(now_ms);
            records.newest_ms = Some(now_ms.saturating_add(topic.ahead_ms));
        }
        let manner = Manner {
            keeps_timestamps: sending.timestamps != Timestamps::Now,
            keeps_partitions: matches!(sending.partitions, None | Some(Partitions::Keep)),
        };
        for verdict in verdicts(&topic.name, found, config, &records, manner, now_ms) {
            match verdict {
                Verdict::Warning(said) => self.warnings.push(said),
                Verdict::Error(said) => self.errors.push(said),
            }
        }
        if let Some(bytes) = config.and_then(batch_bytes) {
            let least = self.batch_bytes.map_or(bytes, |least| least.min(bytes));
            self.batch_bytes = Some(least);
        }
        self.topics.push(sending::Topic {
            name: topic.name.clone(),
            partitions: found.as_ref().map_or(1, |found| found.partitions),
        });
    }

    /// Says what is wrong; an error if nothing would arrive.
    pub fn say(&self) -> anyhow::Result<()> {
        for said in &self.warnings {
            logging::complain(&format!("warning: {said}"));
        }
        match &self.errors[..] {
            [] => Ok(()),
            [said] => bail!("{said}"),
            [said, others @ ..] => bail!("{said}; and {} more like this", others.len()),
        }
    }
}
