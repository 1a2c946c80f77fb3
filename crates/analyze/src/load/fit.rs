//! Whether what a row has fits the column that it goes into: some databases would round it, and say nothing.

use std::sync::Arc;

use anyhow::bail;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use crate::database::{Column, Dialect, Kind, Table};

/// The rows, with numbers in place of texts where the table's column has numbers.
///
/// # Errors
///
/// If one has a number with a fraction where whole numbers go, or a text that is no number where numbers go: with where the
/// record is, and what can be done.
pub fn fitted(rows: &RecordBatch, table: &Table, dialect: Dialect) -> anyhow::Result<RecordBatch> {
    let columns = table.columns.iter().zip(rows.columns());
    let columns = columns.map(|(column, cells)| {
        let fitted = match fit(column, cells) {
            Ok(fitted) => fitted,
            Err((row, misfit)) => bail!(
                "table {}: {}; {}",
                table.name,
                said(column, &misfit, place(rows, row)?),
                advice(column, &misfit, &table.name, dialect)
            ),
        };
        Ok((&column.name[..], fitted))
    });
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The partition and the offset of each row.
///
/// # Errors
///
/// If it has no such columns.
pub fn places(rows: &RecordBatch) -> anyhow::Result<impl Iterator<Item = (i64, i64)>> {
    let column = |name| rows.column_by_name(name);
    let partitions = column("partition").and_then(|column| column.as_primitive_opt::<Int32Type>());
    let offsets = column("offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
        bail!("an answer has no partitions and offsets");
    };
    let (partitions, offsets) = (partitions.values().to_vec(), offsets.values().to_vec());
    let partitions = partitions.into_iter().map(i64::from);
    Ok(partitions.zip(offsets))
}

/// What doesn't fit.
enum Misfit {
    Fraction(f64),
    Text(String),
}

/// The cells as the column takes them, or the first row with one that it doesn't.
fn fit(column: &Column, cells: &ArrayRef) -> Result<ArrayRef, (usize, Misfit)> {
    let is_text = matches!(
        cells.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    match column.kind {
        Kind::Integer if is_text => {
            let numbers = parsed(cells, |text| text.parse::<i64>().ok())?;
            Ok(Arc::new(Int64Array::from(numbers)))
        }
        Kind::Number if is_text => {
            let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
            let numbers = Float64Array::from(parsed(cells, number)?);
            check_whole(column, &numbers)?;
            Ok(Arc::new(numbers))
        }
        _ => {
            if let Some(numbers) = cells.as_primitive_opt::<Float64Type>() {
                check_whole(column, numbers)?;
            }
            Ok(Arc::clone(cells))
        }
    }
}

fn parsed<T>(
    cells: &ArrayRef,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, (usize, Misfit)> {
    // Each kind of text can be cast to this one.
    let texts = cast(cells, &DataType::Utf8).map_err(|e| (0, Misfit::Text(e.to_string())))?;
    let texts: &StringArray = texts.as_string();
    let numbers = texts.iter().enumerate().map(|(row, text)| match text {
        None => Ok(None),
        Some(text) => match parse(text) {
            Some(number) => Ok(Some(number)),
            None => Err((row, Misfit::Text(text.to_owned()))),
        },
    });
    numbers.collect()
}

fn check_whole(column: &Column, numbers: &Float64Array) -> Result<(), (usize, Misfit)> {
    let has_fraction = |number: &f64| number.is_finite() && number.fract() != 0.0;
    let mut numbers = numbers.iter().enumerate();
    let found = numbers.find_map(|(row, number)| Some((row, number.filter(has_fraction)?)));
    match found {
        Some((row, number)) if column.is_whole => Err((row, Misfit::Fraction(number))),
        _ => Ok(()),
    }
}

fn place(rows: &RecordBatch, row: usize) -> anyhow::Result<(i64, i64)> {
    Ok(places(rows)?.nth(row).unwrap_or_default())
}

fn said(column: &Column, misfit: &Misfit, (partition, offset): (i64, i64)) -> String {
    let name = &column.name;
    let (takes, has) = match misfit {
        Misfit::Fraction(number) => ("whole numbers alone", number.to_string()),
        Misfit::Text(text) => ("numbers alone", format!("{text:?}")),
    };
    format!(
        "column {name} takes {takes}, and the record at offset {offset} of partition {partition} has {has}"
    )
}

fn advice(column: &Column, misfit: &Misfit, table: &str, dialect: Dialect) -> String {
    let name = &column.name;
    match misfit {
        Misfit::Fraction(_) => {
            let widen = match dialect.widen(table, name) {
                Some(statement) => format!("let it take others: {statement}"),
                None => "load into another table".to_owned(),
            };
            format!(
                "{widen}, or leave the field out with --columns, or have it null by --field {name}=integer"
            )
        }
        Misfit::Text(_) => {
            format!("have it null by --field {name}=number, or leave the field out with --columns")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int32Array, StringViewArray};

    /// What becomes of these cells in a column of this kind.
    fn fit(kind: Kind, is_whole: bool, cells: ArrayRef) -> Result<ArrayRef, String> {
        let count = cells.len();
        let value = Column {
            is_whole,
            ..Column::new("v", kind)
        };
        let table = Table {
            name: "samples".to_owned(),
            columns: vec![
                Column::new("partition", Kind::Integer),
                Column::new("offset", Kind::Integer),
                value,
            ],
            id: &[],
            kept: None,
        };
        let offsets = (0..count as i64).map(|row| row + 7);
        let partitions: ArrayRef = Arc::new(Int32Array::from(vec![1; count]));
        let offsets: ArrayRef = Arc::new(Int64Array::from_iter_values(offsets));
        let rows = [("partition", partitions), ("offset", offsets), ("v", cells)];
        let rows = RecordBatch::try_from_iter(rows).expect("rows");
        match fitted(&rows, &table, Dialect::MySql) {
            Ok(rows) => Ok(Arc::clone(rows.column(2))),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_fraction_is_never_rounded() {
        let numbers = || Arc::new(Float64Array::from(vec![Some(2.0), None, Some(1.6)]));
        let error = fit(Kind::Number, true, numbers()).expect_err("is refused");
        assert_eq!(
            error,
            "table samples: column v takes whole numbers alone, and the record at offset 9 of partition 1 has 1.6; \
             let it take others: ALTER TABLE `samples` MODIFY `v` DOUBLE, or leave the field out with --columns, or have it null by --field v=integer"
        );
        fit(Kind::Number, false, numbers()).expect("fits");
        let whole = Arc::new(Float64Array::from(vec![2.0, f64::INFINITY]));
        fit(Kind::Number, true, whole).expect("fits");
    }

    #[test]
    fn texts_of_numbers_are_numbers_and_others_are_told() {
        let texts = |texts: Vec<Option<&str>>| Arc::new(StringViewArray::from(texts));
        let numbers = fit(Kind::Number, false, texts(vec![Some("1.5"), None])).expect("fits");
        assert_eq!(numbers.as_primitive::<Float64Type>().value(0), 1.5);
        let error = fit(Kind::Number, false, texts(vec![Some("slow")])).expect_err("is refused");
        assert!(error.contains("takes numbers alone, and the record at offset 7 of partition 1 has \"slow\"; have it null by --field v=number"), "{error}");
        fit(Kind::Integer, true, texts(vec![Some("1.5")])).expect_err("is refused");
        fit(Kind::Text, false, texts(vec![Some("slow")])).expect("fits");
    }
}
