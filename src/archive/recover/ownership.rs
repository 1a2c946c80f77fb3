//! Ownership: a checkpoint, a data file or a list of gaps that is found must be this archive's own.

use std::io;
use std::path::Path;

use archiver_format::checkpoint::Identity;
use archiver_format::compression::check_whole;
use archiver_format::state_files::StateDir;

use crate::archive::definition::{Archive, Failure};
use crate::config::{self, Existing};
use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::{Checkpointed, owner};
use crate::observe::reason::Reason;
use crate::world::disk::Disk;
use crate::world::fs::{self, Fs, Reading};

impl Archive {
    /// The checkpoint must be of this archive: the same topic and compression, and the same name, path or file.
    pub(in crate::archive) async fn check_identity(
        &self,
        disk: &Disk,
        checkpoint: &Checkpointed,
    ) -> Result<(), Failure> {
        let stored = &checkpoint.checkpoint().identity;
        if let Some(reason) = other_identity(&self.config, stored) {
            return Err(Failure::never(reason));
        }
        let file = self.file().display();
        if stored.archive == self.config.name || stored.file == file.to_string() {
            return Ok(());
        }
        // The archive was renamed and its file moved, or the checkpoint is another archive's. A fingerprint can't tell
        // files with the same lines apart; a file's id can.
        let path = self.config.file.clone();
        let segments = checkpoint.checkpoint().progress.segments.iter();
        let ids = segments.map(|segment| segment.file.id).collect::<Vec<_>>();
        let found = disk.run(move |fs| fs.stat(&path)).await;
        match found {
            Ok(stat) if ids.contains(&stat.id()) => return Ok(()),
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(looking_at(&self.config.file, e));
            }
            _ => {}
        }
        Err(Failure::never(Reason::OtherArchive {
            state: self.config.state.clone(),
            stored_name: stored.archive.clone(),
            stored_file: stored.file.clone(),
            name: self.config.name.clone(),
            file: self.config.file.clone(),
        }))
    }

    /// The checkpoint must be of the cluster that answers now.
    pub(in crate::archive) fn check_cluster(
        &self,
        checkpoint: Option<&Checkpointed>,
        now: Option<&String>,
    ) -> Result<(), Failure> {
        let stored = checkpoint.map(|stored| &stored.checkpoint().identity);
        match (stored.and_then(|stored| stored.cluster_id.as_ref()), now) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Failure::never(Reason::OtherCluster {
                    state: self.config.state.clone(),
                    cluster: self.cluster_name.clone(),
                    expected: expected.clone(),
                    found: found.clone(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// Without a checkpoint, a file that isn't empty is refused, unless `existing = "append"` is configured and it can
    /// be appended to. A manifest or a list of gaps is always
    /// refused.
    pub(in crate::archive) async fn check_new_file(
        &self,
        disk: &Disk,
        dir: &StateDir,
    ) -> Result<(), Failure> {
        let (path, how, existing) = (
            self.config.file.clone(),
            self.config.compression.algorithm(),
            self.config.existing,
        );
        let (state, is_fixed) = (self.config.state.clone(), self.config.template.is_fixed());
        let lists = [dir.manifest(), dir.gaps()];
        let check = move |fs: &dyn Fs| {
            let file = path.clone();
            lists.iter().try_for_each(|list| check_no_list(fs, list))?;
            if !is_fixed {
                return Ok(());
            }
            let stat = match fs.stat(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(looking_at(&path, e)),
                Ok(stat) if !stat.is_file => {
                    return Err(Failure::never(Reason::NotAFile { file }));
                }
                Ok(stat) if stat.length == 0 => return Ok(()),
                Ok(stat) => stat,
            };
            if existing == Existing::Refuse {
                return Err(Failure::never(Reason::FileExists {
                    file,
                    length: stat.length,
                    state,
                }));
            }
            let opened = fs.open(&path);
            let opened = opened.map_err(|e| on_disk("opening", &path, e))?;
            let whole = Reading::new(&*opened, stat.length);
            let whole = io::BufReader::with_capacity(1 << 16, whole);
            check_whole(whole, how).map_err(|e| {
                if e.raw_os_error().is_some() {
                    return on_disk("reading", &path, e);
                }
                Failure::never(Reason::NotWhole {
                    file,
                    algorithm: how,
                    source: e,
                })
            })
        };
        disk.run(check).await
    }
}

/// Why a checkpoint of this identity can't be gone on with, whoever's it is: it is of another topic, or of a file that is
/// written otherwise.
pub fn other_identity(config: &config::Archive, stored: &Identity) -> Option<Reason> {
    let configured = config.compression.algorithm();
    let differs = |what, expected: &str, found: &str| {
        Some(Reason::OtherIdentity {
            state: config.state.clone(),
            what,
            expected: expected.to_owned(),
            found: found.to_owned(),
        })
    };
    if stored.topic != config.topic {
        return differs("topic", &stored.topic, &config.topic);
    }
    // What was growing is sealed, where another file can follow.
    let may_change = config.template.has_sequence();
    if stored.format != config.format_name() && !may_change {
        return differs("format", &stored.format, config.format_name());
    }
    if stored.compression != configured && !may_change {
        return differs("compression", stored.compression.name(), configured.name());
    }
    None
}

/// A manifest or a list of gaps without its checkpoint is of an earlier archive.
fn check_no_list(fs: &dyn Fs, path: &Path) -> Result<(), Failure> {
    match fs.stat(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && !fs.is_link(path).unwrap_or(false) => {
            Ok(())
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(looking_at(path, e)),
        _ => Err(Failure::never(Reason::ListExists {
            path: path.to_path_buf(),
        })),
    }
}

fn looking_at(path: &Path, source: io::Error) -> Failure {
    on_disk("looking at", path, source)
}

fn on_disk(doing: &str, path: &Path, source: io::Error) -> Failure {
    let doing = format!("{doing} {}", path.display());
    Failure::retry(Reason::Disk { doing, source })
}

/// A file of another archive, whose state is beside this one's, is not appended to: the other would cut it back to
/// its own checkpoint.
pub(in crate::archive) fn check_owner(
    fs: &dyn Fs,
    found: &AppendFile,
    state: &Path,
) -> Result<(), Refused> {
    let path = found.path().to_path_buf();
    let io = |source| Refused::Io {
        path: path.clone(),
        source,
    };
    let id = found.handle().stat().map_err(io)?.id();
    for dir in fs.list(fs::parent(state)).map_err(io)? {
        let Some(of) = owner(fs, &dir).map_err(io)? else {
            continue;
        };
        let mut segments = of.progress.segments.iter();
        // Without the time of its creation, an inode may be that of a later file.
        let is_known = id.born.is_some() || of.identity.file == path.display().to_string();
        let is_it = is_known && segments.any(|segment| segment.file.id == id);
        if is_it && dir != state {
            let archive = of.identity.archive;
            return Err(Refused::Owned { path, archive, dir });
        }
    }
    Ok(())
}
