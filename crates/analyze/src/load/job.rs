//! Which records go into which table.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use archiver::cli::usage;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, UInt64Type};
use sha2::{Digest, Sha256};

use crate::caret::explained;
use crate::database::{self, Kind, Table};
use crate::definition::Dialect;
use crate::definition::condition::condition;
use crate::definition::resolve::no_field;
use crate::digest::hex;
use crate::engine::{Engine, ONLY};
use crate::table::columns::{Column, Of, schema};

/// The columns that are a record's id.
pub const ID: [&str; 3] = ["topic", "partition", "offset"];
/// The column with what a person says of a record.
pub const LABEL: &str = "label";

/// Records of an archive, and the table that they are for.
#[derive(Debug, Clone)]
pub struct Job {
    /// The table, with those columns that are written.
    pub table: Table,
    /// Only records of which this holds.
    filter: Option<String>,
    /// Only these records.
    ids: Option<String>,
    /// What a person says of them.
    label: Option<String>,
    /// From this timestamp on and before that one, in milliseconds since 1970.
    range: [Option<i64>; 2],
}

/// What a job is made of.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The name of the table.
    pub table: String,
    /// The fields; all, if none is named.
    pub columns: Vec<String>,
    /// Only records of which this holds, as it was typed.
    pub filter: Option<String>,
    /// Only records with these partitions and offsets.
    pub ids: Option<Vec<(i64, i64)>>,
    /// What a person says of them.
    pub label: Option<String>,
    /// From this timestamp on and before that one, in milliseconds since 1970.
    pub range: [Option<i64>; 2],
}

/// How many records the filter lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Of which it holds.
    pub within: u64,
    /// Of which it doesn't hold.
    pub out: u64,
    /// Of which it says neither, as something is null or divided by zero.
    pub neither: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            within,
            out,
            neither,
        } = self;
        write!(
            f,
            "of {} records, {within} pass the filter, {out} don't",
            within + out + neither
        )?;
        match neither {
            0 => Ok(()),
            _ => write!(
                f,
                ", {neither} are neither: there is a null or a division by zero"
            ),
        }
    }
}

impl Job {
    /// The job for the only archive of an engine.
    ///
    /// # Errors
    ///
    /// If that has no ids of records, or no such fields, or a name is none that can be used.
    pub fn of(engine: &Engine, wanted: Wanted) -> anyhow::Result<Self> {
        check_name(&wanted.table)?;
        let columns = columns(engine.only()?.columns(), &wanted.columns)?;
        let types = schema(&columns);
        let columns = columns.iter().zip(types.fields()).map(|(column, field)| {
            database::Column::new(&column.name, Kind::of(field.data_type()))
        });
        let label = database::Column::new(LABEL, Kind::Text);
        Ok(Self {
            table: Table {
                name: wanted.table,
                columns: columns.chain([label]).collect(),
                id: &ID,
                kept: Some(LABEL),
            },
            filter: wanted.filter.as_deref().map(condition).transpose()?,
            ids: wanted.ids.map(|ids| one_of(&ids)),
            label: wanted.label,
            range: wanted.range,
        })
    }

    /// The job's own name: the same for the same records, the same columns and the same table.
    pub fn id(&self, topic: &str) -> String {
        let said = format!(
            "{topic:?} {:?} {:?} {:?} {:?} {:?}",
            self.table, self.filter, self.ids, self.label, self.range
        );
        hex(&Sha256::digest(said))
    }

    /// Its records from these offsets on, partition by partition and in their order, as a query.
    pub fn query(&self, begun: &[(i64, i64)]) -> String {
        let quoted = |name: &str| Dialect::DataFusion.quoted(name);
        let columns = self
            .table
            .columns
            .iter()
            .map(|column| match &column.name[..] {
                LABEL => match &self.label {
                    Some(label) => format!("{} AS label", Dialect::DataFusion.text(label)),
                    None => "CAST(NULL AS VARCHAR) AS label".to_owned(),
                },
                name => quoted(name),
            });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let mut conditions = Vec::new();
        for condition in [&self.filter, &self.ids].into_iter().flatten() {
            conditions.push(format!("({condition})"));
        }
        for (partition, next) in begun {
            conditions.push(format!(
                "NOT (\"partition\" = {partition} AND \"offset\" < {next})"
            ));
        }
        let conditions = match &conditions[..] {
            [] => String::new(),
            conditions => format!(" WHERE {}", conditions.join(" AND ")),
        };
        format!("SELECT {columns} FROM {ONLY}{conditions} ORDER BY \"partition\", \"offset\"")
    }

    /// How many records its filter lets in; `None` without a filter.
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn counts(&self, engine: &Engine) -> anyhow::Result<Option<Counts>> {
        let Some(filter) = &self.filter else {
            return Ok(None);
        };
        let query = format!(
            "SELECT count(*) FILTER (WHERE {filter}), count(*) FILTER (WHERE NOT ({filter})), count(*) FROM {ONLY}"
        );
        let numbers = numbers(engine, &query).await?;
        let [within, out, all] = numbers[..] else {
            bail!(
                "counting records: the engine gave {} numbers",
                numbers.len()
            );
        };
        Ok(Some(Counts {
            within,
            out,
            neither: all.saturating_sub(within + out),
        }))
    }
}

/// The condition that a record is one of these.
fn one_of(ids: &[(i64, i64)]) -> String {
    let mut partitions = BTreeMap::<i64, Vec<String>>::new();
    for (partition, offset) in ids {
        partitions
            .entry(*partition)
            .or_default()
            .push(offset.to_string());
    }
    let any = partitions.iter().map(|(partition, offsets)| {
        format!(
            "\"partition\" = {partition} AND \"offset\" IN ({})",
            offsets.join(", ")
        )
    });
    any.collect::<Vec<_>>().join(" OR ")
}

/// The numbers in the one row of an answer.
async fn numbers(engine: &Engine, query: &str) -> anyhow::Result<Vec<u64>> {
    let explain = |error| explained(&error, query, engine);
    let frame = engine.session.sql(query).await.map_err(explain)?;
    let batches = frame.collect().await.map_err(explain)?;
    let rows = batches.iter().filter(|batch| batch.num_rows() > 0);
    let numbers = rows.flat_map(RecordBatch::columns).map(|column| {
        let column = cast(column, &DataType::UInt64)?;
        Ok(column.as_primitive::<UInt64Type>().value(0))
    });
    numbers.collect()
}

/// A name that needs no quotes anywhere, and can't be mistaken for anything else.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_known);
    if !name.split('.').all(is_part) || name.split('.').count() > 2 {
        return Err(usage(&format!(
            "{name} is no table; names have letters, digits, _, - and $, and may begin with a schema and a dot"
        ))
        .into());
    }
    Ok(())
}

/// The columns that are written: a record's id and time, and its fields.
fn columns(all: &[Column], names: &[String]) -> anyhow::Result<Vec<Column>> {
    let has_ids = all.iter().any(|column| column.of == Of::Offset);
    if !has_ids {
        return Err(usage(
            "a file beside archives has no offsets of records, by which each is there once; load an archive or a capture",
        )
        .into());
    }
    let is_first = |column: &&Column| {
        matches!(
            column.of,
            Of::Topic | Of::Partition | Of::Offset | Of::Timestamp
        )
    };
    let is_field = |column: &&Column| matches!(column.of, Of::Field(_));
    let mut wanted = all.iter().filter(is_first).cloned().collect::<Vec<_>>();
    if names.is_empty() {
        wanted.extend(all.iter().filter(is_field).cloned());
    }
    for name in names {
        let column = all.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| no_field(name, all, ONLY))?;
        if !wanted.contains(column) {
            wanted.push(column.clone());
        }
    }
    if wanted.iter().any(|column| column.name == LABEL) {
        return Err(usage(
            "the table has a column label of its own, so a field of that name can't go into it; name the others with --columns",
        )
        .into());
    }
    Ok(wanted)
}
