//! `checkpoint.json`: temp file, fsync, rename, fsync of the directory.
//!
//! The file is one line, `{"format":1,"checksum":"xxh3:…","checkpoint":{…}}`; the checksum is XXH3-64 of the
//! bytes of the inner object as they stand there.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{Checkpoint, Checkpointed, FORMAT, Identity};
use crate::disk::Disk;
use crate::fs::{FileId, Fs, create_dirs};
use crate::segment::writer::Durable;

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

/// Why a checkpoint can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read.
    #[error("reading the checkpoint {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Its bytes are not those that were stored.
    #[error(
        "the checkpoint {} is damaged ({what}); restore it from a copy, or move it and the data file away to begin anew",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },
    /// A newer program wrote it.
    #[error(
        "the checkpoint {} has format {found}, this archiver knows up to {FORMAT}; use the newer archiver that wrote it",
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

    /// Creates the directory, durably.
    pub async fn create_dir(&self) -> io::Result<()> {
        let dir = self.dir.clone();
        let changed = self.disk.run(move |fs| create_dirs(fs, &dir)).await?;
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

    /// Stores progress that is durable.
    pub async fn save(&self, identity: Identity, durable: Durable) -> io::Result<Checkpointed> {
        let checkpoint = Checkpoint {
            identity,
            progress: durable.into_progress(),
        };
        let bytes = encode(&checkpoint)?;
        let (temp, path) = (
            self.path("checkpoint.json.new"),
            self.path("checkpoint.json"),
        );
        let at = temp.clone();
        let file = self
            .disk
            .run(move |fs| {
                match fs.remove(&at) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
                let file = fs.create_new(&at)?;
                file.append(&bytes)?;
                Ok(file)
            })
            .await?;
        self.disk.sync([file]).await?;
        let dir = self.dir.clone();
        let dir = self
            .disk
            .run(move |fs| fs.rename(&temp, &path).and_then(|()| fs.open_dir(&dir)))
            .await?;
        self.disk.sync([dir]).await?;
        Ok(Checkpointed(checkpoint))
    }
}

fn encode(checkpoint: &Checkpoint) -> io::Result<Vec<u8>> {
    let inner = serde_json::value::to_raw_value(checkpoint)?;
    let mut bytes = serde_json::to_vec(&Outer {
        format: FORMAT,
        checksum: checksum(&inner),
        checkpoint: inner,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn checksum(inner: &RawValue) -> String {
    format!("xxh3:{:016x}", xxh3_64(inner.get().as_bytes()))
}

/// The archive and the file that the checkpoint in another state directory is of, if there is one that can be read.
pub fn owner(fs: &dyn Fs, dir: &Path) -> Option<(Identity, FileId)> {
    let stored = load(fs, dir.join("checkpoint.json")).ok()??;
    Some((stored.0.identity, stored.0.progress.id))
}

fn load(fs: &dyn Fs, path: PathBuf) -> Result<Option<Checkpointed>, LoadError> {
    let bytes = match fs.read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LoadError::Io { path, source }),
    };
    decode(&bytes, path).map(|checkpoint| Some(Checkpointed(checkpoint)))
}

fn decode(bytes: &[u8], path: PathBuf) -> Result<Checkpoint, LoadError> {
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
    if outer.checksum != checksum(&outer.checkpoint) {
        return Err(damaged("its checksum doesn't match"));
    }
    serde_json::from_str(outer.checkpoint.get()).map_err(not_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Positions;
    use crate::segment::mark::Tail;
    use crate::segment::writer::Progress;

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
        encode(&Checkpoint { identity, progress }).expect("can be encoded")
    }

    #[test]
    fn a_checkpoint_with_any_bit_flipped_is_refused() {
        let stored = stored();
        assert!(decode(&stored, PathBuf::new()).is_ok());
        for bit in 0..stored.len() * 8 {
            let mut damaged = stored.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let shown = String::from_utf8_lossy(&damaged).into_owned();
            assert!(decode(&damaged, PathBuf::new()).is_err(), "taken: {shown}");
        }
    }

    #[test]
    fn a_checkpoint_cut_short_is_refused() {
        let stored = stored();
        // Without its last byte, the newline, it is whole.
        for length in 0..stored.len() - 1 {
            assert!(decode(&stored[..length], PathBuf::new()).is_err());
        }
    }
}
