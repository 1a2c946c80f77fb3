//! Records that say no time: they are in no window and are no point, which is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::is_not_null;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// How many records had no time until now.
#[derive(Debug, Clone, Default)]
pub struct Untimed(Arc<AtomicU64>);

impl Untimed {
    /// The functions of the engine that count here: `has_time(apart(milliseconds))` where `apart` stands in a subquery with
    /// the other conditions. The engine asks what is volatile where it stands, and neither twice nor before these conditions:
    /// one of the two keeps its logical plan from moving the other one there, and the other its physical plan.
    pub fn functions(&self) -> [ScalarUDF; 2] {
        let counted = Arc::clone(&self.0);
        let has_time = volatile("has_time", DataType::Boolean, move |times| {
            counted.fetch_add(times.null_count() as u64, Ordering::Relaxed);
            Ok(Arc::new(is_not_null(&times)?))
        });
        [volatile("apart", DataType::Int64, Ok), has_time]
    }

    /// What is to be said of them, if there were any.
    pub fn note(&self) -> Option<String> {
        let untimed = self.0.load(Ordering::Relaxed);
        (untimed > 0).then(|| said_of(untimed))
    }
}

/// What is said of so many records without a time.
pub fn said_of(untimed: u64) -> String {
    match untimed {
        1 => "1 record says no time that can be read, and is left out".to_owned(),
        _ => format!("{untimed} records say no time that can be read, and are left out"),
    }
}

/// A function of a column of milliseconds.
fn volatile(
    name: &str,
    returned: DataType,
    of: impl Fn(ArrayRef) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    create_udf(
        name,
        vec![DataType::Int64],
        returned,
        Volatility::Volatile,
        Arc::new(move |values| {
            let times = ColumnarValue::values_to_arrays(values)?.swap_remove(0);
            Ok(ColumnarValue::Array(of(times)?))
        }),
    )
}
