//! Files that librdkafka's properties name, such as certificates and keys: with another content it is another
//! configuration, though no name has changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;

/// How the names of such properties end.
const ENDING: &str = ".location";
/// How much of a file is looked at: no certificate is as large.
const BYTES_MOST: u64 = 16 << 20;

/// A digest of what each of these properties' files holds now. What can't be read is as good as empty: librdkafka says so.
pub(super) fn digests(properties: &BTreeMap<String, String>) -> BTreeMap<String, u64> {
    let named = properties.iter().filter(|(name, _)| name.ends_with(ENDING));
    let digests = named.map(|(name, path)| (name.clone(), digest(Path::new(path)).unwrap_or(0)));
    digests.collect()
}

fn digest(path: &Path) -> io::Result<u64> {
    let mut digest = DefaultHasher::new();
    match fs::metadata(path)?.is_dir() {
        true => {
            let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            let mut paths = entries.iter().map(fs::DirEntry::path).collect::<Vec<_>>();
            paths.sort_unstable();
            for path in paths.iter().filter(|path| path.is_file()) {
                path.hash(&mut digest);
                add(&mut digest, path)?;
            }
        }
        false => add(&mut digest, path)?,
    }
    Ok(digest.finish())
}

fn add(digest: &mut DefaultHasher, path: &Path) -> io::Result<()> {
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MOST).read_to_end(&mut bytes)?;
    bytes.hash(digest);
    Ok(())
}
