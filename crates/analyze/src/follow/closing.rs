//! From a watermark to what is emitted: the windows that it closes, and the anomalous ones among them.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use archiver_format::record::NextOffset;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use futures::StreamExt;

use super::alert::Alert;
use super::checkpoint::Checkpoint;
use super::look::{Look, by_partition, numbers};
use super::outputs::Outputs;
use crate::caret::explained;
use crate::definition::closed_windows::{self, CLOSED_NOW, Frontier};
use crate::engine::Engine;
use crate::kept::Kept;

/// The table with the points of windows.
const POINTS: &str = "points";

/// The windows that a watermark closes, in a table of the engine.
pub struct Closing {
    engine: Engine,
    _now: Kept,
}

impl Closing {
    /// Reads the records of windows that are open, closes what the watermark closes, and notes where those begin that stay
    /// open.
    ///
    /// # Errors
    ///
    /// If they can't be read, or the engine can't answer.
    pub async fn read(
        look: &Look<'_>,
        before: &Checkpoint,
        next: &mut Checkpoint,
        to: i64,
    ) -> anyhow::Result<Self> {
        let engine = look.engine(before, before.partitions.low()).await?;
        let (of, windows, closed) = (look.analysis, look.windows, before.frontier());
        let query = closed_windows::closing(of, windows, closed, to);
        let now = Kept::answer(&engine.session, CLOSED_NOW, &query).await;
        let now = now.map_err(|error| explained(&error, &query, &engine))?;
        let query = closed_windows::open(of, windows, closed, to);
        let open = by_partition(numbers(&engine, &query).await?)?;
        let firsts = open.values().filter_map(|row| row[1]);
        next.floor_ms = Some(firsts.fold(to, i64::min));
        let lows = open.iter();
        let lows = lows.filter_map(|(partition, row)| Some((*partition, NextOffset::new(row[0]?))));
        next.partitions.note_low(&lows.collect());
        Ok(Self { engine, _now: now })
    }

    /// Emits the closed windows and the anomalous ones among them: to files, and to those who wait for alerts. Keeps those
    /// that later looks need.
    ///
    /// # Errors
    ///
    /// If something can't be written.
    pub async fn emit(
        &self,
        look: &Look<'_>,
        outputs: &Outputs,
        before: &Checkpoint,
        next: &mut Checkpoint,
    ) -> anyhow::Result<()> {
        let (of, windows, has_before) = (look.analysis, look.windows, before.closed.is_some());
        let query = closed_windows::rows(of, windows, has_before);
        let mut rows = 0;
        for to in &outputs.rows {
            rows = to.append(&mut next.files, self.ask(&query).await?).await?;
        }
        next.counts.rows += rows;
        if outputs.wants_anomalies() {
            self.anomalies(look, outputs, has_before, next).await?;
        }
        let kept = closed_windows::kept(
            of,
            windows,
            Frontier {
                has_before,
                ..next.frontier()
            },
        );
        next.closed = match kept {
            Some(query) => {
                let number = before.closed.map_or(0, |number| number + 1);
                let path = look.state.closed(number);
                keep(self.ask(&query).await?, &path)
                    .await
                    .with_context(|| format!("writing {}", path.display()))?;
                Some(number)
            }
            None => None,
        };
        Ok(())
    }

    async fn anomalies(
        &self,
        look: &Look<'_>,
        outputs: &Outputs,
        has_before: bool,
        next: &mut Checkpoint,
    ) -> anyhow::Result<()> {
        let (of, windows) = (look.analysis, look.windows);
        let query = closed_windows::closed_points(of, windows, has_before);
        let points = Kept::answer(&self.engine.session, POINTS, &query).await;
        let _points = points.map_err(|error| explained(&error, &query, &self.engine))?;
        let query = closed_windows::anomalies(of, POINTS, has_before);
        for to in &outputs.anomalies {
            to.append(&mut next.files, self.ask(&query).await?).await?;
        }
        let mut rows = self.ask(&query).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            next.counts.anomalies += batch.num_rows() as u64;
            if outputs.receivers.is_empty() {
                continue;
            }
            let alerts = Alert::of(look.name, &batch)?;
            for receiver in &outputs.receivers {
                let waiting = next.outboxes.entry(receiver.key()).or_default();
                waiting.alerts.extend(alerts.iter().cloned());
            }
        }
        Ok(())
    }

    async fn ask(&self, query: &str) -> anyhow::Result<SendableRecordBatchStream> {
        let explain = |error| explained(&error, query, &self.engine);
        let frame = self.engine.session.sql(query).await.map_err(explain)?;
        frame.execute_stream().await.map_err(explain)
    }

    /// What must be said beside it.
    pub fn notes(&self) -> Vec<String> {
        self.engine.notes()
    }
}

/// Writes rows to a new file, durably.
async fn keep(mut rows: SendableRecordBatchStream, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path)?;
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties))?;
    while let Some(batch) = rows.next().await {
        writer.write(&batch?)?;
    }
    writer.into_inner()?.sync_all()?;
    // Its name must be there before the checkpoint has it.
    match path.parent() {
        Some(directory) => Ok(File::open(directory)?.sync_all()?),
        None => Ok(()),
    }
}
