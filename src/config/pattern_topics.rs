//! A pattern of topics: which topics it takes, and the archive that each of them gets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use archiver_format::state_files::{PatternDir, STATE_DIRECTORY};
use archiver_format::template::{Template, TemplateError, Values};

use super::built::{Archive, Checked, Cluster, Start};
use super::compression::by_ending;
use super::name;
use super::topic_pattern::Matcher;
use crate::world::fs::real::FileMode;

/// What stands for the topic in the name of a pattern's archives.
pub(super) const TOPIC: &str = "{topic}";

/// An `[[archive]]` with a `topic_pattern`: an archive for each topic that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub(super) matcher: Matcher,
    /// Topics that have archives of their own.
    pub(super) taken: BTreeSet<String>,
    /// Patterns that come before it.
    pub(super) earlier: Vec<Matcher>,
    /// What its archives have in common. Name and template lack the topic.
    pub(super) common: Archive,
    pub(super) state_dir: Option<PathBuf>,
}

/// When a topic was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// When the pattern was new, with this id if it is known. Such a topic begins as `start` says.
    AtFirst(Option<String>),
    /// Since. It begins at its first record.
    Later,
}

/// Where the state directories of a pattern's archives may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct States {
    /// The directory that all of them are below.
    pub above: PathBuf,
    /// How many levels of directories are between.
    pub levels: usize,
    /// Are they in `.archiver` there, beside the data?
    pub beside: bool,
}

/// Why a topic can't have an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A directory of this name can't be, or would be somebody else's.
    #[error("an archive can't be named {name}: a name is {}", name::RULE)]
    Name {
        /// As it would be.
        name: String,
    },
    /// Its file can't be.
    #[error("its file can't be: {0}")]
    File(#[from] TemplateError),
    /// Whoever reads the file would take it for compressed otherwise.
    #[error("its file {} would end in {ending}, but isn't compressed so", file.display())]
    Ending {
        /// As it would be.
        file: PathBuf,
        /// What it ends in.
        ending: &'static str,
    },
}

impl Pattern {
    /// The regular expression, as typed.
    pub fn text(&self) -> &str {
        self.matcher.text()
    }

    /// Where its topics are.
    pub fn cluster(&self) -> &Checked<Cluster> {
        &self.common.cluster
    }

    /// The mode of what is created.
    pub fn file_mode(&self) -> Option<FileMode> {
        self.common.file_mode
    }

    /// Does it match this topic, which has no archive of its own?
    pub fn matches(&self, topic: &str) -> bool {
        self.matcher.matches(topic) && !self.taken.contains(topic)
    }

    /// The pattern that comes before it and matches this topic, too: that one has it.
    pub fn earlier(&self, topic: &str) -> Option<&str> {
        let mut earlier = self.earlier.iter();
        earlier
            .find(|other| other.matches(topic))
            .map(Matcher::text)
    }

    /// Where its state is kept.
    pub fn state(&self) -> PatternDir {
        let name = PatternDir::name_of(self.text(), &self.common.name);
        let state = state_of(self.state_dir.as_deref(), &self.common.template, &name);
        PatternDir::new(state)
    }

    /// Where the states of its archives may be.
    pub fn states(&self) -> States {
        if let Some(directory) = &self.state_dir {
            return States {
                above: directory.clone(),
                levels: 0,
                beside: false,
            };
        }
        let above = self.common.template.fixed_directory();
        // A topic and a name are each a part of one name in a path.
        let filled = self.common.template.with("x", "x");
        let filled = filled.map_or_else(|_| above.clone(), |filled| filled.fixed_directory());
        States {
            levels: (filled.components().count()).saturating_sub(above.components().count()),
            above,
            beside: true,
        }
    }

    /// The topic of the archive that has this name; `None` if none of its archives can have it.
    pub fn topic_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        let typed = &self.common.name;
        let topics = typed.matches(TOPIC).count();
        let others = typed.len() - topics * TOPIC.len();
        let length = name.len().checked_sub(others)?.checked_div(topics)?;
        let from = typed.find(TOPIC)?;
        let topic = name.get(from..from + length)?;
        (typed.replace(TOPIC, topic) == name).then_some(topic)
    }

    /// The archive of a topic.
    pub fn archive(&self, topic: &str, found: Found) -> Result<Checked<Archive>, Unfit> {
        let name = self.common.name.replace(TOPIC, topic);
        if !name::is_valid(topic) || !name::is_valid(&name) {
            return Err(Unfit::Name { name });
        }
        let template = self.common.template.with(topic, &name)?;
        let file = file_of(&template);
        let algorithm = self.common.compression.algorithm();
        if let Some((other, ending)) = by_ending(&template.example())
            && other != algorithm
        {
            return Err(Unfit::Ending { file, ending });
        }
        let (start, start_of) = match found {
            Found::AtFirst(id) => (self.common.start, id),
            Found::Later => (Start::Earliest, None),
        };
        Ok(Checked::new(Archive {
            topic: topic.to_owned(),
            file,
            state: state_of(self.state_dir.as_deref(), &template, &name),
            name,
            template,
            start,
            start_of,
            ..self.common.clone()
        }))
    }
}

/// The one file of an archive, or the names of its segments.
pub(super) fn file_of(template: &Template) -> PathBuf {
    match template.is_fixed() {
        true => template.path(&Values::default()),
        false => template.to_string().into(),
    }
}

/// Where state is kept under a name: beside the data, unless `state_dir` says where.
pub(super) fn state_of(state_dir: Option<&Path>, template: &Template, name: &str) -> PathBuf {
    match state_dir {
        Some(directory) => directory.join(name),
        None => template.fixed_directory().join(STATE_DIRECTORY).join(name),
    }
}

#[cfg(test)]
mod for_tests {
    use super::super::load::load_text;
    use super::*;

    impl Pattern {
        /// What a file of three keys makes.
        pub fn for_tests(pattern: &str, file: &str) -> Self {
            let text = format!(
                "[[archive]]\nbroker = \"nowhere:1\"\ntopic_pattern = '{pattern}'\nfile = '{file}'\n"
            );
            let config = load_text("the configuration of a test", &text, &|_| None);
            let config = config.unwrap_or_else(|error| panic!("{error}"));
            (*config.patterns[0]).clone()
        }

        /// This topic has an archive of its own.
        pub fn take(&mut self, topic: &str) {
            self.taken.insert(topic.to_owned());
        }

        /// What all archives have in common.
        pub fn for_checks(&self) -> &Archive {
            &self.common
        }

        /// The same with other values for all archives.
        pub fn with(self, change: impl FnOnce(&mut Archive)) -> Self {
            let mut pattern = self;
            change(&mut pattern.common);
            pattern
        }
    }
}
