//! Disks that hang: an archive whose disk doesn't answer is shown as waiting until the disk does.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::reason::Reason;
use crate::observe::status::Status;
use crate::world::fs::Unanswered;

/// A disk that has not answered for so long hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// An archive, and the calls and jobs that its disks owe it.
pub struct Watched {
    /// Where a disk that hangs is shown.
    pub status: Arc<Status>,
    /// Calls that have not returned.
    pub calls: Unanswered,
    /// Jobs that no thread has begun: calls of others to the same device may hold all its threads.
    pub jobs: Unanswered,
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

    #[test]
    fn an_archive_that_has_ended_does_not_wait() {
        let archives = [archive("a")];
        let _call = archives[0].calls.ask(&path("/a"));
        archives[0].status.set(State::Done);
        look(&archives, Instant::now() + Duration::from_secs(11));
        assert_eq!(archives[0].status.state(), State::Done);
    }
}
