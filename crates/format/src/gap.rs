//! Gaps: offsets that an archive will never hold. They are lines of the manifest; an earlier program listed them in
//! `gaps.ndjson`, which is taken up.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use crate::list::{self, ListError};
use crate::record::{NextOffset, Partition};

/// Offsets that will never be in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// The line that an earlier program listed a gap by, newline included; its last key is the checksum of the bytes before
/// it.
pub fn encode(gap: &Gap) -> io::Result<Vec<u8>> {
    list::seal(serde_json::to_vec(gap)?)
}

/// Reads the list of gaps that an earlier program kept in a file of its own, up to byte `known`; what is behind that is
/// what a crash has left.
pub fn read(list: impl BufRead, known: u64) -> Result<Vec<Gap>, ListError> {
    let mut gaps = Vec::new();
    list::read(list, known, BEGINS, |number, end, line| {
        match serde_json::from_slice(line) {
            Ok(gap) if end <= known => gaps.push(gap),
            Err(_) if end <= known => return Err(ListError::Damaged(number)),
            _ => {}
        }
        Ok(())
    })?;
    Ok(gaps)
}

/// How each line begins.
const BEGINS: &[u8] = br#"{"noticed":""#;

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
        let damaged = |list: &[u8], known| match read(list, known) {
            Ok(_) => None,
            Err(ListError::Damaged(line)) => Some(line),
            Err(e) => panic!("{e}"),
        };
        let (whole, both) = (lines.concat(), 2 * one);
        assert_eq!(read(&whole[..], both).expect("whole").len(), 2);
        assert_eq!(read(&whole[..], one).expect("whole").len(), 1);
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
