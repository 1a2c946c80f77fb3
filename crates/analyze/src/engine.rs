//! The engine: a session of DataFusion with these archives as its tables.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use archiver::catalog::{Chosen, choose};
use archiver_format::archive::Archive;
use archiver_format::read::Selection;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::percentile::exact_percentile;
use crate::rolling::rolling;
use crate::table::columns::Column;
use crate::table::damaged::Damaged;
use crate::table::provider::{ArchiveTable, look_at};
use crate::table::reading::unread;

/// Adds the aggregates that the engine lacks.
pub fn register_aggregates(session: &SessionContext) {
    session.register_udaf(exact_percentile());
    for aggregate in rolling() {
        session.register_udaf(aggregate);
    }
}

/// The name under which a table can be asked for as well, if it is the only one.
pub const ONLY: &str = "records";

/// How it works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// So many bytes of memory for what a query holds; the rest goes to files.
    pub memory_bytes: usize,
    /// Segments that are damaged are left out, and named.
    pub skips_damaged: bool,
}

/// A session, and the tables that it has.
pub struct Engine {
    /// The session.
    pub session: SessionContext,
    /// Tables by their names, in the order in which they were named.
    pub tables: Vec<(String, Arc<ArchiveTable>)>,
    damaged: Option<Arc<Damaged>>,
    /// What is said beside the answer.
    notes: Vec<String>,
}

impl Engine {
    /// With the archives of these words, each a table of its name.
    ///
    /// # Errors
    ///
    /// If a word names none, or one can't be read.
    pub fn open(
        config: Option<&Path>,
        words: &[String],
        selection: &Selection,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let mut engine = Self::new(settings)?;
        for chosen in choose(config, words)? {
            let name = chosen.name.clone();
            let archive = chosen.load()?;
            let Some(archive) = archive else {
                bail!("archive {name} has not begun: there is nothing in it yet");
            };
            engine.add_archive(&chosen, &archive, selection, None)?;
        }
        engine.name_only()?;
        Ok(engine)
    }

    /// With one archive as it was at a moment; its columns are these, if they are known.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn of(
        chosen: &Chosen,
        archive: &Archive,
        columns: Option<Vec<Column>>,
        selection: &Selection,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let mut engine = Self::new(settings)?;
        engine.add_archive(chosen, archive, selection, columns)?;
        engine.name_only()?;
        Ok(engine)
    }

    /// Without tables.
    fn new(settings: Settings) -> anyhow::Result<Self> {
        let mut options = SessionConfig::new();
        // Names are as they are in the records: responseTime isn't responsetime.
        options.options_mut().sql_parser.enable_ident_normalization = false;
        let pool = FairSpillPool::new(settings.memory_bytes);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
        let runtime = runtime.build_arc().context("starting the engine")?;
        let engine = Self {
            session: SessionContext::new_with_config_rt(options, runtime),
            tables: Vec::new(),
            damaged: settings.skips_damaged.then(Arc::default),
            notes: Vec::new(),
        };
        register_aggregates(&engine.session);
        Ok(engine)
    }

    fn add_archive(
        &mut self,
        chosen: &Chosen,
        archive: &Archive,
        selection: &Selection,
        columns: Option<Vec<Column>>,
    ) -> anyhow::Result<()> {
        let name = chosen.name.clone();
        let segments = archive.segments.iter();
        let segments = segments.filter(|segment| {
            let only = chosen.segment;
            only.is_none_or(|only| only == segment.file.sequence)
        });
        let segments = segments.cloned().collect::<Vec<_>>();
        let columns = match columns {
            Some(columns) => columns,
            None => {
                let looked = look_at(&segments, selection, self.damaged.is_some());
                let looked = looked.map_err(|error| anyhow!(unread(&name, &error)));
                let (columns, widened) = looked?;
                for field in widened {
                    self.notes.push(format!(
                        "archive {name}: {field} holds different things in different records, and is text therefore"
                    ));
                }
                columns
            }
        };
        let damaged = self.damaged.clone();
        let selection = selection.clone();
        let table = ArchiveTable::new(&name, archive, segments, selection, columns, damaged);
        self.add(name, table)
    }

    /// Gives the only table its other name.
    fn name_only(&mut self) -> anyhow::Result<()> {
        if let [(_, table)] = &self.tables[..] {
            let table = Arc::clone(table);
            self.session.register_table(ONLY, table)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, table: ArchiveTable) -> anyhow::Result<()> {
        let table = Arc::new(table);
        let known = self.tables.iter().any(|(known, _)| *known == name);
        if known {
            bail!("two archives are called {name}; ask for one of them at a time");
        }
        // Quoted: a name may have a dot in it.
        let quoted = datafusion::common::TableReference::bare(name.clone());
        self.session
            .register_table(quoted, Arc::clone(&table) as _)?;
        self.tables.push((name, table));
        Ok(())
    }

    /// The only table, for what is asked of one.
    ///
    /// # Errors
    ///
    /// If there are others.
    pub fn only(&self) -> anyhow::Result<&ArchiveTable> {
        match &self.tables[..] {
            [(_, table)] => Ok(table),
            tables => bail!("name one archive; these are {}", tables.len()),
        }
    }

    /// What must be said beside an answer: which fields were other than their columns, which segments were left out.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        for (name, table) in &self.tables {
            notes.extend(table.notes(name));
        }
        if let Some(damaged) = &self.damaged {
            let said = damaged.said().into_iter();
            notes.extend(said.map(|said| format!("left out, as it is damaged: {said}")));
        }
        notes
    }
}
