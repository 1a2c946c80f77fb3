//! The plan: which inputs there are, what is the topic of each, and what is known of their records before they are sent.

use std::collections::BTreeMap;

use anyhow::bail;
use archiver_format::mark::checksum;
use archiver_format::record::Partition;

use super::ahead::{TIMES_MOST, most_ms};
use super::args::Args;
use super::looked::{Looked, Total, longest_ns, total};
use crate::cli::usage;
use crate::logging;
use crate::replay::clock::{in_ms, ns, of_ms};
use crate::replay::input::{self, Source, Wanted};
use crate::replay::place::Place;
use crate::replay::sending::{OnRefused, Timestamps};
use crate::replay::target::{Records, Share};
use crate::replay::{self, Input, InputError, Open, Outgoing, mapped, shown};
use crate::terminal::grouped;
use crate::world::clock::rfc3339;

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
    /// What is known of the records of each input, by its number.
    pub looked: Vec<Looked>,
    /// The same of all records of an input none of which is wanted.
    outside: Vec<Looked>,
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
    /// How far its timestamps run ahead at most where they are shifted, in milliseconds.
    pub ahead_ms: i64,
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
            looked: Vec::new(),
            outside: Vec::new(),
            sources,
        };
        let identity = format!("{} {:?}", args.identity(), plan.sources);
        plan.name = hash(&identity);
        for number in 0..plan.sources.len() {
            plan.add(args, number)?;
        }
        plan.note_ahead(args);
        plan.run = hash(&format!("{identity} {}", plan.first_records));
        plan.check(args)?;
        Ok(plan)
    }

    fn add(&mut self, args: &Args, number: usize) -> anyhow::Result<()> {
        let source = &self.sources[number];
        // What comes on standard input comes once.
        let is_once = !input::open_again(source) && source.is_there();
        if is_once && args.rounds() > 1 {
            bail!(usage(&format!(
                "{} can't be read twice, as --loop does; write it to a file first",
                source.name()
            )));
        }
        let opened = match is_once {
            true => None,
            false => Some(input::open(source, &self.wanted)?),
        };
        let looked = self.unseen(args, source);
        self.looked.push(looked);
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
        let topic = self.topic(name);
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
        topic.records.topic_ids.extend(input.topic_id());
        let looked = &mut self.looked[number];
        let mut first = topic.look_at(&mut *input, looked);
        if !looked.is_whole {
            // What nobody has looked at may be of any of them.
            topic.records.partitions = topic.records.partitions.max(input.partitions());
        }
        if self.wanted.since_ms.or(self.wanted.until_ms).is_some() {
            // A window that is typed as -5m moves; the input that it is one of doesn't.
            let all = Wanted {
                since_ms: None,
                until_ms: None,
                ..self.wanted.clone()
            };
            let mut all = input::open(&self.sources[number], &all)?;
            let is_empty = looked.records == 0 && looked.is_whole;
            first = match is_empty {
                true => {
                    let mut outside = looked.unseen();
                    let first = Topic::default().look_at(&mut *all, &mut outside);
                    self.outside.push(outside);
                    first
                }
                false => all.next()?,
            };
        }
        self.first_records += &format!("{first:?}");
        Ok(())
    }

    /// An input that nobody has looked at yet.
    fn unseen(&self, args: &Args, source: &Source) -> Looked {
        let manner = args.manner();
        let longest_ns = longest_ns(manner.pace, manner.longest_pause.map(ns));
        let kept = self.looked.iter().filter_map(|of| of.times_ms.as_ref());
        let has_room = kept.map(Vec::len).sum::<usize>() < TIMES_MOST;
        let is_shifted = args.sending().timestamps == Timestamps::Shift;
        let mut looked = Looked::new(source.name(), longest_ns);
        looked.times_ms = (is_shifted && has_room).then(Vec::new);
        looked
    }

    /// The number of the topic of this name.
    fn topic(&mut self, name: String) -> usize {
        let known = self.topics.iter().position(|topic| topic.name == name);
        known.unwrap_or_else(|| {
            self.topics.push(Topic {
                name,
                ..Topic::default()
            });
            self.topics.len() - 1
        })
    }

    /// Notes how far the timestamps of each topic run ahead, as far as that is known beforehand.
    fn note_ahead(&mut self, args: &Args) {
        let of_inputs = self.of_inputs.iter();
        let times = self
            .looked
            .iter_mut()
            .zip(of_inputs)
            .flat_map(|(of, topic)| {
                let times = of.times_ms.take().unwrap_or_default().into_iter();
                times.map(|ms| (ms, *topic))
            });
        let (times, topics) = (times.collect(), self.topics.len());
        let ahead_ms = most_ms(times, topics, args.manner(), args.rounds(), args.limit);
        for (topic, ahead_ms) in self.topics.iter_mut().zip(ahead_ms) {
            topic.ahead_ms = ahead_ms;
        }
    }

    /// Refuses what can't be sent as it is wanted, as far as that is known beforehand.
    fn check(&self, args: &Args) -> anyhow::Result<()> {
        if let Some(key) = &self.wanted.typed.key {
            for of in &self.looked {
                let (name, records) = (&of.name, of.records);
                match (of.has_no_key(), of.is_whole) {
                    (false, _) => {}
                    (true, true) => bail!(
                        "{name}: none of its {records} records has a field or a column {key}, as --key says; correct it, \
                         or leave it out"
                    ),
                    (true, false) => logging::complain(&shown(&format!(
                        "warning: {name}: none of the first {records} records has a field {key}, as --key says"
                    ))),
                }
            }
        }
        let sending = args.sending();
        let is_kept =
            sending.timestamps == Timestamps::Keep && sending.on_refused == OnRefused::Stop;
        let zero = self.looked.iter().find_map(|of| Some((of, of.zero?)));
        if let Some((of, number)) = zero.filter(|_| is_kept) {
            bail!(
                "{}: record {number} has a timestamp of 0 (1970-01-01T00:00:00Z), which Kafka's client takes for none; use \
                 --timestamps shift or now, or leave such records out with --on-refused skip",
                of.name
            );
        }
        Ok(())
    }

    /// What is said if there is nothing to send; nothing as long as there may be.
    pub fn nothing(&self) -> Option<String> {
        let is_nothing = self.looked.iter().all(|of| of.is_whole && of.records == 0);
        if !is_nothing {
            return None;
        }
        let ranges = self.outside.iter().filter_map(Looked::range);
        let from = ranges.clone().map(|(from, _)| from).min();
        let range = from.zip(ranges.map(|(_, to)| to).max());
        let Some((from, to)) = range else {
            let names = self.looked.iter().map(|of| of.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            return Some(format!("no record is in {names}: there is nothing to send"));
        };
        let at = |ns| rfc3339(in_ms(ns));
        let bound = |word, ms: Option<i64>| ms.map(|ms| format!(" {word} {}", rfc3339(ms)));
        let since = bound("since", self.wanted.since_ms).unwrap_or_default();
        let until = bound("before", self.wanted.until_ms).unwrap_or_default();
        let up_to = match self.outside.iter().all(|of| of.is_whole) {
            true => "to",
            false => "at least to",
        };
        let (from, to) = (at(from), at(to));
        Some(format!(
            "no record is in what was asked for ({}): the records are from {from} {up_to} {to}",
            format!("{since}{until}").trim()
        ))
    }

    /// How much there is in all rounds, if that is known, with the times of those from a place on.
    pub fn total(&self, args: &Args, place: &Place) -> Option<Total> {
        let rounds = args.rounds();
        let left = rounds.saturating_sub(place.round);
        let all = total(&self.looked)?;
        Some(Total {
            records: all.records.saturating_mul(u64::from(rounds)),
            to_ns: all.from_ns + (all.to_ns - all.from_ns) * i128::from(left),
            ..all
        })
    }

    /// Says how far inputs that grow are replayed by a run that goes on, as that is as far as they were when it began.
    pub fn say_extents(&self, place: &Place) {
        for (number, then) in &place.extents {
            let records = |extent: &str| extent.split([' ', ',']).nth(1)?.parse::<u64>().ok();
            let now = self.extents.get(number).and_then(|extent| records(extent));
            let Some(((then, now), of)) = records(then).zip(now).zip(self.looked.get(*number))
            else {
                continue;
            };
            if then < now {
                logging::complain(&shown(&format!(
                    "{}: up to the {} records that it had when its replay began; the {} that came later are left out",
                    of.name,
                    grouped(then),
                    grouped(now - then)
                )));
            }
        }
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
            records: Records {
                topic_ids: self.records.topic_ids.clone(),
                ..Records::default()
            },
            ..Self::default()
        }
    }

    /// Looks at the first records of an input, to know what the topic would make of them. What can't be read is said when
    /// it is sent. Returns the first.
    fn look_at(&mut self, input: &mut dyn Input, looked: &mut Looked) -> Option<Outgoing> {
        let mut first = None;
        for _ in 0..LOOK_AT {
            match input.next() {
                Ok(Some(record)) => {
                    self.note(&record);
                    looked.note(&record);
                    first.get_or_insert(record);
                }
                Ok(None) => {
                    looked.is_whole = true;
                    break;
                }
                Err(_) => break,
            }
        }
        self.is_unknown |= !looked.is_whole;
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
