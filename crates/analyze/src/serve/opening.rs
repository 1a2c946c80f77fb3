//! From names to an engine with tables. All engines share their memory.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use archiver::catalog::Chosen;
use archiver_format::archive::Archive;
use archiver_format::read::Selection;
use datafusion::execution::runtime_env::RuntimeEnv;

use super::catalog::{Catalog, Served};
use super::known_columns::{Known, KnownColumns};
use super::problem::Problem;
use crate::engine::{Engine, Settings, runtime};
use crate::source::{NOT_BEGUN, Source};
use crate::table::reading::unread;

/// Opens what is served.
pub struct Opening {
    /// What there is.
    pub catalog: Catalog,
    runtime: Arc<RuntimeEnv>,
    settings: Settings,
    known: KnownColumns,
}

impl Opening {
    /// Of this catalog, by engines that work like this, all of them within the memory of one.
    ///
    /// # Errors
    ///
    /// If the engine can't be started.
    pub fn new(catalog: Catalog, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            catalog,
            runtime: runtime(settings.memory_bytes)?,
            settings,
            known: KnownColumns::default(),
        })
    }

    /// An engine with one of them as its only table.
    ///
    /// # Errors
    ///
    /// If it isn't there, or can't be read.
    pub async fn one(&self, name: &str, selection: &Selection) -> Result<Engine, Problem> {
        let served = self.catalog.named(name)?;
        let mut engine = self.engine();
        self.add(&mut engine, &served, selection, true).await?;
        Ok(engine)
    }

    /// An engine with all of them that have begun.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub async fn all(&self, selection: &Selection) -> Result<Engine, Problem> {
        let all = self.catalog.all()?;
        let mut engine = self.engine();
        for served in &*all {
            if !matches!(&served.source, Source::Archive(of) if load(of)?.is_none()) {
                self.add(&mut engine, served, selection, all.len() == 1)
                    .await?;
            }
        }
        Ok(engine)
    }

    fn engine(&self) -> Engine {
        Engine::sharing(Arc::clone(&self.runtime), self.settings.clone())
    }

    async fn add(
        &self,
        engine: &mut Engine,
        served: &Served,
        selection: &Selection,
        is_only: bool,
    ) -> Result<(), Problem> {
        match &served.source {
            Source::File(path, name, kind) => {
                let file = (Path::new(path), &name[..], *kind);
                Ok(engine.add_file(file, selection, is_only).await?)
            }
            Source::Archive(chosen) => {
                let archive = load(chosen)?.ok_or_else(|| not_begun(&chosen.name))?;
                let schema = self.schema(chosen, &archive, selection)?;
                let columns = Some(schema.columns.clone());
                engine.add_archive(chosen, &archive, columns, selection, is_only)?;
                engine.note_widened(&format!("archive {}", chosen.name), &schema.widened);
                Ok(())
            }
        }
    }

    /// The columns of an archive.
    fn schema(
        &self,
        chosen: &Chosen,
        archive: &Archive,
        selection: &Selection,
    ) -> Result<Arc<Known>, Problem> {
        let segments = chosen.segments(archive).cloned().collect::<Vec<_>>();
        let (name, settings) = (&chosen.name, &self.settings);
        let how = (settings.skips_damaged, &settings.declared[..]);
        let schema = self.known.of(name, &segments, selection, how);
        schema.map_err(|error| anyhow!(unread(name, &error)).into())
    }
}

/// An archive as it is now, if it has begun.
///
/// # Errors
///
/// If its state can't be read.
pub fn load(chosen: &Chosen) -> Result<Option<Archive>, Problem> {
    let loaded = chosen.load();
    loaded.map_err(|error| Problem::failed(format!("reading archive {}: {error}", chosen.name)))
}

/// What is said of an archive that nothing is in yet.
pub fn not_begun(name: &str) -> Problem {
    Problem::unknown(format!("archive {name} {NOT_BEGUN}"))
}
