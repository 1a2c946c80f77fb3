//! Rows of an answer, as many as there may be.

use anyhow::Context;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::JsonArray;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::caret::explained;
use crate::engine::{Engine, only_queries};

/// An answer isn't longer than about this, however many rows it may have.
const BYTES_MOST: usize = 32 << 20;
/// So many rows are written at once, and about so many bytes.
const WRITTEN_ROWS: usize = 1_000;
const WRITTEN_BYTES: usize = 1 << 20;

/// Rows as they are answered.
#[derive(Debug, Serialize)]
pub struct Rows {
    /// The names of the columns, in their order.
    columns: Vec<String>,
    /// Objects with these columns.
    rows: Box<RawValue>,
    /// Are these not all?
    is_cut: bool,
    /// What must be said beside them.
    notes: Vec<String>,
}

impl Rows {
    /// The answer to a query, so many rows at most.
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn of(engine: &Engine, query: &str, most: usize) -> anyhow::Result<Self> {
        let explain = |error| explained(&error, query, engine);
        let frame = engine.session.sql_with_options(query, only_queries());
        let frame = frame.await.map_err(explain)?;
        let is_of_records = !matches!(
            frame.logical_plan(),
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
        );
        let frame = match is_of_records {
            // One more than that says that there are more.
            true => frame
                .limit(0, Some(most.saturating_add(1)))
                .map_err(explain)?,
            false => frame,
        };
        let rows = frame.execute_stream().await.map_err(explain)?;
        Self::taken(engine, query, rows, most).await
    }

    /// These rows of the answer to a query, so many at most.
    ///
    /// # Errors
    ///
    /// If the engine can't answer.
    pub async fn taken(
        engine: &Engine,
        query: &str,
        mut rows: SendableRecordBatchStream,
        most: usize,
    ) -> anyhow::Result<Self> {
        let schema = rows.schema();
        let names = schema.fields().iter();
        let columns = names.map(|field| field.name().clone()).collect();
        let mut written = Written::default();
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|error| explained(&error, query, engine))?;
            if !written.add(&batch, most)? {
                break;
            }
        }
        Ok(Self {
            columns,
            is_cut: written.is_cut,
            rows: written.finish()?,
            notes: engine.notes(),
        })
    }

    /// The same, of which this must be said, too.
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

/// Rows that are written already.
#[derive(Default)]
struct Written {
    /// Objects with commas between them.
    json: Vec<u8>,
    rows: usize,
    is_cut: bool,
}

impl Written {
    /// Adds rows; false if there is no room for more.
    fn add(&mut self, batch: &RecordBatch, most: usize) -> anyhow::Result<bool> {
        let mut from = 0;
        while from < batch.num_rows() {
            let room = most - self.rows;
            if room == 0 || self.json.len() >= BYTES_MOST {
                self.is_cut = true;
                return Ok(false);
            }
            let row_bytes = batch.get_array_memory_size() / batch.num_rows();
            let fitting = (WRITTEN_BYTES / row_bytes.max(1)).clamp(1, WRITTEN_ROWS);
            let count = fitting.min(batch.num_rows() - from).min(room);
            self.write(&batch.slice(from, count))?;
            from += count;
        }
        Ok(true)
    }

    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let builder = WriterBuilder::new().with_explicit_nulls(true);
        let mut writer = builder.build::<_, JsonArray>(Vec::new());
        writer.write(batch)?;
        writer.finish()?;
        let array = writer.into_inner();
        let objects = array
            .strip_prefix(b"[")
            .and_then(|of| of.strip_suffix(b"]"));
        let objects = objects.context("writing rows as JSON")?;
        if self.rows > 0 {
            self.json.push(b',');
        }
        self.json.extend_from_slice(objects);
        self.rows += batch.num_rows();
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Box<RawValue>> {
        let objects = String::from_utf8(self.json).context("writing rows as JSON")?;
        RawValue::from_string(format!("[{objects}]")).context("writing rows as JSON")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, Int64Array};

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let numbers = Int64Array::from_iter_values(0..rows);
        let others = (0..rows).map(|n| match n % 3 {
            0 => None,
            1 => Some(f64::NAN),
            _ => Some(0.5),
        });
        let others = others.collect::<Float64Array>();
        RecordBatch::try_from_iter([("n", Arc::new(numbers) as _), ("x", Arc::new(others) as _)])
            .expect("a batch")
    }

    fn json(written: Written) -> Vec<serde_json::Value> {
        let rows = written.finish().expect("is JSON");
        serde_json::from_str(rows.get()).expect("is JSON")
    }

    #[test]
    fn rows_become_objects_with_all_columns_over_any_number_of_batches() {
        let mut written = Written::default();
        for rows in [0, 3, 2_500] {
            assert!(written.add(&batch(rows), 10_000).expect("is written"));
        }
        assert!(!written.is_cut);
        let rows = json(written);
        assert_eq!(rows.len(), 2_503);
        assert_eq!(rows[0], serde_json::json!({"n": 0, "x": null}));
        // There is no such number in JSON.
        assert_eq!(rows[1], serde_json::json!({"n": 1, "x": null}));
        assert_eq!(rows[2], serde_json::json!({"n": 2, "x": 0.5}));
        assert_eq!(json(Written::default()).len(), 0);
    }

    #[test]
    fn too_many_rows_are_cut_and_just_enough_are_not() {
        let mut written = Written::default();
        assert!(written.add(&batch(5), 5).expect("is written"));
        assert!(!written.is_cut);
        assert!(!written.add(&batch(1), 5).expect("is cut"));
        assert!(written.is_cut);
        assert_eq!(json(written).len(), 5);
    }
}
