//! Whether an archive may take more, and what it does with what has arrived as long as it may not.
//!
//! Batches on their way to a device share a budget. While it is spent, archives take in turn, a batch each. Whoever can't
//! take what has arrived for it lets go of it before others have waited for long.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep_until};

use super::disks::Disks;
use super::intake::{BATCH_BYTES, Intake};
use super::pending::pending_or;
use crate::world::budget::Budget;
use crate::world::disk::Disk;
use crate::world::memory::Held;

/// An archive that can't take what has arrived for it lets others wait no longer than this.
const PATIENCE: Duration = Duration::from_millis(100);
/// One that had to let go so recently does so at once.
const SLOW: Duration = Duration::from_secs(60);
/// How long a turn lasts if the batch isn't full before.
const TURN_MOST: Duration = Duration::from_secs(1);

/// An archive's part in what all share.
pub(super) struct Backpressure {
    budget: Budget,
    disk: Disk,
    /// What the batch that is being filled holds of the budget.
    held: Held,
    /// When it was given the memory for a batch because it was its turn, if the batch has not gone out since.
    turn: Option<Instant>,
    /// Waits for its turn.
    in_line: Option<BoxFuture<'static, Held>>,
    /// Since when others wait for room that this archive takes up.
    pressed_since: Option<Instant>,
    let_go_at: Option<Instant>,
}

/// What has changed for an archive.
pub(super) enum Change {
    /// It is its turn: it may hold this.
    Turn(Held),
    /// Its turn has lasted long enough.
    TurnIsOver,
    /// Others have waited for long enough for what it takes up.
    IsPressed,
}

impl Backpressure {
    /// Nothing is held, and nobody waits.
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

    /// Do batches hold all the memory they may, while it is somebody else's turn?
    pub fn is_spent(&self) -> bool {
        self.turn.is_none() && self.budget.is_spent()
    }

    /// Should the batch go out, for others to have its memory? With a turn, all that is there is taken first.
    pub fn wants_batch(&self, more: bool) -> bool {
        self.budget.is_spent() && (self.turn.is_none() || !more)
    }

    /// Where memory is short, a batch becomes only as large as it gets.
    pub fn room(&self) -> usize {
        match self.turn.is_some() || self.budget.is_spent() {
            true => 0,
            false => BATCH_BYTES,
        }
    }

    /// The memory of a batch that goes out because it is full: its turn is over.
    pub fn hand_over_full(&mut self, capacity: usize) -> Held {
        self.turn = None;
        let mut held = self.budget.hold();
        held.set(capacity as u64);
        held
    }

    /// The memory of the batch that is being filled, as it goes out.
    pub fn hand_over(&mut self, capacity: usize) -> Held {
        self.give_up_turn(capacity);
        std::mem::replace(&mut self.held, self.budget.hold())
    }

    /// Counts the memory of the batch that is being filled. A turn has a batch's worth already.
    pub fn count(&mut self, capacity: usize) {
        if self.turn.is_none() || capacity > BATCH_BYTES {
            self.held.set(capacity as u64);
        }
    }

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
            held = pending_or(&mut self.in_line) => {
                self.in_line = None;
                Change::Turn(held)
            }
            () = until(due) => Change::IsPressed,
        }
    }

    /// Waits for its turn; for ever if it doesn't stand in line.
    pub async fn turn(&mut self) -> Held {
        let held = pending_or(&mut self.in_line).await;
        self.in_line = None;
        held
    }

    /// It is its turn.
    pub fn begin_turn(&mut self, held: Held) {
        (self.held, self.turn) = (held, Some(Instant::now()));
    }

    /// Others wait for it, and nothing more may come.
    pub fn give_up_turn(&mut self, capacity: usize) {
        self.turn = None;
        self.held.set(capacity as u64);
    }

    /// Nobody must wait for a turn that this archive doesn't take.
    pub fn leave(&mut self, capacity: usize) {
        self.give_up_turn(capacity);
        self.in_line = None;
    }

    /// Nobody waits for room that this archive takes up.
    pub fn ease(&mut self) {
        self.pressed_since = None;
    }

    /// Somebody waits: is it time to let go?
    pub fn is_pressed_too_long(&mut self) -> bool {
        let since = *self.pressed_since.get_or_insert_with(Instant::now);
        let too_long = since.elapsed() >= self.patience();
        if too_long {
            (self.pressed_since, self.let_go_at) = (None, Some(Instant::now()));
        }
        too_long
    }

    /// Would others get on if this archive dropped what has arrived? Where all wait for the same disk it would only be
    /// read again.
    pub fn is_in_the_way(&self, intake: &Intake, has_room: bool) -> bool {
        let all_wait = has_room || self.budget.is_spent();
        intake.reader.is_pressed() && !(all_wait && self.disk.has_only_budget())
    }

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
        // Since when others wait is counted anew.
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
