//! Backpressure: whether an archive may take more records, and what it does while it may not.
//!
//! Batches on their way to a device share a budget of memory. While it is spent, archives take turns, a batch each. An
//! archive that can't take the records that have arrived lets go of them before others have waited for long, and
//! fetches them again later.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep_until};

use super::disks::Disks;
use super::intake::{BATCH_BYTES, Intake};
use super::pending::pending_or;
use crate::world::budget::Budget;
use crate::world::disk::Disk;
use crate::world::memory::Held;

/// How long an archive that can't take its records may keep others from receiving theirs.
const PATIENCE: Duration = Duration::from_millis(100);
/// An archive that had to let go less than this ago lets go at once.
const SLOW: Duration = Duration::from_secs(60);
/// How long a turn lasts at most; a full batch ends it earlier.
const TURN_MOST: Duration = Duration::from_secs(1);

/// An archive's share of the memory for batches, and its place in the line for it.
pub(super) struct Backpressure {
    budget: Budget,
    disk: Disk,
    /// The memory of the batch that is being filled.
    held: Held,
    /// When its turn began; `None` if it has none, or if the turn's batch has gone out.
    turn: Option<Instant>,
    /// Its place in the line, while it waits for a turn.
    in_line: Option<BoxFuture<'static, Held>>,
    /// Since when others have waited for memory that this archive's records take up.
    pressed_since: Option<Instant>,
    /// When it last had to let go.
    let_go_at: Option<Instant>,
}

/// A change that the loop waits for.
pub(super) enum Change {
    /// Its turn has come, with this memory.
    Turn(Held),
    /// Its turn has lasted long enough.
    TurnIsOver,
    /// Others have waited long enough: the archive should let go.
    IsPressed,
}

impl Backpressure {
    /// No memory is held, and nobody waits.
    pub fn new(disks: &Disks) -> Self {
        Self {
            held: disks.budget.hold(),
            budget: disks.budget.clone(),
            disk: disks.data.clone(),
            turn: None,
            in_line: None,
            pressed_since: None,
            let_go_at: None,
        }
    }

    /// Is the memory for batches spent, and the turn somebody else's?
    pub fn is_spent(&self) -> bool {
        self.turn.is_none() && self.budget.is_spent()
    }

    /// Should the batch go out, so that others get its memory? During a turn all that has arrived is taken first.
    pub fn wants_batch(&self, more: bool) -> bool {
        self.budget.is_spent() && (self.turn.is_none() || !more)
    }

    /// How many bytes to reserve for a new batch: none where memory is short, as the batch may stay small.
    pub fn room(&self) -> usize {
        match self.turn.is_some() || self.budget.is_spent() {
            true => 0,
            false => BATCH_BYTES,
        }
    }

    /// The memory of a full batch that goes out, which ends a turn.
    pub fn hand_over_full(&mut self, capacity: usize) -> Held {
        self.turn = None;
        let mut held = self.budget.hold();
        held.set(capacity as u64);
        held
    }

    /// The memory of the batch that is being filled and goes out as it is, which ends a turn.
    pub fn hand_over(&mut self, capacity: usize) -> Held {
        self.give_up_turn(capacity);
        std::mem::replace(&mut self.held, self.budget.hold())
    }

    /// Counts the memory of the batch that is being filled. A turn has the memory of a whole batch from its start.
    pub fn count(&mut self, capacity: usize) {
        if self.turn.is_none() || capacity > BATCH_BYTES {
            self.held.set(capacity as u64);
        }
    }

    /// Joins the line, unless it has a turn or stands there already.
    pub fn stand_in_line(&mut self) {
        if self.turn.is_none() && self.in_line.is_none() {
            let turn = self.budget.clone().turn(BATCH_BYTES as u64);
            self.in_line = Some(turn.boxed());
        }
    }

    /// Waits until something changes for this archive.
    pub async fn change(&mut self) -> Change {
        let over = self.turn.map(|since| since + TURN_MOST);
        let due = self.pressed_since.map(|since| since + self.patience());
        tokio::select! {
            biased;
            () = until(over) => Change::TurnIsOver,
            held = self.turn() => Change::Turn(held),
            () = until(due) => Change::IsPressed,
        }
    }

    /// Waits for its turn; for ever if it doesn't stand in line.
    pub async fn turn(&mut self) -> Held {
        let held = pending_or(&mut self.in_line).await;
        self.in_line = None;
        held
    }

    /// Begins a turn, with its memory.
    pub fn begin_turn(&mut self, held: Held) {
        (self.held, self.turn) = (held, Some(Instant::now()));
    }

    /// Ends a turn early: others wait for it, and no more records may come.
    pub fn give_up_turn(&mut self, capacity: usize) {
        self.turn = None;
        self.held.set(capacity as u64);
    }

    /// Leaves the line, and ends a turn: nobody must wait for an archive that takes nothing more.
    pub fn leave(&mut self, capacity: usize) {
        self.give_up_turn(capacity);
        self.in_line = None;
    }

    /// Notes that nobody waits for memory that this archive takes up.
    pub fn ease(&mut self) {
        self.pressed_since = None;
    }

    /// Notes that somebody waits. Is it time to let go?
    pub fn is_pressed_too_long(&mut self) -> bool {
        let since = *self.pressed_since.get_or_insert_with(Instant::now);
        let too_long = since.elapsed() >= self.patience();
        if too_long {
            (self.pressed_since, self.let_go_at) = (None, Some(Instant::now()));
        }
        too_long
    }

    /// Would others get on if this archive dropped the records that have arrived? Not where all wait for the same disk:
    /// there they would only be fetched again.
    pub fn is_in_the_way(&self, intake: &Intake, has_room: bool) -> bool {
        let all_wait = has_room || self.budget.is_spent();
        intake.reader.is_pressed() && !(all_wait && self.disk.has_only_budget())
    }

    /// How long others may wait before this archive lets go.
    fn patience(&self) -> Duration {
        match self.let_go_at {
            Some(when) if when.elapsed() < SLOW => Duration::ZERO,
            _ => PATIENCE,
        }
    }
}

/// Waits for this time; for ever without one.
async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::time::advance;

    use super::*;
    use crate::sim::disk::SimFs;
    use crate::sim::random::Random;
    use crate::world::devices::Devices;

    #[tokio::test(start_paused = true)]
    async fn who_had_to_let_go_does_so_at_once_the_next_time_unless_that_was_long_ago() {
        let fs = std::sync::Arc::new(SimFs::new(Random::new(1)).start());
        let at_once = std::sync::Arc::new(|| std::future::ready(()).boxed());
        let devices = Devices::in_tasks(fs, 1 << 20, at_once, 1);
        let data = devices.at(Path::new("/data")).await.expect("a disk");
        let mut pressure = Backpressure::new(&Disks {
            budget: data.budget(),
            state: data.clone(),
            data,
        });
        assert!(!pressure.is_pressed_too_long());
        advance(PATIENCE - PATIENCE / 10).await;
        assert!(!pressure.is_pressed_too_long());
        // The time that others wait is counted anew.
        pressure.ease();
        assert!(!pressure.is_pressed_too_long());
        advance(PATIENCE / 2).await;
        assert!(!pressure.is_pressed_too_long());
        advance(PATIENCE / 2).await;
        assert!(pressure.is_pressed_too_long());
        assert!(pressure.is_pressed_too_long());
        advance(SLOW).await;
        assert!(!pressure.is_pressed_too_long());
    }
}
