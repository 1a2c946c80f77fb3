//! From flags to a definition with the engine that has its source, and what each command prints of it.

use archiver::cli::Common;
use archiver_format::read::Selection;

use super::answer::answer;
use super::common::{Print, Read};
use super::emit::{emitted, nothing_to_do};
use super::progress::watched;
pub(super) use crate::ask::asked::Asked;
use crate::cache::recorder::Recorder;
use crate::caret::check_filter;
use crate::definition::written::Definition;
use crate::definition::{Analysis, Dialect};

impl Asked {
    /// Opens the source, with this selection of its records.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no such fields.
    pub(super) async fn open(
        common: &Common,
        read: &Read,
        selection: &Selection,
        definition: &Definition,
    ) -> anyhow::Result<Self> {
        let words = std::slice::from_ref(&definition.source);
        let engine = read.engine_with(common, words, selection).await?;
        check_filter(&engine, definition.filter.as_deref()).await?;
        Self::of(engine, definition)
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

    /// Prints the rows of the windows, or the anomalous points where there are no windows. They are written down as well where
    /// somebody wants that.
    pub(super) async fn answer(
        &self,
        print: &Print,
        recorder: Option<&Recorder>,
    ) -> anyhow::Result<()> {
        match self.windows() {
            Some(query) => answer(&self.engine, &query, print, recorder).await,
            None => self.anomalies(print, recorder).await,
        }
    }

    /// Prints the anomalous points.
    pub(super) async fn anomalies(
        &self,
        print: &Print,
        recorder: Option<&Recorder>,
    ) -> anyhow::Result<()> {
        if self.analysis.detection.is_none() {
            return Err(nothing_to_do().into());
        }
        let _points = watched(&self.engine.progress, self.points()).await?;
        answer(&self.engine, &self.anomalies_of_points(), print, recorder).await
    }
}
