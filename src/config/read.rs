//! Reading what a configuration is made of: bounded, and never waiting for what is no file.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// 20,000 archives take a tenth of it.
const CONFIG_BYTES_MAX: u64 = 64 << 20;

/// How standard input may be named.
const STANDARD_INPUT: [&str; 2] = ["-", "/dev/stdin"];

fn is_standard_input(path: &Path) -> bool {
    STANDARD_INPUT.iter().any(|name| path == Path::new(name))
}

/// What a configuration's file is called in messages.
pub fn source_name(path: &Path) -> String {
    if is_standard_input(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The same with all of the path, for who may be in another directory.
pub fn full_name(path: &Path) -> String {
    match std::path::absolute(path) {
        Ok(full) if !is_standard_input(path) => source_name(&full),
        _ => source_name(path),
    }
}

/// All of a configuration's file, or of standard input.
pub(super) fn read_source(path: &Path) -> io::Result<Vec<u8>> {
    if !is_standard_input(path) {
        return read_regular(path, CONFIG_BYTES_MAX);
    }
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let is_readable = |kind: FileType| kind.is_file() || kind.is_fifo();
    read(
        input,
        CONFIG_BYTES_MAX,
        is_readable,
        "neither a pipe nor a regular file",
    )
}

/// All of a regular file of so many MiB at most; symbolic links are followed.
pub(super) fn read_regular(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    const REFUSED: &str = "not a regular file";
    let mut how = OpenOptions::new();
    // To open a pipe is to wait for somebody at its other end.
    how.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = how
        .read(true)
        .open(path)
        .map_err(|e| match e.raw_os_error() {
            // A socket.
            Some(libc::ENXIO) => io::Error::other(REFUSED),
            _ => e,
        })?;
    read(file, bytes_max, |kind| kind.is_file(), REFUSED)
}

/// Reads a file that is open, if it is of the right kind and no longer than it may be.
fn read(
    file: File,
    bytes_max: u64,
    is_readable: impl Fn(FileType) -> bool,
    refused: &str,
) -> io::Result<Vec<u8>> {
    if !is_readable(file.metadata()?.file_type()) {
        return Err(io::Error::other(refused));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let limit = bytes_max >> 20;
        return Err(io::Error::other(format!("more than {limit} MiB")));
    }
    Ok(bytes)
}
