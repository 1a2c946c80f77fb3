//! Whether an archive's state and its file are its own, and nobody else has them.

use std::path::Path;

use archiver_format::archive::{Archive as Stored, State};
use archiver_format::state_files::StateDir;

use super::finding::Findings;
use crate::archive::other_identity;
use crate::config::{Archive, Existing};
use crate::ledger::lock::{LockError, look};
use crate::ledger::{PAGE, REMEDY};
use crate::observe::reason::Reason;
use crate::world::fs::Fs;
use crate::world::fs::real::RealFs;

/// Says how an archive's state is; returns it if it is the archive's.
pub(super) fn state(archive: &Archive, fs: &RealFs, findings: &mut Findings) -> Option<Stored> {
    let dir = StateDir::new(&archive.state);
    match look(fs, &dir.lock()) {
        Ok(()) => {}
        Err(e @ (LockError::NotOwn { .. } | LockError::Io { .. })) => {
            findings.bad("lock", e.to_string());
        }
        Err(e) => {
            findings
                .doubtful("lock", e.to_string())
                .advice("a start is refused for as long as that one runs");
        }
    }
    let stored = match Stored::load(&dir, None) {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            match unwanted(archive, &dir) {
                Some(reason) => {
                    findings.bad("state", reason.to_string());
                }
                None => findings.good("state", "none: it begins"),
            }
            return None;
        }
        Err(e) => {
            findings
                .bad("state", e.to_string())
                .advice(format!("{REMEDY}; see {PAGE}"));
            return None;
        }
    };
    if let Some(reason) = foreign(archive, &stored, fs) {
        findings.bad("state", reason.to_string());
        return None;
    }
    let records = stored.checkpoint.progress.records;
    findings.good("state", format!("its own: {records} records so far"));
    for segment in &stored.segments {
        let State::Growing(growing) = &segment.state else {
            continue;
        };
        let (path, counted) = (segment.path_now(), growing.mark.length);
        let length = path.metadata().map_or(0, |file| file.len());
        if length < counted {
            let text = format!(
                "{} has {length} bytes, and the checkpoint counts {counted}",
                path.display()
            );
            let advice = format!(
                "put the file back as archiver wrote it, or move both it and {} away to begin anew; see {PAGE}",
                archive.state.display()
            );
            findings.bad("file", text).advice(advice);
        }
    }
    Some(stored)
}

/// What is there without a checkpoint, and keeps an archive from beginning.
fn unwanted(archive: &Archive, dir: &StateDir) -> Option<Reason> {
    let lists = [dir.manifest(), dir.gaps()];
    if let Some(path) = lists
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok())
    {
        return Some(Reason::ListExists { path });
    }
    let file = &archive.file;
    if !archive.template.is_fixed() {
        return None;
    }
    let found = file.metadata().ok()?;
    if !found.is_file() {
        return Some(Reason::NotAFile { file: file.clone() });
    }
    (found.len() > 0 && archive.existing == Existing::Refuse).then(|| Reason::FileExists {
        file: file.clone(),
        length: found.len(),
        state: archive.state.clone(),
    })
}

/// Why a checkpoint isn't the archive's.
fn foreign(archive: &Archive, stored: &Stored, fs: &RealFs) -> Option<Reason> {
    let identity = &stored.checkpoint.identity;
    if let Some(reason) = other_identity(archive, identity) {
        return Some(reason);
    }
    let is_same = |file: &Path| identity.file == file.display().to_string();
    if identity.archive == archive.name || is_same(&archive.file) {
        return None;
    }
    // It was renamed and moved, perhaps: its file can be told from others.
    let mut segments = stored.checkpoint.progress.segments.iter();
    let found = fs.stat(&archive.file).ok();
    if found.is_some_and(|found| segments.any(|segment| segment.file.id == found.id())) {
        return None;
    }
    Some(Reason::OtherArchive {
        state: archive.state.clone(),
        stored_name: identity.archive.clone(),
        stored_file: identity.file.clone(),
        name: archive.name.clone(),
        file: archive.file.clone(),
    })
}
