//! Which segments of an archive are sealed: what other engines can be given.

use archiver::catalog::Chosen;
use archiver_format::archive::{Archive, Segment, handed_over};

/// The segments that are meant of an archive.
#[derive(Debug, Default)]
pub struct Sealed {
    /// Those that are sealed.
    pub there: Vec<Segment>,
    /// Those that `on_seal` has had, and that are gone.
    pub gone: Vec<Segment>,
    /// How many grow.
    pub growing: usize,
}

impl Sealed {
    /// Of what was chosen.
    pub fn of(chosen: &Chosen, archive: &Archive) -> Self {
        let handed_over = handed_over(&archive.state);
        let mut sealed = Self::default();
        for segment in chosen.segments(archive) {
            let sequence = segment.file.sequence;
            if !segment.is_sealed() {
                sealed.growing += 1;
            } else if handed_over.contains(&sequence) && !segment.path_now().exists() {
                sealed.gone.push(segment.clone());
            } else {
                sealed.there.push(segment.clone());
            }
        }
        sealed
    }
}

/// What is said of so many segments that are gone.
pub fn said_of_gone(name: &str, count: usize) -> Option<String> {
    (count > 0).then(|| {
        format!("archive {name}: {count} segments were left out, as they were handed over to on_seal and are gone")
    })
}
