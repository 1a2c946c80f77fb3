//! The engine: a session of DataFusion with these archives and files as its tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use archiver::catalog::Chosen;
use archiver_format::archive::Archive;
use archiver_format::read::Selection;
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::cooperative::CooperativeJoins;
use crate::digest;
use crate::files::ndjson::NdjsonTable;
use crate::files::{Kind, csv_parquet};
use crate::percentile::exact_percentile;
use crate::ranges::FewRanges;
use crate::rolling::rolling;
use crate::source::{NOT_BEGUN, Source, Table, sources};
use crate::table::columns::Column;
use crate::table::damaged::Damaged;
use crate::table::declared::{Declared, declare};
use crate::table::progress::Progress;
use crate::table::provider::{ArchiveTable, look_at, look_at_all};
use crate::table::reading::unread;
use crate::texts_as_numbers::TextsAsNumbers;
use crate::untimed::Untimed;

/// Adds the functions that the engine lacks. One of them counts records without a time.
pub fn register_functions(session: &SessionContext) -> Untimed {
    session.register_udaf(exact_percentile());
    for aggregate in rolling() {
        session.register_udaf(aggregate);
    }
    let untimed = Untimed::default();
    for function in untimed.functions() {
        session.register_udf(function);
    }
    untimed
}

/// The name under which a table can be asked for as well, if it is the only one.
pub const ONLY: &str = "records";

/// How it works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// So many bytes of memory for what a query holds; the rest goes to files.
    pub memory_bytes: usize,
    /// Segments that are damaged are left out, and named.
    pub skips_damaged: bool,
    /// What fields hold, whatever a sample shows.
    pub declared: Vec<Declared>,
    /// Columns of archives are by all records, also those that aren't selected.
    pub samples_all: bool,
}

/// Nothing but queries: what they ask is never changed by them.
pub fn only_queries() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

/// A table by its name, as it is described and as the engine reads it.
type Named = (String, Table, Arc<dyn TableProvider>);

/// What an archive is known by.
struct Known {
    /// Which one, see [`digest::origin`].
    origin: String,
    /// What it holds, see [`digest::of_archive`].
    digest: String,
}

/// A session, and the tables that it has.
pub struct Engine {
    /// The session.
    pub session: SessionContext,
    /// Tables by their names, in the order in which they were named.
    pub tables: Vec<(String, Table)>,
    /// How far readers of archives have come.
    pub progress: Arc<Progress>,
    damaged: Option<Arc<Damaged>>,
    /// The records that have no time, where one is asked for.
    untimed: Untimed,
    declared: Vec<Declared>,
    samples_all: bool,
    /// The files that are read.
    inputs: Vec<PathBuf>,
    /// What is said beside the answer.
    notes: Vec<String>,
    /// Which archive each source is; nothing of a file, which may change at any time.
    known: Vec<Option<Known>>,
}

/// What queries share: so many bytes of memory for what they hold, and temporary files for the rest.
///
/// # Errors
///
/// If it can't be made.
pub fn runtime(memory_bytes: usize) -> anyhow::Result<Arc<RuntimeEnv>> {
    let pool = FairSpillPool::new(memory_bytes);
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
    runtime.build_arc().context("starting the engine")
}

/// Each sort has so much of the memory for merging what it put into files, and a query may have many of them.
const MERGE_PART: usize = 64;
/// More of it is of no use.
const MERGE_BYTES_MOST: usize = 10 << 20;

/// A session without tables, for queries that have so many bytes of memory.
fn session(runtime: Arc<RuntimeEnv>, memory_bytes: usize) -> SessionContext {
    let mut options = SessionConfig::new();
    // Names are as they are in the records: responseTime isn't responsetime.
    options.options_mut().sql_parser.enable_ident_normalization = false;
    let merge_bytes = (memory_bytes / MERGE_PART).min(MERGE_BYTES_MOST);
    let options = options
        .with_information_schema(true)
        .with_sort_spill_reservation_bytes(merge_bytes);
    // Before the engine makes both sides of a comparison the same.
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(TextsAsNumbers)];
    rules.extend(Analyzer::new().rules);
    let state = SessionStateBuilder::new()
        .with_config(options)
        .with_runtime_env(runtime)
        .with_expr_planners(vec![Arc::new(TextsAsNumbers)])
        .with_default_features()
        .with_analyzer_rules(rules)
        .with_physical_optimizer_rule(Arc::new(FewRanges))
        .build();
    SessionContext::new_with_state(state)
}

impl Engine {
    /// With what these words name, each a table of its name.
    ///
    /// # Errors
    ///
    /// If a word names nothing, or something can't be read.
    pub async fn open(
        config: Option<&Path>,
        words: &[String],
        selection: &Selection,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let mut engine = Self::new(settings)?;
        let sources = sources(config, words)?;
        let is_only = sources.len() == 1;
        for source in sources {
            let named = match source {
                Source::Archive(chosen) => engine.begun(&chosen, selection)?,
                Source::File(path, name, kind) => engine.file(&path, name, kind, selection).await?,
            };
            engine.add(named, is_only)?;
        }
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
        engine.add_archive(chosen, archive, columns, selection, true)?;
        Ok(engine)
    }

    /// Without tables yet, in what several engines share: their memory is that of [`runtime`].
    pub fn sharing(runtime: Arc<RuntimeEnv>, settings: Settings) -> Self {
        // Others wait for what one has of it: each can be ended.
        let state =
            SessionStateBuilder::new_from_existing(session(runtime, settings.memory_bytes).state())
                .with_physical_optimizer_rule(Arc::new(CooperativeJoins))
                .build();
        Self::over(SessionContext::new_with_state(state), settings)
    }

    fn over(session: SessionContext, settings: Settings) -> Self {
        let untimed = register_functions(&session);
        Self {
            session,
            tables: Vec::new(),
            progress: Arc::default(),
            damaged: settings.skips_damaged.then(Arc::default),
            untimed,
            declared: settings.declared,
            samples_all: settings.samples_all,
            inputs: Vec::new(),
            notes: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Without tables yet.
    fn new(settings: Settings) -> anyhow::Result<Self> {
        let runtime = runtime(settings.memory_bytes)?;
        Ok(Self::over(
            session(runtime, settings.memory_bytes),
            settings,
        ))
    }

    /// Adds an archive as it was at a moment; its columns are these, if they are known.
    ///
    /// # Errors
    ///
    /// If it can't be read, or another table has its name.
    pub fn add_archive(
        &mut self,
        chosen: &Chosen,
        archive: &Archive,
        columns: Option<Vec<Column>>,
        selection: &Selection,
        is_only: bool,
    ) -> anyhow::Result<()> {
        let named = self.archive(chosen, archive, columns, selection)?;
        self.add(named, is_only)
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// If it can't be read, or another table has its name.
    pub async fn add_file(
        &mut self,
        (path, name, kind): (&Path, &str, Kind),
        selection: &Selection,
        is_only: bool,
    ) -> anyhow::Result<()> {
        let named = self.file(path, name.to_owned(), kind, selection).await?;
        self.add(named, is_only)
    }

    /// An archive as it is now.
    fn begun(&mut self, chosen: &Chosen, selection: &Selection) -> anyhow::Result<Named> {
        let Some(archive) = chosen.load()? else {
            let name = &chosen.name;
            bail!("archive {name} {NOT_BEGUN}");
        };
        self.archive(chosen, &archive, None, selection)
    }

    fn archive(
        &mut self,
        chosen: &Chosen,
        archive: &Archive,
        columns: Option<Vec<Column>>,
        selection: &Selection,
    ) -> anyhow::Result<Named> {
        let name = chosen.name.clone();
        self.known.push(Some(Known {
            origin: digest::origin(chosen, archive),
            digest: digest::of_archive(chosen, archive),
        }));
        let segments = chosen.segments(archive).cloned().collect::<Vec<_>>();
        for segment in &segments {
            self.inputs
                .extend([segment.path_now(), segment.index.clone()]);
        }
        let columns = match columns {
            Some(columns) => columns,
            None => {
                let look = if self.samples_all {
                    look_at_all
                } else {
                    look_at
                };
                let looked = look(&segments, selection, self.damaged.is_some());
                let looked = looked.map_err(|error| anyhow!(unread(&name, &error)));
                let (columns, widened) = looked?;
                self.note_widened(&format!("archive {name}"), &widened);
                declare(columns, &self.declared)
            }
        };
        let table = ArchiveTable::new(name.clone(), archive, selection.clone(), columns);
        let table = table.watched(Arc::clone(&self.progress));
        let table = Arc::new(table.of(segments, self.damaged.clone()));
        Ok((name, Table::Archive(Arc::clone(&table)), table))
    }

    async fn file(
        &mut self,
        path: &Path,
        name: String,
        kind: Kind,
        selection: &Selection,
    ) -> anyhow::Result<Named> {
        self.inputs.push(path.to_owned());
        self.known.push(None);
        let Kind::Ndjson(algorithm) = kind else {
            let opened = csv_parquet::open(&self.session, path, kind, selection).await;
            let (provider, columns) = opened?;
            return Ok((name, Table::Listed(columns), provider));
        };
        if selection.since_ms.or(selection.until_ms).is_some() {
            return Err(csv_parquet::without_times(path));
        }
        let (table, widened) = NdjsonTable::open(path, algorithm, &self.declared)?;
        self.note_widened(&format!("file {name}"), &widened);
        let table = Arc::new(table);
        Ok((name, Table::Ndjson(Arc::clone(&table)), table))
    }

    /// Notes that these fields of an archive or file are text, as they hold different things.
    pub fn note_widened(&mut self, source: &str, fields: &[String]) {
        for field in fields {
            self.notes.push(format!(
                "{source}: {field} holds different things in different records, and is text therefore"
            ));
        }
    }

    /// Adds a table by its name, and by the other one if it is the only table.
    fn add(&mut self, (name, table, provider): Named, is_only: bool) -> anyhow::Result<()> {
        if is_only && name != ONLY {
            let provider = Arc::clone(&provider);
            self.session.register_table(ONLY, provider)?;
        }
        let known = self.tables.iter().any(|(known, _)| *known == name);
        if known {
            bail!("two tables are called {name}; ask for one of them at a time");
        }
        // Quoted: a name may have a dot in it.
        let quoted = datafusion::common::TableReference::bare(name.clone());
        self.session.register_table(quoted, provider)?;
        self.tables.push((name, table));
        Ok(())
    }

    /// Is this one of the files that are read, by whatever name?
    pub fn reads(&self, path: &Path) -> bool {
        is_among(&self.inputs, path)
    }

    /// The only table, for what is asked of one.
    ///
    /// # Errors
    ///
    /// If there are others.
    pub fn only(&self) -> anyhow::Result<&Table> {
        match &self.tables[..] {
            [(_, table)] => Ok(table),
            tables => bail!("name one archive or file; these are {}", tables.len()),
        }
    }

    /// A digest of what is in the only source, as it is read; nothing if it is a file, which may change at any time.
    pub fn digest(&self) -> Option<&str> {
        self.only_known().map(|known| &known.digest[..])
    }

    /// Which archive the only source is, whatever it holds by now; nothing if it is a file.
    pub fn origin(&self) -> Option<&str> {
        self.only_known().map(|known| &known.origin[..])
    }

    fn only_known(&self) -> Option<&Known> {
        match &self.known[..] {
            [known] => known.as_ref(),
            _ => None,
        }
    }

    /// Is what is damaged left out?
    pub fn skips_damaged(&self) -> bool {
        self.damaged.is_some()
    }

    /// Was all of it read that was to be read? Not, if a damaged segment was left out.
    pub fn is_whole(&self) -> bool {
        let damaged = self.damaged.as_ref();
        damaged.is_none_or(|damaged| damaged.segments().is_empty() && damaged.lines().is_empty())
    }

    /// What must be said beside an answer: which fields were other than their columns, how many records had no time, which
    /// segments were left out.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        for (name, table) in &self.tables {
            notes.extend(table.notes(name));
        }
        notes.extend(self.untimed.note());
        if let Some(damaged) = &self.damaged {
            let said = damaged.segments().into_iter();
            notes.extend(said.map(|said| format!("not read as a whole, as it is damaged: {said}")));
            let said = damaged.lines().into_iter();
            notes.extend(said.map(|said| format!("not read as a whole: {said}")));
        }
        notes
    }
}

/// Is a file one of these, by whatever name?
pub fn is_among(files: &[PathBuf], path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let mut files = files.iter();
    files.any(|file| file.canonicalize().is_ok_and(|file| file == path))
}
