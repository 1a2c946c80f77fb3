//! The mean and the standard deviation of what a window of rows holds while it moves on, as aggregates of the engine:
//! `rolling_mean(value)` and `rolling_stddev(value)`.
//!
//! The engine's own take a value that leaves the window out of their sums again, and with it the digits that were lost
//! beside it: after a value of 1e9, those around 1 deviate by thousands. Here, nothing is ever taken out of a sum: two stacks
//! hold the sums from each value on to the middle, and from there to the end (Tangwongsan et al., "General Incremental
//! Sliding-Window Aggregation", 2015).

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};
use std::sync::Arc;

/// The aggregates.
pub fn rolling() -> [AggregateUDF; 2] {
    [
        aggregate("rolling_mean", Moments::mean),
        aggregate("rolling_stddev", Moments::stddev),
    ]
}

fn aggregate(name: &str, measure: fn(&Moments) -> Option<f64>) -> AggregateUDF {
    create_udaf(
        name,
        vec![DataType::Float64],
        Arc::new(DataType::Float64),
        Volatility::Immutable,
        Arc::new(move |_| Ok(Box::new(Rolling::new(measure)))),
        Arc::new(vec![DataType::Float64; 3]),
    )
}

/// How many values there are, their mean, and the sum of the squares of how far they are from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(value: f64) -> Self {
        Self {
            count: 1.0,
            mean: value,
            squares: 0.0,
        }
    }

    /// Those of both (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
    /// 1979).
    fn with(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return Self::default();
        }
        let off = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + off * other.count / count,
            squares: self.squares + other.squares + off * off * self.count * other.count / count,
        }
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then_some(self.mean)
    }

    fn stddev(&self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }
}

/// The values in the window, the oldest first.
#[derive(Debug)]
struct Rolling {
    measure: fn(&Moments) -> Option<f64>,
    /// Those of each older value and all up to the middle; the oldest is the last.
    older: Vec<Moments>,
    /// The values from the middle on.
    newer: Vec<f64>,
    /// Those of all newer values.
    of_newer: Moments,
}

impl Rolling {
    fn new(measure: fn(&Moments) -> Option<f64>) -> Self {
        Self {
            measure,
            older: Vec::new(),
            newer: Vec::new(),
            of_newer: Moments::default(),
        }
    }

    fn push(&mut self, value: f64) {
        self.newer.push(value);
        self.of_newer = self.of_newer.with(&Moments::of(value));
    }

    /// The oldest value leaves.
    fn pop(&mut self) {
        if self.older.is_empty() {
            let mut sum = Moments::default();
            for value in self.newer.drain(..).rev() {
                sum = Moments::of(value).with(&sum);
                self.older.push(sum);
            }
            self.of_newer = Moments::default();
        }
        self.older.pop();
    }

    fn moments(&self) -> Moments {
        match self.older.last() {
            Some(older) => older.with(&self.of_newer),
            None => self.of_newer,
        }
    }
}

impl Accumulator for Rolling {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<Float64Type>();
        values.iter().flatten().for_each(|value| self.push(value));
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<Float64Type>();
        values.iter().flatten().for_each(|_| self.pop());
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.measure)(&self.moments())))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        exec_err!("rolling_mean and rolling_stddev are for windows of rows: write OVER behind them")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        exec_err!("rolling_mean and rolling_stddev are for windows of rows: write OVER behind them")
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.older.capacity() * size_of::<Moments>()
            + self.newer.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_come_and_go_leave_nothing_behind() {
        let mut rolling = Rolling::new(Moments::stddev);
        let values = [1e12, 1.0, 3.0, -1e9, 2.0, 5.0, 4.0, 4.0, 7.0];
        for (end, value) in values.into_iter().enumerate() {
            rolling.push(value);
            if end >= 3 {
                rolling.pop();
            }
            let held = &values[end.saturating_sub(2)..=end];
            let count = held.len() as f64;
            let mean = held.iter().sum::<f64>() / count;
            let squares = held.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            let found = rolling.moments();
            let near = |one: f64, other: f64| (one - other).abs() <= 1e-12 * other.abs();
            assert!(near(found.mean, mean), "{found:?} of {held:?}");
            assert!(near(found.squares, squares), "{found:?} of {held:?}");
        }
    }
}
