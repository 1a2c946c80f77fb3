//! Where the files of an archive's segments are.

use std::path::{Path, PathBuf};

use crate::checkpoint::Identity;
use crate::segment::SegmentFile;
use crate::state_files::{STATE_DIRECTORY, StateDir};
use crate::template::Template;

/// Where the files of an archive's segments are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The directory that all their names are below.
    pub directory: PathBuf,
    /// The path of the archive's only file; `None` if it is where the checkpoint says.
    pub only: Option<PathBuf>,
}

impl Paths {
    /// As far as the state tells: beside the state directory, unless that is kept elsewhere. Then they are where the
    /// archive was told when it stored its checkpoint, which may be relative to where it was started.
    pub fn derived(state: &StateDir, identity: &Identity) -> Self {
        let stored = Path::new(&identity.file);
        let template = Template::parse(&identity.file).ok();
        let template = template.filter(|template| !template.is_fixed());
        let beside = (state.path().parent()).filter(|above| above.ends_with(STATE_DIRECTORY));
        match beside.and_then(Path::parent) {
            Some(directory) => Self {
                directory: directory.into(),
                only: stored.file_name().map(|name| directory.join(name)),
            },
            None => Self {
                directory: match template {
                    Some(template) => template.fixed_directory(),
                    None => stored.parent().unwrap_or(Path::new("")).into(),
                },
                only: None,
            },
        }
    }

    /// The final path of a segment of this archive.
    pub fn of(&self, file: &SegmentFile, identity: &Identity) -> PathBuf {
        match (&file.name, &self.only) {
            (Some(name), _) => self.directory.join(name),
            (None, Some(only)) => only.clone(),
            (None, None) => PathBuf::from(&identity.file),
        }
    }
}
