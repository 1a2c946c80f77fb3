//! Which topics are watched: those that were named, and those that patterns match, also later ones.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use archiver_format::envelope::ValueAs;
use archiver_format::line::Format;
use archiver_format::record::Partition;

use super::args::Args;
use super::begin::Begin;
use super::lines::{Lines, View};
use super::printer::Printer;
use super::watched::{Watched, asked};
use crate::catalog::usual_config;
use crate::cli::{Common, usage};
use crate::config::{Archive, Checked, NOT_WRITTEN, Typed, for_capture, matching};
use crate::logging;
use crate::source::cluster::Topics as _;
use crate::source::kafka::{KafkaClusters, TopicLister};

/// How often it is looked which topics there are.
const LOOK: Duration = Duration::from_secs(5);

/// So many are named when they are found.
const SHOWN_MOST: usize = 5;

/// The topics, and how they are watched.
pub(super) struct Topics<'p> {
    base: Option<PathBuf>,
    typed: Typed,
    /// Those that were named, as archives of which nothing is written.
    named: Vec<Checked<Archive>>,
    patterns: Vec<String>,
    lister: Option<TopicLister>,
    clusters: KafkaClusters,
    begin: Begin,
    only: Option<Partition>,
    view: View,
    printer: &'p RefCell<Printer>,
    /// Those that are watched.
    known: RefCell<BTreeSet<String>>,
    has_looked: Cell<bool>,
}

impl<'p> Topics<'p> {
    /// What the flags say. Contacts nobody. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If they make no sense.
    pub fn new(
        common: &Common,
        args: &Args,
        printer: &'p RefCell<Printer>,
    ) -> anyhow::Result<Self> {
        if args.topic.iter().any(String::is_empty) {
            return Err(usage("-t names no topic: it is empty").into());
        }
        let topics = args.topic.iter().cloned().collect::<BTreeSet<_>>();
        let (patterns, topics): (Vec<_>, Vec<_>) =
            topics.into_iter().partition(|topic| topic.starts_with('^'));
        for pattern in &patterns {
            let parsed = matching(&pattern[1..], Vec::new());
            parsed.map_err(|e| usage(&format!("-t {pattern}: not a pattern: {e}")))?;
        }
        let is_of_patterns = topics.is_empty() && !patterns.is_empty();
        let connection = args.connection.typed()?;
        let usual = usual_config().filter(|_| connection.broker.is_none());
        let base = common.config.clone().or(usual.map(PathBuf::from));
        let typed = Typed {
            // Of a pattern only the cluster matters here.
            topics: match is_of_patterns {
                true => vec!["any".to_owned()],
                false => topics,
            },
            file: Some(NOT_WRITTEN.to_owned()),
            ..connection
        };
        let config = for_capture(base.as_deref(), &typed)?;
        let clusters = KafkaClusters::new(config.memory_bytes);
        let of = &config.archives[0].cluster;
        Ok(Self {
            lister: (!patterns.is_empty()).then(|| clusters.topics(of)),
            named: match is_of_patterns {
                true => Vec::new(),
                false => config.archives.clone(),
            },
            base,
            typed,
            patterns,
            clusters,
            begin: args.begin()?,
            only: args.partition,
            view: args.view(),
            printer,
            known: RefCell::default(),
            has_looked: Cell::new(false),
        })
    }

    /// Those that were named.
    pub fn named(&self) -> Vec<Watched<'p>> {
        self.watched(&self.named, self.begin)
    }

    /// Waits for topics that patterns match and that aren't watched yet.
    ///
    /// # Errors
    ///
    /// If it can't be asked which there are.
    pub async fn discovered(&self) -> anyhow::Result<Vec<Watched<'p>>> {
        let Some(lister) = &self.lister else {
            return pending().await;
        };
        const ASKING: &str = "asking which topics there are";
        loop {
            let is_first = !self.has_looked.replace(true);
            if !is_first {
                tokio::time::sleep(LOOK).await;
            }
            let listed = asked(ASKING, async || lister.list().await).await;
            let found = self.matching(listed.context(ASKING)?.names);
            if found.is_empty() {
                if is_first && self.known.borrow().is_empty() {
                    let patterns = self.patterns.join(", ");
                    logging::complain(&format!(
                        "no topic matches {patterns} as a whole; waiting for one"
                    ));
                }
                continue;
            }
            let more = if found.len() > SHOWN_MOST {
                ", …"
            } else {
                ""
            };
            logging::complain(&format!(
                "topics that match, {}: {}{more}",
                found.len(),
                found[..found.len().min(SHOWN_MOST)].join(", ")
            ));
            let typed = Typed {
                topics: found,
                ..self.typed.clone()
            };
            let config = for_capture(self.base.as_deref(), &typed)?;
            // All of one that has come since is new.
            let begin = if is_first {
                self.begin
            } else {
                Begin::Earliest
            };
            return Ok(self.watched(&config.archives, begin));
        }
    }

    /// Which of these match and aren't watched yet.
    fn matching(&self, names: Vec<String>) -> Vec<String> {
        let known = self.known.borrow();
        let patterns = self.patterns.iter();
        // A mistake in one was found before.
        let found = patterns.flat_map(|of| matching(&of[1..], names.clone()).unwrap_or_default());
        let found = found.filter(|name| !known.contains(name));
        found.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn watched(&self, archives: &[Checked<Archive>], begin: Begin) -> Vec<Watched<'p>> {
        let seats = self.clusters.seats(archives);
        let watched = archives.iter().zip(seats).map(|(archive, seat)| {
            self.known.borrow_mut().insert(archive.topic.clone());
            let value_as = match archive.format {
                Format::Json(value_as) => value_as,
                Format::Raw(_) => ValueAs::String,
            };
            Watched {
                lines: Lines::new(&self.view, &archive.topic, value_as),
                name: archive.topic.clone(),
                seat,
                begin,
                only: self.only,
                printer: self.printer,
            }
        });
        watched.collect()
    }
}
