//! The rows that are learned from, group by group, always in the same order.

use datafusion::arrow::array::{
    Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::StreamExt;

use super::question::Question;
use crate::engine::Engine;

/// The values of the fields by which rows are told apart, as text; one that is missing is one, too.
pub type Key = Vec<Option<String>>;

/// Values further from 0 have squares that can't be summed up in floating point.
const LARGEST: f64 = 1e140;

/// So many bytes are held for each of a row's features while a group is learned from: the value, and as much again for what
/// is computed of it.
const BYTES_OF_FEATURE: usize = 2 * size_of::<f64>();
/// The same for each row, for its distance and its cluster, twice.
const BYTES_OF_ROW: usize = 4 * size_of::<f64>();

/// Can a feature be judged by?
pub fn is_usable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// The rows of a group.
#[derive(Debug, Default)]
pub struct Rows {
    /// Its key.
    pub key: Key,
    /// The features of all rows, one row behind the other.
    pub features: Vec<f64>,
    /// Which rows are anomalous, if somebody has said so.
    pub labels: Vec<bool>,
    /// So many rows were left out, as a feature or the label is missing or no number.
    pub left_out: u64,
    /// When the first row was, in milliseconds since 1970, and the last.
    pub range_ms: Option<(i64, i64)>,
}

/// Groups of rows, one behind the other.
pub struct Groups {
    stream: SendableRecordBatchStream,
    features: usize,
    groups: usize,
    has_label: bool,
    /// What is read, and how far.
    batch: Option<(Batch, usize)>,
    memory: MemoryReservation,
}

/// Columns of a batch.
struct Batch {
    keys: Vec<StringArray>,
    times: Int64Array,
    /// Features, and the label behind them.
    numbers: Vec<Float64Array>,
    rows: usize,
}

impl Groups {
    /// Asks for the rows of a question, whose query this is.
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn ask(engine: &Engine, of: &Question, query: &str) -> Result<Self> {
        let frame = engine.session.sql(&ordered(of, query)).await?;
        let stream = frame.execute_stream().await?;
        let pool = &engine.session.runtime_env().memory_pool;
        Ok(Self {
            stream,
            features: of.features.len(),
            groups: of.by.len(),
            has_label: of.label.is_some(),
            batch: None,
            memory: MemoryConsumer::new("rows to learn from").register(pool),
        })
    }

    /// The next group; its memory counts until the one after it is asked for.
    ///
    /// # Errors
    ///
    /// If the rows can't be had, or need more memory than there is.
    pub async fn next(&mut self) -> Result<Option<Rows>> {
        self.memory.free();
        let mut rows: Option<Rows> = None;
        loop {
            let Some((batch, from)) = self.batch.take() else {
                match self.stream.next().await {
                    Some(batch) => self.batch = Some((self.columns(&batch?)?, 0)),
                    None => return Ok(rows),
                }
                continue;
            };
            if from == batch.rows {
                continue;
            }
            let group = rows.get_or_insert_with(|| Rows {
                key: batch.key(from),
                ..Rows::default()
            });
            let mut to = from;
            while to < batch.rows && batch.is_of(to, &group.key) {
                to += 1;
            }
            let bytes = BYTES_OF_ROW + self.features * BYTES_OF_FEATURE;
            self.memory.try_grow((to - from) * bytes)?;
            for row in from..to {
                self.add(group, &batch, row);
            }
            let is_whole = to < batch.rows;
            self.batch = Some((batch, to));
            if is_whole {
                return Ok(rows);
            }
        }
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Batch> {
        let of_type = |number: usize, of: &DataType| cast(batch.column(number), of);
        let keys = (0..self.groups).map(|number| {
            let column = of_type(number, &DataType::Utf8)?;
            Ok(column.as_string::<i32>().clone())
        });
        let times = of_type(self.groups, &DataType::Int64)?;
        let numbers = self.features + usize::from(self.has_label);
        let numbers = (0..numbers).map(|number| {
            let column = of_type(self.groups + 1 + number, &DataType::Float64)?;
            Ok(column.as_primitive::<Float64Type>().clone())
        });
        Ok(Batch {
            keys: keys.collect::<Result<_>>()?,
            times: times.as_primitive::<Int64Type>().clone(),
            numbers: numbers.collect::<Result<_>>()?,
            rows: batch.num_rows(),
        })
    }

    fn add(&self, to: &mut Rows, batch: &Batch, row: usize) {
        let number = |column: &Float64Array| match column.is_valid(row) {
            true => column.value(row),
            false => f64::NAN,
        };
        let (features, label) = batch.numbers.split_at(self.features);
        let label = label.first().map(number);
        let is_known = label.is_none_or(|label| label == 0.0 || label == 1.0);
        if !is_known || !features.iter().map(number).all(is_usable) {
            to.left_out += 1;
            return;
        }
        to.features.extend(features.iter().map(number));
        to.labels.extend(label.map(|label| label == 1.0));
        if batch.times.is_valid(row) {
            let ms = batch.times.value(row);
            let (first, last) = to.range_ms.unwrap_or((ms, ms));
            to.range_ms = Some((first.min(ms), last.max(ms)));
        }
    }
}

impl Batch {
    fn key(&self, row: usize) -> Key {
        let values = self.keys.iter();
        let values = values.map(|texts| texts.is_valid(row).then(|| texts.value(row).to_owned()));
        values.collect()
    }

    fn is_of(&self, row: usize, key: &Key) -> bool {
        let mut values = self.keys.iter().zip(key);
        values.all(|(texts, value)| match value {
            Some(value) => texts.is_valid(row) && texts.value(row) == value,
            None => texts.is_null(row),
        })
    }
}

/// A group as it is named in messages.
pub fn named(by: &[String], key: &[Option<String>]) -> String {
    let pairs = by.iter().zip(key).map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("without {name}"),
    });
    match by {
        [] => "of all rows".to_owned(),
        _ => pairs.collect::<Vec<_>>().join(", "),
    }
}

/// Groups one behind the other, in each the rows by where they were; those that say the same of that are the same in all else
/// that counts, or are told apart by it.
fn ordered(of: &Question, query: &str) -> String {
    let named = |prefix: &str, count: usize| {
        let names = (0..count).map(|number| format!("{prefix}_{number}"));
        names.collect::<Vec<_>>()
    };
    let keys = named("by", of.by.len());
    let keys = keys.iter().map(|by| format!("CAST({by} AS VARCHAR)"));
    let keys = keys.collect::<Vec<_>>();
    let mut numbers = named("feature", of.features.len());
    numbers.extend(of.label.iter().map(|_| "label".to_owned()));
    let wanted = [&keys[..], &["event_ms".to_owned()], &numbers].concat();
    let places = ["topic", "\"partition\"", "\"offset\"", "event_ms"].map(str::to_owned);
    let order = [&keys[..], &places, &numbers].concat();
    format!(
        "SELECT {} FROM ({query}) AS asked ORDER BY {}",
        wanted.join(", "),
        order.join(", ")
    )
}
