//! Which topics are captured.

use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::usage;
use crate::config::{NOT_WRITTEN, Typed, TypedError, for_capture, load, matching};
use crate::source::kafka::Scanner;

/// With each `^PATTERN` replaced by the topics that it matches now.
pub(in crate::commands) async fn expanded(
    base: Option<&Path>,
    mut typed: Typed,
) -> anyhow::Result<Typed> {
    if typed.topics.is_empty()
        && let Some(base) = base
    {
        typed.topics = configured(base).await?;
        return Ok(typed);
    }
    let (patterns, mut topics): (Vec<_>, Vec<_>) = typed
        .topics
        .into_iter()
        .partition(|topic| topic.starts_with('^'));
    typed.topics = vec!["any".to_owned()];
    if !patterns.is_empty() {
        let any = Typed {
            // Never written; only the cluster matters here.
            file: Some(NOT_WRITTEN.to_owned()),
            ..typed.clone()
        };
        let config = for_capture(base, &any)?;
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

/// The topics of a configuration, with those that its patterns match now; none if it has no patterns, as its archives say
/// then which they are.
async fn configured(base: &Path) -> anyhow::Result<Vec<String>> {
    let config = load(base).map_err(TypedError::from)?;
    if config.patterns.is_empty() {
        return Ok(Vec::new());
    }
    let archives = config.archives.iter();
    let mut topics = archives
        .map(|archive| archive.topic.clone())
        .collect::<Vec<_>>();
    for pattern in &config.patterns {
        let cluster = pattern.cluster();
        let scanner = Scanner::new(cluster, config.memory_bytes);
        let all = scanner.topics().await;
        let all = all.with_context(|| format!("asking {} which topics there are", cluster.name))?;
        let before = topics.len();
        topics.extend(all.into_iter().filter(|topic| pattern.matches(topic)));
        if topics.len() == before {
            bail!(
                "no topic of {} matches {} as a whole",
                cluster.name,
                pattern.text()
            );
        }
    }
    topics.sort_unstable();
    topics.dedup();
    Ok(topics)
}
