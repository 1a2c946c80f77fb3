//! `checkpoint.json`: replaced as a whole, durably.
//!
//! The file is one line, `{"format":1,"checksum":"xxh3:…","checkpoint":{…}}`; the checksum is XXH3-64 of the
//! bytes of the inner object as they stand there. What is read must be byte for byte what would be written, so each
//! change of what a checkpoint holds is a new format.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Checkpoint, Checkpointed, FORMAT, Identity};
use crate::config::STATE_DIRECTORY;
use crate::disk::Disk;
use crate::fs::{FileId, Fs, NotOwn, create_dirs};
use crate::segment::mark::checksum;
use crate::segment::writer::{Durable, Progress};

/// An archive's state directory.
#[derive(Clone)]
pub struct Store {
    disk: Disk,
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Outer {
    format: u32,
    checksum: String,
    checkpoint: Box<RawValue>,
}

/// What can be done about state that can't be used.
pub const REMEDY: &str =
    "put back what was there, or move the state directory and the data file away to begin anew";
/// Where more is said about it.
pub const PAGE: &str = "\"When a start is refused\" in docs/operating.md";

/// Why a checkpoint can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read.
    #[error("reading the checkpoint {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Its bytes are not those that were stored.
    #[error(
        "the checkpoint {} is damaged ({what}); {REMEDY}; see {PAGE}",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },
    /// A newer program wrote it.
    #[error(
        "the checkpoint {} has format {found}, this archiver knows up to {FORMAT}; use the newer archiver that wrote it; see {PAGE}",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
}

impl Store {
    /// The store in this directory, which need not exist yet.
    pub fn new(disk: Disk, dir: &Path) -> Self {
        Self {
            disk,
            dir: dir.to_path_buf(),
        }
    }

    /// The path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Creates the directory, durably. A symbolic link in its place is [`NotOwn`].
    pub async fn create_dir(&self) -> io::Result<()> {
        let dir = self.dir.clone();
        let create = move |fs: &dyn Fs| {
            refuse_links(fs, &dir)?;
            create_dirs(fs, &dir)
        };
        let changed = self.disk.run(create).await?;
        self.disk.sync(changed).await
    }

    /// The stored checkpoint, if there is one. Whoever stored it may have been stopped before its name was durable,
    /// so that is seen to here: what is returned will not be undone.
    pub async fn load(&self) -> Result<Option<Checkpointed>, LoadError> {
        let path = self.path("checkpoint.json");
        let loaded = self.disk.run(move |fs| load(fs, path)).await?;
        if loaded.is_some() {
            let synced = self.disk.sync_dirs(vec![self.dir.clone()]).await;
            synced.map_err(|source| LoadError::Io {
                path: self.dir.clone(),
                source,
            })?;
        }
        Ok(loaded)
    }

    /// Stores progress that is durable. If no broker can say now whether the topic is still the one that it names,
    /// `verified` is the last progress of which one did.
    pub async fn save(
        &self,
        identity: Identity,
        durable: Durable,
        verified: Option<Progress>,
    ) -> io::Result<Checkpointed> {
        let progress = durable.into_progress();
        self.write(Checkpoint {
            identity,
            progress,
            verified,
        })
        .await
    }

    /// Stores a checkpoint again all of which has come to be verified.
    pub async fn save_verified(&self, unverified: Checkpointed) -> io::Result<Checkpointed> {
        let verified = None;
        self.write(Checkpoint {
            verified,
            ..unverified.0
        })
        .await
    }

    /// Stores a checkpoint again of which only so much counts as was verified, in a data file that was found to fit
    /// all of it: it may be a copy.
    pub async fn save_only_verified(
        &self,
        unverified: Checkpointed,
        id: FileId,
    ) -> io::Result<Checkpointed> {
        let Checkpoint {
            identity,
            progress,
            verified,
        } = unverified.0;
        let progress = verified.unwrap_or(progress);
        self.write(Checkpoint {
            identity,
            progress: Progress { id, ..progress },
            verified: None,
        })
        .await
    }

    async fn write(&self, checkpoint: Checkpoint) -> io::Result<Checkpointed> {
        let bytes = encode(&checkpoint)?;
        let path = self.path("checkpoint.json");
        self.disk
            .replace(&path, move |file| file.append(&bytes))
            .await?;
        Ok(Checkpointed(checkpoint))
    }
}

pub(super) fn encode(checkpoint: &Checkpoint) -> io::Result<Vec<u8>> {
    seal(serde_json::value::to_raw_value(checkpoint)?)
}

pub(super) fn seal(inner: Box<RawValue>) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Outer {
        format: FORMAT,
        checksum: checksum(inner.get().as_bytes()),
        checkpoint: inner,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The archive and the file that the checkpoint in another state directory is of, if there is one that is whole.
pub fn owner(fs: &dyn Fs, dir: &Path) -> io::Result<Option<(Identity, FileId)>> {
    match load(fs, dir.join("checkpoint.json")) {
        Ok(stored) => Ok(stored.map(|stored| (stored.0.identity, stored.0.progress.id))),
        // Another user's, or no directory.
        Err(LoadError::Io { source, .. }) => match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(source),
        },
        Err(LoadError::Damaged { .. } | LoadError::Newer { .. }) => Ok(None),
    }
}

/// The directories that archiver makes for its state lead nowhere else; above them links are the user's.
fn refuse_links(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let beside_data = dir
        .parent()
        .filter(|above| above.ends_with(STATE_DIRECTORY));
    for own in beside_data.into_iter().chain([dir]) {
        match fs.is_link(own) {
            Ok(true) => return Err(NotOwn::Link.into()),
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn load(fs: &dyn Fs, path: PathBuf) -> Result<Option<Checkpointed>, LoadError> {
    let bytes = match fs.read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(match NotOwn::of(&source) {
                Some(found) => LoadError::Damaged {
                    path,
                    what: found.to_string(),
                },
                None => LoadError::Io { path, source },
            });
        }
    };
    decode(&bytes, path).map(|checkpoint| Some(Checkpointed(checkpoint)))
}

pub(super) fn decode(bytes: &[u8], path: PathBuf) -> Result<Checkpoint, LoadError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |what: &str| LoadError::Damaged {
        path: path.clone(),
        what: what.into(),
    };
    if bytes.is_empty() {
        return Err(damaged("it is empty"));
    }
    let not_ours = |_| damaged("it is not what archiver writes");
    let version = serde_json::from_slice::<Version>(bytes).map_err(not_ours)?;
    if version.format == 0 {
        return Err(damaged("there is no format 0"));
    }
    if version.format > FORMAT {
        return Err(LoadError::Newer {
            path,
            found: version.format,
        });
    }
    let outer = serde_json::from_slice::<Outer>(bytes).map_err(not_ours)?;
    if outer.checksum != checksum(outer.checkpoint.get().as_bytes()) {
        return Err(damaged("its checksum doesn't match"));
    }
    let checkpoint =
        serde_json::from_str::<Checkpoint>(outer.checkpoint.get()).map_err(not_ours)?;
    // Spaces, another order of keys, keys that stand there twice.
    if encode(&checkpoint).ok().as_deref() != Some(bytes) {
        return Err(damaged("it is not what archiver writes"));
    }
    let Checkpoint {
        progress, verified, ..
    } = &checkpoint;
    if !verified.iter().chain([progress]).all(Progress::is_possible) {
        return Err(damaged("it holds a number that can't be"));
    }
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use super::*;
    use crate::fs::RealFs;
    use crate::record::Positions;
    use crate::segment::mark::Tail;

    fn stored() -> Vec<u8> {
        let identity = Identity {
            archive: "a".into(),
            file: "a.ndjson".into(),
            compression: "none".into(),
            topic: "t".into(),
            topic_id: Some("id".into()),
            cluster_id: None,
        };
        let progress = Progress {
            next_offsets: Positions::from([(0, 7), (1, 12)]),
            leader_epochs: [(1, 4)].into(),
            records: 19,
            data: Tail::default().mark(0),
            id: crate::fs::FileId {
                inode: 3,
                born: None,
            },
            gaps: Tail::default().mark(0),
        };
        encode(&Checkpoint {
            identity,
            verified: Some(progress.clone()),
            progress,
        })
        .expect("can be encoded")
    }

    #[test]
    fn a_checkpoint_with_any_byte_changed_is_refused() {
        let stored = stored();
        assert!(decode(&stored, PathBuf::new()).is_ok());
        for at in 0..stored.len() {
            let mut damaged = stored.clone();
            for change in 1..=255 {
                damaged[at] = stored[at] ^ change;
                let shown = String::from_utf8_lossy(&damaged);
                assert!(decode(&damaged, PathBuf::new()).is_err(), "taken: {shown}");
            }
        }
    }

    #[test]
    fn a_checkpoint_cut_short_is_refused() {
        let stored = stored();
        for length in 0..stored.len() {
            assert!(decode(&stored[..length], PathBuf::new()).is_err());
        }
    }

    #[test]
    fn what_archiver_would_not_write_is_refused_also_with_a_fitting_checksum() {
        let stored = String::from_utf8(stored()).expect("text");
        let inner = stored.split_once("\"checkpoint\":").expect("an object").1;
        let inner = inner.strip_suffix("}\n").expect("an end");
        let sealed = |inner: &str| {
            let inner = RawValue::from_string(inner.to_owned()).expect("JSON");
            decode(&seal(inner).expect("can be encoded"), PathBuf::new())
        };
        assert!(sealed(inner).is_ok());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (is, becomes) in [
            ("\"0\":7", "\"0\":-1"),
            ("\"0\":7", "\"0\":-1001"),
            ("\"0\":7", "\"-1\":7"),
            ("\"0\":7", "\"0\":9,\"0\":7"),
            ("\"0\":7", "\"0\":7.0"),
            ("\"0\":7", "\"0\":9223372036854775808"),
            ("\"0\":7", "\"2147483648\":7"),
            ("\"1\":12", "\"1\": 12"),
            ("\"records\":19", "\"records\":18446744073709551615"),
            ("\"records\":19", "\"records\":19,\"records\":20"),
            ("\"records\":19", "\"records\":19,\"more\":0"),
            ("\"records\":19", &format!("\"records\":19,\"more\":{deep}")),
            ("\"length\":0", "\"length\":1e3"),
            ("\"cluster_id\":null", "\"cluster_id\":{}"),
        ] {
            let changed = inner.replacen(is, becomes, 1);
            assert_ne!(changed, inner, "{is}");
            assert!(sealed(&changed).is_err(), "taken: {becomes}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        for open in ["[", "{\"format\":", "{\"format\":1,\"checkpoint\":"] {
            let bytes = open.repeat(1_000_000).into_bytes();
            assert!(decode(&bytes, PathBuf::new()).is_err());
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let stored = String::from_utf8(stored()).expect("text");
        let newer = stored.replacen("\"format\":1", "\"format\":2,\"new\":[{}]", 1);
        let refused = decode(newer.as_bytes(), PathBuf::new());
        assert!(matches!(refused, Err(LoadError::Newer { found: 2, .. })));
    }

    #[tokio::test]
    async fn the_directories_of_the_state_are_not_links_and_those_above_may_be() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("a path");
        let disk = Disk::new(Arc::new(RealFs::default()), 1 << 20);
        let disk = disk.at(&root).await.expect("threads");
        let elsewhere = root.join("elsewhere");
        fs::create_dir(&elsewhere).expect("a directory");
        let link = |path: &str| symlink(&elsewhere, root.join(path)).expect("a link");
        for path in ["state", "data", "above"] {
            fs::create_dir(root.join(path)).expect("a directory");
        }
        link("state/a");
        link("data/.archiver");
        link("above/data");
        for (path, found) in [
            ("state/a", Some(NotOwn::Link)),
            ("state/b", None),
            ("data/.archiver/a", Some(NotOwn::Link)),
            ("above/data/.archiver/a", None),
        ] {
            let created = Store::new(disk.clone(), &root.join(path))
                .create_dir()
                .await;
            let refused = created.as_ref().err().and_then(NotOwn::of);
            assert_eq!(refused, found, "{path}: {created:?}");
            assert_eq!(created.is_ok(), found.is_none(), "{path}: {created:?}");
        }
        let made = fs::read_dir(&elsewhere).expect("a directory");
        let made = made.map(|made| made.expect("an entry").file_name());
        assert_eq!(made.collect::<Vec<_>>(), [".archiver"]);
    }
}
