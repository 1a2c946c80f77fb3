//! Whether an archive may take more, and what it does with what has arrived as long as it may not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use super::reading::{CHUNK_BYTES, Fault, Reading};
use crate::budget::{Budget, Held};
use crate::record::{NextOffset, Partition, Places};

/// An archive that can't take what has arrived for it lets others wait no longer than this.
const PATIENCE: Duration = Duration::from_millis(100);
/// One that had to let go so recently does so at once.
const SLOW: Duration = Duration::from_secs(60);
/// How long a turn lasts if the chunk isn't full before.
pub(super) const TURN_MOST: Duration = Duration::from_secs(1);

/// How many times its size a record may take: in an answer of a broker, with the next one behind it, in its chunk, and in
/// that compressed; and as long again until the allocator gives it back.
const COPIES: u64 = 5;

/// Since when others wait for room that this archive takes up.
#[derive(Default)]
pub(super) struct Pressure {
    since: Option<Instant>,
    gave_way: Option<Instant>,
}

impl Pressure {
    /// Nobody waits.
    pub fn ease(&mut self) {
        self.since = None;
    }

    /// Somebody waits: is it time to let go?
    pub fn is_too_long(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        let too_long = since.elapsed() >= self.patience();
        if too_long {
            (self.since, self.gave_way) = (None, Some(Instant::now()));
        }
        too_long
    }

    /// Waits until it is time; for ever if nobody waits.
    pub async fn is_due(&self) {
        until(self.since.map(|since| since + self.patience())).await;
    }

    fn patience(&self) -> Duration {
        match self.gave_way {
            Some(when) if when.elapsed() < SLOW => Duration::ZERO,
            _ => PATIENCE,
        }
    }
}

/// Waits for this time; for ever without one.
pub(super) async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

impl Reading<'_> {
    /// Nothing is taken while the writing lags behind, or while chunks hold all the memory they may and it is
    /// somebody else's turn.
    pub(super) fn may_take(&self) -> bool {
        self.pipeline.has_room() && (self.turn.is_some() || !self.budget().is_spent())
    }

    pub(super) fn budget(&self) -> &Budget {
        self.archive.world.disk.budget()
    }

    pub(super) fn stand_in_line(&mut self) {
        if self.turn.is_none() && self.in_line.is_none() && self.pipeline.has_room() {
            let turn = self.budget().clone().turn(CHUNK_BYTES as u64);
            self.in_line = Some(turn.boxed());
        }
    }

    pub(super) fn has_turn(&mut self, held: Held) {
        self.in_line = None;
        // Who has nothing to take, or can't, would only keep the others waiting.
        let has_use = self.let_go || self.reader.waiting() > 0;
        if has_use && self.pipeline.has_room() {
            (self.held, self.turn) = (held, Some(Instant::now()));
        }
    }

    /// Others wait for it, and nothing more may come.
    pub(super) fn give_up_turn(&mut self) {
        self.turn = None;
        self.held.set(self.chunk.bytes.capacity() as u64);
    }

    /// Would others get on if this archive dropped what has arrived? Where all wait for the same disk it would only
    /// be read again.
    pub(super) fn is_in_the_way(&self) -> bool {
        let all_wait = self.pipeline.has_room() || self.budget().is_spent();
        self.reader.is_pressed() && !(all_wait && self.archive.world.disk.is_only_device())
    }

    /// Stops reading, and drops what has arrived.
    pub(super) fn let_go(&mut self) {
        if !self.let_go {
            self.let_go = true;
            let partitions = self.places().into_keys().collect::<Vec<_>>();
            self.reader.stop(&partitions);
        }
    }

    /// Reads on where it has let go.
    pub(super) fn go_on(&mut self) -> Result<(), Fault> {
        if self.let_go {
            self.let_go = false;
            let started = self.reader.start(&self.places());
            started.map_err(|e| self.archive.kafka("reading", &e))?;
        }
        Ok(())
    }

    /// Says of a record that it takes more memory than is allowed. It is in memory when that is seen, so that refusing it
    /// would bound nothing, and only keep the archive from going on. Said again of one that is twice as large.
    pub(super) fn say_if_too_large(&self, partition: Partition, offset: NextOffset, size: usize) {
        let world = &self.archive.world;
        let (size, allowed) = (size as u64, world.memory_bytes);
        let needed = size.saturating_mul(COPIES);
        let is_news = |said: u64| (size / 2 >= said).then_some(size);
        let (set, load) = (Ordering::Relaxed, Ordering::Relaxed);
        if needed <= allowed
            || world
                .said_too_large
                .fetch_update(set, load, is_news)
                .is_err()
        {
            return;
        }
        tracing::warn!(
            "archive {}: the record at offset {offset} of partition {partition} has {:.1} MB and may take {COPIES} times \
             that while it is archived, more than memory = \"{}MiB\" allows; set memory to \"{}MiB\" or more if \
             the process is held to what it says",
            self.archive.config.name,
            size as f64 / 1e6,
            allowed >> 20,
            needed.div_ceil(1 << 20),
        );
    }

    /// Where each partition is to be read on.
    pub(super) fn places(&self) -> Places {
        (0..).zip(self.places.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_had_to_let_go_does_so_at_once_the_next_time_unless_that_was_long_ago() {
        let mut pressure = Pressure::default();
        assert!(!pressure.is_too_long());
        advance(PATIENCE - PATIENCE / 10).await;
        assert!(!pressure.is_too_long());
        // Since when others wait is counted anew.
        pressure.ease();
        assert!(!pressure.is_too_long());
        advance(PATIENCE / 2).await;
        assert!(!pressure.is_too_long());
        advance(PATIENCE / 2).await;
        assert!(pressure.is_too_long());
        assert!(pressure.is_too_long());
        advance(SLOW).await;
        assert!(!pressure.is_too_long());
    }
}
