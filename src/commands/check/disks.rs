//! Whether the files can be written: by this user, and for how long there is space.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};

use rustix::fs::{Access, access, statvfs};
use rustix::process::getuid;

use super::finding::{Findings, span};
use crate::config::{Archive, Checked};
use crate::terminal::bytes;

/// What is written to see whether that is possible.
const PROBE_BYTES: usize = 4096;
/// With less a disk is full, for all that matters.
const FREE_BYTES_MIN: u64 = 1 << 20;
/// For so long there should be space.
const DAY_S: f64 = 86_400.0;

/// Looks at the directories of these archives, which write so many bytes a second by their names, as far as that is known.
pub(super) fn disks(
    archives: &[Checked<Archive>],
    rates: Option<&BTreeMap<String, f64>>,
) -> Vec<Findings> {
    let mut directories = BTreeMap::<PathBuf, Vec<&Archive>>::new();
    let mut rate_of_device = BTreeMap::<u64, f64>::new();
    for archive in archives {
        let data = existing(&fixed_part(&archive.file));
        if let Ok(found) = data.metadata() {
            let rate = rates.and_then(|rates| rates.get(&archive.name));
            *rate_of_device.entry(found.dev()).or_default() += rate.copied().unwrap_or(0.0);
        }
        directories.entry(data).or_default().push(archive);
        directories.entry(existing(&archive.state)).or_default();
    }
    let mut all = Vec::new();
    for (directory, archives) in directories {
        let mut findings = Findings::about(format!("directory {}", directory.display()));
        match probe(&directory) {
            Ok(()) => findings.good("writable", "a file was written, synced and removed"),
            Err((doing, e)) => {
                findings
                    .bad("writable", format!("{doing}: {e}"))
                    .advice(advice_for(&e, &directory));
            }
        }
        for archive in archives {
            let file = &archive.file;
            let is_there = archive.template.is_fixed() && file.exists();
            if is_there && let Err(e) = access(file, Access::READ_OK | Access::WRITE_OK) {
                let e = io::Error::from(e);
                findings
                    .bad("writable", format!("{}: {e}", file.display()))
                    .advice(advice_for(&e, file));
            }
        }
        // Said once of each device.
        let device = directory.metadata().ok().map(|found| found.dev());
        if let Some(rate) = device.and_then(|device| rate_of_device.remove(&device)) {
            space(&directory, rates.map(|_| rate), &mut findings);
        }
        all.push(findings);
    }
    all
}

/// Says how much space there is, and how long it lasts at this rate.
fn space(directory: &Path, rate: Option<f64>, findings: &mut Findings) {
    let free = match statvfs(directory) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(e) => {
            findings.unknown("space", io::Error::from(e).to_string());
            return;
        }
    };
    if free < FREE_BYTES_MIN {
        findings
            .bad("space", format!("{} free", bytes(free)))
            .advice("the disk is full: archives wait until there is space");
        return;
    }
    let free_text = format!("{} free", bytes(free));
    match rate {
        None => findings.good("space", free_text),
        Some(rate) if rate < 1.0 => {
            findings.good("space", format!("{free_text}; nothing comes at present"));
        }
        Some(rate) => {
            let lasts = free as f64 / rate;
            let text = format!(
                "{free_text}, for {} at the {}/s of now, before compression",
                span(lasts),
                bytes(rate as u64)
            );
            match lasts < DAY_S {
                false => findings.good("space", text),
                true => {
                    let advice = "a larger disk, compression, or keep and keep_size, which delete old segments";
                    findings.doubtful("space", text).advice(advice);
                }
            }
        }
    }
}

/// The part of a path that no placeholder changes.
fn fixed_part(file: &Path) -> PathBuf {
    let directory = file.parent().unwrap_or(Path::new(""));
    let has_none = |part: &&std::ffi::OsStr| !part.to_string_lossy().contains('{');
    directory.iter().take_while(has_none).collect()
}

/// The directory itself, or the nearest above it that is there.
fn existing(path: &Path) -> PathBuf {
    // The empty one stands for this directory.
    let path = absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.into());
    let mut above = path.ancestors();
    let found = above.find(|above| above.symlink_metadata().is_ok());
    found.map_or_else(|| path.clone(), Path::to_path_buf)
}

/// Writes a file there, syncs and removes it; what was being done when that failed.
fn probe(directory: &Path) -> Result<(), (&'static str, io::Error)> {
    let path = directory.join(format!(".archiver-check-{}", std::process::id()));
    let mut file = File::create_new(&path).map_err(|e| ("creating a file there", e))?;
    let written = file
        .write_all(&[0; PROBE_BYTES])
        .map_err(|e| ("writing a file there", e));
    let synced = written.and_then(|()| file.sync_all().map_err(|e| ("syncing a file there", e)));
    let removed = fs::remove_file(&path).map_err(|e| ("removing a file there", e));
    synced.and(removed)
}

fn advice_for(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "this user (uid {}) needs the right to write {}",
            getuid().as_raw(),
            path.display()
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            "it is mounted read-only: mount it for writing, or see dmesg for an error of its disk"
                .to_owned()
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full, or this user's part of it: archives wait until there is space"
                .to_owned()
        }
        io::ErrorKind::NotADirectory => {
            "a file is in the place of a directory: move it away".to_owned()
        }
        _ => "see that the disk is there and sound".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_directory_is_the_nearest_that_is_there() {
        let here = std::env::current_dir().expect("a directory");
        for (file, directory) in [
            ("a.ndjson", here.clone()),
            ("not-there/{time:%Y}/a.ndjson", here.clone()),
            ("src/not-there/a.ndjson", here.join("src")),
            ("{partition}/src/a.ndjson", here),
            ("/a.ndjson", PathBuf::from("/")),
        ] {
            assert_eq!(existing(&fixed_part(Path::new(file))), directory, "{file}");
        }
    }
}
