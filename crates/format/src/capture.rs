//! A capture: the part of a topic that an archive takes, fixed before it takes anything, so that it can be resumed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::open;
use crate::position::Positions;
use crate::record::{NextOffset, Partition};
use crate::state_files::StateDir;

/// The version of the format.
pub const VERSION: u32 = 1;

/// What an archive takes of its topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// The version of the format.
    pub format: u32,
    /// What was asked for, as it was typed. Only the same can be resumed.
    pub asked: Vec<String>,
    /// Where each partition begins.
    pub from: Positions,
    /// Where each partition ends, behind its last offset; `None` as long as it goes on.
    pub to: Option<BTreeMap<Partition, NextOffset>>,
    /// The first timestamp that is taken, in milliseconds since 1970, if not all are.
    pub since: Option<i64>,
    /// The first later timestamp that isn't, in milliseconds since 1970.
    pub until: Option<i64>,
    /// A partition is over at a record with this timestamp or a later one, in milliseconds since 1970.
    pub over_at: Option<i64>,
    /// So many records are taken at most.
    pub records: Option<u64>,
}

impl Capture {
    /// The one that is kept in this state directory; `None` if its archive is no capture.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or isn't what was written.
    pub fn load(state: &StateDir) -> io::Result<Option<Self>> {
        let bytes = match open::read_state(&state.capture()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let capture = Self::decode(&bytes);
        capture
            .map(Some)
            .map_err(|e| io::Error::other(format!("it is not what was written: {e}")))
    }

    /// The timestamps that are taken, in milliseconds since 1970.
    pub fn times(&self) -> Range<i64> {
        self.since.unwrap_or(i64::MIN)..self.until.unwrap_or(i64::MAX)
    }

    /// The bytes of its file.
    ///
    /// # Errors
    ///
    /// If it can't be written as JSON.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads it from the bytes of its file.
    ///
    /// # Errors
    ///
    /// If they are not what was written, or were written by a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version = serde_json::from_slice::<Version>(bytes).map_err(|e| e.to_string())?;
        if version.format > VERSION {
            return Err(format!(
                "it has format {}, this archiver knows up to {VERSION}",
                version.format
            ));
        }
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_comes_back_from_its_bytes() {
        let capture = Capture {
            format: VERSION,
            asked: vec!["--all".into()],
            from: [(0, NextOffset::new(3).into())].into(),
            to: Some([(0, NextOffset::new(9))].into()),
            since: Some(-1),
            until: None,
            over_at: Some(5),
            records: Some(7),
        };
        let bytes = capture.encode().expect("JSON");
        assert_eq!(Capture::decode(&bytes), Ok(capture));
        let newer = String::from_utf8(bytes)
            .expect("text")
            .replace("\"format\":1", "\"format\":2");
        assert!(
            Capture::decode(newer.as_bytes()).is_err_and(|said| said.contains("knows up to 1"))
        );
        assert!(Capture::decode(b"{}").is_err());
    }
}
