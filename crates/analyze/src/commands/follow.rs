//! `archiver-analyze run --follow`: analyses that go on as their archives grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use archiver::cli::{Common, usage};
use archiver::signals::{self, Wishes};
use archiver::world::shutdown;
use futures::future::join_all;
use tokio::sync::Mutex;

use super::common::{Print, Read};
use super::complain::complain;
use super::exit::INTERRUPTED;
use crate::definition::length::Length;
use crate::definition::written::Definition;
use crate::follow::state::DIRECTORY;
use crate::follow::{Follower, Plan};

/// How analyses are followed.
#[derive(Debug, clap::Args)]
pub struct Follow {
    /// Go on as the archives grow: a row once its window is closed, an alert once there is an anomaly
    #[arg(long, conflicts_with_all = ["emit", "until", "output"])]
    follow: bool,
    /// How often archives are looked at
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5s",
        requires = "follow"
    )]
    poll: Length,
    /// Where it is kept what was emitted; .archiver-analyze beside FILE if nothing is said
    #[arg(long, value_name = "DIR", requires = "follow")]
    state: Option<PathBuf>,
}

impl Follow {
    /// Is it wanted?
    pub fn is_wanted(&self) -> bool {
        self.follow
    }

    /// Follows these analyses of a file until SIGINT or SIGTERM.
    ///
    /// # Errors
    ///
    /// If one of them can't go on: with its name. The others are stopped then.
    pub async fn run(
        &self,
        common: &Common,
        (read, print): (&Read, &Print),
        file: &Path,
        definitions: Vec<&Definition>,
    ) -> anyhow::Result<()> {
        if self.poll.0 < POLL_LEAST {
            return Err(usage("--poll is less than 100ms, which is the least").into());
        }
        let silent = definitions.iter().filter(|of| of.output.is_empty()).count();
        if silent > 0 && definitions.len() > 1 {
            return Err(usage(
                "standard output takes the rows of one analysis: name one, or give each an output",
            )
            .into());
        }
        let beside = file.parent().unwrap_or(Path::new("")).join(DIRECTORY);
        let plan = Plan {
            config: common.config.clone(),
            state: self.state.clone().unwrap_or(beside),
            poll: self.poll.0,
            since_ms: read.since_ms(),
            settings: read.settings(),
            format: print.format,
            say: complain,
        };
        let named = |name: &str| format!("analysis {name}");
        let mut followers = Vec::new();
        for definition in definitions {
            let opened = Follower::open(plan.clone(), definition.clone());
            followers.push((
                definition.name.clone(),
                opened.with_context(|| named(&definition.name))?,
            ));
        }
        let (stopper, shutdown) = shutdown::channel();
        let (own_stopper, shutdown) = shutdown.child();
        signals::listen(stopper, Wishes::default(), INTERRUPTED)
            .context("starting to listen for signals")?;
        let turn = Arc::new(Mutex::new(()));
        let runs = followers.into_iter().map(|(name, follower)| {
            let (shutdown, turn) = (shutdown.clone(), Arc::clone(&turn));
            let own_stopper = &own_stopper;
            async move {
                let ended = follower.run(shutdown, turn).await;
                // Whoever restarts it restarts them all.
                own_stopper.stop();
                ended.with_context(|| named(&name))
            }
        });
        join_all(runs).await.into_iter().collect()
    }
}

/// More often than this, looking is all that is done.
const POLL_LEAST: Duration = Duration::from_millis(100);
