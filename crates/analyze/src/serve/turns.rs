//! Some questions at once; others wait for their turn. Each has so much time, and no more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::problem::Problem;

/// Turns of questions, which are answered by threads other than those that take requests.
pub struct Turns {
    turns: Arc<Semaphore>,
    patience: Duration,
    timeout: Duration,
    runtime: Handle,
}

impl Turns {
    /// So many at once. A question waits so long for its turn, and may then take so long to be answered, by this runtime.
    pub fn new(at_once: usize, (patience, timeout): (Duration, Duration), runtime: Handle) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            patience,
            timeout,
            runtime,
        }
    }

    /// Answers a question once it has its turn. What isn't awaited any more is ended.
    ///
    /// # Errors
    ///
    /// If it can't be answered, or not in time.
    pub async fn answer<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        // It has its turn until it has really ended, which may be later than it was cut.
        let answering = self.runtime.spawn(async move {
            let _turn = turn;
            work.await
        });
        self.until_late(answering).await
    }

    /// The same of what only looks at files.
    ///
    /// # Errors
    ///
    /// If it can't be answered, or not in time.
    pub async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let looking = self.runtime.spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        self.until_late(looking).await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Problem::busy(format!(
                "others are being answered, and none was done within {} s; try again",
                self.patience.as_secs_f64()
            ))),
        }
    }

    async fn until_late<T>(&self, task: JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
        let mut ended = Ended(task);
        match timeout(self.timeout, &mut ended.0).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Problem::failed("answering has failed; the log says why")),
            Err(_) => Err(Problem::late(format!(
                "it was not answered within {} s (--timeout), and was cut; ask for a shorter range, larger windows or fewer groups",
                self.timeout.as_secs_f64()
            ))),
        }
    }
}

/// A task that is ended when nobody waits for it any more.
struct Ended<T>(JoinHandle<T>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    fn turns(at_once: usize, timeout: Duration) -> Turns {
        let patience = Duration::from_millis(50);
        Turns::new(at_once, (patience, timeout), Handle::current())
    }

    #[tokio::test]
    async fn what_takes_too_long_is_cut_and_gives_its_turn_to_the_next() {
        let turns = turns(1, Duration::from_millis(50));
        let late = turns.answer(pending::<Result<(), Problem>>()).await;
        let late = late.expect_err("is cut");
        assert_eq!(late.status, 504);
        assert!(late.why.contains("within 0.05 s"), "{}", late.why);
        assert_eq!(turns.answer(async { Ok(1) }).await, Ok(1));
        assert_eq!(turns.look(|| Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn one_too_many_waits_and_is_refused_in_the_end() {
        let turns = turns(1, Duration::from_secs(600));
        let (end, ended) = oneshot::channel::<()>();
        let first = turns.answer(async move {
            let _ = ended.await;
            Ok(1)
        });
        let second = async {
            let refused = turns.answer(async { Ok(2) }).await;
            assert_eq!(refused.expect_err("is refused").status, 503);
            let _ = end.send(());
            turns.answer(async { Ok(3) }).await
        };
        assert_eq!(tokio::join!(first, second), (Ok(1), Ok(3)));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_ended() {
        let turns = turns(1, Duration::from_secs(600));
        let (held, is_gone) = oneshot::channel::<()>();
        let asked = turns.answer(async move {
            let _held = held;
            pending::<Result<(), Problem>>().await
        });
        let gone = timeout(Duration::from_millis(20), asked).await;
        assert!(gone.is_err());
        // Whoever sends is gone with the answer.
        assert!(is_gone.await.is_err());
        assert_eq!(turns.answer(async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let turns = turns(1, Duration::from_secs(600));
        let panics = turns.answer::<()>(async {
            assert!(std::hint::black_box(false), "on purpose");
            Ok(())
        });
        assert_eq!(panics.await.expect_err("fails").status, 500);
        assert_eq!(turns.answer(async { Ok(1) }).await, Ok(1));
    }
}
