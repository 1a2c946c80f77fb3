//! Exact percentiles, as an aggregate of the engine: `exact_percentile(value, fraction)`.
//!
//! Between two values it lies as far as the fraction says (the seventh definition of Hyndman and Fan, "Sample Quantiles in
//! Statistical Packages", 1996; `quantile_cont` in DuckDB, `percentile` in Spark). The engine's own rounds the fraction, or
//! depends on the order in which values come. Keeps all values of a group: 8 bytes each.

use std::mem::take;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};

/// What it is called.
pub const NAME: &str = "exact_percentile";

/// The aggregate.
pub fn exact_percentile() -> AggregateUDF {
    let values = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
    create_udaf(
        NAME,
        vec![DataType::Float64, DataType::Float64],
        Arc::new(DataType::Float64),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::<Values>::default())),
        Arc::new(vec![values, DataType::Float64]),
    )
}

/// The values of a group. Neither null nor NaN counts.
#[derive(Debug, Default)]
struct Values {
    values: Vec<f64>,
    fraction: Option<f64>,
}

impl Values {
    fn add(&mut self, values: &Float64Array, fractions: &Float64Array) -> Result<()> {
        if let Some(fraction) = fractions.iter().flatten().next() {
            if !(0.0..=1.0).contains(&fraction) {
                return exec_err!("{NAME} takes a fraction between 0 and 1, not {fraction}");
            }
            self.fraction = Some(fraction);
        }
        let values = values.iter().flatten();
        self.values.extend(values.filter(|value| !value.is_nan()));
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.add(
            columns[0].as_primitive::<Float64Type>(),
            columns[1].as_primitive::<Float64Type>(),
        )
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let fractions = states[1].as_primitive::<Float64Type>();
        let lists = states[0].as_list::<i32>();
        for values in lists.iter().flatten() {
            self.add(values.as_primitive::<Float64Type>(), fractions)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        // Without a copy: a group may have very many.
        let values = Float64Array::from(take(&mut self.values));
        let field = Arc::new(Field::new_list_field(DataType::Float64, true));
        let lengths = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(field, lengths, Arc::new(values), None)?;
        Ok(vec![
            ScalarValue::List(Arc::new(list)),
            ScalarValue::Float64(self.fraction),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let fraction = self.fraction.unwrap_or(0.5);
        Ok(ScalarValue::Float64(percentile(&mut self.values, fraction)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}

/// The percentile of values in any order, which are in another one afterwards; nothing of no values.
pub fn percentile(values: &mut [f64], fraction: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let at = fraction * last as f64;
    let below = (at.floor() as usize).min(last);
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp);
    let part = at - below as f64;
    Some(match high {
        Some(high) if part > 0.0 => low + (high - low) * part,
        _ => low,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_between_two_values_as_far_as_the_fraction_says() {
        for (values, fraction, expected) in [
            (&[][..], 0.5, None),
            (&[7.0], 0.99, Some(7.0)),
            (&[4.0, 1.0, 3.0, 2.0], 0.5, Some(2.5)),
            (&[4.0, 1.0, 3.0, 2.0], 0.0, Some(1.0)),
            (&[4.0, 1.0, 3.0, 2.0], 1.0, Some(4.0)),
            (&[10.0, 20.0, 30.0, 40.0, 50.0], 0.95, Some(48.0)),
        ] {
            let found = percentile(&mut values.to_vec(), fraction);
            let is_near = match (found, expected) {
                (Some(found), Some(expected)) => f64::abs(found - expected) < 1e-12,
                (found, expected) => found == expected,
            };
            assert!(is_near, "{values:?} at {fraction}: {found:?}");
        }
    }
}
