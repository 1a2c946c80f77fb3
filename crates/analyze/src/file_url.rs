//! Paths as the engine takes them: it reads patterns into those that are typed.

use std::fmt::Write;
use std::path::{Path, absolute};

use anyhow::Context;

/// A path as a URL, in which nothing is a pattern; that of a directory ends with `/`.
///
/// # Errors
///
/// If it is relative, and nobody knows to what.
pub fn file_url(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let whole = absolute(path).with_context(|| format!("finding {shown}"))?;
    let mut url = "file://".to_owned();
    for byte in whole.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                url.push(char::from(*byte));
            }
            byte => write!(url, "%{byte:02X}")?,
        }
    }
    if path.is_dir() && !url.ends_with('/') {
        url.push('/');
    }
    Ok(url)
}
