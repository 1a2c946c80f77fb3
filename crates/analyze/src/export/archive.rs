//! What is new of one archive, segment by segment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use archiver::catalog::Chosen;
use archiver_format::archive::{Archive, Segment, State};
use archiver_format::manifest;
use archiver_format::read::Selection;
use datafusion::common::Column;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;

use super::fields::{columns_of, named};
use super::layout::Layout;
use super::manifest::{Header, Written, WrittenFile};
use super::target::Target;
use super::writer::{NewFile, ORDER, Properties, Writer};
use crate::plain::plain;
use crate::sealed::{Sealed, said_of_gone};
use crate::table::damaged::Damaged;
use crate::table::provider::ArchiveTable;
use crate::table::reading::unread;

/// A batch of rows is no larger than so many bytes, and than this part of the memory.
const BATCH_BYTES_MOST: usize = 1 << 20;
const BATCH_PART: usize = 64;
/// A batch of rows has no more than so many.
const BATCH_ROWS_MOST: usize = 8_192;

/// Where files go, and what they are like.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Below this directory.
    pub directory: PathBuf,
    /// In these directories there.
    pub layout: Layout,
    /// Compressed with zstd instead of snappy.
    pub is_zstd: bool,
    /// Segments that are damaged are left out, and named.
    pub skips_damaged: bool,
    /// So many bytes of memory for sorting; the row group that is written takes an eighth of it beside that.
    pub memory_bytes: usize,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// So many segments were written,
    pub segments: u64,
    /// with so many records
    pub records: u64,
    /// into so many files.
    pub files: u64,
    /// So many segments were there before.
    pub known: u64,
    /// So many segments aren't sealed yet.
    pub growing: usize,
    /// What must be said beside it.
    pub notes: Vec<String>,
}

/// From an archive to its files.
pub struct Export<'s> {
    runtime: Arc<RuntimeEnv>,
    settings: &'s Settings,
    chosen: &'s Chosen,
    archive: Archive,
    target: Target,
}

impl<'s> Export<'s> {
    /// Takes the lock on where the files go. Nothing, if the archive has not begun.
    ///
    /// # Errors
    ///
    /// If it can't be read, or what is there is of another one, or laid out otherwise.
    pub fn open(
        runtime: &Arc<RuntimeEnv>,
        settings: &'s Settings,
        chosen: &'s Chosen,
    ) -> anyhow::Result<Option<Self>> {
        let Some(archive) = chosen.load()? else {
            return Ok(None);
        };
        let mut target = Target::open(&settings.directory, &chosen.name)?;
        let identity = &archive.checkpoint.identity;
        let layout = &settings.layout;
        let header = Header::new(
            chosen.name.clone(),
            identity.topic.clone(),
            identity.cluster_id.clone(),
            (layout.by, layout.zone.name().to_owned()),
        );
        match &target.manifest.header {
            Some(there) => fit(&settings.directory, there, &header)?,
            None => target.manifest.begin(header)?,
        }
        Ok(Some(Self {
            runtime: Arc::clone(runtime),
            settings,
            chosen,
            archive,
            target,
        }))
    }

    /// Writes what is new.
    ///
    /// # Errors
    ///
    /// If a segment that is there was replaced, or one can't be read or written.
    pub async fn run(mut self) -> anyhow::Result<Done> {
        let mut done = Done::default();
        done.notes.extend(self.removed());
        let new = self.new_segments(&mut done)?;
        if new.is_empty() {
            return Ok(done);
        }
        let known = &self.target.manifest.fields;
        let fields = named(known, &new, self.settings.skips_damaged);
        let fields = fields.map_err(|error| anyhow!(unread(&self.chosen.name, &error)))?;
        if fields != *known {
            self.target.manifest.name_columns(fields.clone())?;
        }
        let table = ArchiveTable::new(
            self.chosen.name.clone(),
            &self.archive,
            Selection::default(),
            columns_of(&fields, self.settings.layout.by),
        );
        for segment in &new {
            let State::Sealed(sealed) = &segment.state else {
                continue;
            };
            self.segment(&table, segment, sealed, &mut done).await?;
        }
        done.notes.extend(table.notes(&self.chosen.name));
        Ok(done)
    }

    /// The sealed segments that aren't there yet. Those that are there must be what they were.
    fn new_segments(&self, done: &mut Done) -> anyhow::Result<Vec<Segment>> {
        let Sealed {
            there,
            mut gone,
            growing,
        } = Sealed::of(self.chosen, &self.archive);
        let written = &self.target.manifest.segments;
        let mut new = Vec::new();
        for segment in there {
            let State::Sealed(sealed) = &segment.state else {
                continue;
            };
            match written.get(&segment.file.sequence) {
                Some(written) => {
                    self.same(written, sealed)?;
                    done.known += 1;
                }
                None => new.push(segment),
            }
        }
        if let Some((first, _)) = written.first_key_value() {
            let deleted = self.archive.deleted.iter();
            let deleted = deleted.map(|deleted| deleted.file.sequence);
            // What was deleted before the first run is nobody's loss.
            let unwritten =
                deleted.filter(|number| number > first && !written.contains_key(number));
            let unwritten = unwritten.collect::<Vec<_>>();
            done.notes
                .extend(said_of_deleted(&self.chosen.name, &unwritten));
        }
        gone.retain(|segment| !written.contains_key(&segment.file.sequence));
        done.growing = growing;
        done.notes
            .extend(said_of_gone(&self.chosen.name, gone.len()));
        Ok(new)
    }

    /// What is said of files that were written and that somebody has removed, which may have been meant.
    fn removed(&self) -> Option<String> {
        let segments = self.target.manifest.segments.values();
        let mut removed = segments
            .flat_map(|written| &written.files)
            .filter(|file| !self.settings.directory.join(&file.path).exists());
        let first = removed.next()?;
        let count = 1 + removed.count();
        Some(format!(
            "{} has no longer {count} of the files that were written there of archive {}, the first of them {}; they are not \
             written again; what the archive still has of them can be written to another directory",
            self.settings.directory.display(),
            self.chosen.name,
            first.path,
        ))
    }

    fn same(&self, written: &Written, sealed: &manifest::Sealed) -> anyhow::Result<()> {
        if written.is_of(sealed) {
            return Ok(());
        }
        let (name, directory) = (&self.chosen.name, self.settings.directory.display());
        bail!(
            "segment {} of archive {name} isn't the one that {directory} has: that had {} records in {} bytes, this one \
             has {} in {}, or other ones; it was made anew or replaced. Write to another directory, or remove \
             {directory}/{name} and {directory}/.archiver-analyze/{name} to begin anew",
            written.sequence,
            written.records,
            written.bytes,
            sealed.contents.records,
            sealed.bytes,
        )
    }

    /// Writes a segment, and counts it.
    async fn segment(
        &mut self,
        table: &ArchiveTable,
        segment: &Segment,
        sealed: &manifest::Sealed,
        done: &mut Done,
    ) -> anyhow::Result<()> {
        let damaged = self.settings.skips_damaged.then(Arc::<Damaged>::default);
        let of_segment = table.of(vec![segment.clone()], damaged.clone());
        let written = match self.write(of_segment, segment).await {
            Err(_) if self.is_deleted(segment) => {
                done.notes
                    .extend(said_of_deleted(&self.chosen.name, &[segment.file.sequence]));
                return self.target.discard();
            }
            written => written?,
        };
        let damaged = damaged.unwrap_or_default();
        let said = damaged.segments();
        if !said.is_empty() {
            let said = said.into_iter();
            let said = said.map(|said| format!("left out, as it is damaged: {said}"));
            done.notes.extend(said);
            return self.target.discard();
        }
        let said = damaged.lines().into_iter();
        done.notes
            .extend(said.map(|said| format!("written without some lines: {said}")));
        let rows = written.iter().map(|file| file.rows).sum::<u64>();
        let expected = sealed.contents.records;
        // Nobody has counted lines that were there before archiver was.
        if rows != expected && sealed.contents.uncounted_bytes == 0 {
            bail!(
                "{} has {rows} records, where the manifest of archive {} has {expected}; archiver verify says what is wrong with it",
                segment.path.display(),
                self.chosen.name
            );
        }
        done.segments += 1;
        done.records += rows;
        done.files += written.len() as u64;
        self.target.publish(Written {
            sequence: sealed.file.sequence,
            bytes: sealed.bytes,
            xxh128: sealed.xxh128.clone(),
            records: expected,
            files: self.names(sealed.file.sequence, &written),
        })
    }

    /// Writes the temporary files of a segment.
    async fn write(&self, table: ArchiveTable, segment: &Segment) -> anyhow::Result<Vec<NewFile>> {
        let told = |error| anyhow!(plain(&error));
        let order = ORDER.map(|name| Expr::Column(Column::from_name(name)));
        let rows = self
            .session(segment)
            .read_table(Arc::new(table))
            .map_err(told)?;
        let order = order.map(|column| column.sort(true, false));
        let rows = rows.sort(order.into()).map_err(told)?;
        let mut rows = rows.execute_stream().await.map_err(told)?;
        let has_keys = segment.format != "raw";
        let Settings {
            layout,
            is_zstd,
            memory_bytes,
            ..
        } = self.settings;
        let properties = Properties::new(&rows.schema(), *is_zstd, has_keys, *memory_bytes);
        let mut writer = Writer::new(&self.target, layout, rows.schema(), properties);
        while let Some(batch) = rows.next().await {
            writer.write(&batch.map_err(told)?)?;
        }
        writer.finish()
    }

    /// A session that sorts a segment in the memory that there is, whatever the size of its records. Many batches are
    /// merged at once where they were spilled, so each is small; and by one sorter, as several would share the memory.
    fn session(&self, segment: &Segment) -> SessionContext {
        let memory = self.settings.memory_bytes;
        let contents = segment.contents();
        let record_bytes = contents.plain_bytes / contents.records.max(1);
        // A field of a value is there twice: in the value, and in its column.
        let row_bytes = usize::try_from(2 * record_bytes)
            .unwrap_or(usize::MAX)
            .max(1);
        let batch_bytes = (memory / BATCH_PART).min(BATCH_BYTES_MOST);
        let options = SessionConfig::new()
            .with_batch_size((batch_bytes / row_bytes).clamp(1, BATCH_ROWS_MOST))
            .with_repartition_sorts(false)
            .with_sort_spill_reservation_bytes(memory / 4);
        SessionContext::new_with_config_rt(options, Arc::clone(&self.runtime))
    }

    /// The names that files of a segment get: no other one ever has them.
    fn names(&self, sequence: u64, files: &[NewFile]) -> Vec<WrittenFile> {
        let name = &self.chosen.name;
        let files = files.iter().enumerate().map(|(number, file)| WrittenFile {
            path: format!(
                "{name}/{}{name}-{sequence:06}-{number:04}.parquet",
                file.place
            ),
            rows: file.rows,
        });
        files.collect()
    }

    /// Was a segment deleted by `keep` meanwhile?
    fn is_deleted(&self, segment: &Segment) -> bool {
        let now = self.chosen.load().ok().flatten();
        now.is_some_and(|now| now.segment(segment.file.sequence).is_none())
    }
}

/// What is said of segments with these numbers, which `keep` has deleted and which are nowhere else.
fn said_of_deleted(archive: &str, numbers: &[u64]) -> Option<String> {
    let first = numbers.first()?;
    Some(format!(
        "archive {archive}: {} segments were deleted before they were written, the first of them {first}; run this more often, or keep segments longer",
        numbers.len()
    ))
}

/// Is what is there of the same archive, and laid out in the same way?
fn fit(directory: &Path, there: &Header, now: &Header) -> anyhow::Result<()> {
    let directory = directory.display();
    let ids = there.cluster_id.as_ref().zip(now.cluster_id.as_ref());
    if there.topic != now.topic || ids.is_some_and(|(there, now)| there != now) {
        bail!(
            "{directory} has an archive {} of another topic, {}, or of another cluster; write to another directory",
            there.archive,
            there.topic
        );
    }
    let layout = |of: &Header| match of.partition_by {
        Some(by) => format!("--partition-by {} --timezone {}", by.name(), of.timezone),
        None => "no --partition-by".to_owned(),
    };
    let (before, asked) = (layout(there), layout(now));
    match before == asked {
        true => Ok(()),
        false => Err(anyhow!("it was begun with {before}, and this is {asked}"))
            .with_context(|| format!("archive {} in {directory}", there.archive))
            .context("say the same, or write to another directory"),
    }
}
