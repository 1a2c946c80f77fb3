//! A file that only grows. It is cut back only to a mark that proves its bytes to be archiver's own, or to where its
//! own failed write began.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::mark::{FileId, Mark, TAIL, Tail};

use super::lock::{LockError, lock_data};
use crate::world::fs::{File, Fs};

/// A file that archiver appends to, locked, and its last bytes for the next mark.
pub struct AppendFile {
    path: PathBuf,
    file: Arc<dyn File>,
    length: u64,
    tail: Tail,
}

/// Where a file ended before an append that may have to be taken back.
pub struct Savepoint {
    length: u64,
    tail: Tail,
}

/// Why a file is not written to.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Another archiver writes it.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// Another archive goes on in it when it is started again.
    #[error("{} is the file of archive {archive}, whose checkpoint is in {}", path.display(), dir.display())]
    Owned {
        path: PathBuf,
        archive: String,
        dir: PathBuf,
    },
    /// It is not the file that was expected there.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Foreign {
        path: PathBuf,
        expected: String,
        found: String,
    },
}

impl Refused {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

impl AppendFile {
    /// Creates a file that must not exist, and locks it.
    pub fn create(fs: &dyn Fs, path: &Path) -> Result<Self, Refused> {
        let file = fs.create_new(path).map_err(|e| Refused::io(path, e))?;
        lock_data(fs, path, &file)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length: 0,
            tail: Tail::default(),
        })
    }

    /// Locks an existing file and takes it as it is, to append to it.
    pub fn adopt(fs: &dyn Fs, path: &Path) -> Result<Self, Refused> {
        let io = |e| Refused::io(path, e);
        let file = fs.open(path).map_err(io)?;
        lock_data(fs, path, &file)?;
        let length = file.stat().map_err(io)?.length;
        let tail = read_tail(&*file, length).map_err(io)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length,
            tail,
        })
    }

    /// Opens a file as it was at `mark`, if the bytes before are those that were written and nobody else has locked it.
    /// A mark at 0 proves nothing, so there `id` must tell that it is the same file. A file that is `locked` already is
    /// not opened again. Bytes after the mark are yet to be cut off.
    pub fn resume(
        fs: &dyn Fs,
        path: &Path,
        mark: &Mark,
        id: FileId,
        locked: Option<Arc<dyn File>>,
    ) -> Result<Self, Refused> {
        let io = |e| Refused::io(path, e);
        let foreign = |found: String| Refused::Foreign {
            path: path.to_path_buf(),
            expected: format!("what was written up to byte {}", mark.length),
            found,
        };
        let file = match locked {
            Some(file) => file,
            None => match fs.open(path) {
                Ok(file) => {
                    lock_data(fs, path, &file)?;
                    file
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    return Err(foreign("no file".into()));
                }
                Err(e) => return Err(io(e)),
            },
        };
        let found = file.stat().map_err(io)?;
        if !found.is_file {
            return Err(foreign("something that is not a file".into()));
        }
        if found.length < mark.length {
            return Err(foreign(format!("only {} bytes", found.length)));
        }
        if mark.length == 0 && found.length > 0 && found.id() != id {
            return Err(foreign(format!(
                "another file with {} bytes in it",
                found.length
            )));
        }
        let tail = read_tail(&*file, mark.length).map_err(io)?;
        if tail.mark(mark.length) != *mark {
            return Err(foreign(format!(
                "different bytes in the last {} before that",
                mark.tail_length()
            )));
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length: mark.length,
            tail,
        })
    }

    /// Cuts off all bytes behind the file's end as it is known here, and says how many they were. A file that somebody
    /// has made shorter stays so.
    pub fn cut(&self) -> Result<u64, Refused> {
        let io = |e| Refused::io(&self.path, e);
        let found = self.file.stat().map_err(io)?.length;
        if found > self.length {
            self.file.set_len(self.length).map_err(io)?;
        }
        Ok(found.saturating_sub(self.length))
    }

    /// Appends all of `bytes`, or (as far as the file system lets it) nothing. Refuses to go on in a file whose length
    /// somebody else has changed.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if let Err(e) = self.file.append(bytes) {
            // If this fails too, the next start cuts the file back to its checkpoint.
            let _ = self.cut();
            return Err(Refused::io(&self.path, e));
        }
        let expected = self.length + bytes.len() as u64;
        let found = self.file.stat().map_err(|e| Refused::io(&self.path, e))?;
        if found.length != expected {
            return Err(foreign(&self.path, expected, found.length));
        }
        self.length = expected;
        self.tail.push(bytes);
        Ok(())
    }

    /// Where it ends, to go back there.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint {
            length: self.length,
            tail: self.tail.clone(),
        }
    }

    /// Takes back everything that was appended since.
    pub fn go_back(&mut self, savepoint: Savepoint) -> Result<(), Refused> {
        (self.length, self.tail) = (savepoint.length, savepoint.tail);
        self.cut().map(drop)
    }

    /// Checks that the path still leads to this file, and that nobody else changed its length.
    pub fn check(&self, fs: &dyn Fs) -> Result<(), Refused> {
        check_path(fs, &self.path, &self.file, 0)?;
        check_length(&self.path, &self.file, self.length)
    }

    /// The mark at the file's end.
    pub fn mark(&self) -> Mark {
        self.tail.mark(self.length)
    }

    /// Its length in bytes, as far as it is archiver's.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The open file.
    pub fn handle(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for AppendFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.path.display(), self.length)
    }
}

/// Somebody else has written to the file or cut it.
fn foreign(path: &Path, expected: u64, found: u64) -> Refused {
    let done = if found > expected {
        "written to it"
    } else {
        "cut it"
    };
    Refused::Foreign {
        path: path.to_path_buf(),
        expected: format!("the file that is being written, {expected} bytes"),
        found: format!("{found} bytes: somebody else has {done}"),
    }
}

/// Checks that an open file has this length.
pub fn check_length(path: &Path, file: &Arc<dyn File>, length: u64) -> Result<(), Refused> {
    let here = file.stat().map_err(|e| Refused::io(path, e))?;
    match here.length == length {
        true => Ok(()),
        false => Err(foreign(path, length, here.length)),
    }
}

/// Checks that a path leads to the file that is open, and that it has at least so many bytes.
pub fn check_path(
    fs: &dyn Fs,
    path: &Path,
    file: &Arc<dyn File>,
    least: u64,
) -> Result<(), Refused> {
    let elsewhere = |found: String| Refused::Foreign {
        path: path.to_path_buf(),
        expected: "the file that is being written".into(),
        found,
    };
    let here = file.stat().map_err(|e| Refused::io(path, e))?;
    let there = match fs.stat(path) {
        Ok(there) => there,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(elsewhere("no file".into())),
        Err(e) => return Err(Refused::io(path, e)),
    };
    if (there.device, there.inode) != (here.device, here.inode) {
        return Err(elsewhere(format!("another file, {} bytes", there.length)));
    }
    if there.length < least {
        return Err(foreign(path, least, there.length));
    }
    Ok(())
}

/// The bytes before `end`, at most [`TAIL`] of them.
pub fn read_tail(file: &dyn File, end: u64) -> io::Result<Tail> {
    let length = usize::try_from(end).map_or(TAIL, |end| end.min(TAIL));
    let mut tail = vec![0; length];
    file.read_exact_at(&mut tail, end - length as u64)?;
    Ok(Tail::new(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::disk::{Fault, Faults, SimFs};
    use crate::sim::random::Random;

    #[test]
    fn a_failed_write_does_not_lengthen_a_file_that_somebody_has_cut() {
        for seed in 0..20 {
            let world = SimFs::new(Random::new(seed));
            let (fs, path) = (world.start(), Path::new("/out"));
            let mut file = AppendFile::create(&fs, path).expect("created");
            file.append(b"a line that is written\n").expect("written");
            world.alter(path, |bytes| bytes.truncate(6));
            let next = world.counts().0 + 1;
            let at = Some((next, Fault::Full));
            world.set_faults(Faults {
                at,
                ..Faults::default()
            });
            file.append(b"more\n").expect_err("no room");
            let left = world.peek(path).expect("a file");
            assert!(b"a linemore\n".starts_with(&left), "{left:?}");
        }
    }
}
