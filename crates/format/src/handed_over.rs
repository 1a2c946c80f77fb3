//! How far sealed segments were handed over to the command of `on_seal`, as it stands in `handed-over.json`.
//!
//! Segments are handed over in the order of their lines in the manifest, so a place there says all of it. The file is
//! one line of JSON, with its checksum as in a list.

use std::io;

use serde::{Deserialize, Serialize};

use crate::list::{self, ListError};
use crate::mark::Mark;

/// The version of the line.
pub const VERSION: u32 = 1;

/// Everything that is sealed before a place in the manifest was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The number of the last segment that was, for people.
    pub sequence: u64,
    /// The end of its line in the manifest.
    pub manifest: Mark,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename = "handed_over")]
struct Line {
    version: u32,
    #[serde(flatten)]
    of: HandedOver,
}

/// The bytes of the file.
pub fn encode(of: &HandedOver) -> io::Result<Vec<u8>> {
    list::seal(serde_json::to_vec(&Line {
        version: VERSION,
        of: of.clone(),
    })?)
}

/// Reads the file's bytes, which must be as they were written.
pub fn decode(bytes: &[u8]) -> Result<HandedOver, ListError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let mut found = None;
    list::read(bytes, bytes.len() as u64, BEGINS, |number, _, line| {
        let version = serde_json::from_slice::<Version>(line).map(|line| line.version);
        if version.is_ok_and(|version| version > VERSION) {
            return Err(ListError::Newer(number));
        }
        let line = serde_json::from_slice::<Line>(line);
        found = Some(line.map_err(|_| ListError::Damaged(number))?.of);
        Ok(())
    })?;
    found.ok_or(ListError::Damaged(1))
}

/// How the line begins.
const BEGINS: &[u8] = br#"{"type":""#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        let of = HandedOver {
            sequence: 7,
            manifest: Mark {
                length: 1202,
                fingerprint: "c26ca0115f5a64b2".into(),
            },
        };
        let bytes = encode(&of).expect("a line");
        assert_eq!(decode(&bytes).expect("a place"), of);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode(&changed).is_err(), "byte {at}");
            assert!(decode(&bytes[..at]).is_err(), "{at} bytes");
        }
        let newer = br#"{"type":"handed_over","version":2}"#.to_vec();
        let newer = list::seal(newer).expect("a line");
        assert!(matches!(decode(&newer), Err(ListError::Newer(1))));
    }
}
