//! Commands that sealed segments are handed over to: they succeed, fail and hang by chance, and note what they were
//! given.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archiver_format::manifest::Sealed;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::sleep;
use xxhash_rust::xxh3::xxh3_128;

use super::check::{segments, stored};
use super::disk::SimFs;
use super::random::Random;
use super::world::{Watched, World, lock};
use crate::world::commands::{Command, CommandError, Leash, Programs, Turn};

/// What commands were given, over all processes.
#[derive(Debug, Default)]
pub struct Given {
    /// The numbers of the segments with which a command has succeeded, in their order, for each archive.
    pub done: BTreeMap<String, Vec<u64>>,
    /// How often in a row each archive's command has had no luck.
    unlucky: BTreeMap<String, u32>,
    /// Something that a command must not see.
    pub wrong: Option<String>,
}

/// A command has luck after so many failures in a row, as the pauses between them double.
const UNLUCKY_MOST: u32 = 4;

/// The commands of one process.
pub struct SimPrograms {
    fs: SimFs,
    random: Random,
    given: Arc<Mutex<Given>>,
    /// Archives whose command runs.
    running: Arc<Mutex<BTreeSet<String>>>,
}

impl SimPrograms {
    /// Those of the process that has this file system.
    pub fn new(world: &World, fs: SimFs) -> Self {
        Self {
            fs,
            random: world.random.clone(),
            given: Arc::clone(&world.given),
            running: Arc::default(),
        }
    }
}

/// What a command needs of its variables.
struct Facts {
    archive: String,
    sequence: u64,
    file: PathBuf,
    bytes: u64,
    digest: Option<String>,
}

impl Facts {
    fn of(command: &Command) -> Option<Self> {
        let given = |name: &str| {
            let mut all = command.variables.iter();
            let (_, value) = all.find(|(of, _)| *of == name)?;
            value.clone()?.into_string().ok()
        };
        Some(Self {
            archive: given("ARCHIVER_NAME")?,
            sequence: given("ARCHIVER_SEQUENCE")?.parse().ok()?,
            file: given("ARCHIVER_FILE")?.into(),
            bytes: given("ARCHIVER_BYTES")?.parse().ok()?,
            digest: given("ARCHIVER_XXH128"),
        })
    }

    /// What is wrong with the file.
    fn misfit(&self, fs: &SimFs) -> Option<String> {
        let path = self.file.display();
        let Some(found) = fs.peek(&self.file) else {
            return Some(format!("{path} isn't there"));
        };
        let digest = format!("{:032x}", xxh3_128(&found));
        let is_other = self.digest.as_ref().is_some_and(|of| *of != digest);
        (found.len() as u64 != self.bytes || is_other || path.to_string().ends_with(".part"))
            .then(|| format!("{path} is not what was sealed"))
    }
}

/// Notes the end of a command, also if nobody waits for it.
struct Ends(Arc<Mutex<BTreeSet<String>>>, String);

impl Drop for Ends {
    fn drop(&mut self) {
        lock(&self.0).remove(&self.1);
    }
}

impl Programs for SimPrograms {
    fn run(
        &self,
        command: Command,
        leash: Leash,
        turn: Turn,
    ) -> BoxFuture<'static, Result<(), CommandError>> {
        let (fs, random, given) = (
            self.fs.clone(),
            self.random.clone(),
            Arc::clone(&self.given),
        );
        let running = Arc::clone(&self.running);
        async move {
            let _turn = turn;
            let wrong = |what: String| lock(&given).wrong = Some(what);
            let Some(facts) = Facts::of(&command) else {
                wrong(format!("{command:?}"));
                return Ok(());
            };
            let archive = facts.archive.clone();
            if !lock(&running).insert(archive.clone()) {
                wrong(format!("two commands for archive {archive}"));
            }
            let _ends = Ends(running, archive.clone());
            if let Some(what) = facts.misfit(&fs) {
                wrong(format!("archive {archive}: {what}"));
            }
            let fate = {
                let mut given = lock(&given);
                let unlucky = given.unlucky.entry(archive.clone()).or_default();
                let fate = match random.below(6) {
                    0 | 1 if *unlucky == UNLUCKY_MOST => 2,
                    drawn => drawn,
                };
                *unlucky = if fate < 2 { *unlucky + 1 } else { 0 };
                fate
            };
            let takes = Duration::from_millis(random.pick(&[0, 3, 40, 700]));
            sleep(takes).await;
            while fate == 0 && leash.ended().is_none() {
                sleep(Duration::from_millis(50)).await;
            }
            if fs.is_dead() {
                std::future::pending::<()>().await;
            }
            fs.note(|| {
                format!(
                    "  archive {archive}: command for {}: {fate}",
                    facts.sequence
                )
            });
            if fate < 2 {
                return Err(CommandError::Failed {
                    status: ExitStatus::from_raw(256),
                    last_line: format!("no luck at {:?}", takes),
                });
            }
            let mut given = lock(&given);
            given.done.entry(archive).or_default().push(facts.sequence);
            Ok(())
        }
        .boxed()
    }
}

/// The numbers of the segments that an archive has handed over, each where it came first.
fn first_times(world: &World, archive: &Watched) -> Vec<u64> {
    let given = lock(&world.given);
    let done = given.done.get(&archive.config.name);
    let mut seen = BTreeSet::new();
    let done = done.into_iter().flatten().copied();
    done.filter(|sequence| seen.insert(*sequence)).collect()
}

/// The numbers of the segments that are sealed for certain, in the order of the manifest.
fn sealed(world: &World, archive: &Watched) -> Result<Vec<u64>, String> {
    let Some(mut checkpoint) = stored(world, archive)? else {
        return Ok(Vec::new());
    };
    if let Some(verified) = checkpoint.verified.take() {
        checkpoint.progress = verified;
    }
    let listed = segments::listed(world, &archive.config, &checkpoint)?;
    let number = |sealed: &Sealed| sealed.file.sequence;
    Ok(listed.sealed.iter().map(number).collect())
}

/// Checks that what was handed over so far is what was sealed first, in its order.
pub fn check_order(world: &World, archive: &Watched) -> Result<(), String> {
    if let Some(wrong) = &lock(&world.given).wrong {
        return Err(wrong.clone());
    }
    let (given, sealed) = (first_times(world, archive), sealed(world, archive)?);
    match sealed.starts_with(&given) {
        true => Ok(()),
        false => Err(format!("handed over are {given:?} of {sealed:?}")),
    }
}

/// Was everything handed over that is sealed?
pub fn has_handed_over(world: &World, archive: &Watched) -> Result<bool, String> {
    if archive.config.on_seal.is_none() || world.touched(&archive.config.name).is_some() {
        return Ok(true);
    }
    Ok(first_times(world, archive).len() >= sealed(world, archive)?.len())
}
