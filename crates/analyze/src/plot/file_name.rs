//! How pictures are called: `<from>~<to>/<metric>[-<group>].png`.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use super::series::{Group, Series};
use super::time::zoned;

/// A name is at most so many bytes long, without what tells it apart and its extension: file systems take 255.
const BYTES_MOST: usize = 120;

/// The directory of what is between two times, in milliseconds since 1970, by the clock of a zone.
pub fn directory(from_ms: i64, to_ms: i64, zone: &TimeZone) -> String {
    // No colons, which not every file system takes.
    let written = |time_ms| match zoned(time_ms, zone) {
        Some(time) => time.strftime("%Y-%m-%d_%H-%M-%S").to_string(),
        None => format!("{time_ms}"),
    };
    format!("{}~{}", written(from_ms), written(to_ms))
}

/// Names that were given, each once.
#[derive(Debug, Default)]
pub struct FileNames {
    given: HashSet<String>,
}

impl FileNames {
    /// The name of a series' picture, without its extension.
    pub fn of(&mut self, series: &Series) -> String {
        self.name(&series.metric, &series.group)
    }

    /// The name of a picture with all groups of a metric, without its extension.
    pub fn of_all(&mut self, metric: &str) -> String {
        self.name(metric, &Group::default())
    }

    fn name(&mut self, metric: &str, group: &Group) -> String {
        let wanted = match group.0.is_empty() {
            true => metric.to_owned(),
            false => format!("{metric}-{}", group.values()),
        };
        let harmless = harmless(&wanted);
        // The same in each run, whichever other groups there are in it.
        let whole = format!("{metric:?} {group:?}");
        let mut name = match harmless == wanted {
            true => harmless.clone(),
            false => format!("{harmless}-{:08x}", hash(&whole)),
        };
        let mut again = 0;
        // Where capitals count for nothing, too.
        while !self.given.insert(name.to_lowercase()) {
            name = format!("{harmless}-{:08x}", hash(&format!("{whole}{again}")));
            again += 1;
        }
        name
    }
}

/// A name that any file system takes, and no shell or program understands otherwise.
fn harmless(wanted: &str) -> String {
    let is_harmless = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+');
    let mut name = String::new();
    for c in wanted.chars() {
        let c = if is_harmless(c) { c } else { '_' };
        if name.len() + c.len_utf8() > BYTES_MOST {
            break;
        }
        name.push(c);
    }
    if name.is_empty() || name.starts_with(['.', '-']) {
        name.insert(0, '_');
    }
    name
}

/// FNV-1a, folded to 32 bits: it stays the same from one version to the next.
fn hash(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash >> 32) ^ hash;
    u32::try_from(folded & u64::from(u32::MAX)).unwrap_or_default()
}
