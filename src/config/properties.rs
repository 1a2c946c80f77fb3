//! librdkafka's properties: which are archiver's own, which exist, which values they take.
//!
//! librdkafka itself is asked, on a scratch configuration: no client is made, nothing is opened.
//! Its error texts may quote the value, so they are never passed on.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::keys;
use super::known_properties::KNOWN;
use super::problem::{Problem, quote};
use super::raw::Property;
use super::walk::Walker;

const POSITION: &str = "the local checkpoint decides where reading goes on";
const MEMORY: &str = "it follows from `memory` in `[limits]`";
const ASSIGNMENT: &str = "archiver reads every partition itself and joins no group";

/// Properties that archiver sets itself, with the reason.
pub(super) const OWNED: &[(&str, &str)] = &[
    ("allow.auto.create.topics", "archiver never creates a topic"),
    ("auto.commit.enable", POSITION),
    ("auto.commit.interval.ms", POSITION),
    (
        "auto.offset.reset",
        "use `start`; expired offsets are a gap, never a silent jump",
    ),
    ("bootstrap.servers", "use `broker`"),
    (
        "consume.callback.max.messages",
        "archiver takes records in batches of its own",
    ),
    ("enable.auto.commit", POSITION),
    ("enable.auto.offset.store", POSITION),
    (
        "enable.partition.eof",
        "archiver follows the end of a partition itself",
    ),
    ("enabled_events", "archiver decides which events it serves"),
    ("fetch.max.bytes", MEMORY),
    ("fetch.message.max.bytes", MEMORY),
    (
        "group.id",
        "use `commit_group` in a `[clusters.NAME]` table",
    ),
    ("group.instance.id", ASSIGNMENT),
    ("group.protocol", ASSIGNMENT),
    ("group.remote.assignor", ASSIGNMENT),
    ("log.queue", "archiver takes librdkafka's log as it comes"),
    ("max.partition.fetch.bytes", MEMORY),
    ("message.max.bytes", MEMORY),
    ("metadata.broker.list", "use `broker`"),
    ("offset.store.method", POSITION),
    ("offset.store.path", POSITION),
    ("offset.store.sync.interval.ms", POSITION),
    ("partition.assignment.strategy", ASSIGNMENT),
    ("plugin.library.paths", "archiver loads no plug-ins"),
    ("queued.max.messages.kbytes", MEMORY),
    ("queued.min.messages", MEMORY),
    ("receive.message.max.bytes", MEMORY),
];

/// What librdkafka says about a property.
pub(super) enum Verdict {
    Fine,
    Unknown,
    Invalid,
    /// It exists, but not in this build of librdkafka.
    NotBuilt,
    /// It exists, but takes no text.
    NoText,
}

pub(super) fn ask(key: &str, value: &str) -> Verdict {
    let mut scratch = ClientConfig::new();
    scratch.set(key, value);
    match scratch.create_native_config() {
        Ok(_) => Verdict::Fine,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Verdict::Unknown
        }
        Err(KafkaError::ClientConfig(_, text, ..))
            if text.contains("not supported in this build") =>
        {
            Verdict::NotBuilt
        }
        Err(KafkaError::ClientConfig(_, text, ..))
            if text.contains("must be set through") || text.contains("not settable") =>
        {
            Verdict::NoText
        }
        Err(_) => Verdict::Invalid,
    }
}

/// Checks a table of properties, and makes a map of those that can be passed on.
pub(super) fn check(walker: &mut Walker<'_>, properties: &[Property]) -> BTreeMap<String, String> {
    let mut checked = BTreeMap::new();
    for property in properties {
        let key = property.key.value.as_str();
        match find(walker, property) {
            Some(problem) => walker.report(problem),
            None => {
                checked.insert(key.to_owned(), property.value.value.clone());
            }
        }
    }
    checked
}

fn find(walker: &Walker<'_>, property: &Property) -> Option<Problem> {
    let key = property.key.value.as_str();
    if walker.masked.hides(&property.key.span) {
        // In a broken file, what stands here may be no key at all.
        let unknown = matches!(ask(key, ""), Verdict::Unknown);
        return unknown.then(|| Problem::at(&property.key.span, "unknown librdkafka property"));
    }
    let shown = quote(key);
    let at_key = |message: String| Problem::at(&property.key.span, message);
    if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| *owned == key) {
        return Some(at_key(format!("{shown} is archiver's own")).label(*reason));
    }
    match ask(key, &property.value.value) {
        Verdict::Fine => None,
        Verdict::Unknown => {
            let problem = at_key(format!("unknown librdkafka property {shown}"));
            let own = |name: &&str| OWNED.iter().any(|(owned, _)| owned == name);
            let settable = KNOWN
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| !own(name));
            Some(match keys::nearest(key, settable) {
                Some(meant) => problem.label(format!("did you mean `{meant}`?")),
                None => problem.help("librdkafka's CONFIGURATION.md lists what there is"),
            })
        }
        Verdict::Invalid => {
            let message = format!("{shown} can't have this value");
            let problem = Problem::at(&property.value.span, message);
            let takes = KNOWN
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, takes)| *takes);
            Some(match takes.filter(|takes| !takes.is_empty()) {
                Some(takes) => problem.help(format!("possible: {takes}")),
                None => problem,
            })
        }
        Verdict::NotBuilt => Some(at_key(format!(
            "{shown} is not supported by the librdkafka in this program"
        ))),
        Verdict::NoText => Some(at_key(format!("{shown} can't be set in a configuration"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_suggested_or_owned_exists() {
        let scratch = ClientConfig::new().create_native_config().unwrap();
        for (name, _) in KNOWN.iter().chain(OWNED) {
            // librdkafka answers `get` for what has a value, `set` for the rest.
            let exists = scratch.get(name).is_ok() || !matches!(ask(name, ""), Verdict::Unknown);
            assert!(exists, "{name}");
        }
    }

    #[test]
    fn the_tables_are_sorted_and_without_doubles() {
        for table in [KNOWN, OWNED] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
