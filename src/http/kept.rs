//! What an archive keeps on the disk: its segments and its gaps, read for its page.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::archive::Archive;
use tokio::sync::Semaphore;

use crate::catalog::Chosen;
use crate::config::{self, Checked};
use crate::terminal::bytes;

/// A longer manifest isn't read for a page: it would take its time, and its memory.
const MANIFEST_BYTES_MOST: u64 = 8 << 20;
/// A disk that doesn't answer is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads archives, one at a time.
#[derive(Clone)]
pub(super) struct Reading(Arc<Semaphore>);

impl Default for Reading {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Reading {
    /// The archive as it lies on the disk, `None` without a checkpoint.
    ///
    /// # Errors
    ///
    /// Why that isn't told, in words.
    pub async fn read(&self, archive: Checked<config::Archive>) -> Result<Option<Archive>, String> {
        let silent = || "its disk has not answered".to_owned();
        let turn = Arc::clone(&self.0).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err("another archive is being read, and its disk has not answered".into());
        };
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            load(&archive)
        });
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) | Err(_) => Err(silent()),
        }
    }
}

fn load(archive: &config::Archive) -> Result<Option<Archive>, String> {
    let chosen = Chosen::from(archive);
    let manifest = fs::metadata(chosen.state.manifest()).map_or(0, |file| file.len());
    if manifest > MANIFEST_BYTES_MOST {
        let size = bytes(manifest);
        let name = &archive.name;
        return Err(format!(
            "its manifest is {size} long; `archiver ls {name}` and `archiver gaps {name}` list all of it"
        ));
    }
    chosen.load().map_err(|error| error.to_string())
}
