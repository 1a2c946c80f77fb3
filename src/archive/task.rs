//! An archive's task: one attempt after the other, with pauses between them.

use super::archive::{Archive, Stop};
use super::attempt::Attempts;
use super::backoff::Backoff;
use crate::observe::status::State;
use crate::world::shutdown::Shutdown;

/// How an archive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, and everything that it took is in the file and durable.
    Clean,
    /// It was asked to stop, and something that it took is not; it will be read from Kafka again.
    Unfinished,
    /// It can't go on without somebody doing something.
    Never,
}

impl Archive {
    /// Archives until asked to stop, or until it can never go on. What can heal is tried again.
    pub async fn run(self, mut shutdown: Shutdown) -> End {
        let mut attempts = Attempts::default();
        let mut backoff = Backoff::new();
        loop {
            self.status.begins();
            let began = tokio::time::Instant::now();
            let attempt = attempts.attempt(&self, &mut shutdown).await;
            match attempt {
                Ok(()) => return self.end(&attempts),
                Err(Stop::Never(why)) => {
                    self.status.set(State::stopped(why));
                    return End::Never;
                }
                Err(Stop::Retry(why)) => self.status.set(State::waiting(why)),
            }
            let pause = backoff.after(began.elapsed());
            tokio::select! {
                biased;
                () = shutdown.requested() => return self.end(&attempts),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// It was asked to stop.
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
