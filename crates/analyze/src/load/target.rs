//! The table that rows go into: made, or matched by the names of its columns, and written a transaction at a time.

use anyhow::{Context, bail};
use archiver::cli::{UsageError, usage};
use datafusion::arrow::array::RecordBatch;

use super::fit::{fitted, places};
use super::own::{forget, is_own};
use super::progress::Progress;
use crate::database::{Database, Dialect, Kind, Rows, Table};
use crate::table::columns::{Column, Of};

/// The columns that are a record's id.
pub const ID: [&str; 3] = ["topic", "partition", "offset"];

/// How rows are written.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// So many rows are a transaction.
    pub batch_rows: usize,
    /// The table is made if it isn't there.
    pub creates: bool,
}

/// What was found of a table, or made.
#[derive(Debug, Clone, Default)]
pub struct Matched {
    /// The table's name.
    table: String,
    /// The statement that made it, if it was made.
    created: Option<String>,
    /// Columns of the rows that it has none for.
    left_out: Vec<String>,
}

impl Matched {
    /// What is said of it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(statement) = &self.created {
            notes.push(format!("made a table:\n{statement}"));
        }
        if !self.left_out.is_empty() {
            let fields = self.left_out.join(", ");
            notes.push(format!("table {} has no column for {fields}", self.table));
        }
        notes
    }
}

/// A name that needs no quotes anywhere, and can't be mistaken for anything else.
///
/// # Errors
///
/// If it is none.
pub fn check_name(name: &str) -> Result<(), UsageError> {
    let is_known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_known);
    if !name.split('.').all(is_part) || name.split('.').count() > 2 {
        return Err(usage(&format!(
            "{name} is no table; names have letters, digits, _, - and $, and may begin with a schema and a dot"
        )));
    }
    if is_own(name) {
        return Err(usage(&format!(
            "{name} is a table of archiver-analyze's own, in which it keeps how far it has come; name another one"
        )));
    }
    Ok(())
}

/// Refuses a source whose rows have no ids.
///
/// # Errors
///
/// If it has no column of offsets.
pub fn check_ids(columns: &[Column]) -> Result<(), UsageError> {
    if columns.iter().any(|column| column.of == Of::Offset) {
        return Ok(());
    }
    Err(usage(
        "a file beside archives has no offsets of records, by which each is there once; take an archive or a capture",
    ))
}

/// Makes sure that a table can have each record once, and leaves to it the columns that both have. If it has no rows, what was
/// written into it before counts no more.
///
/// # Errors
///
/// If there is no such table and none is made, it isn't what is needed, or the database refuses.
pub async fn matched(
    database: &mut Database,
    table: &mut Table,
    creates: bool,
) -> anyhow::Result<Matched> {
    let matched = found(database, table, creates).await?;
    if is_empty(database, &table.name).await? {
        forget(database, &table.name).await?;
    }
    Ok(matched)
}

async fn found(
    database: &mut Database,
    table: &mut Table,
    creates: bool,
) -> anyhow::Result<Matched> {
    let mut matched = Matched {
        table: table.name.clone(),
        ..Matched::default()
    };
    let dialect = database.dialect();
    if let Some(why) = dialect.refused_table(&table.name) {
        return Err(usage(&why).into());
    }
    let there = database.columns(&table.name).await?;
    if there.is_empty() {
        if let Some(why) = dialect.refused_columns(table) {
            return Err(usage(&format!(
                "table {} can't be made: {why}; name the fields that go into it with --columns",
                table.name
            ))
            .into());
        }
        let statement = dialect.create(table);
        if !creates {
            return Err(usage(&format!(
                "there is no table {}; --create makes it:\n{statement}",
                table.name
            ))
            .into());
        }
        let made = database.run(&statement).await;
        made.with_context(|| format!("making table {}", table.name))?;
        matched.created = Some(statement);
        return Ok(matched);
    }
    let has = |name: &str| there.iter().any(|(column, _)| column == name);
    if let Some(missing) = ID.iter().find(|name| !has(name)) {
        bail!(
            "table {} has no column {missing}: each record is there once by its topic, partition and offset; add it, or name another table",
            table.name
        );
    }
    let ids = database.ids(&table.name).await?;
    check_unique(&ids, table, dialect)?;
    let (columns, left_out) = table
        .columns
        .drain(..)
        .partition(|column| has(&column.name));
    table.columns = columns;
    for column in &mut table.columns {
        let of = there.iter().find(|(name, _)| *name == column.name);
        let of = of.map_or("", |(_, of)| of);
        let held = Kind::of_sql(of);
        column.is_whole = matches!(held, Kind::Integer | Kind::Boolean) || of.contains(",0)");
        if column.kind == Kind::Text && matches!(held, Kind::Integer | Kind::Number) {
            column.kind = held;
        }
    }
    matched.left_out = left_out.into_iter().map(|column| column.name).collect();
    Ok(matched)
}

/// Refuses a table that can have a record twice, or where two records would become one, by its unique indexes.
fn check_unique(ids: &[Vec<String>], table: &Table, dialect: Dialect) -> anyhow::Result<()> {
    let mut id = ID.map(str::to_owned);
    id.sort();
    if !ids.iter().any(|found| *found == id) {
        bail!(
            "table {} can have a record twice; make topic, partition and offset its primary key, or a unique index of them",
            table.name
        );
    }
    let is_written = |name: &String| {
        let name = name.split('(').next().unwrap_or_default();
        table.columns.iter().any(|column| column.name == name)
    };
    let has_id = |found: &Vec<String>| id.iter().all(|part| found.contains(part));
    let mut others = ids.iter().filter(|found| !has_id(found));
    let other = others.find(|found| found.iter().all(is_written));
    if let Some(other) = other.filter(|_| dialect.merges_by_any_index()) {
        bail!(
            "table {} has another unique index, of {}: of two records that are the same in it, this database would keep one; make it an index that isn't unique",
            table.name,
            other.join(", ")
        );
    }
    Ok(())
}

/// Has a table no rows?
///
/// # Errors
///
/// If there is no such table, or it can't be read.
pub async fn is_empty(database: &mut Database, table: &str) -> anyhow::Result<bool> {
    let name = database.dialect().table(table);
    let query =
        format!("SELECT count(*), count(*) FROM (SELECT 1 FROM {name} LIMIT 1) AS first_row");
    let counted = database.numbers(&query).await?;
    Ok(counted.first().is_none_or(|(count, _)| *count == 0))
}

/// Writes rows with the columns of a table, so many in a transaction, and in the same one how far a job has come by them.
///
/// # Errors
///
/// If a row has what has no place in its column, or the database refuses one. What was written until then is there.
pub async fn write(
    database: &mut Database,
    table: &Table,
    batch: &RecordBatch,
    batch_rows: usize,
    mut progress: Option<&mut Progress>,
) -> anyhow::Result<()> {
    let mut begin = 0;
    while begin < batch.num_rows() {
        let count = batch_rows.min(batch.num_rows() - begin);
        let part = batch.slice(begin, count);
        let rows = Rows::of(&fitted(&part, table, database.dialect())?)?;
        database.begin().await?;
        database.upsert(table, &rows).await?;
        if let Some(progress) = &mut progress {
            progress.advance(places(&part)?);
            progress.write(database).await?;
        }
        database.commit().await?;
        begin += count;
    }
    Ok(())
}
