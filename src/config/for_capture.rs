//! The configuration of a capture: what was typed, as a file of the usual kind, so that it is checked as one.

use std::path::Path;

use archiver_format::digest::Digest;
use toml::{Table, Value};

use super::built::Checked;
use super::configuration::Config;
use super::load::load_text;
use super::read::{read_source, source_name};
use super::report::LoadError;
use super::topic_pattern::matching;

/// No name is longer, as Kafka has it.
const NAME_MOST: usize = 249;

/// The file of a configuration that is made for its cluster alone: never written, but checked with the rest.
pub const NOT_WRITTEN: &str = "not-written/{topic}";

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// The brokers, or the name of a cluster of the configuration.
    pub broker: Option<String>,
    /// Properties for librdkafka.
    pub properties: Vec<(String, String)>,
    /// Topics; without any, those of the configuration.
    pub topics: Vec<String>,
    /// The file, with placeholders; without it, those of the configuration.
    pub file: Option<String>,
    /// Other keys of each archive, and their values in TOML.
    pub keys: Vec<(String, String)>,
}

/// Why a capture has no configuration.
#[derive(Debug, thiserror::Error)]
pub enum TypedError {
    /// The configuration that is named can't be used, or what was typed.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// A value is no TOML.
    #[error("{key} = {value} is not TOML: {why}; a text needs quotes, as in --set '{key}=\"…\"'")]
    Value {
        /// The key.
        key: String,
        /// What was typed.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing says where Kafka is.
    #[error(
        "it isn't known where Kafka is; name it with -b HOST:PORT, or a configuration with -c FILE"
    )]
    NoBroker,
    /// Nothing says which topics.
    #[error(
        "no topic is named; name one with -t TOPIC, or a configuration that has archives with -c FILE"
    )]
    NoTopic,
    /// Topics of a pattern must be named, as they are at a time.
    #[error(
        "it isn't known which topics {pattern} matches; name them with -t TOPIC, or -t ^PATTERN"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Nothing says where to.
    #[error(
        "no file is named; name one with -o FILE, such as -o '{{topic}}.ndjson', or - for standard output"
    )]
    NoFile,
}

/// The configuration of a capture, with an archive for each topic. The file at `base` says what isn't typed.
///
/// # Errors
///
/// If something is missing, or what was typed is no configuration.
pub fn for_capture(base: Option<&Path>, typed: &Typed) -> Result<Checked<Config>, TypedError> {
    let mut root = match base {
        Some(base) => read(base)?,
        None => Table::new(),
    };
    prepare(&mut root, typed);
    let known = match root.remove("archive") {
        Some(Value::Array(known)) => known,
        _ => Vec::new(),
    };
    let known = known.into_iter().filter_map(|archive| match archive {
        Value::Table(archive) => Some(archive),
        _ => None,
    });
    let mut archives = archives(known.collect(), typed)?;
    if let Some(broker) = &typed.broker {
        for archive in &mut archives {
            archive.insert("broker".into(), broker.clone().into());
        }
    } else if archives
        .iter()
        .any(|archive| !archive.contains_key("broker"))
    {
        let clusters = root.get("clusters").and_then(Value::as_table);
        let clusters =
            clusters.map_or_else(Vec::new, |clusters| clusters.keys().cloned().collect());
        let [only] = &clusters[..] else {
            return Err(TypedError::NoBroker);
        };
        for archive in &mut archives {
            archive.insert("broker".into(), only.clone().into());
        }
    }
    let properties = typed.properties.iter();
    let mut kafka = taken(&mut root, "kafka");
    // What is typed is a value as it is: a shell has put in it what was to be put in.
    let plain = |value: &String| Value::from(value.replace("${", "$${"));
    kafka.extend(properties.map(|(name, value)| (name.clone(), plain(value))));
    root.insert("kafka".into(), kafka.into());
    let archives = archives.into_iter().map(Value::Table);
    root.insert("archive".into(), archives.collect::<Vec<_>>().into());
    let name = base.map_or_else(|| "the command line".to_owned(), source_name);
    let made = load_text(&name, &root.to_string(), &|variable| {
        std::env::var_os(variable)
    });
    Ok(made.map_err(LoadError::of_topics)?)
}

/// What they are for in a service is not for a part of a topic.
const OF_SERVICES: [&str; 6] = [
    "start",
    "existing",
    "keep",
    "keep_size",
    "on_seal",
    "on_seal_timeout",
];
/// What cuts a file into segments.
const OF_SEGMENTS: [&str; 2] = ["rotate", "seal_on_stop"];

/// Is it one file?
fn is_one_file(typed: &Typed) -> bool {
    let file = typed.file.as_ref();
    file.is_some_and(|file| !file.contains("{seq"))
}

/// Takes out of the file what isn't for captures: what deletes, what is run, what commits for the service's group.
fn prepare(root: &mut Table, typed: &Typed) {
    if let Some(Value::Table(defaults)) = root.get_mut("defaults") {
        for key in OF_SERVICES {
            defaults.remove(key);
        }
        if is_one_file(typed) {
            for key in OF_SEGMENTS {
                defaults.remove(key);
            }
        }
    }
    if let Some(Value::Table(clusters)) = root.get_mut("clusters") {
        for (_, cluster) in clusters.iter_mut() {
            if let Value::Table(cluster) = cluster {
                cluster.remove("commit_group");
            }
        }
    }
    if typed.file.is_some() {
        // Beside the file: two of one name in two directories are two captures.
        root.remove("state_dir");
    }
}

/// The tables of a file, which are checked once more with what was typed.
fn read(base: &Path) -> Result<Table, LoadError> {
    let name = source_name(base);
    let bytes = read_source(base).map_err(|error| LoadError::unreadable(&name, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    // It says what is wrong with it, and where.
    load_text(&name, &text, &|variable| std::env::var_os(variable))?;
    text.parse()
        .map_err(|error| LoadError::unreadable(&name, &error))
}

/// An archive for each topic: as the configuration has it, but for what was typed.
fn archives(known: Vec<Table>, typed: &Typed) -> Result<Vec<Table>, TypedError> {
    let mut archives = match typed.topics.is_empty() {
        true => known,
        false => {
            let topics = typed.topics.iter();
            topics.map(|topic| of_topic(&known, topic)).collect()
        }
    };
    if let Some(pattern) = archives.iter().find_map(pattern_of) {
        return Err(TypedError::Pattern {
            pattern: pattern.to_owned(),
        });
    }
    if archives.is_empty() {
        return Err(TypedError::NoTopic);
    }
    for archive in &mut archives {
        for key in OF_SERVICES {
            archive.remove(key);
        }
        if is_one_file(typed) {
            for key in OF_SEGMENTS {
                archive.remove(key);
            }
        }
        if let Some(file) = &typed.file {
            let topic = archive
                .get("topic")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let name = name_of(file, topic);
            archive.insert("file".into(), file.clone().into());
            archive.insert("name".into(), name.into());
        }
        for (key, value) in &typed.keys {
            archive.insert(key.clone(), parsed(key, value)?);
        }
        match archive.get("file").and_then(Value::as_str) {
            None => return Err(TypedError::NoFile),
            Some(file) if file.contains("{seq") => {
                archive.insert("seal_on_stop".into(), true.into());
            }
            Some(_) => {}
        }
    }
    Ok(archives)
}

/// The pattern of a table that has one.
fn pattern_of(archive: &Table) -> Option<&str> {
    archive.get("topic_pattern").and_then(Value::as_str)
}

/// A topic's archive: as the configuration has it by its name, or by a pattern that takes it.
fn of_topic(known: &[Table], topic: &str) -> Table {
    let is_of = |archive: &&Table| archive.get("topic").and_then(Value::as_str) == Some(topic);
    let takes = |archive: &&Table| {
        let found = pattern_of(archive).map(|pattern| matching(pattern, vec![topic.to_owned()]));
        found.is_some_and(|found| found.is_ok_and(|found| !found.is_empty()))
    };
    let mut known_by = known.iter();
    let found = known_by.find(is_of).or_else(|| known.iter().find(takes));
    let mut archive = found.cloned().unwrap_or_default();
    archive.remove("topic_pattern");
    archive.insert("topic".into(), topic.to_owned().into());
    if let Some(Value::String(name)) = archive.get_mut("name") {
        *name = name.replace("{topic}", topic);
    }
    archive
}

/// The name of a topic's archive: also what its file is called in its directory, so that each file there has a state of
/// its own.
fn name_of(file: &str, topic: &str) -> String {
    let filled = file.replace("{topic}", topic);
    let fixed = filled
        .find('{')
        .map_or(&*filled, |placeholder| &filled[..placeholder]);
    let called = &filled[fixed.rfind('/').map_or(0, |slash| slash + 1)..];
    let is_fit = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let fit = called.chars().filter(is_fit).collect::<String>();
    let name = match fit.contains(topic) {
        true => fit.clone(),
        false => format!("{topic}-{fit}"),
    };
    if fit == called && name.len() <= NAME_MOST {
        return name;
    }
    // What was left out tells files apart.
    let digest = Digest::of(called.as_bytes()).to_string();
    let mark = format!("-{}", digest.chars().take(8).collect::<String>());
    let kept = name
        .chars()
        .take(NAME_MOST - mark.len())
        .collect::<String>();
    kept + &mark
}

/// A value as it would stand in the file.
fn parsed(key: &str, value: &str) -> Result<Value, TypedError> {
    let table = format!("value = {value}").parse::<Table>();
    let found = table.map(|mut table| table.remove("value"));
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Ok(Value::from(value)),
        Err(error) => Err(TypedError::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            why: error.message().to_owned(),
        }),
    }
}

/// Takes out a table; an empty one if there is none.
fn taken(root: &mut Table, name: &str) -> Table {
    match root.remove(name) {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(topics: &[&str], file: &str) -> Typed {
        Typed {
            broker: Some("localhost:9092".into()),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            file: Some(file.into()),
            ..Typed::default()
        }
    }

    #[test]
    fn what_is_wrong_with_each_topic_is_told_once() {
        let typed = Typed {
            keys: vec![("flush".into(), "\"soon\"".into())],
            ..typed(&["a", "b", "c"], "not-there/{topic}")
        };
        let said = for_capture(None, &typed).expect_err("it is wrong");
        let said = said.to_string();
        assert_eq!(said.matches("flush").count(), 1, "{said}");
        assert!(said.contains("the same 3 times"), "{said}");
        assert!(
            said.ends_with("1 problem in the command line; no file was touched"),
            "{said}"
        );
    }

    #[test]
    fn what_was_typed_is_a_configuration_with_an_archive_for_each_topic() {
        let typed = Typed {
            properties: vec![("client.id".into(), "me".into())],
            keys: vec![
                ("rotate".into(), "{ records = 10 }".into()),
                ("format".into(), "\"json\"".into()),
            ],
            ..typed(&["a", "b"], "not-there/{topic}/{seq}.ndjson.zst")
        };
        let config = for_capture(None, &typed).expect("a configuration");
        let archives = config.archives.iter();
        let archives = archives.map(|a| (a.topic.as_str(), a.rotation.records, a.seal_on_stop));
        let expected = [("a", Some(10), true), ("b", Some(10), true)];
        assert_eq!(archives.collect::<Vec<_>>(), expected);
        let cluster = &config.archives[0].cluster;
        assert_eq!(cluster.bootstrap, "localhost:9092");
        assert_eq!(
            cluster.properties.get("client.id").map(String::as_str),
            Some("me")
        );
    }

    #[test]
    fn what_is_missing_is_said_and_how_to_name_it() {
        let said = |typed: &Typed| for_capture(None, typed).expect_err("is none").to_string();
        let all = typed(&["a"], "not-there/{topic}");
        for (typed, says) in [
            (
                Typed {
                    broker: None,
                    ..all.clone()
                },
                "-b HOST:PORT",
            ),
            (
                Typed {
                    topics: vec![],
                    ..all.clone()
                },
                "-t TOPIC",
            ),
            (
                Typed {
                    file: None,
                    ..all.clone()
                },
                "-o FILE",
            ),
            (
                Typed {
                    keys: vec![("format".into(), "json".into())],
                    ..all.clone()
                },
                "a text needs quotes",
            ),
            (
                typed(&["a", "b"], "not-there/one"),
                "two archives write to one file",
            ),
        ] {
            let said = said(&typed);
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_configuration_says_what_is_not_typed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("topics.toml");
        let text = "[clusters.one]\nbroker = \"b:1\"\n[[archive]]\nbroker = \"one\"\ntopic = \"a\"\nfile = \"not-there/{seq}\"\nkeep = \"1d\"\n\
            [[archive]]\nbroker = \"one\"\ntopic = \"b\"\nfile = \"not-there/b\"\nformat = \"json\"\n";
        std::fs::write(&path, text).expect("written");
        let all = for_capture(Some(&path), &Typed::default()).expect("a configuration");
        assert_eq!(all.archives.len(), 2);
        assert!(all.archives[0].retention.is_endless());
        let some = Typed {
            topics: vec!["b".into(), "c".into()],
            file: Some("not-there/of-{topic}".into()),
            ..Typed::default()
        };
        let some = for_capture(Some(&path), &some).expect("a configuration");
        let some = some
            .archives
            .iter()
            .map(|a| (a.topic.as_str(), a.format_name(), a.cluster.name.as_str()));
        assert_eq!(
            some.collect::<Vec<_>>(),
            [("b", "json", "one"), ("c", "raw", "one")]
        );
    }
}
