//! A definition and the engine that has its source.

use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;

use crate::caret::explained;
use crate::definition::written::Definition;
use crate::definition::{Analysis, Dialect, points, resolve, sql};
use crate::engine::{Engine, ONLY};
use crate::kept::Kept;

/// The name of the table with the points.
pub const POINTS: &str = "points";

/// A definition with the engine that has its source.
pub struct Asked {
    /// The engine.
    pub engine: Engine,
    /// What it is asked.
    pub analysis: Analysis,
}

impl Asked {
    /// With this engine, which has the source as its only table.
    ///
    /// # Errors
    ///
    /// If the source has no such fields, or the definition makes no sense.
    pub fn of(engine: Engine, definition: &Definition) -> anyhow::Result<Self> {
        let analysis = resolve::resolve(definition, engine.only()?.columns(), ONLY)?;
        Ok(Self { engine, analysis })
    }

    /// The query for the rows of the windows, if there are windows.
    pub fn windows(&self) -> Option<String> {
        let windows = self.analysis.windows.as_ref()?;
        Some(sql::query(&self.analysis, windows, Dialect::DataFusion))
    }

    /// The query for the anomalous points, while [`Asked::points`] are kept.
    pub fn anomalies_of_points(&self) -> String {
        points::anomalies(&self.analysis, POINTS, Dialect::DataFusion)
    }

    /// The points, as a table that can be asked several times.
    ///
    /// # Errors
    ///
    /// If the engine can't answer, or they can't be kept.
    pub async fn points(&self) -> anyhow::Result<Kept> {
        let query = points::points(&self.analysis, Dialect::DataFusion);
        let kept = Kept::answer(&self.engine.session, POINTS, &query).await;
        kept.map_err(|error| explained(&error, &query, &self.engine))
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
}
