//! Where the files of segments are.

use std::io;
use std::path::{Path, PathBuf};

use archiver_format::segment::SegmentFile;

use crate::config::Archive;
use crate::ledger::append_file::Refused;
use crate::world::fs::{self, Fs};

/// The path of a sealed segment. One without a name is the archive's only file.
pub fn sealed(config: &Archive, file: &SegmentFile) -> PathBuf {
    match &file.name {
        Some(name) => config.template.fixed_directory().join(name),
        None => config.file.clone(),
    }
}

/// The name of a path below the directory that all paths of the archive begin with.
pub fn name(config: &Archive, path: &Path) -> String {
    let name = path.strip_prefix(config.template.fixed_directory());
    name.unwrap_or(path).display().to_string()
}

/// Makes the names of these paths durable, whether they are there now or not.
pub fn sync_names(fs: &dyn Fs, paths: &[PathBuf]) -> Result<(), Refused> {
    let dirs = paths.iter().map(|path| fs::parent(path));
    let mut dirs = dirs.collect::<Vec<_>>();
    dirs.sort_unstable();
    dirs.dedup();
    for dir in dirs {
        match fs::sync_dir(fs, dir) {
            // Somebody has taken it away, with all that was in it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            synced => synced.map_err(|source| Refused::Io {
                path: dir.to_path_buf(),
                source,
            })?,
        }
    }
    Ok(())
}
