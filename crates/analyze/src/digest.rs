//! What archives hold at a moment, as a digest: another one as soon as a record has come, and the same for a copy.

use std::fmt::Write;

use archiver::catalog::Chosen;
use archiver_format::archive::{Archive, State};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of what is meant of an archive: its topic, and each segment by what the manifest or the checkpoint says of it, its
/// length and its own digest or fingerprint included.
pub fn of_archive(chosen: &Chosen, archive: &Archive) -> String {
    let mut digest = Sha256::new();
    let identity = &archive.checkpoint.identity;
    add(
        &mut digest,
        &(&identity.topic, &identity.topic_id, &identity.cluster_id),
    );
    for segment in chosen.segments(archive) {
        match &segment.state {
            State::Growing(growing) => {
                add(
                    &mut digest,
                    &(&segment.format, segment.compression, growing),
                );
            }
            State::Sealed(sealed) => add(&mut digest, sealed),
        }
    }
    hex(&digest.finalize())
}

/// What is meant of an archive, whatever it holds by now: its name, its topic, and the number of a segment if only that is meant.
pub fn origin(chosen: &Chosen, archive: &Archive) -> String {
    let identity = &archive.checkpoint.identity;
    let of_topic = (&identity.topic, &identity.topic_id, &identity.cluster_id);
    format!("{:?} {of_topic:?} {:?}", chosen.name, chosen.segment)
}

/// Adds something as it is written, with an end.
fn add(digest: &mut Sha256, what: &impl Serialize) {
    // What archiver has read as JSON can be written as JSON.
    let text = serde_json::to_string(what).unwrap_or_default();
    digest.update(text.as_bytes());
    digest.update(b"\n");
}

/// Bytes as they are printed.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A text takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
