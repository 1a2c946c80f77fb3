//! The archives of a pattern, as far as they are on the disk: which topics Kafka has is not asked.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use archiver_format::archive::has_begun;
use archiver_format::state_files::{STATE_DIRECTORY, StateDir};

use crate::config::{Archive, Checked, Config, Found, Pattern, States};
use crate::world::fs::directory;

/// The archives of a configuration: those of one topic, then those of its patterns that are on the disk, each pattern's
/// by their names.
///
/// # Errors
///
/// If a directory can't be listed in which a pattern's archives may be.
pub fn archives(config: &Config) -> Result<Vec<Checked<Archive>>, ListError> {
    let mut all = config.archives.clone();
    let mut known = all
        .iter()
        .map(|archive| archive.state.clone())
        .collect::<BTreeSet<_>>();
    for pattern in &config.patterns {
        let mut found = of_pattern(pattern)?;
        found.retain(|archive| known.insert(archive.state.clone()));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        all.extend(found);
    }
    Ok(all)
}

/// A directory that can't be listed.
#[derive(Debug, thiserror::Error)]
#[error("looking for the archives of a pattern in {}: {source}", path.display())]
pub struct ListError {
    path: PathBuf,
    source: io::Error,
}

/// The archives that a pattern has on the disk: each state directory that is where it would keep the state of a topic
/// that it takes.
fn of_pattern(pattern: &Pattern) -> Result<Vec<Checked<Archive>>, ListError> {
    let States {
        above,
        levels,
        beside,
    } = pattern.states();
    let mut directories = vec![above];
    for _ in 0..levels {
        let mut below = Vec::new();
        for directory in &directories {
            below.extend(list(directory)?);
        }
        directories = below;
    }
    if beside {
        let beside = directories.iter();
        directories = beside.map(|above| above.join(STATE_DIRECTORY)).collect();
    }
    let mut found = Vec::new();
    for directory in &directories {
        let states = list(directory)?.into_iter();
        found.extend(states.filter_map(|state| archive_at(pattern, &state)));
    }
    Ok(found)
}

/// The archive of a pattern whose state this is.
fn archive_at(pattern: &Pattern, state: &Path) -> Option<Checked<Archive>> {
    let topic = pattern.topic_of(state.file_name()?.to_str()?)?;
    if !pattern.matches(topic) || pattern.earlier(topic).is_some() {
        return None;
    }
    let archive = pattern.archive(topic, Found::Later).ok()?;
    (archive.state == state && has_begun(&StateDir::new(state))).then_some(archive)
}

/// The directories in a directory, which need not exist, except those that archiver keeps its state in.
fn list(path: &Path) -> Result<Vec<PathBuf>, ListError> {
    let failed = |source| ListError {
        path: path.into(),
        source,
    };
    let entries = match fs::read_dir(directory(path)) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let mut directories = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let below = path.join(&name);
        if name != STATE_DIRECTORY && below.is_dir() {
            directories.push(below);
        }
    }
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(directory: &Path, file: &str, more: &str) -> Vec<String> {
        let path = directory.join("topics.toml");
        let file = directory.join(file);
        let text = format!(
            "{more}\n[[archive]]\nbroker = \"b:1\"\ntopic = \"m.own\"\nfile = '{0}/own'\n\
             [[archive]]\nbroker = \"b:1\"\ntopic_pattern = 'm\\.[a-z]+'\nfile = '{1}'\n\
             [[archive]]\nbroker = \"b:1\"\ntopic_pattern = '.*'\nfile = '{1}'\nname = 'all-{{topic}}'\n",
            directory.display(),
            file.display()
        );
        fs::write(&path, text).expect("written");
        let config = crate::config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let all = archives(&config).expect("can be listed");
        all.iter().map(|archive| archive.name.clone()).collect()
    }

    fn begin(state: PathBuf) {
        fs::create_dir_all(&state).expect("a directory");
        fs::write(state.join("checkpoint.json"), "").expect("written");
    }

    #[test]
    fn archives_of_a_pattern_are_found_beside_their_files() {
        let directory = tempfile::tempdir().expect("a directory");
        let of = |path: &str| directory.path().join(path);
        assert_eq!(pattern(directory.path(), "d/{topic}", ""), ["m.own"]);
        // The topics of another archive and of an earlier pattern are theirs.
        for name in ["m.b", "m.a", "m.own", "m.1", "all-n", "all-m.b", "x"] {
            begin(of("d/.archiver").join(name));
        }
        fs::create_dir_all(of("d/.archiver/m.waits")).expect("a directory");
        fs::create_dir_all(of("d/.archiver/pattern+0123456789abcdef")).expect("a directory");
        let found = pattern(directory.path(), "d/{topic}", "");
        assert_eq!(found, ["m.own", "m.a", "m.b", "all-n"]);
    }

    #[test]
    fn archives_of_a_pattern_are_found_in_the_directories_of_their_topics() {
        let directory = tempfile::tempdir().expect("a directory");
        let of = |path: &str| directory.path().join(path);
        let file = "d/x-{topic}/y/{time:%F}/{seq}.gz";
        for (above, name) in [
            ("x-m.a/y", "m.a"),
            // Somebody else's.
            ("x-m.a/y", "m.b"),
            ("m.c/y", "m.c"),
            ("x-m.d", "m.d"),
        ] {
            begin(of("d").join(above).join(".archiver").join(name));
        }
        fs::write(of("d/file"), "").expect("written");
        let found = pattern(directory.path(), file, "");
        assert_eq!(found, ["m.own", "m.a"]);
    }

    #[test]
    fn archives_of_a_pattern_are_found_where_all_state_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let states = directory.path().join("states");
        begin(states.join("m.a"));
        begin(states.join("all-z"));
        let key = format!("state_dir = '{}'", states.display());
        let found = pattern(directory.path(), "d/{topic}/{topic}", &key);
        assert_eq!(found, ["m.own", "m.a", "all-z"]);
    }
}
