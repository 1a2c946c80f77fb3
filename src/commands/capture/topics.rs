//! Which topics are captured.

use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::usage;
use crate::config::{Typed, for_capture, matching};
use crate::source::kafka::Scanner;

/// With each `^PATTERN` replaced by the topics that it matches now.
pub(in crate::commands) async fn expanded(
    base: Option<&Path>,
    mut typed: Typed,
) -> anyhow::Result<Typed> {
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
