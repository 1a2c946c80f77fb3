//! The base of a template: the directory that all its paths begin with. The names of segments are below it; so where
//! `file` has another one now, the segments must have been moved along.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use archiver_format::checkpoint::{Identity, Progress};
use archiver_format::segment::growing;
use archiver_format::template::Template;

use crate::config::Archive;
use crate::ledger::append_file::Refused;
use crate::segment::paths;
use crate::world::fs::Fs;

/// Checks that segments of these names, and an only file that will be one as the configuration has changed, are found
/// below the base that is configured. May block.
pub(super) fn check_base<'a>(
    fs: &dyn Fs,
    config: &Archive,
    identity: &Identity,
    progress: &Progress,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), Refused> {
    let Ok(template) = Template::parse(&identity.file) else {
        return Ok(());
    };
    let (before, now) = (
        template.fixed_directory(),
        config.template.fixed_directory(),
    );
    if config.template.is_fixed() || before == now {
        return Ok(());
    }
    // The archive's only file so far gets a name, too.
    let mut open = progress.segments.iter();
    if open.any(|segment| segment.file.name.is_none()) {
        let only = PathBuf::from(&identity.file);
        let path = now.join(paths::name(config, &only));
        if path != only {
            return Err(elsewhere(path, &only));
        }
    }
    for name in names {
        let (path, old) = (now.join(name), before.join(name));
        if !is_there(fs, &path)? && is_there(fs, &old)? {
            return Err(elsewhere(path, &old));
        }
    }
    Ok(())
}

fn elsewhere(path: PathBuf, old: &Path) -> Refused {
    let old = old.display();
    Refused::Foreign {
        path,
        expected: "a segment of this archive".into(),
        found: format!(
            "it at {old}, as the directories that file begins with were others; set file to what it was, or move all \
             segments along"
        ),
    }
}

/// Is a segment there, under its final name or that of a growing file?
fn is_there(fs: &dyn Fs, path: &Path) -> Result<bool, Refused> {
    for path in [path.to_path_buf(), growing(path)] {
        match fs.stat(&path) {
            Ok(_) => return Ok(true),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(source) => return Err(Refused::Io { path, source }),
        }
    }
    Ok(false)
}
