//! Rows on their way into a table: column by column, as the engine has them.

use std::ops::Range;

use anyhow::{Context, bail};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use jiff::Timestamp;

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers.
    Number,
    /// A time, to the millisecond.
    Time,
    /// Text.
    Text,
}

impl Kind {
    /// Of a column of the engine's.
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Timestamp(..) => Self::Time,
            of if of.is_integer() => Self::Integer,
            of if of.is_floating() => Self::Number,
            _ => Self::Text,
        }
    }

    /// Of a type in the words of a database.
    pub fn of_sql(type_name: &str) -> Self {
        let is = |parts: &[&str]| parts.iter().any(|part| type_name.contains(part));
        if is(&["datetime", "timestamp"]) {
            Self::Time
        } else if is(&["interval", "point"]) {
            Self::Text
        } else if is(&["bool"]) {
            Self::Boolean
        } else if is(&["int"]) {
            Self::Integer
        } else if is(&["double", "float", "real", "decimal", "numeric"]) {
            Self::Number
        } else {
            Self::Text
        }
    }
}

/// The cells of a column.
#[derive(Debug, Clone)]
pub enum Cells {
    /// True or false.
    Boolean(BooleanArray),
    /// Whole numbers.
    Integer(Int64Array),
    /// Numbers.
    Number(Float64Array),
    /// Times as text, in UTC: `2026-11-30 09:00:00.000`.
    Time(StringArray),
    /// Text.
    Text(StringArray),
}

/// Rows, column by column.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The columns, each as long as the others.
    pub columns: Vec<Cells>,
    /// How many rows.
    pub count: usize,
}

/// Neither a statement nor what it is answered with should hold more.
const BYTES_MOST: usize = 4 << 20;

impl Rows {
    /// The rows of a batch.
    ///
    /// # Errors
    ///
    /// If a column holds what no database has.
    pub fn of(batch: &RecordBatch) -> anyhow::Result<Self> {
        let schema = batch.schema();
        let fields = schema.fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, column)| {
            let cells = cells(column);
            cells.with_context(|| format!("column {}", field.name()))
        });
        Ok(Self {
            columns: columns.collect::<anyhow::Result<_>>()?,
            count: batch.num_rows(),
        })
    }

    /// Parts with at most so many cells each, and not many more bytes than fit a statement.
    pub fn parts(&self, cells_most: usize) -> Vec<Range<usize>> {
        let most = (cells_most / self.columns.len().max(1)).max(1);
        let mut parts = Vec::new();
        let (mut begin, mut bytes) = (0, 0);
        for row in 0..self.count {
            let of_row = self.bytes(row);
            if row > begin && (row - begin >= most || bytes + of_row > BYTES_MOST) {
                parts.push(begin..row);
                (begin, bytes) = (row, 0);
            }
            bytes += of_row;
        }
        if begin < self.count {
            parts.push(begin..self.count);
        }
        parts
    }

    fn bytes(&self, row: usize) -> usize {
        let columns = self.columns.iter();
        let bytes = columns.map(|cells| match cells {
            Cells::Time(texts) | Cells::Text(texts) => texts.value_length(row) as usize,
            _ => 8,
        });
        bytes.sum()
    }
}

fn cells(column: &ArrayRef) -> anyhow::Result<Cells> {
    let kind = Kind::of(column.data_type());
    let to = |data_type| cast(column, &data_type);
    Ok(match kind {
        Kind::Boolean => Cells::Boolean(column.as_boolean().clone()),
        Kind::Integer => Cells::Integer(to(DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        Kind::Number => Cells::Number(to(DataType::Float64)?.as_primitive::<Float64Type>().clone()),
        Kind::Time => Cells::Time(times(column)?),
        Kind::Text if column.data_type().is_nested() => {
            bail!("no database has lists or objects; leave it out")
        }
        Kind::Text => Cells::Text(to(DataType::Utf8)?.as_string::<i32>().clone()),
    })
}

fn times(column: &ArrayRef) -> anyhow::Result<StringArray> {
    let milliseconds = DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()));
    let column = cast(&cast(column, &milliseconds)?, &DataType::Int64)?;
    let times = column.as_primitive::<Int64Type>().iter();
    Ok(times.map(|time| time.and_then(shown)).collect())
}

/// A time as each database reads it; `None` beyond the year 9999, which none of them has.
fn shown(ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(ms).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    (time.year() >= 1).then(|| time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}
