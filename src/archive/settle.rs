//! The end of an attempt to read: what has arrived is written, and what is written becomes a checkpoint.

use tokio::time::{Instant, sleep_until};

use super::Stop;
use super::durable::{self, Patience};
use super::reading::{Fault, Reading, pending_or};
use crate::reason::Reason;

impl Reading<'_> {
    /// Takes what had arrived when the stop was asked for, for a limited time.
    pub(super) async fn drain(&mut self) -> Result<(), Fault> {
        let deadline = Instant::now() + self.archive.world.drain;
        let mut waiting = self.reader.waiting();
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
                held = pending_or(&mut self.in_line) => self.has_turn(held),
            }
        }
        Ok(())
    }

    /// Has everything that was taken written, makes it durable and stores the last checkpoint.
    pub(super) async fn settle(&mut self, patience: Patience) -> Result<(), Fault> {
        let settled = self.settle_files(patience).await;
        self.close().await;
        settled
    }

    /// That the topic was created again, the next attempt finds out.
    async fn settle_files(&mut self, patience: Patience) -> Result<(), Fault> {
        if let Some(going_on) = self.checkpointing.take() {
            self.hurry.notify_one();
            self.stored(going_on.await)?;
        }
        let mut trouble = Ok(());
        if !self.pipeline.has_failed() {
            self.submit();
            while !self.pipeline.is_idle() && trouble.is_ok() {
                let wrote = self.pipeline.progress().await;
                trouble = self.wrote(wrote);
            }
        }
        if let Err(Fault::Distrust(_)) = trouble {
            return trouble;
        }
        if let Some(written) = self.pipeline.end().await
            && *written.progress() != self.checkpointed.checkpoint().progress
        {
            if self.is_unsure {
                let _ = durable::sync(written, &self.disks.data).await?;
            } else {
                let done = durable::checkpoint(self, written, patience).await;
                self.stored(done)?;
            }
        }
        match self.is_unsure {
            true => Err(self.unsure()),
            false => trouble,
        }
    }

    /// Ends everything that this attempt has going on, so that the next one has the files to itself.
    pub(super) async fn close(&mut self) {
        if let Some(going_on) = self.checkpointing.take() {
            self.hurry.notify_one();
            // Stored or not: the next attempt reads what is there.
            let _ = going_on.await;
        }
        if let Some(written) = self.pipeline.end().await {
            self.archive.stands_at(written.progress());
        }
    }

    fn unsure(&self) -> Fault {
        let topic = self.archive.config.topic.clone();
        Stop::Retry(Reason::RecreatedWhileRead { topic }).into()
    }
}
