//! What has arrived for one archive and waits to be taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archiver_format::position::Position;
use archiver_format::record::Partition;
use tokio::sync::Notify;

use super::native::Run;
use super::window::{Share, Window};
use crate::source::cluster::Fetched;

/// Fed by the clients that read an archive's partitions, emptied by the archive.
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Arc<Notify>,
    window: Window,
}

struct Waiting {
    runs: VecDeque<Run>,
    records: usize,
    bytes: usize,
    share: Share,
}

impl Waiting {
    fn count(&mut self) {
        self.records = self.runs.iter().map(Run::len).sum();
        self.bytes = self.runs.iter().map(Run::bytes).sum();
        self.share.set(self.bytes as u64);
    }
}

impl Inbox {
    /// An empty one, of which the window counts what it holds.
    pub fn new(window: &Window) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(Waiting {
                runs: VecDeque::new(),
                records: 0,
                bytes: 0,
                share: window.share(),
            }),
            arrived: Arc::new(Notify::new()),
            window: window.clone(),
        })
    }

    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signalled when something arrives where nothing was, and when it should be let go of.
    pub fn arrived(&self) -> Arc<Notify> {
        Arc::clone(&self.arrived)
    }

    /// Puts in what has arrived.
    pub fn put(&self, run: Run) {
        let mut waiting = self.locked();
        waiting.records += run.len();
        waiting.bytes += run.bytes();
        let bytes = waiting.bytes as u64;
        waiting.share.set(bytes);
        waiting.runs.push_back(run);
        if waiting.runs.len() == 1 {
            self.arrived.notify_one();
        }
    }

    /// Wakes whoever should take from it or let go of it, if it holds anything.
    pub fn press(&self) {
        if !self.locked().runs.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Does it hold something while nothing more can come in?
    pub fn is_pressed(&self) -> bool {
        self.window.is_full() && !self.locked().runs.is_empty()
    }

    /// Hands the first of what waits to `each`, up to so many, or about so many bytes; says how many. `note` is told how far
    /// each partition has come, once a run of its records.
    pub fn take(
        &self,
        most: usize,
        most_bytes: usize,
        each: &mut dyn FnMut(Fetched<'_>),
        note: &mut dyn FnMut(Partition, Position),
    ) -> usize {
        let Some(mut run) = self.locked().runs.pop_front() else {
            return 0;
        };
        let (had, held) = (run.len(), run.bytes());
        let mut last = None::<(Partition, Position)>;
        while run.len() > 0 && had - run.len() < most && held - run.bytes() < most_bytes {
            let behind = run.take(each);
            if let (Some((before, position)), Some((now, _))) = (last, behind)
                && before != now
            {
                note(before, position);
            }
            last = behind.or(last);
        }
        if let Some((partition, position)) = last {
            note(partition, position);
        }
        let (taken, freed) = (had - run.len(), held - run.bytes());
        let mut waiting = self.locked();
        waiting.records -= taken;
        waiting.bytes -= freed;
        let bytes = waiting.bytes as u64;
        waiting.share.set(bytes);
        if run.len() > 0 {
            waiting.runs.push_front(run);
        }
        taken
    }

    /// Drops what waits of these partitions.
    pub fn remove(&self, partitions: &[Partition]) {
        let mut waiting = self.locked();
        for run in &mut waiting.runs {
            run.remove(partitions);
        }
        waiting.runs.retain(|run| run.len() > 0);
        waiting.count();
    }

    /// Drops all that waits.
    pub fn clear(&self) {
        let mut waiting = self.locked();
        waiting.runs.clear();
        waiting.count();
    }

    /// How many records wait.
    pub fn len(&self) -> usize {
        self.locked().records
    }
}
