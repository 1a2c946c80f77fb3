//! Gaps: offsets that an archive will never hold, each a line of `gaps.ndjson`.
//!
//! Each line ends with a checksum of its bytes before that, as the mark in the checkpoint covers only the last bytes of
//! the list.

use std::io::{self, BufRead, Read};

use serde::Serialize;

use crate::mark::checksum;
use crate::record::{NextOffset, Partition};

/// Offsets that will never be in the archive.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// When it was noticed, RFC 3339 in UTC.
    pub noticed: String,
    /// The topic's id when the gap was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// The partition that it is in.
    pub partition: Partition,
    /// The first offset that is missing.
    pub from: NextOffset,
    /// The offset after the last one that is missing; `None` when nobody can know it.
    pub to: Option<NextOffset>,
    /// Why it is missing.
    pub reason: GapReason,
    /// The reason in a sentence.
    pub explanation: String,
}

/// Why offsets are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Kafka deleted them (retention, DeleteRecords) before they were read.
    Expired,
    /// The topic was deleted and created again.
    Recreated,
    /// The log got shorter: Kafka lost records that it had acknowledged or shown.
    Truncated,
    /// Kafka holds them damaged, and they are to be skipped.
    Corrupt,
}

/// The largest length of a gap's line, in bytes.
pub(crate) const LINE_BYTES_MAX: u64 = 1 << 16;

/// A gap's line, newline included; its last key is the checksum of the bytes before it.
pub fn encode(gap: &Gap) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(gap)?;
    // Its closing brace comes after the checksum.
    line.pop();
    let seal = seal(&line);
    line.extend(seal);
    Ok(line)
}

/// The end of a line: the checksum of the bytes before it, the brace, the newline.
pub(crate) fn seal(line: &[u8]) -> Vec<u8> {
    format!(",\"checksum\":\"{}\"}}\n", checksum(line)).into_bytes()
}

/// The number, from 1, of the first line that is not as it was written. After the first `known` bytes a crash may have
/// left parts of unfinished writes. Where no bytes are known, the first line must at least begin like a gap's.
pub fn damaged_line(mut list: impl BufRead, known: u64) -> io::Result<Option<u64>> {
    let (mut line, mut end) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let length = (&mut list)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        end += length as u64;
        let at = length.saturating_sub(seal(&[]).len());
        let is_whole = line[at..] == seal(&line[..at]);
        let may_be_torn = end > known && (number > 1 || may_have_begun(&line));
        if !is_whole && !may_be_torn {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// May this be the first part of a line, or a line of which some sectors were lost?
fn may_have_begun(line: &[u8]) -> bool {
    let begins = br#"{"noticed":""#;
    line.contains(&0) || begins.starts_with(&line[..line.len().min(begins.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(partition: Partition) -> Vec<u8> {
        encode(&Gap {
            noticed: "2026-11-21T02:32:22Z".into(),
            topic_id: None,
            partition,
            from: NextOffset::new(3),
            to: Some(NextOffset::new(5)),
            reason: GapReason::Expired,
            explanation: "Kafka deleted up to 2 records before they were read".into(),
        })
        .expect("a line")
    }

    #[test]
    fn only_what_no_checkpoint_knows_may_be_torn() {
        let lines = [line(0), line(1)];
        let one = lines[0].len() as u64;
        let damaged = |list: &[u8], known| damaged_line(list, known).expect("read");
        let (whole, both) = (lines.concat(), 2 * one);
        assert_eq!(damaged(&whole, both), None);
        let torn = &whole[..whole.len() - 9];
        assert_eq!(damaged(torn, one), None);
        assert_eq!(damaged(torn, torn.len() as u64), Some(2));
        assert_eq!(damaged(&[&lines[0][..], b"x"].concat(), one), None);
        let mut changed = whole.clone();
        changed[40] ^= 1;
        assert_eq!(damaged(&changed, both), Some(1));
        assert_eq!(damaged(&changed, one), Some(1));
        assert_eq!(damaged(&lines[0][..20], 0), None);
        assert_eq!(damaged(b"somebody's\n", 0), Some(1));
    }
}
