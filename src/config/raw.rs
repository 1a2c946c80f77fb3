//! The configuration as typed: each value of the right type, not yet held against the others.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{At, Problem, Span, Text, quote};
use super::walk::{Shape, Walker};
use super::{Corrupt, Existing, Newline, Start, keys, size};
use crate::fs::FileMode;

const FLUSH_LIMITS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_hours(1));
const CHECKPOINT_LIMITS: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_hours(24));
const SHUTDOWN_TIMEOUT_LIMITS: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_hours(1));
/// Less leaves no room for one large record on its way from a broker to a file.
const MEMORY_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub state_dir: Option<Text>,
    pub shutdown_timeout: Option<Duration>,
    pub memory_bytes: Option<u64>,
    pub defaults: Settings,
    pub kafka: Vec<Property>,
    pub clusters: Vec<RawCluster>,
    pub archives: Vec<RawArchive>,
}

/// A `[clusters.NAME]`.
#[derive(Debug)]
pub(super) struct RawCluster {
    pub name: At<String>,
    pub broker: Option<Text>,
    pub commit_group: Option<Text>,
    pub connections: Option<At<i64>>,
    pub kafka: Vec<Property>,
}

/// A librdkafka property.
#[derive(Debug)]
pub(super) struct Property {
    pub key: At<String>,
    pub value: Text,
}

/// An `[[archive]]`.
#[derive(Debug)]
pub(super) struct RawArchive {
    pub name: Option<Text>,
    pub broker: Option<Text>,
    pub topic: Option<Text>,
    pub file: Option<Text>,
    pub settings: Settings,
}

/// The keys that `[defaults]` can have, too.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub start: Option<At<Start>>,
    pub flush: Option<Duration>,
    pub checkpoint: Option<Duration>,
    pub compression: Option<At<Algorithm>>,
    pub compression_level: Option<At<i64>>,
    pub newline: Option<At<Newline>>,
    pub existing: Option<At<Existing>>,
    pub file_mode: Option<FileMode>,
    pub corrupt: Option<At<Corrupt>>,
}

/// A compression without its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    None,
    Gzip,
    Zstd,
}

impl Raw {
    pub fn read(walker: &mut Walker<'_>, root: &DeTable<'_>) -> Raw {
        let shape = Shape {
            keys: keys::TOP,
            place: "at the top of the file",
        };
        walker.refuse_unknown(root, &shape);
        let state_dir = walker.filled(root, "state_dir");
        let shutdown_timeout = walker.duration(root, "shutdown_timeout", SHUTDOWN_TIMEOUT_LIMITS);
        let defaults = match walker.table(root, "defaults", "a table, `[defaults]`") {
            Some(table) => {
                let shape = Shape {
                    keys: keys::DEFAULTS,
                    place: "in `[defaults]`",
                };
                walker.refuse_unknown(table.value, &shape);
                Settings::read(walker, table.value)
            }
            None => Settings::default(),
        };
        Raw {
            state_dir,
            shutdown_timeout,
            memory_bytes: read_limits(walker, root),
            defaults,
            kafka: read_kafka(walker, root),
            clusters: read_clusters(walker, root),
            archives: read_archives(walker, root),
        }
    }
}

fn read_limits(walker: &mut Walker<'_>, root: &DeTable<'_>) -> Option<u64> {
    let table = walker.table(root, "limits", "a table, `[limits]`")?;
    let shape = Shape {
        keys: keys::LIMITS,
        place: "in `[limits]`",
    };
    walker.refuse_unknown(table.value, &shape);
    let text = walker.text(table.value, "memory", "a size such as \"256MiB\"")?;
    match size::parse(&text.value) {
        None => {
            let message = format!("{} is not a size", text.quoted());
            walker.report(Problem::at(&text.span, message).help(
                "a whole number of bytes, or with one of kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as \"256MiB\"",
            ));
            None
        }
        Some(bytes) if bytes < MEMORY_BYTES_MIN => {
            let problem = Problem::at(&text.span, "`memory` is too small");
            walker.report(problem.label("at least \"16MiB\""));
            None
        }
        bytes => bytes,
    }
}

fn read_clusters(walker: &mut Walker<'_>, root: &DeTable<'_>) -> Vec<RawCluster> {
    let Some(table) = walker.table(root, "clusters", "tables, `[clusters.NAME]`") else {
        return Vec::new();
    };
    let mut clusters = Vec::new();
    for (name, value) in table.value {
        let Some(inner) = value.get_ref().as_table() else {
            let shown = walker.quoted_key(name).unwrap_or_else(|| "this".to_owned());
            let message = format!("{shown} is no table, but clusters are");
            walker.report(
                Problem::at(&name.span(), message)
                    .help("write `[clusters.NAME]`, and `broker = \"host:port\"` below it"),
            );
            continue;
        };
        let shape = Shape {
            keys: keys::CLUSTER,
            place: "in a `[clusters.NAME]` table",
        };
        walker.refuse_unknown(inner, &shape);
        walker.require(inner, &value.span(), &name.span(), &["broker"], "cluster");
        clusters.push(RawCluster {
            name: At {
                value: name.get_ref().to_string(),
                span: name.span(),
            },
            broker: walker.filled(inner, "broker"),
            commit_group: walker.filled(inner, "commit_group"),
            connections: walker.integer(inner, "connections"),
            kafka: read_kafka(walker, inner),
        });
    }
    clusters
}

fn read_archives(walker: &mut Walker<'_>, root: &DeTable<'_>) -> Vec<RawArchive> {
    let Some(value) = walker.value(root, "archive") else {
        if walker.broken.is_empty() {
            walker.report(nothing_to_archive(Problem::of_the_file));
        }
        return Vec::new();
    };
    let Some(array) = value.get_ref().as_array() else {
        walker.wrong_type(value, "a list of tables, `[[archive]]`");
        return Vec::new();
    };
    if array.is_empty() && walker.broken.is_empty() {
        walker.report(nothing_to_archive(|message| {
            Problem::at(&value.span(), message)
        }));
    }
    array
        .iter()
        .filter_map(|value| RawArchive::read(walker, value))
        .collect()
}

fn nothing_to_archive(problem: impl Fn(&'static str) -> Problem) -> Problem {
    problem("there is no `[[archive]]`, so nothing to do")
        .help("write `[[archive]]`, and `broker`, `topic` and `file` below it, once per topic")
}

impl RawArchive {
    fn read(walker: &mut Walker<'_>, value: &Spanned<DeValue<'_>>) -> Option<RawArchive> {
        let Some(table) = value.get_ref().as_table() else {
            walker.wrong_type(value, "a table, `[[archive]]`");
            return None;
        };
        let shape = Shape {
            keys: keys::ARCHIVE,
            place: "in an `[[archive]]`",
        };
        walker.refuse_unknown(table, &shape);
        let span = value.span();
        walker.require(table, &span, &span, &["broker", "topic", "file"], "archive");
        Some(RawArchive {
            name: walker.filled(table, "name"),
            broker: walker.filled(table, "broker"),
            topic: walker.filled(table, "topic"),
            file: walker.filled(table, "file"),
            settings: Settings::read(walker, table),
        })
    }
}

impl Settings {
    fn read(walker: &mut Walker<'_>, table: &DeTable<'_>) -> Settings {
        let starts = [("latest", Start::Latest), ("earliest", Start::Earliest)];
        let algorithms = [
            ("none", Algorithm::None),
            ("gzip", Algorithm::Gzip),
            ("zstd", Algorithm::Zstd),
        ];
        let newlines = [
            ("space", Newline::Space),
            ("escape", Newline::Escape),
            ("fail", Newline::Fail),
        ];
        let existing = [("refuse", Existing::Refuse), ("append", Existing::Append)];
        let corrupt = [("wait", Corrupt::Wait), ("skip", Corrupt::Skip)];
        Settings {
            start: walker.choice(table, "start", &starts),
            flush: walker.duration(table, "flush", FLUSH_LIMITS),
            checkpoint: walker.duration(table, "checkpoint", CHECKPOINT_LIMITS),
            compression: walker.choice(table, "compression", &algorithms),
            compression_level: walker.integer(table, "compression_level"),
            newline: walker.choice(table, "newline", &newlines),
            existing: walker.choice(table, "existing", &existing),
            file_mode: read_mode(walker, table),
            corrupt: walker.choice(table, "corrupt", &corrupt),
        }
    }
}

fn read_mode(walker: &mut Walker<'_>, table: &DeTable<'_>) -> Option<FileMode> {
    let text = walker.text(table, "file_mode", "a mode such as \"0640\"")?;
    let is_octal = (3..=4).contains(&text.value.len())
        && text.value.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let bits = u32::from_str_radix(&text.value, 8).ok();
    let mode = bits.filter(|_| is_octal).and_then(FileMode::new);
    if mode.is_none() {
        let message = format!("{} is not a mode for files", text.quoted());
        walker.report(Problem::at(&text.span, message).help(
            "three or four octal digits, such as \"0640\": the owner can read and write, nobody can execute; \
             directories get an x for each r",
        ));
    }
    mode
}

fn read_kafka(walker: &mut Walker<'_>, parent: &DeTable<'_>) -> Vec<Property> {
    let mut properties = Vec::new();
    if let Some(table) = walker.table(parent, "kafka", "a table of librdkafka properties") {
        flatten(walker, table.value, "", &mut properties);
    }
    properties
}

/// `security.protocol = …` without quotes is a table `security` in TOML's eyes.
fn flatten(
    walker: &mut Walker<'_>,
    table: &DeTable<'_>,
    prefix: &str,
    properties: &mut Vec<Property>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        if let Some(inner) = value.get_ref().as_table() {
            flatten(walker, inner, &format!("{name}."), properties);
            continue;
        }
        if value.span().is_empty() {
            continue;
        }
        let plain = |text: String| Text::new(&text, text.clone(), value.span());
        let text = match value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .map(|n| plain(n.to_string())),
            DeValue::Boolean(boolean) => Some(plain(boolean.to_string())),
            _ => None,
        };
        let expected = "a string, an integer or a boolean";
        let Some(text) = text.or_else(|| walker.text_of(value, expected)) else {
            continue;
        };
        if properties.iter().any(|property| property.key.value == name) {
            let message = format!("the property {} is given twice", quote(&name));
            walker.report(Problem::at(&key.span(), message));
        }
        properties.push(Property {
            key: At {
                value: name,
                span: key.span(),
            },
            value: text,
        });
    }
}

impl Walker<'_> {
    /// Reports the keys that are missing, unless a syntax error may have swallowed them.
    fn require(
        &mut self,
        table: &DeTable<'_>,
        header: &Span,
        place: &Span,
        required: &[&str],
        what: &str,
    ) {
        let missing: Vec<String> = required
            .iter()
            .filter(|key| !table.contains_key(**key))
            .map(|key| format!("`{key}`"))
            .collect();
        if missing.is_empty() || self.is_damaged(header) {
            return;
        }
        let missing = match missing.as_slice() {
            [one] => one.clone(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
            [] => return,
        };
        self.report(Problem::at(
            place,
            format!("this {what} is missing {missing}"),
        ));
    }
}
