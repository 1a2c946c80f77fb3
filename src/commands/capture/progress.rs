//! How far a capture has come: bars on standard error if that is a terminal, else a line now and then.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::archive::Window;
use crate::logging;
use crate::observe::status::Status;
use crate::terminal::bytes;

/// How often the bars move, and how often something is said where there are none.
const MOVE: Duration = Duration::from_millis(200);
const SAY: Duration = Duration::from_secs(10);
/// So many topics have a bar of their own: those that have most left.
const BARS_MOST: usize = 8;
/// A topic's name takes so many characters at most.
const NAME_MOST: usize = 24;

/// Shows how far a capture has come.
pub(super) struct Progress {
    bars: Option<Bars>,
    /// How many offsets the window of each archive has, in the order of their names; 0 if nobody knows.
    offsets: BTreeMap<String, u64>,
    said: Mutex<(Instant, u64)>,
}

struct Bars {
    all: MultiProgress,
    topics: Vec<ProgressBar>,
    total: ProgressBar,
}

impl Progress {
    /// Of these windows.
    pub fn new(windows: &BTreeMap<String, Arc<Window>>) -> Self {
        let offsets = windows
            .iter()
            .map(|(name, window)| (name.clone(), offsets(window)));
        let offsets = offsets.collect::<BTreeMap<_, _>>();
        let bars = io::stderr().is_terminal().then(|| Bars::new(&offsets));
        Self {
            bars,
            offsets,
            said: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Waits a moment, then shows where these archives are.
    pub async fn next(&self, statuses: &[Arc<Status>]) {
        tokio::time::sleep(MOVE).await;
        match &self.bars {
            Some(bars) => bars.show(&self.offsets, statuses),
            None => self.say(statuses),
        }
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.all.clear();
        }
    }

    fn say(&self, statuses: &[Arc<Status>]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, before) = *said;
        if at.elapsed() < SAY {
            return;
        }
        let counts = statuses.iter().map(|status| status.counts());
        let (records, written) = counts.fold((0, 0), |(records, bytes), counts| {
            (records + counts.records, bytes + counts.bytes)
        });
        let rate = (records - before.min(records)) as f64 / at.elapsed().as_secs_f64();
        let offsets = self.offsets.values().sum::<u64>();
        let of = match offsets {
            0 => String::new(),
            offsets => format!(" of at most {offsets}"),
        };
        let written = bytes(written);
        logging::complain(&format!(
            "capturing: {records}{of} records, {written}, {rate:.0} records/s"
        ));
        *said = (Instant::now(), records);
    }
}

impl Bars {
    fn new(offsets: &BTreeMap<String, u64>) -> Self {
        let all = MultiProgress::new();
        let style = |template| {
            let style = ProgressStyle::with_template(template);
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
        };
        let shown = offsets.len().min(BARS_MOST);
        let of_topic = "{prefix:24} [{bar:18}] {percent:>3} % {human_pos:>13}";
        let topics = (0..shown).map(|_| all.add(ProgressBar::new(1)).with_style(style(of_topic)));
        let topics = topics.collect();
        let of_all = "{human_pos} records, {per_sec}, {msg}, {eta} left";
        let total = all.add(ProgressBar::new(offsets.values().sum::<u64>().max(1)));
        total.set_style(style(of_all));
        Self { all, topics, total }
    }

    fn show(&self, offsets: &BTreeMap<String, u64>, statuses: &[Arc<Status>]) {
        let left = |status: &Arc<Status>| {
            let all = offsets.get(status.name()).copied().unwrap_or(0);
            match status.state().is_end() {
                true => 0,
                false => all.saturating_sub(status.counts().records),
            }
        };
        let mut slowest = statuses.iter().collect::<Vec<_>>();
        slowest.sort_by_key(|status| std::cmp::Reverse(left(status)));
        slowest.truncate(self.topics.len());
        // In an order that stays, so that the lines don't jump.
        slowest.sort_by_key(|status| status.name());
        for (bar, status) in self.topics.iter().zip(slowest) {
            let (records, is_end) = (status.counts().records, status.state().is_end());
            let all = offsets.get(status.name()).copied().unwrap_or(0);
            bar.set_length(if is_end { records.max(1) } else { all.max(1) });
            bar.set_prefix(shortened(status.name()));
            bar.set_position(if is_end { records.max(1) } else { records });
        }
        let counts = statuses.iter().map(|status| status.counts());
        let (records, written) = counts.fold((0, 0), |(records, bytes), counts| {
            (records + counts.records, bytes + counts.bytes)
        });
        self.total.set_message(bytes(written));
        self.total.set_position(records);
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
