//! The changelog in Debian's form: one entry that names the version and leads to the changes.

use std::fs;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

const MAINTAINER: &str = "The archiver authors <archiver@archiver.invalid>";

/// Writes it into a directory, with this time.
pub fn write(directory: &Path, time: Timestamp) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let time = rfc2822::to_string(&time.to_zoned(jiff::tz::TimeZone::UTC))?;
    let text = format!(
        "archiver ({version}-1) unstable; urgency=medium\n\n  * Version {version}; changelog.gz says what is new.\n\n \
         -- {MAINTAINER}  {time}\n"
    );
    let path = directory.join("changelog");
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
