//! Disks that hang: an archive whose disk doesn't answer is shown as waiting until the disk does.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time;

use crate::observe::reason::Reason;
use crate::observe::status::Status;
use crate::world::fs::Unanswered;

/// A disk that has not answered for so long hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked at the end of a stop, where answers are waited for.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// An archive, and the calls and jobs that its disks owe it.
pub struct Watched {
    /// Where a disk that hangs is shown.
    pub status: Arc<Status>,
    /// Calls that have not returned.
    pub calls: Unanswered,
    /// Jobs that no thread has begun: calls of others to the same device may hold all its threads.
    pub jobs: Unanswered,
}

impl Watched {
    /// Is anything unanswered?
    pub fn is_asking(&self) -> bool {
        self.calls.first().is_some() || self.jobs.first().is_some()
    }

    /// Is a call unanswered that was made before then, and not by a disk that hangs?
    fn may_answer(&self, then: Instant) -> bool {
        let first = self.calls.first();
        first.is_some_and(|(since, _)| since <= then && since.elapsed() < PATIENCE)
    }
}

/// Says of which archives the disk has not answered at the end of a stop, and whether there is one: a thread that the
/// kernel holds in a call keeps the process from vanishing. So what was asked until now is waited for, unless its disk
/// hangs, up to this deadline; what nobody has begun to do isn't.
pub async fn name_unanswered(archives: &[Arc<Watched>], deadline: time::Instant) -> bool {
    let asked = Instant::now();
    while archives.iter().any(|of| of.may_answer(asked)) && time::Instant::now() < deadline {
        time::sleep(LAST_LOOK).await;
    }
    let called = |of: &Watched| of.calls.first().filter(|(since, _)| *since <= asked);
    let hangs = archives.iter().any(|of| called(of).is_some());
    for of in archives.iter().filter(|_| hangs) {
        if let Some((_, path)) = called(of).or_else(|| of.jobs.first()) {
            tracing::error!(
                "archive {}: the disk of {} has not answered; this process can't vanish before it does",
                of.status.name(),
                path.display(),
            );
        }
    }
    hangs
}

/// Shows, again and again, which of the running archives wait for a disk that hangs.
pub async fn watch(running: impl Fn() -> Vec<Arc<Watched>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        look(&running(), Instant::now());
    }
}

/// Looks once.
fn look(archives: &[impl Borrow<Watched>], now: Instant) {
    let archives = archives.iter().map(Borrow::borrow);
    // If none hangs, a job that isn't begun waits for a processor.
    let any_hangs = archives.clone().any(|of| hangs(&of.calls, now).is_some());
    for Watched {
        status,
        calls,
        jobs,
    } in archives
    {
        let own = hangs(calls, now);
        let others = || hangs(jobs, now).filter(|_| any_hangs);
        status.hangs(own.or_else(others).map(|path| Reason::DiskHangs {
            path: path.to_path_buf(),
            silent: PATIENCE,
        }));
    }
}

/// The file of the oldest call or job, if that is so old that the disk hangs.
fn hangs(unanswered: &Unanswered, now: Instant) -> Option<Arc<Path>> {
    let (since, path) = unanswered.first()?;
    (now.saturating_duration_since(since) >= PATIENCE).then_some(path)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::observe::status::State;

    fn archive(name: &str) -> Watched {
        let status = Arc::new(Status::new(name));
        status.set(State::Running);
        Watched {
            status,
            calls: Unanswered::default(),
            jobs: Unanswered::default(),
        }
    }

    fn another() -> Reason {
        Reason::Recreated { topic: "t".into() }
    }

    fn path(path: &str) -> Arc<Path> {
        Arc::from(Path::new(path))
    }

    fn waits_for(path: &str) -> State {
        State::waiting(Reason::DiskHangs {
            path: path.into(),
            silent: Duration::from_secs(10),
        })
    }

    #[test]
    fn a_call_that_does_not_come_back_for_ten_seconds_is_waited_for_until_it_does() {
        let archives = [archive("a"), archive("b")];
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let state = |at: usize| archives[at].status.state();
        let short = archives[0].calls.ask(&path("/state/lock"));
        drop(short);
        let call = archives[0].calls.ask(&path("/state/checkpoint.json.new"));
        look(&archives, after(9));
        assert_eq!(state(0), State::Running);
        look(&archives, after(11));
        assert_eq!(state(0), waits_for("/state/checkpoint.json.new"));
        assert_eq!(state(1), State::Running);
        drop(call);
        look(&archives, after(12));
        assert_eq!(state(0), State::Running);
    }

    #[test]
    fn work_that_is_not_begun_waits_for_the_disk_only_where_one_hangs() {
        let archives = [archive("a"), archive("b"), archive("c")];
        let _queued = archives[1].jobs.ask(&path("/b"));
        let later = Instant::now() + Duration::from_secs(11);
        look(&archives, later);
        assert_eq!(archives[1].status.state(), State::Running);
        let _call = archives[0].calls.ask(&path("/a"));
        look(&archives, later + Duration::from_secs(11));
        assert_eq!(archives[0].status.state(), waits_for("/a"));
        assert_eq!(archives[1].status.state(), waits_for("/b"));
        assert_eq!(archives[2].status.state(), State::Running);
    }

    #[test]
    fn what_an_archive_comes_to_do_meanwhile_is_said_when_its_disk_answers() {
        let archives = [archive("a")];
        let status = &archives[0].status;
        let call = archives[0].calls.ask(&path("/a"));
        let later = Instant::now() + Duration::from_secs(11);
        look(&archives, later);
        status.set(State::waiting(another()));
        assert_eq!(status.state(), waits_for("/a"));
        drop(call);
        look(&archives, later);
        assert_eq!(status.state(), State::waiting(another()));
    }

    #[tokio::test]
    async fn at_the_end_what_answers_is_waited_for_and_what_nobody_has_begun_is_not() {
        let archives = [archive("a"), archive("b")].map(Arc::new);
        let soon = || time::Instant::now() + Duration::from_millis(300);
        let _queued = archives[0].jobs.ask(&path("/a"));
        let at_once = name_unanswered(&archives, soon()).now_or_never();
        assert_eq!(at_once, Some(false));
        let call = archives[1].calls.ask(&path("/b"));
        let answer = async {
            time::sleep(LAST_LOOK).await;
            drop(call);
        };
        let far = time::Instant::now() + LOOK * 60;
        let (is_held, ()) = futures_util::join!(name_unanswered(&archives, far), answer);
        assert!(!is_held);
        let _call = archives[1].calls.ask(&path("/b"));
        let deadline = soon();
        assert!(name_unanswered(&archives, deadline).await);
        assert!(time::Instant::now() >= deadline);
    }

    #[test]
    fn an_archive_that_has_ended_does_not_wait() {
        let archives = [archive("a")];
        let _call = archives[0].calls.ask(&path("/a"));
        archives[0].status.set(State::Done);
        look(&archives, Instant::now() + Duration::from_secs(11));
        assert_eq!(archives[0].status.state(), State::Done);
    }
}
