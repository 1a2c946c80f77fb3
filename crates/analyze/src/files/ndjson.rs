//! A file with a JSON object a line, as the engine sees it: its fields are columns.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use anyhow::{Context, bail};
use archiver_format::compression::Algorithm;
use archiver_format::read::Share;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::lines::read;
use crate::table::columns::{Column, fields_alone, schema};
use crate::table::declared::{Declared, declare};
use crate::table::row::Row;
use crate::table::rows::{Misfits, Rows, Wanted, wanted};
use crate::table::sample::{Sample, VALUES_MOST};

/// Batches that wait for whoever takes them, of each reader.
const WAITING_MOST: usize = 2;

/// A file as a table.
#[derive(Debug, Clone)]
pub struct NdjsonTable {
    path: PathBuf,
    algorithm: Algorithm,
    columns: Vec<Column>,
    schema: SchemaRef,
    misfits: Arc<Misfits>,
}

impl NdjsonTable {
    /// Looks at the first lines of a file; returns beside it the names of fields that hold different things.
    ///
    /// # Errors
    ///
    /// If it can't be read, or none of these is a JSON object.
    pub fn open(
        path: &Path,
        algorithm: Algorithm,
        declared: &[Declared],
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let mut sample = Sample::default();
        let looked = read(path, algorithm, (Share::ALL, u64::MAX), |line| {
            match std::str::from_utf8(line) {
                Ok(line) => sample.note(line),
                Err(_) => sample.note(""),
            }
            sample.values < VALUES_MOST
        });
        let path_shown = path.display();
        looked.with_context(|| format!("reading {path_shown}"))?;
        if sample.values > 0 && sample.values == sample.others {
            bail!("{path_shown} has no JSON objects, one on each line");
        }
        let widened = sample.widened.clone();
        let columns = declare(fields_alone(sample.fields()), declared);
        let table = Self {
            path: path.into(),
            algorithm,
            schema: schema(&columns),
            misfits: Arc::new(Misfits::new(columns.len())),
            columns,
        };
        Ok((table, widened))
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What did not fit its columns until now, a line each.
    pub fn notes(&self, name: &str) -> Vec<String> {
        self.misfits.said(&format!("file {name}"), &self.columns)
    }
}

#[async_trait]
impl TableProvider for NdjsonTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (columns, schema) = wanted(&self.columns, &self.schema, projection)?;
        let readers = match self.algorithm {
            Algorithm::None => state.config().target_partitions().max(1) as u64,
            _ => 1,
        };
        // A file may grow: all readers must share the same bytes.
        let length = fs::metadata(&self.path);
        let length = length.map_err(|e| named(&self.path, &e))?.len();
        let parts = (0..readers).map(|number| {
            Arc::new(Part {
                table: self.clone(),
                columns: Arc::clone(&columns),
                schema: Arc::clone(&schema),
                share: Share {
                    number,
                    of: readers,
                },
                length,
            }) as Arc<dyn PartitionStream>
        });
        let parts = parts.collect();
        let scan = StreamingTableExec::try_new(schema, parts, None, [], false, limit)?;
        Ok(Arc::new(scan))
    }
}

/// A share of a file, read by one reader.
#[derive(Debug)]
struct Part {
    table: NdjsonTable,
    columns: Arc<[Wanted]>,
    schema: SchemaRef,
    share: Share,
    /// So many bytes of the file are shared.
    length: u64,
}

fn named(path: &Path, error: &io::Error) -> DataFusionError {
    DataFusionError::External(format!("reading {}: {error}", path.display()).into())
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream =
            RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), WAITING_MOST);
        let to = stream.tx();
        let NdjsonTable {
            path,
            algorithm,
            misfits,
            ..
        } = self.table.clone();
        let (share, batch_rows) = (
            (self.share, self.length),
            context.session_config().batch_size(),
        );
        let mut rows = Rows::new(Arc::clone(&self.columns), misfits, batch_rows);
        stream.spawn_blocking(move || {
            let mut failed = None;
            let done = read(&path, algorithm, share, |line| {
                rows.push(&Row {
                    value: Some(line),
                    ..Row::default()
                });
                if !rows.is_full() {
                    return true;
                }
                match rows.take() {
                    // Nobody takes it any more: the query has all that it needs.
                    Ok(batch) => to.blocking_send(Ok(batch)).is_ok(),
                    Err(error) => {
                        failed = Some(error);
                        false
                    }
                }
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
            done.map_err(|e| named(&path, &e))?;
            if !rows.is_empty() {
                let _ = to.blocking_send(Ok(rows.take()?));
            }
            Ok(())
        });
        make_cooperative(stream.build())
    }
}
