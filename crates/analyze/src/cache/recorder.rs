//! From rows that pass by to an answer that is kept, and back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::ANSWER_BYTES_MOST;

/// What is written down; nothing before the first row, and where they were too many.
type Written = Arc<Mutex<Option<Box<ArrowWriter<Vec<u8>>>>>>;

/// Writes down rows that pass by, as long as they aren't too many.
#[derive(Default)]
pub struct Recorder(Written);

impl Recorder {
    /// The same rows, which are written down as somebody takes them.
    pub fn record(&self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let schema = rows.schema();
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(zstd).build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
        // Rows that no Parquet file can hold are not kept.
        *lock(&self.0) = writer.ok().map(Box::new);
        let to = Arc::clone(&self.0);
        let recorded = rows.inspect(move |batch| {
            let mut writer = lock(&to);
            let is_room = match (&mut *writer, batch) {
                (Some(writer), Ok(batch)) => {
                    let is_written = writer.write(batch).is_ok();
                    let bytes = writer.bytes_written() + writer.in_progress_size();
                    is_written && bytes <= ANSWER_BYTES_MOST
                }
                _ => false,
            };
            if !is_room {
                *writer = None;
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, recorded))
    }

    /// What was written down, once all rows were taken; nothing if they were too many.
    pub fn finish(self) -> Option<Vec<u8>> {
        let writer = lock(&self.0).take()?;
        let bytes = writer.into_inner().ok()?;
        (bytes.len() <= ANSWER_BYTES_MOST).then_some(bytes)
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rows that were written down.
///
/// # Errors
///
/// If they can't be read.
pub fn replayed(bytes: Vec<u8>) -> Result<SendableRecordBatchStream> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))?;
    let schema = Arc::clone(reader.schema());
    let batches = reader.build()?.collect::<Result<Vec<RecordBatch>, _>>()?;
    let rows = stream::iter(batches.into_iter().map(Ok::<_, DataFusionError>));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringViewArray};
    use futures::TryStreamExt;

    use super::*;

    fn rows(batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
        let schema = batches[0].schema();
        let rows = stream::iter(batches.into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }

    fn batch(numbers: Vec<Option<i64>>) -> RecordBatch {
        let texts = numbers.iter().map(|n| n.map(|n| format!("text {n}")));
        let texts = StringViewArray::from_iter(texts);
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        RecordBatch::try_from_iter_with_nullable([
            ("n", numbers, true),
            ("t", Arc::new(texts), true),
        ])
        .unwrap()
    }

    #[tokio::test]
    async fn rows_come_back_as_they_passed_by() {
        let batches = vec![batch(vec![Some(1), None]), batch(vec![Some(3)])];
        let recorder = Recorder::default();
        let passed = recorder.record(rows(batches.clone()));
        assert_eq!(passed.try_collect::<Vec<_>>().await.unwrap(), batches);
        let bytes = recorder.finish().unwrap();
        let again = replayed(bytes).unwrap();
        assert_eq!(again.schema(), batches[0].schema());
        let again = again.try_collect::<Vec<_>>().await.unwrap();
        let count = again.iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!((count, again[0].slice(0, 2)), (3, batches[0].clone()));
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_passes_by_and_is_not_kept() {
        // Numbers that don't get smaller by compression: 4 MiB a batch.
        let mut n = 1_i64;
        let mut next = || {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            n
        };
        let batches = (0..5).map(|_| {
            let numbers = (0..1 << 19).map(|_| next()).collect::<Vec<_>>();
            let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
            RecordBatch::try_from_iter([("n", numbers)]).unwrap()
        });
        let recorder = Recorder::default();
        let passed = recorder.record(rows(batches.collect()));
        let passed = passed.try_collect::<Vec<_>>().await.unwrap();
        assert_eq!((passed.len(), recorder.finish()), (5, None));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(replayed(b"no Parquet".to_vec()).is_err());
    }
}
