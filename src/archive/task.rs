//! An archive's task: one attempt after the other, with pauses between them.

use super::attempt::{Attempts, Remains};
use super::backoff::Backoff;
use super::definition::{Archive, Failure};
use super::handover::HandOver;
use crate::observe::status::State;
use crate::world::shutdown::Shutdown;

/// How an archive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, and everything that it took is in the file and durable.
    Clean,
    /// It was asked to stop, and some records that it took are not certain; they will be read from Kafka again.
    Unfinished,
    /// It can't go on without somebody doing something.
    Never,
    /// Its task has failed by a fault in the program.
    Panicked,
}

impl Archive {
    /// Archives until a stop is asked for, or until it can never go on. A failure that can heal is followed by another
    /// attempt.
    pub async fn run(self, shutdown: Shutdown) -> (End, Remains) {
        let mut attempts = Attempts::new(HandOver::begin(&self, &shutdown));
        let end = tokio::select! {
            biased;
            end = self.attempt_until_end(&mut attempts, shutdown) => end,
            never = self.watch_lag() => never,
        };
        attempts.handover.end().await;
        (end, attempts.remains())
    }

    /// Makes one attempt after the other until a stop is asked for or the archive can never go on.
    async fn attempt_until_end(&self, attempts: &mut Attempts, mut shutdown: Shutdown) -> End {
        let mut backoff = Backoff::new();
        loop {
            self.status.begins();
            let began = tokio::time::Instant::now();
            let attempt = attempts.attempt(self, &mut shutdown).await;
            match attempt {
                Ok(()) => return self.end(attempts),
                Err(Failure::Never(why)) => {
                    self.status.set(State::stopped(*why));
                    return End::Never;
                }
                Err(Failure::Retry(why)) => self.status.set(State::waiting(*why)),
            }
            let pause = backoff.after(began.elapsed());
            tokio::select! {
                biased;
                () = shutdown.requested() => return self.end(attempts),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// How it ends when a stop was asked for, which is shown and, if it isn't clean, logged.
    fn end(&self, attempts: &Attempts) -> End {
        if attempts.outstanding.is_nothing() {
            self.status.set(State::Done);
            return End::Clean;
        }
        let why = match self.status.state() {
            State::Waiting(why) => why.to_string(),
            _ => "what had been taken before is not all there again yet".into(),
        };
        tracing::error!(
            "archive {}: {why}; what is not in the file will be read again at the next start",
            self.config.name
        );
        self.status.set(State::Unfinished);
        End::Unfinished
    }
}
