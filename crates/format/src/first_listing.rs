//! The first listing of a pattern of topics: those that were there when it was new. Every other topic has been created
//! since, and its archive begins at its first record.
//!
//! The file is one line, `{"format":1,"checksum":"xxh3:…","listing":{…}}`; the checksum is XXH3-64 of the bytes of the
//! inner object as they stand there. It is written once, before the pattern has any archive, and accepted only if
//! writing it again gives the same bytes.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::checkpoint::Unusable;
use crate::mark::checksum;

/// The version of the format.
pub const VERSION: u32 = 1;

/// The topics that were there when a pattern was new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstListing {
    /// The pattern, for people.
    pub pattern: String,
    /// The id of the cluster that was asked, if its brokers tell.
    pub cluster_id: Option<String>,
    /// The topics that the pattern matched, and the id of each, if the brokers tell.
    pub topics: BTreeMap<String, Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: u32,
    checksum: String,
    listing: Box<RawValue>,
}

/// The bytes of a listing.
pub fn encode(listing: &FirstListing) -> io::Result<Vec<u8>> {
    let listing = serde_json::value::to_raw_value(listing)?;
    let mut bytes = serde_json::to_vec(&Envelope {
        format: VERSION,
        checksum: checksum(listing.get().as_bytes()),
        listing,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a listing from its bytes.
pub fn decode(bytes: &[u8]) -> Result<FirstListing, Unusable> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    const NOT_OURS: Unusable = Unusable::Damaged("it is not what archiver writes");
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { format }) if format > VERSION => return Err(Unusable::Newer(format)),
        Ok(_) => {}
        Err(_) => return Err(NOT_OURS),
    }
    let envelope = serde_json::from_slice::<Envelope>(bytes).map_err(|_| NOT_OURS)?;
    let inner = envelope.listing.get();
    if envelope.checksum != checksum(inner.as_bytes()) {
        return Err(Unusable::Damaged("its checksum doesn't match"));
    }
    let listing = serde_json::from_str(inner).map_err(|_| NOT_OURS)?;
    match encode(&listing) {
        Ok(written) if written == bytes => Ok(listing),
        _ => Err(NOT_OURS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> FirstListing {
        FirstListing {
            pattern: "a.*".into(),
            cluster_id: Some("c".into()),
            topics: [("a1".into(), Some("id".into())), ("a2".into(), None)].into(),
        }
    }

    #[test]
    fn a_listing_comes_back_from_its_bytes_and_from_no_others() {
        let bytes = encode(&listing()).expect("JSON");
        assert_eq!(decode(&bytes), Ok(listing()));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(decode(&other).is_err(), "byte {at}");
            assert!(decode(&bytes[..at]).is_err(), "cut to {at}");
        }
        let newer = String::from_utf8(bytes).expect("text");
        let newer = newer.replace("\"format\":1", "\"format\":2");
        assert_eq!(decode(newer.as_bytes()), Err(Unusable::Newer(2)));
    }
}
