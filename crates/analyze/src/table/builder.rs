//! A column that grows by what each record has for it.

use std::sync::Arc;

use archiver_format::record::{Header, TimestampKind};
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringViewBuilder,
    TimestampMillisecondBuilder,
};

use super::columns::{Column, Kind, Of, timestamp};
use super::row::Row;
use crate::json::scalar;

/// Whether something was what its column holds. What wasn't is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It was, or there was nothing.
    Fits,
    /// It was something else.
    Misfit,
}

/// Text is kept in blocks, which count as a whole: a batch of few rows has small ones.
const BLOCK_BYTES_PER_ROW: usize = 64;
const BLOCK_BYTES_LEAST: usize = 4 << 10;
const BLOCK_BYTES_MOST: usize = 1 << 20;

/// A column that grows.
pub enum Builder {
    Topic(StringViewBuilder),
    Partition(Int32Builder),
    Offset(Int64Builder),
    Timestamp(TimestampMillisecondBuilder),
    TimestampType(StringViewBuilder),
    Key(StringViewBuilder),
    Value(StringViewBuilder),
    Headers(StringViewBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Text(StringViewBuilder),
}

impl Builder {
    /// One for this column, of batches with so many rows.
    pub fn new(column: &Column, batch_rows: usize) -> Self {
        let text = || {
            let block_bytes =
                (batch_rows * BLOCK_BYTES_PER_ROW).clamp(BLOCK_BYTES_LEAST, BLOCK_BYTES_MOST);
            let block_bytes = u32::try_from(block_bytes).unwrap_or(u32::MAX);
            StringViewBuilder::new().with_fixed_block_size(block_bytes)
        };
        match (&column.of, column.kind) {
            (Of::Topic, _) => Self::Topic(text()),
            (Of::Partition, _) => Self::Partition(Int32Builder::new()),
            (Of::Offset, _) => Self::Offset(Int64Builder::new()),
            (Of::Timestamp, _) => {
                let builder = TimestampMillisecondBuilder::new();
                Self::Timestamp(builder.with_data_type(timestamp()))
            }
            (Of::TimestampType, _) => Self::TimestampType(text()),
            (Of::Key, _) => Self::Key(text()),
            (Of::Value, _) => Self::Value(text()),
            (Of::Headers, _) => Self::Headers(text()),
            (Of::Field(_), Kind::Boolean) => Self::Boolean(BooleanBuilder::new()),
            (Of::Field(_), Kind::Integer) => Self::Integer(Int64Builder::new()),
            (Of::Field(_), Kind::Number) => Self::Number(Float64Builder::new()),
            (Of::Field(_), Kind::Text) => Self::Text(text()),
        }
    }

    /// Adds what a record has: a part of it, or what stands in its field.
    pub fn push(&mut self, row: &Row<'_>, raw: Option<&str>) -> Fit {
        let raw = raw.filter(|raw| *raw != "null");
        let text = String::from_utf8_lossy;
        match self {
            Self::Topic(to) => to.append_value(row.topic),
            Self::Partition(to) => to.append_option(row.place.map(|(partition, _)| partition)),
            Self::Offset(to) => to.append_option(row.place.map(|(_, offset)| offset)),
            Self::Timestamp(to) => to.append_option(row.timestamp_ms),
            Self::TimestampType(to) => to.append_option(row.timestamp_type.map(name)),
            Self::Key(to) => to.append_option(row.key.map(text)),
            Self::Value(to) => to.append_option(row.value.map(text)),
            Self::Headers(to) => to.append_option(row.headers.map(headers)),
            Self::Boolean(to) => {
                let value = raw.and_then(scalar::boolean);
                to.append_option(value);
                return fit(raw, value.is_some());
            }
            Self::Integer(to) => {
                let value = raw.and_then(scalar::integer);
                to.append_option(value);
                return fit(raw, value.is_some());
            }
            Self::Number(to) => {
                let value = raw.and_then(scalar::number);
                to.append_option(value);
                return fit(raw, value.is_some());
            }
            Self::Text(to) => to.append_option(raw.and_then(scalar::text)),
        }
        Fit::Fits
    }

    /// The column, which is empty afterwards.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Topic(of)
            | Self::TimestampType(of)
            | Self::Key(of)
            | Self::Value(of)
            | Self::Headers(of)
            | Self::Text(of) => Arc::new(of.finish()),
            Self::Partition(of) => Arc::new(of.finish()),
            Self::Offset(of) | Self::Integer(of) => Arc::new(of.finish()),
            Self::Timestamp(of) => Arc::new(of.finish()),
            Self::Boolean(of) => Arc::new(of.finish()),
            Self::Number(of) => Arc::new(of.finish()),
        }
    }
}

fn fit(raw: Option<&str>, is_read: bool) -> Fit {
    match raw.is_none() || is_read {
        true => Fit::Fits,
        false => Fit::Misfit,
    }
}

fn name(kind: TimestampKind) -> &'static str {
    match kind {
        TimestampKind::Create => "create",
        TimestampKind::Append => "append",
    }
}

/// Headers as a JSON array of pairs, in their order.
fn headers(of: &[Header<'_>]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = of
        .iter()
        .map(|(name, value)| (text(name), value.as_deref().map(text)));
    serde_json::to_string(&pairs.collect::<Vec<_>>()).unwrap_or_default()
}
