//! What can be asked: archives and files by their names, as they are now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use archiver::catalog::ChoiceError;
use archiver::terminal::nearest;

use super::analyses::Analyses;
use super::problem::Problem;
use crate::source::{Source, sources};

/// For so long, what was found is what there is: archives of patterns come and go.
const FRESH: Duration = Duration::from_secs(5);

/// An archive or a file that can be asked.
#[derive(Debug, Clone)]
pub struct Served {
    /// What it is.
    pub source: Source,
    /// What analyses call it, beside its name.
    words: Vec<String>,
}

impl Served {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.source.name()
    }
}

/// When something was found, and what.
type Found = (Instant, Arc<[Served]>);

/// What was named, and what of it there is.
pub struct Catalog {
    config: Option<PathBuf>,
    words: Vec<String>,
    analyses: Analyses,
    found: Mutex<Option<Found>>,
}

impl Catalog {
    /// Of what these words name, and what the analyses ask.
    pub fn new(config: Option<PathBuf>, words: Vec<String>, analyses: Analyses) -> Self {
        Self {
            config,
            words,
            analyses,
            found: Mutex::default(),
        }
    }

    /// All that there is. Reads files, and so may take a while.
    ///
    /// # Errors
    ///
    /// If a word names nothing any more, or two things have one name.
    pub fn all(&self) -> anyhow::Result<Arc<[Served]>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, served)) = &*found
            && when.elapsed() < FRESH
        {
            return Ok(Arc::clone(served));
        }
        let served = Arc::<[_]>::from(self.look()?);
        *found = Some((Instant::now(), Arc::clone(&served)));
        Ok(served)
    }

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(&self, name: &str) -> Result<Served, Problem> {
        let all = self.all()?;
        if let Some(served) = all.iter().find(|served| served.name() == name) {
            return Ok(served.clone());
        }
        let said = match nearest(name, all.iter().map(Served::name)) {
            Some(near) => format!("there is no archive of this name; did you mean {near}?"),
            None => "there is no archive of this name; /api/v1/archives lists them".to_owned(),
        };
        Err(Problem::unknown(said))
    }

    /// What an analysis asks, by its name here; nothing if that isn't there.
    pub fn name_of<'s>(all: &'s [Served], word: &str) -> Option<&'s str> {
        let is_meant =
            |served: &&Served| served.name() == word || served.words.iter().any(|of| of == word);
        all.iter().find(is_meant).map(Served::name)
    }

    fn look(&self) -> anyhow::Result<Vec<Served>> {
        let config = self.config.as_deref();
        let named = match sources(config, &self.words) {
            // Then it is what the analyses ask.
            Err(ChoiceError::NothingNamed(_)) if self.analyses.0.is_some() => Vec::new(),
            named => named?,
        };
        let served = named.into_iter().map(|source| Served {
            source,
            words: Vec::new(),
        });
        let mut served = served.collect::<Vec<_>>();
        for definition in self.analyses.read()? {
            let word = definition.source;
            if Self::name_of(&served, &word).is_some() {
                continue;
            }
            // One that isn't there, or isn't one, can't be asked; all else can.
            let Ok(Ok([source])) =
                sources(config, std::slice::from_ref(&word)).map(<[_; 1]>::try_from)
            else {
                continue;
            };
            match served.iter_mut().find(|known| known.source.is(&source)) {
                Some(known) => known.words.push(word),
                None => served.push(Served {
                    source,
                    words: vec![word],
                }),
            }
        }
        for (number, one) in served.iter().enumerate() {
            if served[..number]
                .iter()
                .any(|other| other.name() == one.name())
            {
                bail!("two archives are called {}; name one of them", one.name());
            }
        }
        Ok(served)
    }
}
