//! The columns of an archive: the parts of a record, and the fields of its value.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

/// What is put before the name of a field that is called like a part of a record.
pub const OF_VALUE: &str = "value.";

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The topic.
    Topic,
    /// The partition.
    Partition,
    /// The record's own offset.
    Offset,
    /// When it was written.
    Timestamp,
    /// By whose clock: `create` or `append`.
    TimestampType,
    /// The key, as text.
    Key,
    /// The value, as text.
    Value,
    /// The headers, as a JSON array of pairs.
    Headers,
    /// A field of the value: the names from the outside in.
    Field(Vec<String>),
}

/// The parts of a record, and what their columns are called.
pub const PARTS: [(&str, Of); 8] = [
    ("topic", Of::Topic),
    ("partition", Of::Partition),
    ("offset", Of::Offset),
    ("timestamp", Of::Timestamp),
    ("timestamp_type", Of::TimestampType),
    ("key", Of::Key),
    ("value", Of::Value),
    ("headers", Of::Headers),
];

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers.
    Number,
    /// Text, and whatever else there is, as it stands in the value.
    Text,
}

impl Kind {
    /// What holds both.
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::Integer | Self::Number, Self::Integer | Self::Number) => Self::Number,
            _ => Self::Text,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Text => DataType::Utf8View,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// What stands in it.
    pub of: Of,
    /// What a field holds.
    pub kind: Kind,
}

impl Column {
    /// What it holds, also if it is a part of a record.
    pub fn measured(&self) -> Kind {
        match self.of {
            Of::Partition | Of::Offset | Of::Timestamp => Kind::Integer,
            Of::Field(_) => self.kind,
            Of::Topic | Of::TimestampType | Of::Key | Of::Value | Of::Headers => Kind::Text,
        }
    }
}

/// The columns of a table: the parts of a record, then the fields, in this order. Of fields whose names are the same once
/// they have their dots, the first counts.
pub fn columns(fields: Vec<(Vec<String>, Kind)>) -> Vec<Column> {
    let parts = PARTS.into_iter().map(|(name, of)| Column {
        name: name.to_owned(),
        of,
        kind: Kind::Text,
    });
    with_fields(parts.collect(), fields)
}

/// The columns of a table that has fields alone.
pub fn fields_alone(fields: Vec<(Vec<String>, Kind)>) -> Vec<Column> {
    with_fields(Vec::new(), fields)
}

/// Behind these columns, those of fields. One that is called like a part of a record is told from it; of fields whose names
/// are the same once they have their dots, the first counts.
pub(super) fn with_fields(
    mut columns: Vec<Column>,
    fields: Vec<(Vec<String>, Kind)>,
) -> Vec<Column> {
    for (path, kind) in fields {
        let mut name = path.join(".");
        let mut parts = columns
            .iter()
            .filter(|column| !matches!(column.of, Of::Field(_)));
        if parts.any(|part| part.name == name) {
            name.insert_str(0, OF_VALUE);
        }
        if columns.iter().all(|column| column.name != name) {
            columns.push(Column {
                name,
                of: Of::Field(path),
                kind,
            });
        }
    }
    columns
}

/// The schema of these columns.
pub fn schema(columns: &[Column]) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let data_type = match column.of {
            Of::Partition => DataType::Int32,
            Of::Offset => DataType::Int64,
            Of::Timestamp => timestamp(),
            Of::Field(_) => column.kind.data_type(),
            _ => DataType::Utf8View,
        };
        Field::new(&column.name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The type of timestamps: milliseconds, in UTC.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_called_like_a_part_of_a_record_is_told_from_it() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        let fields = ["timestamp", "a/b", "a.b", "host"].map(|text| (path(text), Kind::Integer));
        let columns = columns(fields.into());
        let names = columns.iter().map(|column| &column.name[..]);
        let names = names.skip(PARTS.len()).collect::<Vec<_>>();
        assert_eq!(names, ["value.timestamp", "a.b", "host"]);
    }

    #[test]
    fn a_conflict_widens() {
        for (one, other, both) in [
            (Kind::Integer, Kind::Integer, Kind::Integer),
            (Kind::Integer, Kind::Number, Kind::Number),
            (Kind::Integer, Kind::Boolean, Kind::Text),
            (Kind::Text, Kind::Number, Kind::Text),
        ] {
            assert_eq!((one.with(other), other.with(one)), (both, both));
        }
    }
}
