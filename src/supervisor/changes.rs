//! What another configuration changes: the fate of each archive that is there.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::listed::{Known, Standing};
use crate::config::{Archive, Checked, Config, Found};

/// How many names one line of the log has, at most.
const NAMED_MOST: usize = 10;

/// What another configuration changes, by the names of archives and the texts of patterns.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Archives that are new.
    pub new: Vec<String>,
    /// Archives that go on otherwise, and so stop and start.
    pub changed: Vec<String>,
    /// Archives that are as they were, have stopped by themselves and start again.
    #[serde(default)]
    pub again: Vec<String>,
    /// Archives that are in it no more.
    pub gone: Vec<String>,
    /// How many go on as they are.
    pub same: usize,
    /// Patterns that are new or changed.
    pub patterns: Vec<String>,
    /// Patterns that are in it no more.
    pub gone_patterns: Vec<String>,
}

/// What a reload would do, as `/api/reload` answers it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// The configuration that would be read.
    pub file: String,
    /// Why nothing would be changed: what is wrong with the configuration.
    pub error: Option<String>,
    /// What it would change.
    pub changes: Changes,
    /// Keys that differ and are taken up at the next start of archiver only.
    pub at_next_start: Vec<String>,
}

/// What becomes of an archive that is there.
pub(super) enum Fate {
    Same,
    /// It is as it was, and has stopped or is about to: it starts again so.
    Again(Checked<Archive>),
    /// It goes on so; nothing if it is its pattern that starts it again.
    Changed(Option<Checked<Archive>>),
    Gone,
}

/// A configuration, and its archives by their names.
pub(super) struct Wanted<'a> {
    config: &'a Config,
    archives: HashMap<&'a str, &'a Checked<Archive>>,
}

impl<'a> Wanted<'a> {
    pub fn new(config: &'a Config) -> Self {
        let archives = config.archives.iter();
        Self {
            config,
            archives: archives
                .map(|archive| (archive.name.as_str(), archive))
                .collect(),
        }
    }

    /// What becomes of an archive.
    pub fn fate(&self, known: &Known) -> Fate {
        let archive = &known.config;
        let same = |now: &Checked<Archive>| match known.standing {
            Standing::Runs => Fate::Same,
            Standing::Stops | Standing::Stopped => Fate::Again(now.clone()),
        };
        if let Some(now) = self.archives.get(archive.name.as_str()) {
            return match now.goes_on_as(archive) {
                true => same(now),
                false => Fate::Changed(Some((*now).clone())),
            };
        }
        match self.of_pattern(archive) {
            // Its pattern knew where it begins.
            Some(now) if now.goes_on_as(archive) => same(archive),
            Some(_) => Fate::Changed(None),
            None => Fate::Gone,
        }
    }

    /// The archive of this name that a pattern makes of its topic.
    fn of_pattern(&self, archive: &Archive) -> Option<Checked<Archive>> {
        let mut patterns = self.config.patterns.iter();
        patterns.find_map(|pattern| {
            let topic = &archive.topic;
            let takes = pattern.matches(topic) && pattern.earlier(topic).is_none();
            let made = takes.then(|| pattern.archive(topic, Found::Later).ok());
            made.flatten().filter(|made| made.name == archive.name)
        })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, names) in [
            ("new", &self.new),
            ("changed", &self.changed),
            ("started again", &self.again),
            ("gone", &self.gone),
            ("new or changed patterns", &self.patterns),
            ("patterns gone", &self.gone_patterns),
        ] {
            if !names.is_empty() {
                write!(f, "{} {what} ({}), ", names.len(), named(names))?;
            }
        }
        write!(f, "{} as they were", self.same)
    }
}

/// Names for a line of the log: not more than so many.
pub(super) fn named(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED_MOST);
    let named = names[..names.len() - more].join(", ");
    match more {
        0 => named,
        more => format!("{named} and {more} others"),
    }
}
