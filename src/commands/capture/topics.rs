//! Which topics are captured, and the properties of a file.

use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::usage;
use crate::config::{Typed, for_capture, matching};
use crate::source::kafka::Scanner;

/// With each `^PATTERN` replaced by the topics that it matches now.
pub(super) async fn expanded(base: Option<&Path>, mut typed: Typed) -> anyhow::Result<Typed> {
    let (patterns, mut topics): (Vec<_>, Vec<_>) = typed
        .topics
        .into_iter()
        .partition(|topic| topic.starts_with('^'));
    typed.topics = vec!["any".to_owned()];
    if !patterns.is_empty() {
        let config = for_capture(base, &typed)?;
        let cluster = &config.archives[0].cluster;
        let scanner = Scanner::new(cluster, config.memory_bytes);
        let all = scanner.topics().await;
        let all = all.with_context(|| format!("asking {} which topics there are", cluster.name))?;
        for pattern in &patterns {
            let found = matching(&pattern[1..], all.clone());
            let found = found.map_err(|e| usage(&format!("-t {pattern}: not a pattern: {e}")))?;
            if found.is_empty() {
                bail!(
                    "no topic of {} matches {pattern} as a whole; .* stands for any text",
                    cluster.name
                );
            }
            topics.extend(found);
        }
    }
    topics.sort_unstable();
    topics.dedup();
    typed.topics = topics;
    Ok(typed)
}

/// The properties in a file: NAME=VALUE, one a line; what follows a # at its beginning is left out.
pub(super) fn properties(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {shown}"))?;
    let mut properties = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            bail!("reading {shown}: line {number} is no NAME=VALUE");
        };
        properties.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(properties)
}
