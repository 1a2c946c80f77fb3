//! Whether a topic can be archived: that it is there, may be read, and is kept for long enough.

use std::collections::BTreeMap;
use std::time::Duration;

use archiver_format::archive::Archive as Stored;
use archiver_format::record::{NextOffset, Offsets, Partition};

use super::finding::{Findings, span, word};
use crate::commands::survey::Surveyed;
use crate::config::{Archive, Cluster, Start};
use crate::observe::reason::Reason;
use crate::source::cluster::{KafkaError, Topic, Trouble};
use crate::terminal::{bytes, time};
use crate::world::clock::{Clock, RealClock};

/// A stop for updates takes longer than that now and then.
const SHORT: Duration = Duration::from_hours(1);

/// What a cluster says of a topic.
pub(super) struct Asked<'a> {
    pub surveyed: &'a Surveyed,
    /// May this user read it? Nothing if the cluster doesn't say.
    pub may_read: Option<bool>,
    /// How it is configured.
    pub config: Option<&'a Result<BTreeMap<String, String>, KafkaError>>,
}

impl Asked<'_> {
    /// Says what there is to say of it, for an archive whose state is `stored`.
    pub fn say(&self, archive: &Archive, stored: Option<&Stored>, findings: &mut Findings) {
        let (topic, cluster) = (&archive.topic, &archive.cluster);
        let described = match &self.surveyed.described {
            Ok(described) => described,
            Err(e) if e.kind == Trouble::Missing => {
                let text = format!("{topic} doesn't exist on {}", cluster.name);
                let advice = "see that the name is right, or create it: archiver waits for it, and reads it from its first record";
                findings.bad("topic", text).advice(advice);
                return;
            }
            Err(e) if e.kind == Trouble::Denied => {
                let text = format!("{topic}: {e}");
                say_denied(findings, text, topic, cluster);
                return;
            }
            Err(e) => {
                findings.bad("topic", format!("{topic}: {e}"));
                return;
            }
        };
        let newest = self.surveyed.newest_ms;
        let newest = newest.map_or_else(String::new, |ms| format!(", up to {}", time(Some(ms))));
        let partitions = described.partitions;
        match self.surveyed.records() {
            Some(records) => findings.good(
                "topic",
                format!("{topic}: partitions: {partitions}, records: at most {records}{newest}"),
            ),
            None => {
                let text = format!(
                    "{topic}: partitions: {partitions}, records: not all could be asked{newest}"
                );
                findings.unknown("topic", text);
            }
        }
        let held = (0..).zip(&self.surveyed.held);
        for (partition, e) in
            held.filter_map(|(of, held): (Partition, _)| Some((of, held.as_ref().err()?)))
        {
            let advice = "see that its leader is up, on the brokers";
            findings
                .bad("topic", format!("partition {partition}: {e}"))
                .advice(advice);
        }
        match self.may_read {
            Some(true) => findings.good("rights", "READ and DESCRIBE"),
            Some(false) => say_denied(findings, "READ is missing".to_owned(), topic, cluster),
            None => {
                findings.unknown("rights", "the brokers don't say what this user may do");
            }
        }
        self.say_retention(findings, archive, stored);
        self.say_start(archive, described, stored, findings);
    }

    fn say_retention(&self, findings: &mut Findings, archive: &Archive, stored: Option<&Stored>) {
        let (topic, cluster) = (&archive.topic, &archive.cluster);
        let config = match self.config {
            Some(Ok(config)) => config,
            Some(Err(e)) if e.kind == Trouble::Denied => {
                findings
                    .unknown("retention", "DESCRIBE_CONFIGS would be needed to see it")
                    .command(acls(cluster, topic, &["DescribeConfigs"]));
                return;
            }
            Some(Err(e)) => {
                findings.unknown("retention", e.to_string());
                return;
            }
            None => {
                findings.unknown(
                    "retention",
                    "the brokers don't say how long records are kept",
                );
                return;
            }
        };
        let number = |key| config.get(key).and_then(|text| text.parse::<i64>().ok());
        let policy = config.get("cleanup.policy").map_or("", String::as_str);
        let mut kept = Vec::new();
        let is_deleted = policy.contains("delete");
        let age = number("retention.ms").and_then(|ms| u64::try_from(ms).ok());
        let age = age.map(Duration::from_millis).filter(|_| is_deleted);
        if let Some(age) = age {
            kept.push(format!("for {}", span(age.as_secs_f64())));
        }
        let size = number("retention.bytes").and_then(|bytes| u64::try_from(bytes).ok());
        if let Some(size) = size.filter(|_| is_deleted) {
            kept.push(format!("up to {} of each partition", bytes(size)));
        }
        let mut text = match kept.is_empty() {
            true => "kept for ever".to_owned(),
            false => format!("kept {}", kept.join(", ")),
        };
        if policy.contains("compact") {
            text += "; compacted, so of each key only the last record is sure to be archived";
        }
        let asked = match (archive.start, stored) {
            (Start::Since(moment), None) => {
                let now = RealClock.now_ms();
                u64::try_from(now.saturating_sub(moment.ms(now))).ok()
            }
            _ => None,
        };
        let asked = asked.map(Duration::from_millis);
        if let (Some(age), Some(asked)) = (age, asked)
            && asked > age
        {
            let advice =
                "start is longer ago than that: it begins with what Kafka still holds then";
            findings.doubtful("retention", text).advice(advice);
        } else if age.is_some_and(|age| age < SHORT) {
            let advice = "what isn't read within that is lost, also while archiver is stopped: a longer retention.ms helps";
            findings.doubtful("retention", text).advice(advice);
        } else {
            findings.good("retention", text);
        }
    }

    /// Says where it begins without a checkpoint, and whether that is still there.
    fn say_first_start(&self, start: Start, findings: &mut Findings) {
        let surveyed = self.surveyed;
        let Some(records) = surveyed.records() else {
            findings.unknown("start", "what there is couldn't be asked of all partitions");
            return;
        };
        let oldest = surveyed.oldest_ms;
        let mut held = surveyed.held.iter().flatten();
        let text = match (start, oldest) {
            (Start::Latest, _) => {
                format!("latest: without the {records} records that are there now")
            }
            (_, None) if records == 0 => {
                "there is no record yet: it begins with the first".to_owned()
            }
            (Start::Earliest, oldest) => {
                let from = oldest.map(|ms| format!(", from {} on", time(Some(ms))));
                let from = from.unwrap_or_default();
                format!("earliest: at most {records} records{from}")
            }
            (Start::Last(most), _) => {
                let records = held.map(|held| last(held, most)).sum::<u64>();
                format!("last:{most}: at most {records} records")
            }
            (Start::Since(moment), oldest) => {
                let ms = moment.ms(RealClock.now_ms());
                let from = time(Some(ms));
                // Without an offset that is gone, nothing was there before.
                if let Some(oldest) = oldest.filter(|oldest| *oldest > ms)
                    && held.any(|held| held.start > NextOffset::ZERO)
                {
                    let oldest = time(Some(oldest));
                    let text =
                        format!("{from}, but the oldest record that Kafka holds is of {oldest}");
                    let advice =
                        "what came between was deleted, or never was; it begins with the oldest";
                    findings.doubtful("start", text).advice(advice);
                    return;
                }
                format!("the first record of {from} or later")
            }
        };
        findings.good("start", text);
    }

    /// Says where it begins, and whether that is still there.
    fn say_start(
        &self,
        archive: &Archive,
        described: &Topic,
        stored: Option<&Stored>,
        findings: &mut Findings,
    ) {
        let surveyed = self.surveyed;
        let Some(stored) = stored else {
            self.say_first_start(archive.start, findings);
            return;
        };
        let identity = &stored.checkpoint.identity;
        if let Some(found) = described.of_another_cluster(identity.cluster_id.as_ref()) {
            let reason = Reason::OtherCluster {
                state: archive.state.clone(),
                cluster: archive.cluster.name.clone(),
                expected: identity.cluster_id.clone().unwrap_or_default(),
                found: found.clone(),
            };
            findings.bad("start", reason.to_string());
            return;
        }
        if described.is_another(identity.topic_id.as_ref()) {
            findings.doubtful(
                "start",
                "the topic was deleted and created again since the checkpoint: a gap is listed, and the new one is read from its \
                 first record",
            );
            return;
        }
        if surveyed.records().is_none() {
            findings.unknown(
                "start",
                "at its checkpoint; what there is couldn't be asked of all partitions",
            );
            return;
        }
        let (mut gone, mut behind) = (0, 0);
        for (partition, held) in (0..).zip(&surveyed.held) {
            let Ok(held) = held else { continue };
            let next = stored.checkpoint.progress.positions.next(partition).get();
            gone += held.start.get().saturating_sub(next).max(0);
            behind += held
                .end
                .get()
                .saturating_sub(next.max(held.start.get()))
                .max(0);
        }
        match gone {
            0 => findings.good(
                "start",
                format!("at its checkpoint, at most {behind} records behind"),
            ),
            gone => {
                findings.doubtful(
                    "start",
                    format!(
                        "{gone} offsets behind its checkpoint are gone from Kafka, and will be a gap; at most {behind} records \
                         are to be read"
                    ),
                );
            }
        }
    }
}

/// How many of the last records of a partition that holds these offsets.
fn last(held: &Offsets, most: u64) -> u64 {
    let there = u64::try_from(held.end.since(held.start)).unwrap_or(0);
    there.min(most)
}

fn say_denied(findings: &mut Findings, text: String, topic: &str, cluster: &Cluster) {
    findings
        .bad("rights", text)
        .advice("the user needs READ and DESCRIBE on the topic; an administrator gives them:")
        .command(acls(cluster, topic, &["Read", "Describe"]));
}

/// The command by which this cluster's user gets rights on a topic.
fn acls(cluster: &Cluster, topic: &str, operations: &[&str]) -> String {
    let property = |name: &str| cluster.properties.get(name).map(String::as_str);
    // It is no secret, other than all else that is configured.
    let user =
        property("sasl.username").map_or("User:NAME".to_owned(), |user| format!("User:{user}"));
    let mut command = format!("kafka-acls --bootstrap-server {}", word(&cluster.bootstrap));
    if property("security.protocol")
        .is_some_and(|protocol| !protocol.eq_ignore_ascii_case("plaintext"))
    {
        command += " --command-config admin.properties";
    }
    command += &format!(" --add --allow-principal {}", word(&user));
    for operation in operations {
        command += &format!(" --operation {operation}");
    }
    command + &format!(" --topic {}", word(topic))
}
