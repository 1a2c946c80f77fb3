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

/// Those that are read when a client is made. The others name a library, or where to look for what there is.
const READ: [&str; 6] = [
    "https.ca.location",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
];
/// librdkafka's word for the places where a system has its CAs.
const PROBE: &str = "probe";

/// What is wrong with the file that a property names, if it names one.
pub(super) fn fault(property: &str, path: &str) -> Option<String> {
    if !READ.contains(&property) || path.is_empty() || path == PROBE {
        return None;
    }
    match is_empty(Path::new(path)) {
        Ok(false) => None,
        Ok(true) => Some("it is empty".into()),
        Err(error) => Some(error.to_string()),
    }
}

/// Does this file hold nothing? A directory is fine, as is a pipe, which can't be looked at.
fn is_empty(path: &Path) -> io::Result<bool> {
    let kind = fs::metadata(path)?;
    if kind.is_dir() {
        fs::read_dir(path)?;
    } else if kind.is_file() {
        File::open(path)?;
    }
    Ok(kind.is_file() && kind.len() == 0)
}

/// A digest of what each of these properties' files holds now. What can't be read is as good as empty: it is a problem of
/// its own.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::load_text;

    #[test]
    fn a_file_that_is_missing_or_empty_is_named_with_its_property() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ca.pem");
        let shown = path.display().to_string();
        let text = format!(
            "[clusters.c]\nbroker = \"h:1\"\nkafka.\"ssl.ca.location\" = \"{shown}\"\n\
             [[archive]]\nbroker = \"c\"\ntopic = \"t\"\nfile = \"not-there/t\"\n"
        );
        let said = || load_text("t.toml", &text, &|_| None).map_err(|error| error.to_string());
        let fails = |why: &str| {
            let said = said().expect_err("it is wrong");
            let message = format!("reading the file `{shown}` of `ssl.ca.location`: {why}");
            assert!(said.contains(&message), "no {message} in\n{said}");
        };
        fails("No such file or directory");
        fs::write(&path, "").expect("written");
        fails("it is empty");
        fs::write(&path, "a certificate").expect("written");
        assert!(said().is_ok());
    }

    #[test]
    fn what_names_no_file_that_is_read_is_no_fault() {
        let directory = tempfile::tempdir().expect("a directory");
        let shown = directory.path().display().to_string();
        for (property, value) in [
            ("ssl.ca.location", "probe"),
            ("ssl.ca.location", ""),
            ("ssl.ca.location", &shown),
            ("ssl.ca.location", "/dev/null"),
            ("ssl.engine.location", "no-such-engine"),
            ("client.id", "no-such-file"),
        ] {
            assert_eq!(fault(property, value), None, "{property} = {value}");
        }
    }
}
