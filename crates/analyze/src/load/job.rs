//! Which records go into which table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::bail;
use archiver::cli::usage;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, UInt64Type};
use sha2::{Digest, Sha256};

use super::target::{ID, check_ids, check_name};
use crate::caret::explained;
use crate::database::{self, Kind, Table};
use crate::definition::Dialect;
use crate::definition::condition::condition;
use crate::definition::resolve::no_field;
use crate::digest::hex;
use crate::engine::{Engine, ONLY};
use crate::table::columns::{Column, OF_VALUE, Of, schema};

/// The column with what a person says of a record.
pub const LABEL: &str = "label";

/// The column of a field that is called like that one.
fn label_of_value() -> String {
    format!("{OF_VALUE}{LABEL}")
}

/// Records of an archive, and the table that they are for.
#[derive(Debug, Clone)]
pub struct Job {
    /// The table, with those columns that are written.
    pub table: Table,
    /// Have the records a field that is called like the label?
    has_label: bool,
    /// Are there fields among the columns?
    has_fields: bool,
    /// Only records of which this holds.
    filter: Option<String>,
    /// Only these records: a condition, and how many are named.
    ids: Option<(String, u64)>,
    /// What a person says of them.
    label: Option<String>,
    /// From this timestamp on and before that one, in milliseconds since 1970.
    range: [Option<i64>; 2],
    /// Everything is written again, whatever was written before.
    pub is_anew: bool,
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
    pub ids: Option<BTreeSet<(i64, i64)>>,
    /// What a person says of them.
    pub label: Option<String>,
    /// From this timestamp on and before that one, in milliseconds since 1970.
    pub range: [Option<i64>; 2],
    /// Everything is written again, whatever was written before.
    pub is_anew: bool,
}

/// How many records the filter lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Of which it holds.
    pub within: u64,
    /// Of which it doesn't hold.
    pub out: u64,
    /// Of which it says neither, as something is null, divided by zero, or a text where a number is meant.
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
                ", {neither} are neither: there is a null, a division by zero, or a text that is no number"
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
        let has_label = columns.iter().any(|column| column.name == LABEL);
        let has_fields = columns
            .iter()
            .any(|column| matches!(column.of, Of::Field(_)));
        let columns = columns.iter().zip(types.fields()).map(|(column, field)| {
            let name = match &column.name[..] {
                LABEL => label_of_value(),
                name => name.to_owned(),
            };
            database::Column::new(name, Kind::of(field.data_type()))
        });
        let label = database::Column::new(LABEL, Kind::Text);
        Ok(Self {
            table: Table {
                name: wanted.table,
                columns: columns.chain([label]).collect(),
                id: &ID,
                kept: Some(LABEL),
            },
            has_label,
            has_fields,
            filter: wanted.filter.as_deref().map(condition).transpose()?,
            ids: wanted.ids.map(|ids| (one_of(&ids), ids.len() as u64)),
            label: wanted.label,
            range: wanted.range,
            is_anew: wanted.is_anew,
        })
    }

    /// The job's own name: the same for the same records, the same columns and the same table.
    pub fn id(&self, origin: &str) -> String {
        let columns = self.table.columns.iter();
        let columns = columns.map(|column| (&column.name, column.kind));
        let columns = columns.collect::<Vec<_>>();
        let said = format!(
            "{origin:?} {:?} {columns:?} {:?} {:?}",
            self.table.name, self.filter, self.range
        );
        hex(&Sha256::digest(said))
    }

    /// Does it go on where an earlier run has ended? What a person says always counts, as it may have been something else
    /// meanwhile; and what is left out as it is damaged may be whole later.
    pub fn goes_on(&self, engine: &Engine) -> bool {
        self.label.is_none() && self.ids.is_none() && !engine.skips_damaged()
    }

    /// Is there something in the archive that says what the columns of a table would be?
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn knows_columns(&self, engine: &Engine) -> anyhow::Result<bool> {
        let query = format!("SELECT count(*) FROM (SELECT 1 FROM {ONLY} LIMIT 1)");
        Ok(self.has_fields || numbers(engine, &query).await? != [0])
    }

    /// How many of the records that were named are there, and how many were named; `None` if none was.
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn named(&self, engine: &Engine) -> anyhow::Result<Option<(u64, u64)>> {
        let Some((ids, named)) = &self.ids else {
            return Ok(None);
        };
        let query = format!("SELECT count(*) FROM {ONLY} WHERE {ids}");
        let numbers = numbers(engine, &query).await?;
        Ok(numbers.first().map(|found| (*found, *named)))
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
                name if self.has_label && name == label_of_value() => {
                    format!("{} AS {}", quoted(LABEL), quoted(name))
                }
                name => quoted(name),
            });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let mut conditions = Vec::new();
        let ids = self.ids.as_ref().map(|(ids, _)| ids);
        for condition in [self.filter.as_ref(), ids].into_iter().flatten() {
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
        let ids = self.ids.as_ref();
        let ids = ids.map_or_else(String::new, |(ids, _)| format!(" WHERE {ids}"));
        let query = format!(
            "SELECT count(*) FILTER (WHERE {filter}), count(*) FILTER (WHERE NOT ({filter})), count(*) FROM {ONLY}{ids}"
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
fn one_of(ids: &BTreeSet<(i64, i64)>) -> String {
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

/// The columns that are written: a record's id and time, and its fields.
fn columns(all: &[Column], names: &[String]) -> anyhow::Result<Vec<Column>> {
    check_ids(all)?;
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
    let of = |name: &str| all.iter().find(|column| column.name == name);
    for name in names {
        let column =
            of(name).or_else(|| of(name.strip_prefix(OF_VALUE).filter(|name| *name == LABEL)?));
        let column = column.ok_or_else(|| no_field(name, all, ONLY))?;
        if !wanted.contains(column) {
            wanted.push(column.clone());
        }
    }
    let has = |name: &str| wanted.iter().any(|column| column.name == name);
    if has(LABEL) && has(&label_of_value()) {
        return Err(usage(
            "the table has a column label of its own, so the field label would go into value.label, which another field is called; name one of them with --columns",
        )
        .into());
    }
    Ok(wanted)
}
