//! From the conditions of a query to the blocks that must be read: what they say of timestamp, partition and offset.

use archiver_format::read::Selection;
use archiver_format::record::NextOffset;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// Narrows a selection to what these conditions, all of which hold, may leave of it.
pub fn narrow(selection: &mut Selection, conditions: &[Expr]) {
    for condition in conditions {
        if let Some((column, operator, value)) = comparison(condition) {
            narrow_by(selection, column, operator, value);
        }
    }
}

/// Does a condition say something about which blocks must be read?
pub fn is_known(condition: &Expr) -> bool {
    comparison(condition).is_some_and(|(column, operator, value)| {
        let mut selection = Selection::default();
        narrow_by(&mut selection, column, operator, value);
        !selection.is_all()
    })
}

/// A column, how it compares with something, and that. The column stands first.
fn comparison(condition: &Expr) -> Option<(&str, Operator, &ScalarValue)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else {
        return None;
    };
    match (&**left, &**right) {
        (column, Expr::Literal(value, _)) => Some((whole(column)?, *op, value)),
        (Expr::Literal(value, _), column) => Some((whole(column)?, op.swap()?, value)),
        _ => None,
    }
}

/// A column as it is, or converted to what says no less of it: a time as a day or in seconds says less.
fn whole(expression: &Expr) -> Option<&str> {
    let (converted, to) = match expression {
        Expr::Column(column) => return Some(&column.name),
        Expr::Cast(cast) => (&cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&cast.expr, cast.field.data_type()),
        _ => return None,
    };
    let Expr::Column(column) = &**converted else {
        return None;
    };
    let says_all = match (&column.name[..], to) {
        ("timestamp", DataType::Timestamp(unit, _)) => *unit != TimeUnit::Second,
        ("partition", to) => matches!(to, DataType::Int32 | DataType::Int64),
        ("offset", to) => *to == DataType::Int64,
        _ => false,
    };
    says_all.then_some(&column.name)
}

fn narrow_by(selection: &mut Selection, column: &str, operator: Operator, value: &ScalarValue) {
    match column {
        "timestamp" => {
            let Some((lowest_ms, highest_ms)) = milliseconds(value) else {
                return;
            };
            // A value between two milliseconds lies behind the one and before the other.
            let (since, until) = match operator {
                Operator::Eq => (Some(highest_ms), Some(lowest_ms.saturating_add(1))),
                Operator::Gt => (Some(lowest_ms.saturating_add(1)), None),
                Operator::GtEq => (Some(highest_ms), None),
                Operator::Lt => (None, Some(highest_ms)),
                Operator::LtEq => (None, Some(lowest_ms.saturating_add(1))),
                _ => return,
            };
            selection.since_ms = selection.since_ms.max(since);
            selection.until_ms = lower(selection.until_ms, until);
        }
        "partition" if operator == Operator::Eq => {
            let number = integer(value).and_then(|number| number.try_into().ok());
            selection.partition = selection.partition.or(number);
        }
        "offset" => {
            let Some(offset) = integer(value) else {
                return;
            };
            let behind = offset.saturating_add(1);
            let (from, to) = match operator {
                Operator::Eq => (offset, behind),
                Operator::Gt => (behind, i64::MAX),
                Operator::GtEq => (offset, i64::MAX),
                Operator::Lt => (0, offset),
                Operator::LtEq => (0, behind),
                _ => return,
            };
            let all = NextOffset::ZERO..NextOffset::new(i64::MAX);
            let before = selection.offsets.clone().unwrap_or(all);
            let from = before.start.max(NextOffset::new(from.max(0)));
            let to = before.end.min(NextOffset::new(to.max(0)));
            selection.offsets = Some(from..to.max(from));
        }
        _ => {}
    }
}

fn lower(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn integer(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}

/// A time in milliseconds since 1970, rounded down and rounded up.
fn milliseconds(value: &ScalarValue) -> Option<(i64, i64)> {
    let (time, in_one) = match value {
        ScalarValue::TimestampSecond(time, _) => {
            let ms = (*time)?.checked_mul(1_000)?;
            return Some((ms, ms));
        }
        ScalarValue::TimestampMillisecond(time, _) => ((*time)?, 1),
        ScalarValue::TimestampMicrosecond(time, _) => ((*time)?, 1_000),
        ScalarValue::TimestampNanosecond(time, _) => ((*time)?, 1_000_000),
        _ => return None,
    };
    let down = time.div_euclid(in_one);
    let up = down + i64::from(time.rem_euclid(in_one) > 0);
    Some((down, up))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, col, ident, lit};

    use super::*;
    use crate::table::columns::timestamp;

    fn of(conditions: &[Expr]) -> Selection {
        let mut selection = Selection::default();
        narrow(&mut selection, conditions);
        selection
    }

    fn ns(ns: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(
            Some(ns),
            Some("+00:00".into()),
        ))
    }

    #[test]
    fn times_partitions_and_offsets_are_known_however_they_are_written() {
        let since = of(&[
            col("timestamp").gt_eq(ns(5_000_000)),
            ns(9_500_000).gt(cast(col("timestamp"), timestamp())),
        ]);
        assert_eq!((since.since_ms, since.until_ms), (Some(5), Some(10)));
        let narrower = of(&[
            col("timestamp").gt(ns(5_500_000)),
            col("timestamp").lt_eq(ns(7_000_000)),
            col("timestamp").gt(ns(1)),
        ]);
        assert_eq!((narrower.since_ms, narrower.until_ms), (Some(6), Some(8)));
        let equal = of(&[col("timestamp").eq(ns(7_000_000))]);
        assert_eq!((equal.since_ms, equal.until_ms), (Some(7), Some(8)));
        let partition = of(&[col("partition").eq(lit(3_i32))]);
        assert_eq!(partition.partition, Some(3));
        let offsets = of(&[
            ident("offset").gt_eq(lit(10_i64)),
            ident("offset").lt(lit(20_i64)),
        ]);
        assert_eq!(
            offsets.offsets,
            Some(NextOffset::new(10)..NextOffset::new(20))
        );
    }

    #[test]
    fn what_says_nothing_of_them_leaves_all_blocks() {
        for condition in [
            col("host").eq(lit("a")),
            col("partition").gt(lit(3_i32)),
            col("timestamp").gt(ns(1)).or(col("host").eq(lit("a"))),
            col("timestamp").eq(col("host")),
            // The rest of the day or second would be left out.
            cast(cast(col("timestamp"), DataType::Date32), timestamp()).eq(ns(0)),
            cast(
                col("timestamp"),
                DataType::Timestamp(TimeUnit::Second, None),
            )
            .lt_eq(ns(0)),
        ] {
            assert!(!is_known(&condition), "{condition}");
            assert!(of(&[condition]).is_all());
        }
    }

    #[test]
    fn a_selection_that_nothing_fits_stays_one() {
        let none = of(&[
            ident("offset").gt(lit(20_i64)),
            ident("offset").lt(lit(10_i64)),
        ]);
        let offsets = none.offsets.expect("are said");
        assert!(offsets.is_empty());
    }
}
