//! Alerts that wait for their receiver, which takes one after the other, each until it has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use archiver::world::shutdown::Shutdown;

use super::receiver::Receiver;
use super::state::State;
use super::waiting::Waiting;

/// How long is waited after the first failure; twice as long after each further one, up to the most.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_mins(1);

/// A receiver, and how far it is.
pub struct Outbox {
    receiver: Arc<Receiver>,
    /// So many alerts it has taken.
    delivered: u64,
    /// When it is tried again, and how long was waited for that.
    retry: Option<(Instant, Duration)>,
}

impl Outbox {
    /// How far a receiver is; it begins anew if nothing waits for it.
    ///
    /// # Errors
    ///
    /// If that can't be read or noted.
    pub fn open(
        receiver: Arc<Receiver>,
        waiting: Option<&mut Waiting>,
        state: &State,
    ) -> anyhow::Result<Self> {
        let key = receiver.key();
        let delivered = match waiting {
            Some(waiting) => {
                let delivered = state.delivered(&key)?;
                waiting.skip_to(delivered);
                delivered.max(waiting.first)
            }
            None => {
                state.note_delivered(&key, 0)?;
                0
            }
        };
        Ok(Self {
            receiver,
            delivered,
            retry: None,
        })
    }

    /// By which it is known.
    pub fn key(&self) -> String {
        self.receiver.key()
    }

    /// When it is to be tried again, if it has failed.
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    /// Delivers what waits, until something fails, or it is this time, or a stop is asked for. Returns what is to be said.
    ///
    /// # Errors
    ///
    /// If it can't be noted what was delivered.
    pub async fn deliver(
        &mut self,
        waiting: &mut Waiting,
        state: &State,
        until: Instant,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<String>> {
        if self.retry_at().is_some_and(|at| Instant::now() < at) {
            return Ok(None);
        }
        let mut said = None;
        while let Some(alert) = waiting.alerts.front() {
            if shutdown.is_requested() || Instant::now() >= until {
                break;
            }
            if let Err(error) = self.receiver.take(alert).await {
                let (first, wait) = match self.retry {
                    Some((_, before)) => (false, (before * 2).min(RETRY_MOST)),
                    None => (true, RETRY),
                };
                self.retry = Some((Instant::now() + wait, wait));
                let name = self.receiver.name();
                let waits = waiting.alerts.len();
                return Ok(first.then(|| {
                    format!("{name}: {error:#}; tried again until it succeeds, {waits} alerts wait")
                }));
            }
            self.delivered += 1;
            state.note_delivered(&self.key(), self.delivered)?;
            waiting.skip_to(self.delivered);
            if self.retry.take().is_some() {
                said = Some(format!("{} takes alerts again", self.receiver.name()));
            }
        }
        Ok(said)
    }
}
