//! Which fields of values are columns: those that were before, as they were, and behind them what is new.

use std::collections::HashSet;

use archiver_format::archive::Segment;
use archiver_format::read::ReadError;

use super::layout::PartitionBy;
use super::manifest::Field;
use crate::table::columns::{Column, OF_VALUE, columns};
use crate::table::sample::Sample;

/// The fields that are columns now. One that was before keeps its type, so that all files fit together.
///
/// # Errors
///
/// If a segment can't be read.
pub fn named(
    known: &[Field],
    segments: &[Segment],
    is_lenient: bool,
) -> Result<Vec<Field>, ReadError> {
    let sample = Sample::of(segments, is_lenient)?;
    let mut fields = known.to_vec();
    for (path, kind) in sample.fields() {
        if fields.iter().all(|field| field.path != path) {
            fields.push(Field { path, kind });
        }
    }
    Ok(fields)
}

/// The columns of files. A field that is called like one that readers make of the directories is told from it.
pub fn columns_of(fields: &[Field], by: Option<PartitionBy>) -> Vec<Column> {
    let fields = fields.iter().map(|field| (field.path.clone(), field.kind));
    let mut columns = columns(fields.collect());
    let taken = by.map_or(&[][..], PartitionBy::columns);
    let mut given = HashSet::new();
    // Those that were there before come first, and keep the names that they got then.
    for column in &mut columns {
        let name = &mut column.name;
        while given.contains(name) || taken.iter().any(|of| name.eq_ignore_ascii_case(of)) {
            name.insert_str(0, OF_VALUE);
        }
        given.insert(name.clone());
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::{Kind, PARTS};

    #[test]
    fn a_field_that_is_called_like_a_directory_is_told_from_it() {
        let fields = ["Day", "hour", "host"].map(|name| Field {
            path: vec![name.to_owned()],
            kind: Kind::Text,
        });
        let names = |by| {
            let columns = columns_of(&fields, by).into_iter().skip(PARTS.len());
            columns.map(|column| column.name).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["Day", "hour", "host"]);
        assert_eq!(names(Some(PartitionBy::Day)), ["value.Day", "hour", "host"]);
        let beside = ["day", "value.day", "Day"].map(|name| Field {
            path: vec![name.to_owned()],
            kind: Kind::Text,
        });
        let beside = columns_of(&beside, Some(PartitionBy::Day)).into_iter();
        let beside = beside.skip(PARTS.len()).map(|column| column.name);
        let expected = ["value.day", "value.value.day", "value.Day"];
        assert_eq!(beside.collect::<Vec<_>>(), expected);
        let both = names(Some(PartitionBy::DayAndHour));
        assert_eq!(both, ["value.Day", "value.hour", "host"]);
    }
}
