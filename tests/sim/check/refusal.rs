//! Whether an archive stops for a true reason, worked out from what is on the disk and not by the production code.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use archiver_format::line::{Format, Newline, NewlineInValue};
use archiver_format::mark::Mark;
use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::holds::decode;
use super::parse;
use super::segments;
use crate::config::{Archive, Existing};
use crate::ledger::LoadError;
use crate::ledger::append_file::Refused;
use crate::ledger::lock::LockError;
use crate::observe::reason::Reason;
use crate::sim::disk::SimFs;
use crate::sim::kafka::Written;
use crate::sim::world::{Touched, World, lock};

/// What must keep an archive from going on from its checkpoint.
#[derive(Debug)]
pub enum Obstacle {
    /// There is no checkpoint any more.
    CheckpointGone,
    /// It is not what was stored.
    CheckpointDamaged,
    /// A file is not what the checkpoint says; what there is instead, where it must be said in these words.
    Foreign { path: PathBuf, found: String },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckpointGone => f.write_str("the checkpoint is gone"),
            Self::CheckpointDamaged => f.write_str("the checkpoint is damaged"),
            Self::Foreign { path, found } => {
                let path = path.display();
                write!(f, "{path}: expected what was written, found {found}")
            }
        }
    }
}

impl Obstacle {
    /// Is it what this reason says?
    pub fn is(&self, why: &Reason) -> bool {
        match (self, why) {
            (Self::CheckpointGone, Reason::CheckpointGone { .. }) => true,
            (Self::CheckpointDamaged, Reason::Checkpoint(LoadError::Damaged { .. })) => true,
            (Self::Foreign { path, found }, Reason::Foreign { refused, .. }) => {
                let Refused::Foreign {
                    path: of,
                    expected,
                    found: said,
                } = refused
                else {
                    return false;
                };
                let is_at_start = expected.starts_with("what was written up to byte ");
                of == path && is_at_start && said.contains(found)
            }
            _ => false,
        }
    }
}

/// What keeps an archive from going on from its checkpoint, if it were started now.
pub fn expected(world: &World, config: &Archive) -> Option<Obstacle> {
    let path = config.state.join("checkpoint.json");
    let Some(bytes) = world.fs.peek(&path) else {
        let is_gone = world.touched(&config.name) == Some(Touched::Stateless);
        return is_gone.then_some(Obstacle::CheckpointGone);
    };
    if !is_whole(&bytes) {
        return Some(Obstacle::CheckpointDamaged);
    }
    let stored = parse(&bytes)?;
    for open in &stored.progress.segments {
        let path = segments::open_path(config, open);
        let found = found(world, &path, &open.mark).or_else(|| {
            let id = world.fs.id(&path)?;
            let bytes = world.fs.peek(&path)?;
            let other = open.mark.length == 0 && !bytes.is_empty();
            (other && id != open.file.id)
                .then(|| format!("another file with {} bytes in it", bytes.len()))
        });
        if let Some(found) = found {
            return Some(Obstacle::Foreign { path, found });
        }
    }
    let (path, mark) = segments::list(config, &stored);
    if mark.length == 0 {
        return None;
    }
    // Each line also has a checksum, so other bytes may be told by their line.
    let is_other = self::found(world, &path, mark).is_some();
    let found = String::new();
    is_other.then_some(Obstacle::Foreign { path, found })
}

/// What is there in place of what a mark says.
fn found(world: &World, path: &Path, mark: &Mark) -> Option<String> {
    let Some(bytes) = world.fs.peek(path) else {
        return Some("no file".into());
    };
    let length = usize::try_from(mark.length).unwrap_or(usize::MAX);
    let Some(own) = bytes.get(..length) else {
        return Some(format!("only {} bytes", bytes.len()));
    };
    let tail = &own[length.saturating_sub(4096)..];
    (format!("{:016x}", xxh3_64(tail)) != mark.fingerprint)
        .then(|| format!("different bytes in the last {} before that", tail.len()))
}

fn is_whole(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        format: u32,
        checksum: String,
        checkpoint: Box<RawValue>,
    }
    let outer = serde_json::from_slice::<Outer>(bytes);
    outer.is_ok_and(|outer| {
        let sum = xxh3_64(outer.checkpoint.get().as_bytes());
        outer.format == 3 && outer.checksum == format!("xxh3:{sum:016x}")
    })
}

/// Is this reason true of this archive, at this moment, in this process?
pub fn is_true(world: &World, config: &Archive, why: &Reason, process: &SimFs) -> bool {
    let is_touched = world.touched(&config.name).is_some();
    match why {
        Reason::Locked(e) => is_of_another_process(world, config, e, process),
        Reason::Owned(refused) => is_of_another_archive(world, config, refused),
        Reason::OtherCluster {
            expected, found, ..
        } => {
            let now = world.cluster.kafka().id();
            expected == "simulated" && found == "elsewhere" && now == "elsewhere"
        }
        Reason::FileExists { file, .. } => {
            *file == config.file && config.existing == Existing::Refuse && is_old(world, config)
        }
        Reason::NotWhole { file, .. } => {
            *file == config.file && config.existing == Existing::Append && is_torn(world, config)
        }
        Reason::Newline(at) => has_newline(world, config, at),
        Reason::Foreign {
            refused: Refused::Foreign { expected, .. },
            ..
        } if expected == "a segment of this archive" => has_other_base(world, config),
        why => {
            let expected = expected(world, config);
            let is_expected = expected.is_some_and(|expected| expected.is(why));
            is_touched && (is_expected || is_of_the_written_file(world, config, why))
        }
    }
}

/// Have all paths begun otherwise so far?
fn has_other_base(world: &World, config: &Archive) -> bool {
    let bytes = world.fs.peek(&config.state.join("checkpoint.json"));
    let stored = bytes.and_then(|bytes| parse(&bytes));
    stored.is_some_and(|stored| {
        let directory = config.template.fixed_directory();
        !Path::new(&stored.identity.file).starts_with(directory)
    })
}

/// The file was changed while it was being opened.
fn is_of_the_written_file(world: &World, config: &Archive, why: &Reason) -> bool {
    let Reason::Foreign {
        refused:
            Refused::Foreign {
                path,
                expected,
                found,
            },
        ..
    } = why
    else {
        return false;
    };
    let is_written = expected.starts_with("the file that is being written");
    is_written
        && (*path == config.file || !config.template.is_fixed())
        && match world.fs.peek(path) {
            None => found == "no file",
            Some(bytes) => {
                let length = bytes.len();
                *found == format!("another file, {length} bytes")
                    || found.starts_with(&format!("{length} bytes"))
            }
        }
}

fn is_of_another_process(world: &World, config: &Archive, e: &LockError, process: &SimFs) -> bool {
    match e {
        LockError::Taken { pid, .. } => world.fs.lived(*pid) && !process.is(*pid),
        LockError::TakenUnseen { .. } => {
            let files = [config.file.clone(), config.state.join("lock")];
            files.iter().any(|path| process.is_locked_by_another(path))
        }
        _ => false,
    }
}

fn is_of_another_archive(world: &World, config: &Archive, refused: &Refused) -> bool {
    let Refused::Owned { archive, dir, .. } = refused else {
        return false;
    };
    let bytes = world.fs.peek(&dir.join("checkpoint.json"));
    bytes.and_then(|bytes| parse(&bytes)).is_some_and(|stored| {
        let id = world.fs.id(&config.file);
        let mut segments = stored.progress.segments.iter();
        stored.identity.archive == *archive && segments.any(|segment| Some(segment.file.id) == id)
    })
}

/// Is there a file and no checkpoint? What is in it, whoever's it is may have cut back since.
fn is_old(world: &World, config: &Archive) -> bool {
    let checkpoint = world.fs.peek(&config.state.join("checkpoint.json"));
    let is_empty = world.fs.peek(&config.file).is_none_or(|b| b.is_empty());
    checkpoint.is_none() && (!is_empty || world.is_contested.load(Ordering::Relaxed))
}

/// The same, and does the file not end with a whole line?
fn is_torn(world: &World, config: &Archive) -> bool {
    let bytes = world.fs.peek(&config.file).unwrap_or_default();
    let decoded = decode(&bytes, config.compression);
    let fits = decoded.is_ok_and(|lines| lines.last().is_none_or(|&byte| byte == b'\n'));
    is_old(world, config) && (!fits || world.is_contested.load(Ordering::Relaxed))
}

fn has_newline(world: &World, config: &Archive, at: &NewlineInValue) -> bool {
    let kafka = world.cluster.kafka();
    let lives = kafka.topics[&config.topic].lives.iter();
    // It may have been deleted in the meantime.
    let mut logs = lives.filter_map(|life| life.partition(at.partition));
    let is_it = |written: &Written| {
        let mut value = written.value.iter().flatten();
        written.offset == at.offset && value.any(|&byte| byte == b'\n')
    };
    let is_it =
        config.format == Format::Raw(Newline::Fail) && logs.any(|log| log.all.iter().any(is_it));
    if is_it {
        lock(&world.at_newline).insert(config.name.clone());
    }
    is_it
}
