//! One archive is stopped and started again, while its process and the others go on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::time::Instant;

use super::check::check_stopped;
use super::disk::Mutation;
use super::process::Process;
use super::world::{Touched, Watched, World};
use crate::archive::End;
use crate::config::Checked;

/// An archive that is to be started again.
pub(super) struct Restart {
    /// Its number.
    number: usize,
    /// Did it read when it was asked to stop?
    was_running: bool,
    /// How long after its end it is started.
    pause: Duration,
    /// When to start it, once it has ended.
    pub at: Option<Instant>,
}

impl World {
    /// Asks one archive to stop, which is to be started again.
    pub(super) fn restart(
        &self,
        main: &mut Process,
        number: usize,
        pause: Duration,
    ) -> Result<(), String> {
        let Some(archive) = self.archives.get(number) else {
            return Ok(());
        };
        // Nobody but its pattern starts it.
        if archive.pattern.is_some() {
            return Ok(());
        }
        if main.restarts.iter().any(|other| other.number == number) {
            return Ok(());
        }
        // A reload stops and starts archives itself, and would start one that is stopped.
        let is_reloading = self.is_reloading.load(Ordering::Relaxed);
        if is_reloading || main.reloaded.contains_key(&archive.config.name) {
            return Ok(());
        }
        let name = &archive.config.name;
        self.fs
            .note(|| format!("  archive {name} is asked to stop"));
        let was_running = self.is_running(archive);
        main.restarts.push(Restart {
            number,
            was_running,
            pause,
            at: None,
        });
        let ending = main.supervisor.stop(name);
        let ending = ending.ok_or(format!("archive {name} is not known"))?;
        if self.fs.mutation() == Some(Mutation::UnawaitedStop) {
            check_stopped(self, archive)?;
        }
        if ending.wait().now_or_never().is_some()
            && let Some(restart) = main.restarts.last_mut()
        {
            // It had ended before, for a reason that was checked then.
            restart.at = Some(Instant::now() + pause);
        }
        Ok(())
    }

    /// Starts those whose time it is.
    pub(super) fn start_again(&self, main: &mut Process) -> Result<(), String> {
        let now = Instant::now();
        let is_due = |restart: &mut Restart| restart.at.is_some_and(|at| at <= now);
        let due = main.restarts.extract_if(.., is_due).collect::<Vec<_>>();
        for restart in due {
            let archive = &self.archives[restart.number];
            self.put_back_state(archive);
            let name = &archive.config.name;
            self.fs
                .note(|| format!("  archive {name} is started again"));
            let config = Checked::for_tests(archive.config.clone());
            let started = main.supervisor.start(config.clone());
            main.await_end(&config, started.map_err(|e| e.to_string())?);
        }
        self.look(main);
        Ok(())
    }

    /// One that was asked to stop by itself has ended: its file is what its checkpoint says.
    pub(super) fn ended_alone(
        &self,
        process: &mut Process,
        name: &str,
        end: End,
    ) -> Result<(), String> {
        let mut restarts = process.restarts.iter_mut();
        let is_it = |restart: &&mut Restart| self.archives[restart.number].config.name == *name;
        let Some(restart) = restarts.find(is_it) else {
            return Ok(());
        };
        restart.at = Some(Instant::now() + restart.pause);
        match end == End::Clean && restart.was_running {
            true => check_stopped(self, &self.archives[restart.number]),
            false => Ok(()),
        }
    }

    /// No archive may be started where its state is missing: it couldn't know that there was one.
    pub(super) fn put_back_state(&self, archive: &Watched) {
        if self.touched(&archive.config.name) == Some(Touched::Stateless) {
            self.put_back(archive);
        }
    }
}
