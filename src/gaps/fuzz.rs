//! What must hold of a list of gaps, whatever bytes it is made of.

use super::{LINE_BYTES_MAX, damaged_line, seal};

/// A list is whole or not; the bytes as a line with a fitting checksum are, and aren't with any other one.
pub fn gaps(bytes: &[u8]) {
    let damaged = |list: &[u8], known| damaged_line(list, known).is_ok_and(|line| line.is_some());
    let is_whole = |list: &[u8]| !damaged(list, list.len() as u64);
    assert!(!is_whole(bytes) || bytes.last().is_none_or(|last| *last == b'\n'));
    // What is not known may only be less whole than what is.
    assert!(!damaged(bytes, 0) || !is_whole(bytes));
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = &line[..line.len().min(LINE_BYTES_MAX as usize / 2)];
    let mut list = [line, &seal(line)].concat();
    assert!(is_whole(&list));
    list.extend_from_within(..);
    assert!(is_whole(&list));
    if let Some(last) = line.len().checked_sub(1) {
        list[last] ^= 0x40;
        assert!(!is_whole(&list));
    }
}
