//! What must hold of a checkpoint, whatever bytes it is made of.

use std::path::PathBuf;

use serde_json::value::RawValue;

use super::store::{decode, encode, seal};

/// A checkpoint is taken only if it is what would be written; so are the bytes with a fitting checksum around them.
pub fn checkpoint(bytes: &[u8]) {
    taken(bytes);
    let inner = String::from_utf8(bytes.to_vec()).ok();
    let inner = inner.and_then(|text| RawValue::from_string(text).ok());
    if let Some(sealed) = inner.and_then(|inner| seal(inner).ok()) {
        taken(&sealed);
    }
}

fn taken(bytes: &[u8]) {
    if let Ok(checkpoint) = decode(bytes, PathBuf::new()) {
        assert_eq!(encode(&checkpoint).ok().as_deref(), Some(bytes));
        let next_offsets = &checkpoint.progress.next_offsets;
        assert!(next_offsets.iter().all(|(p, next)| *p >= 0 && *next >= 0));
    }
}
