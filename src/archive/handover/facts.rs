//! What a command is told of the segment that it is given.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use archiver_format::manifest::Sealed;
use archiver_format::state_files::StateDir;

use crate::config;
use crate::service_manager;
use crate::world::commands::Command;

/// The command for a segment whose file is at this path.
pub(super) fn command(
    config: &config::Archive,
    words: &[String],
    sealed: &Sealed,
    path: &Path,
) -> Command {
    let Sealed { file, contents, .. } = sealed;
    let text = |value: &dyn ToString| Some(OsString::from(value.to_string()));
    let some = |value: Option<i64>| value.map(|value| value.to_string().into());
    let manifest = StateDir::new(&config.state).manifest();
    // Else the service manager would hear from commands as well.
    let not_its_own = service_manager::VARIABLES.map(|name| (name, None));
    let facts = [
        ("ARCHIVER_FILE", Some(absolute(path).into())),
        ("ARCHIVER_NAME", text(&config.name)),
        ("ARCHIVER_TOPIC", text(&config.topic)),
        ("ARCHIVER_SEQUENCE", text(&file.sequence)),
        ("ARCHIVER_RECORDS", text(&contents.records)),
        ("ARCHIVER_BYTES", text(&sealed.bytes)),
        ("ARCHIVER_PLAIN_BYTES", text(&contents.plain_bytes)),
        (
            "ARCHIVER_XXH128",
            sealed.xxh128.as_ref().map(OsString::from),
        ),
        ("ARCHIVER_FORMAT", text(&sealed.format)),
        ("ARCHIVER_COMPRESSION", text(&sealed.compression.name())),
        ("ARCHIVER_FIRST_TIMESTAMP", some(contents.earliest())),
        ("ARCHIVER_LAST_TIMESTAMP", some(contents.latest())),
        ("ARCHIVER_OPENED", text(&sealed.opened)),
        ("ARCHIVER_SEALED", text(&sealed.sealed)),
        ("ARCHIVER_REASON", text(&sealed.reason.name())),
        ("ARCHIVER_MANIFEST", Some(absolute(&manifest).into())),
    ];
    Command {
        label: format!("archive {}: on_seal", config.name),
        words: words.to_vec(),
        variables: not_its_own.into_iter().chain(facts).collect(),
    }
}

/// The path, whatever directory the command goes to.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
