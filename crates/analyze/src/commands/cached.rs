//! Answers that were given before, to the same question about the same records.

use std::path::{Path, PathBuf};

use archiver::cli::Common;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;

use super::answer::{check_output, say};
use super::asked::Asked;
use super::common::{Print, Read};
use super::complain::complain;
use crate::cache::key::{Key, Origin};
use crate::cache::recorder::{Recorder, replayed};
use crate::cache::{self, Answer, Cache};
use crate::definition::written::Definition;
use crate::digest;
use crate::engine::{Engine, is_among};
use crate::output::write;
use crate::plain::chained;
use crate::source::{Source, sources};

/// Whether answers of before count.
#[derive(Debug, clap::Args)]
pub struct Flags {
    /// Answer anew, and keep that in place of the answer of before
    #[arg(long)]
    refresh: bool,
    /// Neither look for an answer of before nor keep this one
    #[arg(long, conflicts_with = "refresh")]
    no_cache: bool,
}

/// What is asked, of which source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// By which command.
    pub command: &'a str,
    /// All that it says but source and times: names, filters, a model's digest.
    pub definition: &'a str,
    /// The source, as it was named.
    pub source: &'a str,
    /// Which of its records.
    pub selection: &'a Selection,
    /// How it is read.
    pub read: &'a Read,
}

impl Question<'_> {
    /// The key of an answer to it, where this is the digest of what the archive holds.
    fn key(&self, archive: &str) -> Key {
        Key::of(&Origin {
            command: self.command,
            definition: self.definition,
            selection: self.selection,
            settings: &self.read.settings(),
            archive,
        })
    }
}

/// Answers a definition, or says again what was answered before: the anomalous points alone, or the rows of the windows.
///
/// # Errors
///
/// If the source can't be read, has no such fields, or the answer can't be printed.
pub(super) async fn answer(
    common: &Common,
    (flags, read, print): (&Flags, &Read, &Print),
    definition: &Definition,
    only_anomalies: bool,
) -> anyhow::Result<()> {
    let selection = read.selection();
    let question = Question {
        command: if only_anomalies {
            "anomalies"
        } else {
            "windows"
        },
        definition: &format!("{definition:?}"),
        source: &definition.source,
        selection: &selection,
        read,
    };
    let mut answers = Answers::open(flags).await;
    if answers.print(common, &question, print).await? {
        return Ok(());
    }
    let asked = Asked::open(common, read, &selection, definition).await?;
    let recorder = answers.recorder();
    match only_anomalies {
        true => asked.anomalies(print, recorder.as_ref()).await?,
        false => asked.answer(print, recorder.as_ref()).await?,
    }
    let notes = asked.engine.notes();
    answers
        .keep(&question, &asked.engine, recorder, &notes)
        .await;
    say(&notes);
    Ok(())
}

/// The archive that is asked, as it is now.
struct Now {
    digest: String,
    /// The files that would be read.
    inputs: Vec<PathBuf>,
}

/// The answers of before, as far as they can be had. What stands in the way of that is said once, and then it is done without
/// them.
pub(super) struct Answers {
    cache: Option<Cache>,
    is_refreshed: bool,
}

impl Answers {
    /// Opens them.
    pub async fn open(flags: &Flags) -> Self {
        let mut answers = Self {
            cache: None,
            is_refreshed: flags.refresh,
        };
        if !flags.no_cache
            && let Some(directory) = cache::directory()
        {
            answers.cache = said(Cache::open(&directory).await);
        }
        answers
    }

    /// Prints the answer of before, if there is one, with what was said beside it. Is that done?
    ///
    /// # Errors
    ///
    /// If there is one, and it can't be printed.
    pub async fn print(
        &mut self,
        common: &Common,
        asked: &Question<'_>,
        print: &Print,
    ) -> anyhow::Result<bool> {
        let Some(cache) = self.cache.as_mut().filter(|_| !self.is_refreshed) else {
            return Ok(false);
        };
        let Some(now) = now(common.config.as_deref(), asked.source) else {
            return Ok(false);
        };
        check_output(print, |path| is_among(&now.inputs, path))?;
        let found = cache
            .find(&asked.key(&now.digest), RealClock.now_ms())
            .await;
        let Some(found) = found.transpose().and_then(|found| self.or_without(found)) else {
            return Ok(false);
        };
        let Answer { rows, notes } = found;
        // Damaged or not, nobody is worse off than without it.
        let Ok(rows) = replayed(rows) else {
            return Ok(false);
        };
        write(rows, print.format, print.output.as_deref()).await?;
        say(&notes);
        Ok(true)
    }

    /// Something to write the answer down with, if it is to be kept.
    pub fn recorder(&self) -> Option<Recorder> {
        self.cache.as_ref().map(|_| Recorder::default())
    }

    /// Keeps what was written down as the answer of an engine that had the whole archive: a segment that is damaged may be
    /// whole again tomorrow.
    pub async fn keep(
        &mut self,
        asked: &Question<'_>,
        engine: &Engine,
        recorder: Option<Recorder>,
        notes: &[String],
    ) {
        let archive = engine.digest().filter(|_| engine.is_whole());
        let (Some(cache), Some(archive)) = (&mut self.cache, archive) else {
            return;
        };
        let Some(rows) = recorder.and_then(Recorder::finish) else {
            return;
        };
        let answer = Answer {
            rows,
            notes: notes.to_vec(),
        };
        let key = asked.key(archive);
        let kept = cache.keep(&key, &answer, RealClock.now_ms()).await;
        self.or_without(kept);
    }

    /// What was done with the cache, which counts no more if that failed.
    fn or_without<T>(&mut self, done: anyhow::Result<T>) -> Option<T> {
        let done = said(done);
        if done.is_none() {
            self.cache = None;
        }
        done
    }
}

fn said<T>(done: anyhow::Result<T>) -> Option<T> {
    if let Err(error) = &done {
        complain(&format!("{}; it is done without the cache", chained(error)));
    }
    done.ok()
}

/// The archive that a word names, as it is now. Nothing if it names something else, or it can't be read: whoever opens it says
/// why.
fn now(config: Option<&Path>, word: &str) -> Option<Now> {
    let sources = sources(config, &[word.to_owned()]).ok()?;
    let [Source::Archive(chosen)] = &sources[..] else {
        return None;
    };
    let archive = chosen.load().ok()??;
    let segments = archive.segments.iter();
    let inputs = segments.flat_map(|segment| [segment.path_now(), segment.index.clone()]);
    Some(Now {
        digest: digest::of_archive(chosen, &archive),
        inputs: inputs.collect(),
    })
}
