//! Another configuration is taken up while a process and its archives go on.

use std::collections::BTreeSet;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::task::{JoinError, JoinHandle};

use super::disk::Mutation;
use super::process::Process;
use super::world::{Touched, Watched, World, lock};
use crate::config::{self, Checked, Config};
use crate::observe::status::{State, Status};

/// A reload that goes on.
pub(super) struct Reload {
    task: JoinHandle<()>,
    /// What is to notice nothing.
    untouched: Vec<Arc<Status>>,
    /// The names of those that it changes.
    changed: BTreeSet<String>,
}

/// A reload that is over.
pub(super) struct Reloaded {
    reload: Reload,
    ended: Result<(), JoinError>,
}

impl Reload {
    /// Waits for its end, for ever if there is none. May be dropped and called again.
    pub async fn end(reload: &mut Option<Self>) -> Option<Reloaded> {
        let Some(going_on) = reload else {
            return pending().await;
        };
        let ended = (&mut going_on.task).await;
        reload.take().map(|reload| Reloaded { reload, ended })
    }
}

impl World {
    /// Changes the configuration of the archives of these numbers, and has that taken up, unless the process is busy with
    /// single archives already. The others are to notice nothing.
    pub(super) fn reload(&self, main: &mut Process, numbers: &[usize]) {
        if main.reload.is_some() || !main.restarts.is_empty() || !self.windows.is_empty() {
            return;
        }
        let mut changed = BTreeSet::new();
        for archive in numbers.iter().map(|number| &self.archives[*number]) {
            let name = &archive.config.name;
            // None may be started where its state is missing: it couldn't know that there was one.
            if archive.pattern.is_some() || self.touched(name) == Some(Touched::Stateless) {
                continue;
            }
            let now = self.other_than(archive, main.reloaded.get(name));
            main.reloaded.insert(name.clone(), now);
            changed.insert(name.clone());
        }
        changed.extend(self.stopped_by_themselves(main));
        self.fs.note(|| format!("  reload: changes {changed:?}"));
        let archives = self.archives.iter().filter(|of| of.pattern.is_none());
        let archives = archives.filter_map(|archive| {
            let now = match main.reloaded.get(&archive.config.name) {
                Some(now) => now.clone()?,
                None => archive.config.clone(),
            };
            Some(self.as_mistaken(now, &changed))
        });
        let patterns = self.patterns.iter().cloned().map(Checked::for_tests);
        let config = Config {
            archives: archives.map(Checked::for_tests).collect(),
            patterns: patterns.collect(),
            ..Config::for_tests()
        };
        let mut untouched = main.supervisor.statuses();
        untouched.retain(|status| !changed.contains(status.name()));
        self.is_reloading.store(true, Ordering::Relaxed);
        self.fs.reloads(self.states(&changed));
        let supervisor = main.supervisor.clone();
        let mut taking_up = async move { supervisor.reload(&config).await }.boxed();
        // Now, so that no archive stops by itself between this look at them and its own.
        let is_over = (&mut taking_up).now_or_never().is_some();
        main.reload = Some(Reload {
            task: tokio::spawn(async move {
                if !is_over {
                    taking_up.await;
                }
            }),
            untouched,
            changed,
        });
    }

    /// Those that have stopped by themselves, which a reload starts again as they were.
    fn stopped_by_themselves(&self, main: &mut Process) -> BTreeSet<String> {
        let statuses = main.supervisor.statuses();
        let stopped = statuses
            .iter()
            .filter(|status| matches!(status.state(), State::Stopped(_)));
        let mut names = BTreeSet::new();
        for status in stopped {
            let mut archives = self.archives.iter();
            let is_it = |archive: &&Watched| archive.config.name == *status.name();
            let now = main.supervisor.archive(status.name());
            let (Some(archive), Some(now)) = (archives.find(is_it), now) else {
                continue;
            };
            self.put_back_state(archive);
            let name = archive.config.name.clone();
            if !main.reloaded.contains_key(&name) {
                main.reloaded.insert(name.clone(), Some((*now).clone()));
            }
            names.insert(name);
        }
        names
    }

    /// A reload is over: what it changes is as configured now, and nothing else was stopped.
    pub(super) fn reloaded(&self, main: &Process, of: Reloaded) -> Result<(), String> {
        self.is_reloading.store(false, Ordering::Relaxed);
        self.fs.reloads(Vec::new());
        of.ended.map_err(|e| format!("a reload failed: {e}"))?;
        let statuses = main.supervisor.statuses();
        for before in &of.reload.untouched {
            if !statuses.iter().any(|now| Arc::ptr_eq(now, before)) {
                let name = before.name();
                return Err(format!(
                    "archive {name} was stopped by a reload that doesn't change it"
                ));
            }
        }
        for name in &of.reload.changed {
            let now = main.supervisor.archive(name);
            let wanted = main.reloaded.get(name).cloned().flatten();
            if now.as_deref() != wanted.as_ref() {
                return Err(format!("archive {name} is not what a reload made of it"));
            }
        }
        self.look(main);
        lock(&self.tally).reloads += 1;
        Ok(())
    }

    /// What becomes of an archive that reloads have made this of; `None` if it is to be no more.
    fn other_than(
        &self,
        archive: &Watched,
        before: Option<&Option<config::Archive>>,
    ) -> Option<config::Archive> {
        let random = &self.random;
        let is_there = !matches!(before, Some(None));
        if is_there && random.once_in(5) {
            return None;
        }
        let before = before.and_then(Option::as_ref).unwrap_or(&archive.config);
        let mut now = before.clone();
        now.flush += Duration::from_millis(1);
        now.checkpoint = Duration::from_millis(random.pick(&[30, 300, 1000, 5000]));
        now.open_files = random.pick(&[1, 2, 16]);
        now.index = !random.once_in(6);
        if now.template.has_sequence() {
            now.seal_on_stop = random.once_in(3);
            now.rotation.records = random.pick(&[None, Some(1), Some(7), Some(50)]);
            now.rotation.bytes = random.pick(&[None, Some(300), Some(3_000)]);
        }
        Some(now)
    }

    /// The same, unless it is made a mistake of to restart what isn't changed.
    fn as_mistaken(&self, mut now: config::Archive, changed: &BTreeSet<String>) -> config::Archive {
        let is_mistake = self.fs.mutation() == Some(Mutation::RestlessReload);
        if is_mistake && !changed.contains(&now.name) {
            now.flush += Duration::from_millis(1);
        }
        now
    }

    /// Where the state of these archives is.
    fn states(&self, names: &BTreeSet<String>) -> Vec<PathBuf> {
        let archives = self.archives.iter().map(|archive| &archive.config);
        let of = archives.filter(|config| names.contains(&config.name));
        of.map(|config| config.state.clone()).collect()
    }
}
