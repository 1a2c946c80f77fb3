//! A definition and the engine that has its source: what each command asks of them.

use archiver::cli::Common;
use archiver_format::read::Selection;
use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;

use super::answer::answer;
use super::common::{Print, Read};
use super::emit::{POINTS, emitted, nothing_to_do};
use super::progress::watched;
use crate::cache::recorder::Recorder;
use crate::caret::explained;
use crate::definition::written::Definition;
use crate::definition::{Analysis, Dialect, points, resolve, sql};
use crate::engine::{Engine, ONLY};
use crate::kept::Kept;

/// A definition with the engine that has its source.
pub(super) struct Asked {
    /// The engine.
    pub engine: Engine,
    /// What it is asked.
    pub analysis: Analysis,
}

impl Asked {
    /// Opens the source, with this selection of its records.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no such fields.
    pub async fn open(
        common: &Common,
        read: &Read,
        selection: &Selection,
        definition: &Definition,
    ) -> anyhow::Result<Self> {
        let words = std::slice::from_ref(&definition.source);
        let engine = read.engine_with(common, words, selection).await?;
        let analysis = resolve::resolve(definition, engine.only()?.columns(), ONLY)?;
        Ok(Self { engine, analysis })
    }

    /// The query for somebody's own engine, where the source is a table of its name.
    ///
    /// # Errors
    ///
    /// If that engine can't answer it.
    pub fn emitted(&self, dialect: Dialect) -> anyhow::Result<String> {
        let source = self.engine.tables[0].0.clone();
        let of = Analysis {
            source,
            ..self.analysis.clone()
        };
        emitted(&of, dialect, self.engine.only()?.columns())
    }

    /// Answers with the rows of the windows, or with the anomalous points where there are no windows.
    /// They are written down as well where somebody wants that.
    pub async fn answer(&self, print: &Print, recorder: Option<&Recorder>) -> anyhow::Result<()> {
        let Some(windows) = &self.analysis.windows else {
            return self.anomalies(print, recorder).await;
        };
        let query = sql::query(&self.analysis, windows, Dialect::DataFusion);
        answer(&self.engine, &query, print, recorder).await
    }

    /// Answers with the anomalous points.
    pub async fn anomalies(
        &self,
        print: &Print,
        recorder: Option<&Recorder>,
    ) -> anyhow::Result<()> {
        if self.analysis.detection.is_none() {
            return Err(nothing_to_do().into());
        }
        let _points = self.points().await?;
        let query = points::anomalies(&self.analysis, POINTS, Dialect::DataFusion);
        answer(&self.engine, &query, print, recorder).await
    }

    /// Shows all points, in any order, with what is expected of them: the columns of [`points::drawn`].
    ///
    /// # Errors
    ///
    /// If the engine can't answer, or what is shown is refused.
    pub async fn each_point(
        &self,
        mut see: impl FnMut(&RecordBatch) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // What is judged is asked several times; else they pass by.
        let kept = match self.analysis.detection {
            Some(_) => Some(self.points().await?),
            None => None,
        };
        let points = match kept {
            Some(_) => POINTS.to_owned(),
            None => {
                let query = points::points(&self.analysis, Dialect::DataFusion);
                format!("({query}) AS {POINTS}")
            }
        };
        let query = points::drawn(&self.analysis, &points, Dialect::DataFusion);
        let explain = |error| explained(&error, &query, &self.engine);
        let frame = self.engine.session.sql(&query).await.map_err(explain)?;
        let mut rows = frame.execute_stream().await.map_err(explain)?;
        while let Some(batch) = rows.next().await {
            see(&batch.map_err(explain)?)?;
        }
        Ok(())
    }

    /// The points, as a table that can be asked several times.
    async fn points(&self) -> anyhow::Result<Kept> {
        let query = points::points(&self.analysis, Dialect::DataFusion);
        let kept = Kept::answer(&self.engine.session, POINTS, &query);
        let kept = watched(&self.engine.progress, kept).await;
        kept.map_err(|error| explained(&error, &query, &self.engine))
    }
}
