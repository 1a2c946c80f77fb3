//! The end of an attempt: records that have arrived are written, and become the last checkpoint.
//!
//! The order: let go of the reader and of the memory that others wait for → write what was taken → store a checkpoint →
//! wait until nothing of the attempt goes on.

use archiver_format::manifest::SealReason;
use tokio::time::{Instant, sleep_until};

use super::checkpointing::{Patience, sync};
use super::definition::{Failure, Interruption};
use super::reading::Reading;
use crate::observe::reason::Reason;

impl Reading<'_> {
    /// Takes the records that had arrived when the stop was asked for, for a limited time.
    pub(super) async fn drain(&mut self) -> Result<(), Interruption> {
        let deadline = Instant::now() + self.archive.environment.drain;
        let mut waiting = self.intake.reader.waiting();
        while waiting > 0 && Instant::now() < deadline {
            if self.may_take() {
                let taken = self.take()?;
                if taken == 0 {
                    break;
                }
                waiting = waiting.saturating_sub(taken);
                continue;
            }
            self.submit();
            self.stand_in_line();
            tokio::select! {
                biased;
                () = sleep_until(deadline) => break,
                wrote = self.pipeline.progress() => self.wrote(wrote)?,
                held = self.backpressure.turn() => self.has_turn(held),
            }
        }
        Ok(())
    }

    /// Ends the attempt, whatever ended the reading: nothing of it goes on afterwards.
    pub(super) async fn end(mut self, ended: Result<(), Interruption>) -> Result<(), Interruption> {
        // Nobody must wait for memory that this archive takes up, or for a turn that it doesn't use.
        self.intake.let_go();
        if let Some(read) = self.intake.window_read() {
            self.archive.status.has_read(read);
        }
        self.backpressure.leave(self.intake.batch.capacity());
        let ended = match ended {
            Ok(()) => {
                let settled = self.settle(Patience::Trusting).await;
                if settled.is_ok() && self.intake.is_complete() {
                    self.archive.status.has_whole_window();
                }
                settled
            }
            Err(Interruption::Distrust(why)) => {
                self.close().await;
                Err(Interruption::Distrust(why))
            }
            Err(Interruption::Failure(failure)) => {
                if self.settle(Patience::Short).await.is_err() {
                    tracing::debug!(
                        "archive {}: the next attempt goes back to the last checkpoint",
                        self.archive.config.name
                    );
                }
                Err(Interruption::Failure(failure))
            }
        };
        let stored = self.checkpoints.stored().checkpoint();
        self.outstanding.settle(self.intake.positions(), stored);
        ended
    }

    /// Writes everything that was taken, makes it durable and stores the last checkpoint.
    async fn settle(&mut self, patience: Patience) -> Result<(), Interruption> {
        let settled = self.settle_files(patience).await;
        self.close().await;
        settled
    }

    /// Does that as far as it can. A topic that was created again is no error here: the next attempt finds it out.
    async fn settle_files(&mut self, patience: Patience) -> Result<(), Interruption> {
        if let Some(done) = self.checkpoints.hurry().await {
            self.take_note(done)?;
        }
        let mut trouble = Ok(());
        if !self.pipeline.has_failed() {
            self.submit();
            if patience == Patience::Trusting && self.archive.config.seal_on_stop {
                self.pipeline.submit_seal(SealReason::Stop);
            }
            while !self.pipeline.is_idle() && trouble.is_ok() {
                let wrote = self.pipeline.progress().await;
                trouble = self.wrote(wrote);
            }
        }
        if let Err(Interruption::Distrust(_)) = trouble {
            return trouble;
        }
        if let Some(written) = self.pipeline.end().await
            && !self.checkpoints.holds(written.progress())
        {
            if self.checkpoints.is_unsure() {
                let _ = sync(written, &self.disks.data).await?;
            } else {
                let made = self
                    .checkpoints
                    .make(self.archive, &self.disks, written, patience);
                let done = made.await;
                self.take_note(done)?;
                self.name_sealed().await;
            }
        }
        match self.checkpoints.is_unsure() {
            true => Err(self.unsure()),
            false => trouble,
        }
    }

    /// Gives the segments that the last checkpoint counts as sealed their final names. If that fails, the next start does
    /// it.
    async fn name_sealed(&mut self) {
        let stored = self.checkpoints.stored();
        let sealed = stored.checkpoint().progress.unnamed.clone();
        if stored.is_unverified() || sealed.is_empty() {
            return;
        }
        if let Err(e) = self.pipeline.name(sealed).await {
            let name = &self.archive.config.name;
            tracing::debug!("archive {name}: naming sealed segments: {e}; the next start does it");
        }
    }

    /// Waits until nothing of this attempt goes on, so that the next one has the files to itself.
    async fn close(&mut self) {
        // Stored or not: the next attempt reads the checkpoint that is there.
        let _ = self.checkpoints.hurry().await;
        if let Some(written) = self.pipeline.end().await {
            self.archive.stands_at(written.progress());
        }
    }

    /// Records that were read may be of either topic.
    fn unsure(&self) -> Interruption {
        let topic = self.archive.config.topic.clone();
        Failure::retry(Reason::RecreatedWhileRead { topic }).into()
    }
}
