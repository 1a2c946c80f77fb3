//! How far a capture has come: bars on standard error if that is a terminal, else a line now and then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::archive::Window;
use crate::config::{Archive, Checked};
use crate::logging;
use crate::observe::status::Status;
use crate::terminal::{Bars, bytes, is_watched};

/// How often the bars move, and how often something is said where there are none.
const MOVE: Duration = Duration::from_millis(200);
const SAY: Duration = Duration::from_secs(10);
/// So many topics have a bar of their own: those that have most left.
const BARS_MOST: usize = 8;
/// A topic's name takes so many characters at most.
const NAME_MOST: usize = 24;

/// Shows how far a capture has come.
pub(super) struct Progress {
    bars: Option<TopicBars>,
    /// By the names of the archives.
    topics: BTreeMap<String, Topic>,
    begin: Instant,
    said: Mutex<Instant>,
    is_stopping: AtomicBool,
}

/// A topic that is captured.
struct Topic {
    name: String,
    /// How many offsets its window has; 0 if nobody knows.
    offsets: u64,
}

struct TopicBars {
    all: Bars,
    topics: Vec<ProgressBar>,
    total: ProgressBar,
}

impl Progress {
    /// Of these archives and their windows.
    pub fn new<'a>(windows: impl Iterator<Item = (&'a Checked<Archive>, &'a Window)>) -> Self {
        let topics = windows.map(|(archive, window)| {
            let name = archive.topic.clone();
            let offsets = offsets(window);
            (archive.name.clone(), Topic { name, offsets })
        });
        let topics = topics.collect::<BTreeMap<_, _>>();
        Self {
            bars: is_watched().then(|| TopicBars::new(topics.len())),
            topics,
            begin: Instant::now(),
            said: Mutex::new(Instant::now()),
            is_stopping: AtomicBool::default(),
        }
    }

    /// Waits a moment, then shows where these archives are.
    pub async fn next(&self, statuses: &[Arc<Status>]) {
        tokio::time::sleep(MOVE).await;
        if self.is_stopping.load(Ordering::Relaxed) {
            return;
        }
        if let Some(bars) = &self.bars {
            bars.show(&self.topics, statuses);
            bars.total.set_message(self.total(statuses));
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= SAY {
            *said = Instant::now();
            logging::complain(&format!("capturing: {}", self.total(statuses)));
        }
    }

    /// Says that a stop was asked for, which may take a moment. Nothing moves any more.
    pub fn stop(&self) {
        self.finish();
        self.is_stopping.store(true, Ordering::Relaxed);
        logging::complain("stopping; a second signal stops at once");
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.all.hide();
        }
    }

    /// How far all are together.
    fn total(&self, statuses: &[Arc<Status>]) -> String {
        let counts = statuses.iter().map(|status| status.counts());
        let (records, written) = counts.fold((0, 0), |(records, bytes), counts| {
            (records + counts.records, bytes + counts.bytes)
        });
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = records as f64 / seconds;
        let written_rate = bytes((written as f64 / seconds) as u64);
        let open = statuses.iter().filter(|status| !status.state().is_end());
        let left = open.map(|status| {
            let topic = self.topics.get(status.name());
            topic.map_or(0, |topic| {
                topic.offsets.saturating_sub(status.counts().records)
            })
        });
        let left = left.sum::<u64>();
        let eta = match left {
            0 => String::new(),
            left if records > 0 => format!(", about {:.0} s left", left as f64 / rate),
            _ => String::new(),
        };
        let written = bytes(written);
        format!("{records} records, {rate:.0}/s, {written}, {written_rate}/s{eta}")
    }
}

impl TopicBars {
    fn new(topics: usize) -> Self {
        let mut all = Bars::new(20);
        let style = |template| {
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            style.progress_chars("=> ")
        };
        let of_topic = "{prefix:24} [{bar:24}] {percent:>3} % {human_pos:>14}";
        let bars = (0..topics.min(BARS_MOST)).map(|_| {
            let bar = all.add(ProgressBar::new(1));
            bar.with_style(style(of_topic))
        });
        let topics = bars.collect();
        let total = all.add(ProgressBar::new(1)).with_style(style("{msg}"));
        Self { all, topics, total }
    }

    /// Shows the topics that have most left, in the order of their names, so that the lines don't jump.
    fn show(&self, topics: &BTreeMap<String, Topic>, statuses: &[Arc<Status>]) {
        let known = statuses.iter().filter_map(|status| {
            let topic = topics.get(status.name())?;
            let (records, is_end) = (status.counts().records, status.state().is_end());
            let all = match (is_end, topic.offsets) {
                (true, _) => records,
                // Nobody knows how much comes.
                (false, 0) => records + 1,
                (false, offsets) => offsets,
            };
            Some((all.saturating_sub(records), &topic.name, records, all))
        });
        let mut slowest = known.collect::<Vec<_>>();
        slowest.sort_by_key(|(left, name, ..)| (std::cmp::Reverse(*left), *name));
        slowest.truncate(self.topics.len());
        slowest.sort_by_key(|(_, name, ..)| *name);
        for (bar, (left, name, records, all)) in self.topics.iter().zip(slowest) {
            bar.set_prefix(shortened(name));
            // One that is over is full, though it had no records.
            bar.set_length(all.max(1));
            bar.set_position(if left == 0 { all.max(1) } else { records });
        }
    }
}

/// How many offsets there are in a window.
fn offsets(window: &Window) -> u64 {
    let ends = window.to.iter().flatten();
    let lengths = ends.map(|(partition, end)| end.since(window.from.next(*partition)).max(0));
    let all = lengths.map(i64::unsigned_abs).sum::<u64>();
    all.min(window.records)
}

/// A name that fits.
fn shortened(name: &str) -> String {
    match name.chars().count() > NAME_MOST {
        true => name.chars().take(NAME_MOST - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}
