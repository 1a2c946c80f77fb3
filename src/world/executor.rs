//! Threads for work that may block or takes long. Work is begun in the order in which it was asked for, and goes on
//! when nobody waits for it any more.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

/// Waited for before and after each piece of work, see [`Executor::tasks`].
pub type Pace = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

type Job = Box<dyn FnOnce() + Send>;

/// Does what it is given; clones are the same one.
#[derive(Clone)]
pub struct Executor(Kind);

#[derive(Clone)]
enum Kind {
    /// To the threads, which end with the last sender.
    Threads(Sender<Job>),
    Tasks(Pace),
}

impl Executor {
    /// Starts so many threads; if there can't be as many, there are none.
    pub fn threads(name: &str, count: usize) -> io::Result<Self> {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..count {
            let receiver = Arc::clone(&receiver);
            let work = move || {
                loop {
                    let next = receiver
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    match next {
                        Ok(job) => job(),
                        Err(_) => break,
                    }
                }
            };
            std::thread::Builder::new().name(name.into()).spawn(work)?;
        }
        Ok(Self(Kind::Threads(jobs)))
    }

    /// Has the work done by tasks of a runtime with one thread, at this pace: everything then happens in an order that
    /// can be repeated.
    pub fn tasks(pace: Pace) -> Self {
        Self(Kind::Tasks(pace))
    }

    /// Does a piece of work. It is with the threads from the first poll on.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match &self.0 {
            Kind::Threads(jobs) => {
                let (done, when_done) = oneshot::channel();
                let job = move || drop(done.send(catch_unwind(AssertUnwindSafe(work))));
                let sent = jobs.send(Box::new(job));
                match (sent, when_done.await) {
                    (Ok(()), Ok(Ok(done))) => done,
                    (Ok(()), Ok(Err(panicked))) => resume_unwind(panicked),
                    // The threads end after whoever can wait here.
                    _ => std::future::pending().await,
                }
            }
            Kind::Tasks(pace) => {
                let (before, after) = (pace(), Arc::clone(pace));
                let running = tokio::spawn(async move {
                    before.await;
                    let done = work();
                    after().await;
                    done
                });
                match running.await {
                    Ok(done) => done,
                    Err(failed) if failed.is_panic() => resume_unwind(failed.into_panic()),
                    // The runtime is going away, and the task that waits here with it.
                    Err(_) => std::future::pending().await,
                }
            }
        }
    }
}

/// Threads for what needs a processor and no device, one on each core; clones are the same ones. So whoever waits for a
/// device takes none from those who don't.
#[derive(Clone, Default)]
pub struct Cores(Arc<Mutex<Option<Executor>>>);

impl Cores {
    /// With the work done by tasks, see [`Executor::tasks`].
    pub fn in_tasks(pace: Pace) -> Self {
        Self(Arc::new(Mutex::new(Some(Executor::tasks(pace)))))
    }

    /// The threads; they are started when they are first asked for. Fails if there can't be as many.
    pub fn executor(&self) -> io::Result<Executor> {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(started) = &*started {
            return Ok(started.clone());
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(started.insert(Executor::threads("cores", cores)?).clone())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it() {
        let executor = Executor::threads("test", 1).expect("a thread");
        let (done, when_done) = oneshot::channel();
        let dropped = executor.run(move || done.send(()).is_ok());
        let _ = dropped.now_or_never();
        assert_eq!(when_done.await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_is_that_of_whoever_waits_and_ends_no_thread() {
        let executor = Executor::threads("test", 1).expect("a thread");
        let panics = executor.run(|| std::panic::panic_any("no good"));
        let panicked = AssertUnwindSafe(panics).catch_unwind().await;
        assert!(panicked.is_err());
        assert_eq!(executor.run(|| 7).await, 7);
    }
}
