//! Whether a segment's index is what it should be.

use std::io;
use std::sync::atomic::AtomicU64;

use crate::archive::{Segment, State};
use crate::digest::Digest;
use crate::index::IndexError;
use crate::read::{self, Checked, Damage, Sealed};

/// How a segment and its index are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Its index says of each line which record it is, as far as archiver has written it.
    Sound,
    /// Its index is lost or damaged, or doesn't cover it. The segment is what was written.
    Unindexed,
    /// The segment itself isn't what was written.
    Damaged,
}

/// Reads a segment and its index, and says how they are. The bytes of the segment are added to `read` as they are read.
///
/// # Errors
///
/// If they can't be read.
pub fn condition(segment: &Segment, read: &AtomicU64) -> io::Result<Condition> {
    let (digest, is_sealed) = match &segment.state {
        State::Sealed(sealed) => (sealed.xxh128.as_deref().and_then(Digest::parse), true),
        State::Growing(_) => (None, false),
    };
    let sealed = is_sealed.then_some(Sealed {
        digest,
        lines: None,
    });
    let readable = segment.readable(segment.bytes());
    let checked = read::check(&readable, sealed.as_ref(), read, &mut |_| {})?;
    for damage in &checked.damage {
        // What can't be read now may be sound. What is no file is none.
        if let Damage::Index(IndexError::Io(e)) = damage
            && let Some(code) = e.raw_os_error()
        {
            return Err(io::Error::from_raw_os_error(code));
        }
    }
    let contents = segment.contents();
    let expected = contents.partitions.iter();
    let expected = expected.map(|(partition, span)| span.of_partition(*partition));
    if checked.damage.is_empty()
        && checked.unindexed_bytes <= contents.uncounted_bytes
        && expected.eq(checked.spans.iter().copied())
    {
        return Ok(Condition::Sound);
    }
    let is_whole = match digest {
        // A block may seem damaged because the index is.
        Some(digest) => checked.digest == Some(digest) && !has_length(&checked),
        None => !checked.damage.iter().any(is_of_segment),
    };
    Ok(match is_whole {
        true => Condition::Unindexed,
        false => Condition::Damaged,
    })
}

fn has_length(checked: &Checked) -> bool {
    let mut damage = checked.damage.iter();
    damage.any(|damage| matches!(damage, Damage::Length { .. }))
}

fn is_of_segment(damage: &Damage) -> bool {
    matches!(
        damage,
        Damage::Missing
            | Damage::Length { .. }
            | Damage::Digest { .. }
            | Damage::Lines { .. }
            | Damage::Block { .. }
    )
}
