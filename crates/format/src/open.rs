//! Opening what is to be read. Only regular files are: a pipe in the place of one would keep whoever reads it waiting for
//! ever.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// For opening what may be anything: a pipe without anybody at its other end, a terminal.
const CAREFULLY: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

/// Opens a segment, perhaps through a symbolic link.
///
/// # Errors
///
/// If it can't be opened, or is no regular file.
pub(crate) fn segment(path: &Path) -> io::Result<File> {
    open(path, CAREFULLY)
}

/// Opens a file of the state, through no symbolic link.
///
/// # Errors
///
/// If it can't be opened, is no regular file, or is only a link to one.
pub(crate) fn state(path: &Path) -> io::Result<File> {
    open(path, CAREFULLY | libc::O_NOFOLLOW)
}

/// Reads a whole file of the state; see [`state`].
pub(crate) fn read_state(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    state(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open(path: &Path, flags: i32) -> io::Result<File> {
    let not_regular = || io::Error::other("it is not a regular file");
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| match e.raw_os_error() {
            // Without O_NOFOLLOW it leads in a circle, and the system's words are better.
            Some(libc::ELOOP) if flags & libc::O_NOFOLLOW != 0 => {
                io::Error::other("it is a symbolic link")
            }
            Some(libc::ENXIO | libc::ENODEV) => not_regular(),
            _ => e,
        })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_regular()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    /// Puts a pipe at a path, in place of a file.
    pub(crate) fn make_pipe(path: &Path) {
        let _ = fs::remove_file(path);
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    }

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "x").expect("a file");
        symlink(path("file"), path("link")).expect("a link");
        fs::create_dir(path("directory")).expect("a directory");
        make_pipe(&path("pipe"));
        let _socket = UnixListener::bind(path("socket")).expect("a socket");
        let said = |opened: io::Result<File>| opened.err().map(|e| e.to_string());
        for name in ["directory", "pipe", "socket"] {
            let not_regular = Some("it is not a regular file".to_owned());
            assert_eq!(said(segment(&path(name))), not_regular, "{name}");
            assert_eq!(said(state(&path(name))), not_regular, "{name}");
        }
        assert_eq!(said(segment(&path("file"))), None);
        assert_eq!(said(segment(&path("link"))), None);
        assert_eq!(said(state(&path("file"))), None);
        let link = Some("it is a symbolic link".to_owned());
        assert_eq!(said(state(&path("link"))), link);
        assert_eq!(read_state(&path("file")).expect("read"), b"x");
        let none = state(&path("none")).expect_err("isn't there");
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }
}
