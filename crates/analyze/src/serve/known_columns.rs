//! Which columns archives have. An archive is looked into once: the first values of its segments stay what they are.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use archiver_format::archive::Segment;
use archiver_format::read::{ReadError, Selection};

use crate::table::columns::Column;
use crate::table::declared::{Declared, declare};
use crate::table::provider::{ends, look_at};
use crate::table::sample::VALUES_MOST;

/// So many are kept. With more archives than that, those asked for again are looked into again.
const KEPT_MOST: usize = 2_000;

/// The columns of an archive, and the fields among them that hold different things.
#[derive(Debug)]
pub struct Known {
    /// The columns.
    pub columns: Vec<Column>,
    /// Fields that are text, as they hold different things.
    pub widened: Vec<String>,
}

/// What was looked into: of a segment its number, which file it is, and how many of the values that count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(String, Vec<(u64, (u64, u64), u64)>);

/// The columns that are known.
#[derive(Debug, Default)]
pub struct KnownColumns(Mutex<HashMap<Key, Arc<Known>>>);

impl KnownColumns {
    /// Those of an archive's segments that may hold what is selected, or of all if none does: what there is none of now
    /// has columns as well.
    ///
    /// # Errors
    ///
    /// If these can't be read, unless what is damaged is left out.
    pub fn of(
        &self,
        archive: &str,
        segments: &[Segment],
        selection: &Selection,
        (skips_damaged, declared): (bool, &[Declared]),
    ) -> Result<Arc<Known>, ReadError> {
        let mut looked_into = ends(segments, selection);
        if looked_into.is_empty() {
            looked_into = ends(segments, &Selection::default());
        }
        let ends = looked_into.into_iter().cloned().collect::<Vec<_>>();
        let key = Key(archive.to_owned(), ends.iter().map(state).collect());
        if let Some(known) = self.known().get(&key) {
            return Ok(Arc::clone(known));
        }
        // All of each segment: what is known is the same whatever is selected of it.
        let (columns, widened) = look_at(&ends, &Selection::default(), skips_damaged)?;
        let schema = Arc::new(Known {
            columns: declare(columns, declared),
            widened,
        });
        let mut known = self.known();
        if known.len() >= KEPT_MOST {
            known.clear();
        }
        known.insert(key, Arc::clone(&schema));
        Ok(schema)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state(segment: &Segment) -> (u64, (u64, u64), u64) {
    let file = segment.path_now().metadata();
    let file = file.map_or((0, 0), |file| (file.dev(), file.ino()));
    let contents = segment.contents();
    // What was there before its records were counted changes nothing, either.
    let values = match contents.uncounted_bytes {
        0 => contents.records.min(VALUES_MOST),
        _ => segment.bytes(),
    };
    (segment.file.sequence, file, values)
}
