//! What the clusters of a configuration say of all its topics.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cluster::cluster;
use super::finding::Findings;
use super::rate::rates;
use super::topic::Asked;
use crate::commands::survey::{Surveyed, survey};
use crate::config::{Archive, Checked, Config, Found};
use crate::source::cluster::KafkaError;
use crate::source::kafka::Scanner;

/// How long topics are looked at to see how fast they grow.
const MOMENT: Duration = Duration::from_secs(1);

/// What was answered.
#[derive(Default)]
pub(super) struct Answers {
    clusters: BTreeMap<String, Answered>,
    /// How many bytes each archive writes each second, by its name.
    pub rates: BTreeMap<String, f64>,
}

/// What one cluster has answered, by topic.
struct Answered {
    surveyed: BTreeMap<String, Surveyed>,
    may_read: BTreeMap<String, Option<bool>>,
    configs: BTreeMap<String, Result<BTreeMap<String, String>, KafkaError>>,
}

impl Answers {
    /// Asks all clusters; returns the archives, also those of patterns.
    pub async fn ask(&mut self, config: &Config, all: &mut Vec<Findings>) -> Vec<Checked<Archive>> {
        let mut archives = config.archives.clone();
        for of in &config.clusters {
            let any = of_cluster(&archives, &of.name).next();
            let any = any
                .map_or("any", |archive| archive.topic.as_str())
                .to_owned();
            let (mut findings, scanner) = cluster(of, config.memory_bytes, &any).await;
            if let Some(scanner) = scanner {
                let found = of_patterns(config, &of.name, &scanner, &mut findings).await;
                archives.extend(found);
                let here = of_cluster(&archives, &of.name).collect::<Vec<_>>();
                match answered(&scanner, &here).await {
                    Ok(answered) => {
                        let pairs = here.iter().filter_map(|archive| {
                            Some((*archive, answered.surveyed.get(&archive.topic)?))
                        });
                        let rates = rates(&scanner, &pairs.collect::<Vec<_>>()).await;
                        self.rates.extend(rates);
                        self.clusters.insert(of.name.clone(), answered);
                    }
                    Err(e) => {
                        findings.bad("topics", format!("asking for them: {e}"));
                    }
                }
            }
            all.push(findings);
        }
        archives
    }

    /// What was said of the topic of an archive; nothing if its cluster doesn't answer.
    pub fn of(&self, archive: &Archive) -> Option<Asked<'_>> {
        let cluster = self.clusters.get(&archive.cluster.name)?;
        Some(Asked {
            surveyed: cluster.surveyed.get(&archive.topic)?,
            may_read: cluster.may_read.get(&archive.topic).copied().flatten(),
            config: cluster.configs.get(&archive.topic),
        })
    }

    /// Has any cluster answered?
    pub fn are_any(&self) -> bool {
        !self.clusters.is_empty()
    }

    /// The latest timestamp of a record in milliseconds since 1970, and its topic.
    pub fn newest(&self) -> Option<(i64, &str)> {
        let surveyed = self.clusters.values().flat_map(|of| of.surveyed.values());
        let newest = surveyed.filter_map(|of| Some((of.newest_ms?, of.topic.as_str())));
        newest.max()
    }
}

async fn answered(
    scanner: &Scanner,
    archives: &[&Checked<Archive>],
) -> Result<Answered, KafkaError> {
    let mut names = archives
        .iter()
        .map(|of| of.topic.clone())
        .collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    let surveyed = survey(scanner, names, MOMENT).await?;
    let known = surveyed.iter().filter(|topic| topic.described.is_ok());
    let known = known.map(|topic| topic.topic.clone()).collect::<Vec<_>>();
    let (mut may_read, mut configs) = (BTreeMap::new(), BTreeMap::new());
    if !known.is_empty() {
        // What isn't told is shown as that.
        may_read = scanner.may_read(known.clone()).await.unwrap_or_default();
        configs = scanner.configs(known).await.unwrap_or_default();
    }
    let surveyed = surveyed.into_iter().map(|of| (of.topic.clone(), of));
    Ok(Answered {
        surveyed: surveyed.collect(),
        may_read,
        configs,
    })
}

/// The archives of a cluster's patterns, of the topics that it has now.
async fn of_patterns(
    config: &Config,
    cluster: &str,
    scanner: &Scanner,
    findings: &mut Findings,
) -> Vec<Checked<Archive>> {
    let patterns = config.patterns.iter();
    let patterns = patterns.filter(|pattern| pattern.cluster().name == cluster);
    let patterns = patterns.collect::<Vec<_>>();
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut names = match scanner.topics().await {
        Ok(names) => names,
        Err(e) => {
            findings.bad("patterns", format!("asking which topics there are: {e}"));
            return Vec::new();
        }
    };
    names.sort_unstable();
    let mut archives = Vec::new();
    for pattern in patterns {
        let taken = names.iter();
        let taken = taken.filter(|name| pattern.matches(name) && pattern.earlier(name).is_none());
        let mut count = 0;
        for topic in taken {
            match pattern.archive(topic, Found::AtFirst(None)) {
                Ok(archive) => {
                    count += 1;
                    archives.push(archive);
                }
                Err(e) => {
                    findings.bad(
                        "patterns",
                        format!("{}: topic {topic}: {e}", pattern.text()),
                    );
                }
            }
        }
        let text = format!("{}: topics that match: {count}", pattern.text());
        match count {
            0 => {
                findings
                    .doubtful("patterns", text)
                    .advice("archiver waits for one; a user sees only topics that it may DESCRIBE");
            }
            _ => findings.good("patterns", text),
        }
    }
    archives
}

/// The archives of one cluster.
fn of_cluster<'a>(
    archives: &'a [Checked<Archive>],
    cluster: &str,
) -> impl Iterator<Item = &'a Checked<Archive>> {
    let cluster = cluster.to_owned();
    archives
        .iter()
        .filter(move |archive| archive.cluster.name == cluster)
}
