//! What may stand where an archive without a checkpoint is to begin, and is not its own.

use std::io;
use std::path::Path;

use super::Stop;
use crate::checkpoint::{PAGE, owner};
use crate::fs::{self, Fs};
use crate::segment::append::{AppendFile, Refused};

/// A list without its checkpoint is of an archive before this one.
pub(super) fn check_no_gaps(fs: &dyn Fs, path: &Path) -> Result<(), Stop> {
    let shown = path.display();
    match fs.stat(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && !fs.is_link(path).unwrap_or(false) => {
            Ok(())
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(Stop::Retry(format!("looking at {shown}: {e}")))
        }
        _ => Err(Stop::Never(format!(
            "{shown} exists and archiver has no checkpoint for it; bring the checkpoint back, or move the list away; \
             see {PAGE}"
        ))),
    }
}

/// What is there can't be created, as its name is taken, and yet is not there.
pub(super) fn if_dangling(refused: Refused) -> Refused {
    match refused {
        Refused::Io { path, source } if source.kind() == io::ErrorKind::NotFound => Refused::Io {
            path,
            source: io::Error::other(
                "it is a symbolic link to a file that doesn't exist; create that file, empty, or remove the link",
            ),
        },
        other => other,
    }
}

/// A file of another archive, whose state is beside this one's, is not appended to: the other would cut it back to
/// its own checkpoint.
pub(super) fn check_owner(fs: &dyn Fs, found: &AppendFile, state: &Path) -> Result<(), Refused> {
    let path = found.path().to_path_buf();
    let io = |source| Refused::Io {
        path: path.clone(),
        source,
    };
    let id = found.handle().stat().map_err(io)?.id();
    for dir in fs.list(fs::parent(state)).map_err(io)? {
        let Some((of, file)) = owner(fs, &dir) else {
            continue;
        };
        // Without its time of birth a number may be of a later file.
        let is_it = file == id && (id.born.is_some() || of.file == path.display().to_string());
        if is_it && dir != state {
            let archive = of.archive;
            return Err(Refused::Owned { path, archive, dir });
        }
    }
    Ok(())
}
