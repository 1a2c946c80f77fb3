//! Lists: files of JSON lines that only grow, each line with a checksum of its own.
//!
//! A line's last key is the checksum of the bytes before it, as the mark in a checkpoint covers only the last bytes of
//! the list.

use std::io::{self, BufRead, Read};

use crate::mark::checksum;

/// The largest length of a line, in bytes.
pub const LINE_BYTES_MAX: u64 = 16 << 20;

/// Why a list can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The line of this number, from 1, is not as it was written.
    #[error("other bytes in line {0}, whose checksum doesn't match")]
    Damaged(u64),
    /// The line of this number, from 1, was not written behind the one before it.
    #[error(
        "line {0}, which was not written behind the line before it: lines were exchanged, removed or put in"
    )]
    OutOfPlace(u64),
    /// A newer program wrote the line of this number, from 1.
    #[error("line {0}, which a newer archiver wrote; use that one")]
    Newer(u64),
}

/// The line of a JSON object: with its checksum and a newline.
pub fn seal(object: Vec<u8>) -> io::Result<Vec<u8>> {
    seal_behind(object, None)
}

/// The same, naming the checksum of the line before.
pub(crate) fn seal_behind(mut object: Vec<u8>, previous: Option<&str>) -> io::Result<Vec<u8>> {
    // Its closing brace comes after the checksum.
    if object.pop() != Some(b'}') {
        return Err(io::Error::other("a line of a list is an object"));
    }
    if let Some(previous) = previous {
        object.extend(format!("{PREVIOUS}{previous}\"").into_bytes());
    }
    let end = end(&object);
    object.extend(end);
    Ok(object)
}

/// How a line names the one before.
const PREVIOUS: &str = ",\"previous\":\"";
/// How long a checksum is, in bytes.
const CHECKSUM_BYTES: usize = "xxh3:0123456789abcdef".len();

/// The checksum of a line as it was written.
pub(crate) fn checksum_of(line: &[u8]) -> Option<&str> {
    let said = line.strip_suffix(b"\"}\n")?;
    std::str::from_utf8(said.get(said.len().checked_sub(CHECKSUM_BYTES)?..)?).ok()
}

/// The checksum of the line before, if a line as it was written names it.
pub(crate) fn previous_of(line: &[u8]) -> Option<&str> {
    let said = line.get(..line.len().checked_sub(end(&[]).len())?)?;
    let said = said.strip_suffix(b"\"")?;
    let (before, previous) = said.split_at(said.len().checked_sub(CHECKSUM_BYTES)?);
    let previous = before.ends_with(PREVIOUS.as_bytes()).then_some(previous)?;
    std::str::from_utf8(previous).ok()
}

/// The end of a line: the checksum of the bytes before it, the brace, the newline.
pub(crate) fn end(line: &[u8]) -> Vec<u8> {
    format!(",\"checksum\":\"{}\"}}\n", checksum(line)).into_bytes()
}

/// Is this a line as it was written, newline included?
pub(crate) fn is_whole(line: &[u8]) -> bool {
    let at = line.len().saturating_sub(end(&[]).len());
    line[at..] == end(&line[..at])
}

/// Reads a list, and gives each line that is as it was written to `visit`, with its number, from 1, and the number of
/// the byte behind it. Up to byte `known` all lines must be so. After that a crash may have left parts of unfinished
/// writes, which are skipped; where no bytes are known, the first line must at least begin like one.
pub fn read(
    mut list: impl BufRead,
    known: u64,
    begins: &[u8],
    mut visit: impl FnMut(u64, u64, &[u8]) -> Result<(), ListError>,
) -> Result<(), ListError> {
    let (mut line, mut end) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let mut limited = (&mut list).take(LINE_BYTES_MAX);
        let length = limited.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        end += length as u64;
        // May this be the first part of a line, or a line of which some sectors were lost?
        let has_begun =
            || line.contains(&0) || begins.starts_with(&line[..line.len().min(begins.len())]);
        let may_be_torn = end > known && (number > 1 || has_begun());
        if is_whole(&line) {
            visit(number, end, &line)?;
        } else if !may_be_torn {
            return Err(ListError::Damaged(number));
        } else if let Some(at) = last_begin(&line, begins)
            && is_whole(&line[at..])
        {
            // What was before it on the line is gone, with its newline.
            visit(number, end, &line[at..])?;
        }
    }
    Ok(())
}

/// Where the last line begins that these bytes may have in them.
fn last_begin(bytes: &[u8], begins: &[u8]) -> Option<usize> {
    memchr::memmem::rfind(bytes, begins)
}
