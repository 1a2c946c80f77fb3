//! The plan: which inputs there are, what is the topic of each, and what is known of their records before they are sent.

use std::collections::BTreeMap;

use anyhow::bail;
use archiver_format::mark::checksum;
use archiver_format::record::Partition;

use super::args::Args;
use crate::cli::usage;
use crate::replay::clock::{in_ms, of_ms};
use crate::replay::input::{self, Source, Wanted};
use crate::replay::place::Place;
use crate::replay::target::{Records, Share};
use crate::replay::{self, Input, InputError, Open, Outgoing, mapped};

/// So many records of each input are looked at before any is sent.
const LOOK_AT: usize = 100_000;

/// More inputs than this are not all open at once: each is opened anew when its first record is due.
const OPEN_MOST: usize = 32;

/// What is replayed.
pub(super) struct Plan {
    pub sources: Vec<Source>,
    pub wanted: Wanted,
    /// The topics that are sent to, in the order of their first inputs.
    pub topics: Vec<Topic>,
    /// The topic of each input, by its number.
    pub of_inputs: Vec<usize>,
    /// How much there was of inputs that grow, by their numbers.
    pub extents: BTreeMap<usize, String>,
    /// What is read, and as what.
    pub descriptions: Vec<String>,
    /// What it is called where nobody names it: what its inputs and flags come to.
    pub name: String,
    /// What tells this replay from others: the same, and what its inputs begin with.
    pub run: String,
    first_records: String,
}

/// A topic that is sent to.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    pub name: String,
    /// How many partitions its inputs had, if that is known.
    pub partitions: Option<Partition>,
    pub records: Records,
    /// So many of its records were looked at, and so many of them have no key.
    seen: u64,
    keyless: u64,
    newest_ms: Option<i64>,
    /// There are records that nobody has looked at.
    is_unknown: bool,
}

impl Plan {
    /// Opens each input once, and looks at its first records.
    pub fn new(args: &Args, config: Option<&std::path::Path>) -> anyhow::Result<Self> {
        let sources = input::sources(config, &args.inputs)?;
        if sources.is_empty() {
            bail!(usage(
                "there is nothing to replay: the configuration has no archives"
            ));
        }
        if args.topic.is_some() && sources.len() > 1 {
            bail!(usage(&format!(
                "-t is for a single input, and there are {}; send them all to one topic with --topic-map '.*=NAME'",
                sources.len()
            )));
        }
        let mut plan = Self {
            name: String::new(),
            run: String::new(),
            first_records: String::new(),
            wanted: args.wanted()?,
            topics: Vec::new(),
            of_inputs: Vec::new(),
            extents: BTreeMap::new(),
            descriptions: Vec::new(),
            sources,
        };
        let identity = format!("{} {:?}", args.identity(), plan.sources);
        plan.name = hash(&identity);
        for number in 0..plan.sources.len() {
            plan.add(args, number)?;
        }
        plan.run = hash(&format!("{identity} {}", plan.first_records));
        Ok(plan)
    }

    fn add(&mut self, args: &Args, number: usize) -> anyhow::Result<()> {
        let source = &self.sources[number];
        // What comes on standard input comes once.
        let is_once = !input::open_again(source) && source.is_there();
        let opened = match is_once {
            true => None,
            false => Some(input::open(source, &self.wanted)?),
        };
        let own = opened.as_ref().map_or("", |input| input.topic());
        let name = match &args.topic {
            Some(topic) => topic.clone(),
            None => mapped(&args.topic_map, own),
        };
        if name.is_empty() {
            bail!(usage(&format!(
                "{}: to which topic? Say -t TOPIC",
                source.name()
            )));
        }
        let known = self.topics.iter().position(|topic| topic.name == name);
        let topic = known.unwrap_or_else(|| {
            self.topics.push(Topic {
                name,
                ..Topic::default()
            });
            self.topics.len() - 1
        });
        self.of_inputs.push(topic);
        let Some(mut input) = opened else {
            self.topics[topic].is_unknown = true;
            return Ok(());
        };
        if let Some(extent) = input.extent() {
            self.extents.insert(number, extent);
        }
        let description = input.description();
        if !description.is_empty() {
            self.descriptions.push(description);
        }
        let topic = &mut self.topics[topic];
        topic.partitions = topic.partitions.max(input.partitions());
        topic.records.partitions = topic.records.partitions.max(input.partitions());
        let mut first = topic.look_at(&mut *input);
        if self.wanted.since_ms.or(self.wanted.until_ms).is_some() {
            // A window that is typed as -5m moves; the input that it is one of doesn't.
            let all = Wanted {
                since_ms: None,
                until_ms: None,
                ..self.wanted.clone()
            };
            first = input::open(&self.sources[number], &all)?.next()?;
        }
        self.first_records += &format!("{first:?}");
        Ok(())
    }

    /// Opens all inputs, as much of each as there was.
    pub fn opener(&self, place: &Place) -> Open {
        let (sources, wanted) = (self.sources.clone(), self.wanted.clone());
        let extents = place.extents.clone();
        // Those that it began with: what is counted depends on them.
        let (since_ms, until_ms) = (place.since_ms, place.until_ms);
        let is_many = sources.len() > OPEN_MOST;
        Box::new(move || {
            let opened = sources.iter().enumerate().map(|(number, source)| {
                let wanted = Wanted {
                    extent: extents.get(&number).cloned(),
                    since_ms,
                    until_ms,
                    ..wanted.clone()
                };
                match is_many {
                    true => input::open_later(source, &wanted),
                    false => input::open(source, &wanted),
                }
            });
            opened.collect::<Result<Vec<Box<dyn Input>>, InputError>>()
        })
    }

    /// What is read of the inputs, from a place on.
    pub fn read_of(&self, args: &Args, place: &Place) -> replay::Wanted {
        replay::Wanted {
            since_ns: place.since_ms.map(of_ms),
            until_ns: place.until_ms.map(of_ms),
            limit: args.limit,
            rounds: args.rounds(),
        }
    }

    /// Where it begins.
    pub fn beginning(&self) -> Place {
        Place {
            run: self.run.clone(),
            since_ms: self.wanted.since_ms,
            until_ms: self.wanted.until_ms,
            counts: vec![0; self.sources.len()],
            extents: self.extents.clone(),
            ..Place::default()
        }
    }
}

impl Topic {
    /// The same topic, before anybody has looked at its records.
    pub fn unseen(&self) -> Self {
        Self {
            name: self.name.clone(),
            partitions: self.partitions,
            ..Self::default()
        }
    }

    /// Looks at the first records of an input, to know what the topic would make of them. What can't be read is said when
    /// it is sent. Returns the first.
    fn look_at(&mut self, input: &mut dyn Input) -> Option<Outgoing> {
        let (mut is_whole, mut first) = (false, None);
        for _ in 0..LOOK_AT {
            match input.next() {
                Ok(Some(record)) => {
                    self.note(&record);
                    first.get_or_insert(record);
                }
                Ok(None) => {
                    is_whole = true;
                    break;
                }
                Err(_) => break,
            }
        }
        self.is_unknown |= !is_whole;
        self.conclude();
        first
    }

    /// What is so of all of its records, if all are known.
    pub fn conclude(&mut self) {
        let (keyless, all) = (self.keyless, self.seen);
        self.records.newest_ms = self.newest_ms.filter(|_| !self.is_unknown);
        self.records.keyless = match keyless {
            0 => Share::None,
            count if count == all && !self.is_unknown => Share::All,
            _ => Share::Some,
        };
    }

    /// Counts a record that is for this topic.
    pub fn note(&mut self, record: &Outgoing) {
        let ms = in_ms(record.time_ns);
        let Records {
            oldest_ms,
            partitions,
            largest_bytes,
            ..
        } = &mut self.records;
        *oldest_ms = Some(oldest_ms.map_or(ms, |oldest| oldest.min(ms)));
        *partitions = (*partitions).max(record.partition.map(|partition| partition + 1));
        *largest_bytes = (*largest_bytes).max(Some(bytes(record)));
        self.newest_ms = self.newest_ms.max(Some(ms));
        self.seen += 1;
        self.keyless += u64::from(record.key.is_none());
    }
}

fn hash(text: &str) -> String {
    checksum(text.as_bytes()).replace("xxh3:", "")
}

/// The bytes of a record.
pub(super) fn bytes(record: &Outgoing) -> u64 {
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| name.len() + length(value));
    (length(&record.key) + length(&record.value) + headers.sum::<usize>()) as u64
}
