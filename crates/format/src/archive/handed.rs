//! Which segments a command has had: it may have moved or deleted them.

use std::collections::BTreeSet;

use crate::handed_over::decode;
use crate::manifest::{self, Entry};
use crate::mark::{TAIL, Tail};
use crate::open;
use crate::state_files::StateDir;

/// The numbers of the sealed segments that were handed over to a command, or were gone before their turn. Empty if that
/// isn't known.
pub fn handed_over(state: &StateDir) -> BTreeSet<u64> {
    let mut handed = BTreeSet::new();
    let known = open::read_state(&state.handed_over()).ok();
    let Some(known) = known.and_then(|bytes| decode(&bytes).ok()) else {
        return handed;
    };
    let mark = known.manifest;
    let Ok(list) = open::read_state(&state.manifest()) else {
        return handed;
    };
    let length = usize::try_from(mark.length).unwrap_or(usize::MAX);
    let Some(list) = list.get(..length) else {
        return handed;
    };
    // It may be of another manifest.
    let tail = Tail::new(list[length.saturating_sub(TAIL)..].to_vec());
    if tail.mark(mark.length) != mark {
        return handed;
    }
    // What is wrong with a line is said by those who need it.
    let _ = manifest::read(list, mark.length, |_, entry| {
        if let Entry::Sealed(sealed) = entry {
            handed.insert(sealed.file.sequence);
        }
    });
    handed
}
