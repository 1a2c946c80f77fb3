//! Writing a topics.toml.

use std::fmt::Write;

use crate::topic::Topic;

/// A configuration as the user would type it; every value is a string.
#[derive(Clone, Default)]
pub struct Config {
    top: String,
    tables: Vec<(String, String)>,
    archives: String,
}

impl Config {
    pub fn new() -> Self {
        Self::default()
    }

    /// A key before all tables.
    pub fn top(mut self, key: &str, value: &str) -> Self {
        self.top.push_str(&pair(key, value));
        self
    }

    /// A key of `[defaults]`, `[kafka]`, `[clusters.NAME]`, …
    pub fn set(mut self, table: &str, key: &str, value: &str) -> Self {
        let index = self
            .tables
            .iter()
            .position(|(name, _)| name == table)
            .unwrap_or_else(|| {
                self.tables.push((table.to_owned(), String::new()));
                self.tables.len() - 1
            });
        self.tables[index].1.push_str(&pair(key, value));
        self
    }

    /// An archive with whatever keys besides the three that it must have.
    pub fn archive(self, topic: &Topic, file: &str, keys: &[(&str, &str)]) -> Self {
        self.archive_on(&topic.bootstrap(), topic, file, keys)
    }

    /// A line as it is typed, for the last archive.
    pub fn line(mut self, typed: &str) -> Self {
        self.archives.push_str(typed);
        self.archives.push('\n');
        self
    }

    /// An archive on a cluster by its table's name, or elsewhere.
    pub fn archive_on(
        self,
        broker: &str,
        topic: &Topic,
        file: &str,
        keys: &[(&str, &str)],
    ) -> Self {
        self.of(broker, ("topic", &topic.name), file, keys)
    }

    /// An archive for each topic that a pattern matches.
    pub fn pattern(self, broker: &str, pattern: &str, file: &str, keys: &[(&str, &str)]) -> Self {
        self.of(broker, ("topic_pattern", pattern), file, keys)
    }

    fn of(mut self, broker: &str, topics: (&str, &str), file: &str, keys: &[(&str, &str)]) -> Self {
        self.archives.push_str("\n[[archive]]\n");
        for (key, value) in [("broker", broker), topics, ("file", file)]
            .iter()
            .chain(keys)
        {
            self.archives.push_str(&pair(key, value));
        }
        self
    }

    pub fn text(&self) -> String {
        let mut text = self.top.clone();
        for (name, keys) in &self.tables {
            write!(text, "\n[{name}]\n{keys}").unwrap();
        }
        text + &self.archives
    }
}

/// JSON's strings are TOML's, and so are its quoted keys.
fn pair(key: &str, value: &str) -> String {
    let quoted = |text| serde_json::to_string(text).unwrap();
    format!("{} = {}\n", quoted(key), quoted(value))
}
