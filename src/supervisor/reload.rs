//! Reload: from the archives of one configuration to those of another, while those that are in both notice nothing.
//!
//! The order: patterns that are gone or changed stop looking for topics, and archives that are gone or changed are asked to
//! stop → what is new starts, where nothing is in its way → each of the others starts as soon as whoever had its name or
//! its file has ended → new patterns look for topics.
//!
//! A newer configuration takes the place of one that still waits for an archive to end: what that had asked to stop is in
//! the list until it has ended, so nothing is forgotten.

use std::collections::HashSet;
use std::path::PathBuf;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::Supervisor;
use super::changes::{Changes, Fate, Foreseen, Wanted, named};
use super::listed::Standing;
use crate::config::{self, Archive, Checked, Config, Pattern};
use crate::service_manager::{Notice, ServiceManager};
use crate::world::broadcast::Listener;

/// The configuration of a process, which may be read again.
pub struct Reloads {
    supervisor: Supervisor,
    path: PathBuf,
    /// As it was when the process began.
    begun: Checked<Config>,
}

impl Reloads {
    /// Of archives that were started by this configuration, which was read from this path.
    pub fn new(supervisor: &Supervisor, path: PathBuf, config: Checked<Config>) -> Self {
        Self {
            supervisor: supervisor.clone(),
            path,
            begun: config,
        }
    }

    /// Takes the configuration up each time somebody asks for it, until a stop of the process. One that is wrong is said to
    /// be, and the one before it goes on.
    pub async fn when(&self, mut asked: Listener, manager: Option<ServiceManager>) {
        // What it doesn't take, it does without.
        let tell = |notice| manager.as_ref().map(|manager| manager.tell(&[notice]));
        let name = config::source_name(&self.path);
        let mut taking_up = None::<BoxFuture<'static, ()>>;
        loop {
            let mut shutdown = self.supervisor.0.shutdown.clone();
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                () = end(&mut taking_up) => {
                    taking_up = None;
                    tracing::info!("reload of {name}: done");
                    tell(Notice::Ready);
                }
                () = asked.next() => {
                    tell(Notice::Reloading);
                    match self.read(&name, taking_up.is_some()) {
                        Some(now) => {
                            let supervisor = self.supervisor.clone();
                            taking_up = Some(async move { supervisor.reload(&now).await }.boxed());
                        }
                        None => drop(tell(Notice::Ready)),
                    }
                }
            }
        }
    }

    /// The configuration, if nothing is wrong with it. Says what it changes, or what is wrong; and what one before it, if
    /// it is still being taken up, waits for.
    fn read(&self, name: &str, is_taking_up: bool) -> Option<Checked<Config>> {
        let now = match config::load(&self.path) {
            Ok(now) => now,
            Err(e) => {
                tracing::error!("reload: nothing is changed, as {name} is wrong: {e}");
                return None;
            }
        };
        for what in at_next_start(&self.begun, &now) {
            tracing::warn!("reload: {what} is taken up at the next start of archiver");
        }
        let stopping = self.supervisor.listed().stopping();
        if is_taking_up && !stopping.is_empty() {
            tracing::warn!(
                "reload: the one before still waits for {} to stop; this one takes its place, and holds up only what needs \
                 the same names, files or patterns",
                named(&stopping)
            );
        }
        tracing::info!("reload of {name}: {}", self.supervisor.changes(&now));
        Some(now)
    }

    /// What a reload would do now. Reads the configuration, and changes nothing.
    pub fn foresee(&self) -> Foreseen {
        // Whoever asks may be in another directory.
        let file = config::full_name(&self.path);
        match config::load(&self.path) {
            Ok(now) => Foreseen {
                file,
                error: None,
                changes: self.supervisor.changes(&now),
                at_next_start: at_next_start(&self.begun, &now),
            },
            Err(e) => Foreseen {
                file,
                error: Some(e.to_string()),
                ..Foreseen::default()
            },
        }
    }
}

/// Waits until a configuration is taken up, for ever if none is.
async fn end(taking_up: &mut Option<BoxFuture<'static, ()>>) {
    match taking_up {
        Some(taking_up) => taking_up.await,
        None => std::future::pending().await,
    }
}

/// What of a configuration is another one, and is taken up at the next start only.
fn at_next_start(before: &Config, now: &Config) -> Vec<String> {
    let all = [
        ("[limits] memory", now.memory_bytes == before.memory_bytes),
        (
            "[limits] disk_free",
            now.disk_free_bytes == before.disk_free_bytes,
        ),
        ("[http]", now.http == before.http),
        (
            "shutdown_timeout",
            now.shutdown_timeout == before.shutdown_timeout,
        ),
    ];
    let differ = all.into_iter().filter(|(_, is_same)| !is_same);
    differ.map(|(what, _)| what.to_owned()).collect()
}

impl Supervisor {
    /// What this configuration changes of what is there. Changes nothing.
    pub fn changes(&self, config: &Config) -> Changes {
        let (listed, wanted) = (self.listed(), Wanted::new(config));
        let (mut changes, mut known) = (Changes::default(), HashSet::new());
        for one in listed.known() {
            let name = one.config.name.clone();
            known.insert(name.clone());
            match wanted.fate(&one) {
                Fate::Same => changes.same += 1,
                Fate::Again(_) if one.standing == Standing::Stopped => changes.again.push(name),
                Fate::Again(_) => changes.changed.push(name),
                Fate::Changed(_) => changes.changed.push(name),
                Fate::Gone => changes.gone.push(name),
            }
        }
        let new = config.archives.iter().map(|archive| archive.name.clone());
        changes.new = new.filter(|name| !known.contains(name)).collect();
        let old = listed.patterns();
        let text = |pattern: &Checked<Pattern>| pattern.text().to_owned();
        let is_new = |pattern: &&Checked<Pattern>| !old.contains(pattern);
        changes.patterns = config.patterns.iter().filter(is_new).map(text).collect();
        let is_gone = |of: &&Checked<Pattern>| {
            let mut now = config.patterns.iter();
            !now.any(|now| now.text() == of.text())
        };
        changes.gone_patterns = old.iter().filter(is_gone).map(text).collect();
        changes
    }

    /// Takes up another configuration. Ends when all that is gone or changed has stopped, and all that is to run was
    /// started. Must be called within a tokio runtime. Before it has ended it may be dropped, and called again with a newer one.
    pub async fn reload(&self, config: &Config) {
        self.listed().reloads(true);
        self.take_up(config).await;
        self.listed().reloads(false);
        self.0.changed.notify_waiters();
    }

    async fn take_up(&self, config: &Config) {
        let wanted = Wanted::new(config);
        let mut released = Vec::new();
        // Of an end that is never told the task is gone, too.
        let over = self.listed().stop_patterns(&config.patterns);
        for stopped in over {
            let _ = stopped.quiet.await;
            released.push(stopped.released);
        }
        let old = self.listed().known();
        let (mut ends, mut next) = (FuturesUnordered::new(), Vec::new());
        let (mut kept, mut known) = (HashSet::new(), HashSet::new());
        for one in &old {
            let archive = &one.config;
            known.insert(archive.name.as_str());
            match wanted.fate(one) {
                Fate::Same => {
                    kept.insert(archive.topic.clone());
                    continue;
                }
                Fate::Again(now) => {
                    kept.insert(archive.topic.clone());
                    next.push(now);
                }
                Fate::Changed(now) => next.extend(now),
                Fate::Gone => {}
            }
            if let Some(ending) = self.stop(&archive.name) {
                ends.push(async move { ending.wait().await });
            }
        }
        let new = config.archives.iter();
        next.extend(
            new.filter(|archive| !known.contains(archive.name.as_str()))
                .cloned(),
        );
        self.start_free(&mut next);
        while ends.next().await.is_some() {
            self.start_free(&mut next);
        }
        // One that is started and stopped at once reads nothing of what the one before it may have left unfinished.
        if self.0.shutdown.is_requested() {
            return;
        }
        for archive in next {
            // Nothing is to stop any more, so it is in nobody's way but its own.
            if let Err(e) = self.start(archive) {
                tracing::error!("reload: {e}");
            }
        }
        for released in released {
            let _ = released.await;
        }
        if self.0.shutdown.is_requested() {
            return;
        }
        let there = self.listed().patterns();
        let patterns = config.patterns.iter();
        for pattern in patterns.filter(|pattern| !there.contains(pattern)) {
            let own = kept.iter().filter(|topic| pattern.matches(topic));
            self.discover_beside(pattern.clone(), own.cloned().collect());
        }
    }

    /// Starts those of these archives whose names and files nobody has, and takes them out.
    fn start_free(&self, next: &mut Vec<Checked<Archive>>) {
        if next.is_empty() || self.0.shutdown.is_requested() {
            return;
        }
        let listed = self.listed();
        let is_free =
            |archive: &mut Checked<Archive>| listed.check(std::slice::from_ref(archive)).is_ok();
        let free = next.extract_if(.., is_free).collect::<Vec<_>>();
        drop(listed);
        if let Err(e) = self.start_all(&free) {
            tracing::error!("reload: {e}");
        }
    }
}
