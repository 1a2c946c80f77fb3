//! From flags to a definition with the engine that has its source, and what each command prints of it.

use archiver::cli::Common;

use super::answer::answer;
use super::common::{Print, Read};
use super::emit::{emitted, nothing_to_do};
use super::progress::watched;
pub(super) use crate::ask::asked::Asked;
use crate::definition::written::Definition;
use crate::definition::{Analysis, Dialect};

impl Asked {
    /// Opens the source.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no such fields.
    pub(super) async fn open(
        common: &Common,
        read: &Read,
        definition: &Definition,
    ) -> anyhow::Result<Self> {
        let source = std::slice::from_ref(&definition.source);
        Self::of(read.engine(common, source).await?, definition)
    }

    /// The query for somebody's own engine, where the source is a table of its name.
    ///
    /// # Errors
    ///
    /// If that engine can't answer it.
    pub(super) fn emitted(&self, dialect: Dialect) -> anyhow::Result<String> {
        let source = self.engine.tables[0].0.clone();
        let of = Analysis {
            source,
            ..self.analysis.clone()
        };
        emitted(&of, dialect, self.engine.only()?.columns())
    }

    /// Prints the rows of the windows, or the anomalous points where there are no windows.
    pub(super) async fn answer(&self, print: &Print) -> anyhow::Result<()> {
        match self.windows() {
            Some(query) => answer(&self.engine, &query, print).await,
            None => self.anomalies(print).await,
        }
    }

    /// Prints the anomalous points.
    pub(super) async fn anomalies(&self, print: &Print) -> anyhow::Result<()> {
        if self.analysis.detection.is_none() {
            return Err(nothing_to_do().into());
        }
        let _points = watched(&self.engine.progress, self.points()).await?;
        answer(&self.engine, &self.anomalies_of_points(), print).await
    }
}
