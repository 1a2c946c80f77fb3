//! Status: what each archive is doing and how much it has written. A state is logged when it changes.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use archiver_format::record::{Partition, Record, TimestampKind};
use tokio::time::Instant;

use crate::observe::activity::Activity;
use crate::observe::lag::Lag;
use crate::observe::pulse::Pulse;
use crate::observe::reason::Reason;

/// What an archive is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It finds out where it goes on.
    Starting,
    /// It takes records.
    Running,
    /// It should take records, and none come.
    Stalled(Arc<Reason>),
    /// It can't go on for the moment and tries again by itself.
    Waiting(Arc<Reason>),
    /// It can't go on until somebody does something and starts archiver again.
    Stopped(Arc<Reason>),
    /// It has stopped because archiver was asked to.
    Done,
    /// The same, but something that it took is not in its file, and will be read again.
    Unfinished,
}

/// How many archives one line of the log names, at most.
const NAMED_MOST: usize = 10;

/// How many archives are in a `wanted` state, and the names of the first of them.
pub fn name_those(statuses: &[Arc<Status>], wanted: fn(&State) -> bool) -> (usize, String) {
    let found = statuses.iter().filter(|status| wanted(&status.state()));
    let found = found.map(|status| status.name()).collect::<Vec<_>>();
    let mut names = found[..found.len().min(NAMED_MOST)].join(", ");
    if found.len() > NAMED_MOST {
        names += &format!(" and {} others", found.len() - NAMED_MOST);
    }
    (found.len(), names)
}

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Bytes, after compression.
    pub bytes: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

/// What was read of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowRead {
    /// How many records, with those that were left out.
    pub records: u64,
    /// How many bytes their keys and values have.
    pub bytes: u64,
    /// How many of each partition were left out, as their timestamps are out of the window.
    pub left_out: BTreeMap<Partition, u64>,
    /// Are timestamps those of the brokers, which stamp records as they append them?
    pub is_stamped_by_brokers: bool,
}

impl WindowRead {
    /// Counts a record.
    #[inline]
    pub fn count(&mut self, record: &Record<'_>) {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len) as u64;
        self.records += 1;
        self.bytes += length(record.key) + length(record.value);
        let stamp = record.timestamp.map(|stamp| stamp.kind);
        self.is_stamped_by_brokers |= stamp == Some(TimestampKind::Append);
    }

    /// Adds what was read later.
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.bytes += more.bytes;
        for (partition, more) in &more.left_out {
            *self.left_out.entry(*partition).or_default() += more;
        }
        self.is_stamped_by_brokers |= more.is_stamped_by_brokers;
    }
}

/// An archive's state and counts.
#[derive(Debug)]
pub struct Status {
    name: String,
    doing: Mutex<Doing>,
    /// Where its file ended when it was first opened: records and bytes.
    first: OnceLock<(u64, u64)>,
    /// How the handing over of its sealed segments goes.
    handed_over: Mutex<HandedOver>,
    /// What was read of its window.
    read: Mutex<WindowRead>,
    /// Whether its loop goes round.
    pub pulse: Pulse,
    activity: Mutex<Activity>,
    lag: Mutex<Lag>,
    /// Is all of its window in its files?
    has_window: AtomicBool,
    /// Records that are in the file since.
    pub records: AtomicU64,
    /// Bytes that are in the file since, after compression.
    pub bytes_written: AtomicU64,
}

/// How the handing over of sealed segments goes (`on_seal`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandedOver {
    /// How many segments wait for it.
    pub waiting: u64,
    /// Why the first of them was not handed over yet, if that was tried.
    pub failure: Option<Arc<str>>,
}

#[derive(Debug)]
struct Doing {
    /// What it reports itself.
    state: State,
    /// Its disk hangs: whatever else it does, it is shown as waiting.
    hangs: Option<Arc<Reason>>,
    /// It runs, and nothing comes.
    stalls: Option<Arc<Reason>>,
    /// Since when the state is the one that others see.
    since: Instant,
}

impl Doing {
    /// The state that others see.
    fn shown(&self) -> State {
        match &self.hangs {
            Some(why) if !self.state.is_end() => State::Waiting(Arc::clone(why)),
            _ => match &self.stalls {
                Some(why) if self.state == State::Running => State::Stalled(Arc::clone(why)),
                _ => self.state.clone(),
            },
        }
    }
}

impl State {
    /// It waits for this.
    pub fn waiting(why: Reason) -> Self {
        Self::Waiting(Arc::new(why))
    }

    /// It has stopped for this.
    pub fn stopped(why: Reason) -> Self {
        Self::Stopped(Arc::new(why))
    }

    /// Why it waits, has stalled or stopped.
    pub fn why(&self) -> Option<&Arc<Reason>> {
        match self {
            Self::Waiting(why) | Self::Stalled(why) | Self::Stopped(why) => Some(why),
            Self::Starting | Self::Running | Self::Done | Self::Unfinished => None,
        }
    }

    /// Has it ended?
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Done | Self::Unfinished)
    }

    fn log(&self, archive: &str) {
        match self {
            Self::Starting => tracing::debug!("archive {archive}: starting"),
            Self::Running => tracing::info!("archive {archive}: running"),
            Self::Stalled(why) => tracing::warn!("archive {archive}: stalled: {why}"),
            Self::Waiting(why) => tracing::warn!("archive {archive}: waiting: {why}"),
            Self::Stopped(why) => tracing::error!("archive {archive}: stopped: {why}"),
            Self::Done | Self::Unfinished => tracing::debug!("archive {archive}: done"),
        }
    }
}

impl Status {
    /// An archive that is starting.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            doing: Mutex::new(Doing {
                state: State::Starting,
                hangs: None,
                stalls: None,
                since: Instant::now(),
            }),
            first: OnceLock::new(),
            handed_over: Mutex::default(),
            read: Mutex::default(),
            pulse: Pulse::default(),
            activity: Mutex::default(),
            lag: Mutex::default(),
            has_window: AtomicBool::default(),
            records: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
        }
    }

    /// The archive's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.lock().shown()
    }

    /// What it is doing, and since when.
    pub fn state_since(&self) -> (State, Instant) {
        let doing = self.lock();
        (doing.shown(), doing.since)
    }

    /// What it has done. Must not be held over a call of anything else here.
    pub fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is behind its topic. Must not be held over a call of anything here but [`Status::activity`].
    pub fn lag(&self) -> MutexGuard<'_, Lag> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets its state, and logs it if it is new.
    pub fn set(&self, state: State) {
        let mut doing = self.lock();
        if doing.state == state {
            return;
        }
        let before = doing.shown();
        doing.state = state;
        if doing.state != State::Running {
            doing.stalls = None;
        }
        // That its disk hangs is logged already, and until the disk answers no other state is of use.
        if doing.hangs.is_none() || doing.state.is_end() {
            self.show(&mut doing, &before);
        }
    }

    /// Logs and counts what others see now, who have seen that before.
    fn show(&self, doing: &mut Doing, before: &State) {
        let shown = doing.shown();
        if shown == *before {
            return;
        }
        doing.since = Instant::now();
        shown.log(&self.name);
        if let Some(why) = shown.why() {
            self.activity().failed(why.kind(), why.to_string());
        }
    }

    /// Notes that an attempt begins. An archive that was waiting is shown so until it runs.
    pub fn begins(&self) {
        if !self.waits() {
            self.set(State::Starting);
        }
    }

    /// Does it wait, for anything but a disk that hangs?
    pub fn waits(&self) -> bool {
        matches!(self.lock().state, State::Waiting(_))
    }

    /// Notes that its disk hangs, or no longer does, and logs that if it is new.
    pub fn hangs(&self, why: Option<Reason>) {
        let why = why.map(Arc::new);
        let mut doing = self.lock();
        if doing.hangs == why {
            return;
        }
        let before = doing.shown();
        doing.hangs = why;
        self.show(&mut doing, &before);
    }

    /// Is it shown as stalled?
    pub fn is_stalled(&self) -> bool {
        self.lock().stalls.is_some()
    }

    /// Notes that nothing comes while it runs, or that something does, and logs that if it is new.
    pub fn stalls(&self, why: Option<Reason>) {
        let mut doing = self.lock();
        // How long it lasts, and what the brokers say meanwhile, is no news.
        if doing.stalls.is_some() == why.is_some() || doing.state != State::Running {
            return;
        }
        let before = doing.shown();
        doing.stalls = why.map(Arc::new);
        self.show(&mut doing, &before);
    }

    /// Notes what an attempt has read of its window. What the next attempt reads again counts twice.
    pub fn has_read(&self, more: &WindowRead) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.add(more);
    }

    /// Notes that all of its window is in its files, for certain.
    pub fn has_whole_window(&self) {
        self.has_window.store(true, Ordering::Relaxed);
    }

    /// Is all of its window in its files?
    pub fn is_window_whole(&self) -> bool {
        self.has_window.load(Ordering::Relaxed)
    }

    /// What was read of its window.
    pub fn read(&self) -> WindowRead {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.clone()
    }

    /// Notes where its file ends, as an attempt begins or has ended. Records that an earlier attempt wrote behind that
    /// are cut off and will be written again, so they don't count.
    pub fn stands_at(&self, records: u64, bytes: u64) {
        let (first_records, first_bytes) = *self.first.get_or_init(|| (records, bytes));
        let (records, bytes) = (
            records.saturating_sub(first_records),
            bytes.saturating_sub(first_bytes),
        );
        self.records.store(records, Ordering::Relaxed);
        self.bytes_written.store(bytes, Ordering::Relaxed);
    }

    /// How much has been added to the file since it was first opened.
    pub fn counts(&self) -> Counts {
        Counts {
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes_written.load(Ordering::Relaxed),
        }
    }

    /// Counts what was written.
    pub fn wrote(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How the handing over of its sealed segments goes.
    pub fn handed_over(&self) -> HandedOver {
        self.lock_handed_over().clone()
    }

    /// Notes how many sealed segments wait to be handed over.
    pub fn waits_to_hand_over(&self, segments: u64) {
        self.lock_handed_over().waiting = segments;
    }

    /// Notes that handing over goes well, and logs that if it didn't before.
    pub fn hands_over(&self) {
        if self.lock_handed_over().failure.take().is_some() {
            tracing::info!("archive {}: on_seal: goes on", self.name);
        }
    }

    /// Notes that a segment could not be handed over, and logs that if it is new.
    pub fn fails_to_hand_over(&self, why: &str) {
        let mut handed_over = self.lock_handed_over();
        let before = handed_over.failure.replace(why.into());
        drop(handed_over);
        if before.is_none_or(|before| !is_same(&before, why)) {
            tracing::warn!("archive {}: on_seal: {why}; trying again", self.name);
        }
    }

    fn lock_handed_over(&self) -> MutexGuard<'_, HandedOver> {
        let handed_over = self.handed_over.lock();
        handed_over.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Do two failures differ in nothing but numbers? Commands say the time, and how much they had done.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_same_with_another_time_in_it() {
        assert!(is_same(
            "exit code 1: 10:01:07 no route",
            "exit code 1: 10:12:33 no route"
        ));
        assert!(!is_same("exit code 1: no route", "exit code 1: denied"));
        let status = Status::new("a");
        status.waits_to_hand_over(2);
        status.fails_to_hand_over("no route");
        let failure = Some("no route".into());
        assert_eq!(
            status.handed_over(),
            HandedOver {
                waiting: 2,
                failure
            }
        );
        status.hands_over();
        assert_eq!(status.handed_over().failure, None);
    }

    #[test]
    fn a_record_counts_once_also_if_it_is_cut_off_and_written_again() {
        let status = Status::new("a");
        status.stands_at(1000, 50_000);
        status.wrote(30, 3000);
        status.wrote(20, 2000);
        let counts = || {
            let Counts { records, bytes } = status.counts();
            (records, bytes)
        };
        assert_eq!(counts(), (50, 5000));
        status.stands_at(1030, 53_000);
        assert_eq!(counts(), (30, 3000));
        status.wrote(20, 2000);
        assert_eq!(counts(), (50, 5000));
    }
}
