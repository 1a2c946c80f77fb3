//! An answer that is asked for something itself, several times: kept in a temporary file, which goes with it.

use std::fs::File;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SpillFile;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;

use crate::file_url::file_url;

/// An answer in a temporary file, as a table of the session.
pub struct Kept {
    session: SessionContext,
    name: &'static str,
    _file: Arc<dyn SpillFile>,
}

impl Kept {
    /// Asks this query, and makes a table with this name of the answer.
    ///
    /// # Errors
    ///
    /// If the engine can't answer, or the file can't be written.
    pub async fn answer(session: &SessionContext, name: &'static str, query: &str) -> Result<Self> {
        let mut rows = session.sql(query).await?.execute_stream().await?;
        let disk = &session.runtime_env().disk_manager;
        let file = disk.create_tmp_file(name)?;
        let path = file.path().ok_or_else(|| {
            DataFusionError::Execution("temporary files are not in a directory".into())
        })?;
        let url = file_url(path).map_err(|e| DataFusionError::External(e.into()))?;
        let mut writer = ArrowWriter::try_new(File::create(path)?, rows.schema(), None)?;
        while let Some(batch) = rows.next().await {
            writer.write(&batch?)?;
        }
        writer.close()?;
        let any_name = ParquetReadOptions::default().file_extension("");
        session.register_parquet(name, url, any_name).await?;
        Ok(Self {
            session: session.clone(),
            name,
            _file: file,
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The file is gone a moment later; nobody may find the table after it.
        let _ = self.session.deregister_table(self.name);
    }
}
