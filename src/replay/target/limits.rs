//! What a topic's configuration means for records.

use std::time::Duration;

use super::known::{Config, Manner, Records, Share, Verdict};
use crate::moment::show_duration;
use crate::world::clock::rfc3339;

/// What stands for no limit: nobody has as many milliseconds.
const NO_LIMIT: i64 = i64::MAX;

/// What is wrong with a topic that is configured like this.
pub(super) fn verdicts(
    name: &str,
    config: &Config,
    records: &Records,
    manner: Manner,
    now_ms: i64,
) -> Vec<Verdict> {
    let mut found = Vec::new();
    if manner.keeps_timestamps {
        if value(config, "message.timestamp.type") == "LogAppendTime" {
            // Then neither how old they are counts, nor how new.
            found.push(Verdict::Warning(format!(
                "topic {name} has message.timestamp.type=LogAppendTime: the broker replaces the timestamps by the time at \
                 which it gets the records"
            )));
        } else {
            let too_old = too_old(name, config, records, now_ms);
            let is_refused = matches!(too_old, Some(Verdict::Error(_)));
            found.extend(too_old);
            found.extend(too_new(name, config, records, now_ms));
            if !is_refused {
                found.extend(expired(name, config, records, now_ms));
            }
        }
    }
    found.extend(keyless(name, config, records.keyless));
    found.extend(too_large(name, config, records.largest_bytes));
    found
}

fn value<'a>(config: &'a Config, key: &str) -> &'a str {
    config.get(key).map_or("", String::as_str)
}

/// The number that a key has; nothing if it has none.
pub(super) fn number(config: &Config, key: &str) -> Option<i64> {
    value(config, key).parse().ok()
}

/// A span of time that is a limit.
fn limit(config: &Config, key: &str) -> Option<i64> {
    number(config, key).filter(|&ms| (0..NO_LIMIT).contains(&ms))
}

/// How many of the records are before a time; none if that isn't known.
fn before(records: &Records, ms: i64) -> Share {
    let is_before = |of: Option<i64>| of.is_some_and(|of| of < ms);
    match (is_before(records.oldest_ms), is_before(records.newest_ms)) {
        (_, true) => Share::All,
        (true, false) => Share::Some,
        (false, false) => Share::None,
    }
}

/// How many of the records are behind a time; none if that isn't known.
fn behind(records: &Records, ms: i64) -> Share {
    let is_behind = |of: Option<i64>| of.is_some_and(|of| of > ms);
    match (is_behind(records.oldest_ms), is_behind(records.newest_ms)) {
        (true, _) => Share::All,
        (false, true) => Share::Some,
        (false, false) => Share::None,
    }
}

/// An error if it is so of all, a warning if of some; each with who it is so of.
fn verdict(share: Share, text: impl FnOnce(&str) -> String) -> Option<Verdict> {
    match share {
        Share::None => None,
        Share::Some => Some(Verdict::Warning(text("some records"))),
        Share::All => Some(Verdict::Error(text("all records"))),
    }
}

/// A limit as it is configured, and as it is read.
fn shown(key: &str, ms: i64) -> String {
    let span = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    format!("{key}={ms} ({})", show_duration(span))
}

/// What is to be done about timestamps.
const OTHERWISE: &str = "use --timestamps shift or now, or set it higher";
const OF_NEW: &str = "use --timestamps now, or shift with --speed 1 or less and without --max-pause, or set it higher";

/// Retention deletes what is older: whole segments, when the latest record of one is.
fn expired(name: &str, config: &Config, records: &Records, now_ms: i64) -> Option<Verdict> {
    let is_deleted = value(config, "cleanup.policy").contains("delete");
    let keeps = limit(config, "retention.ms").filter(|_| is_deleted)?;
    verdict(before(records, now_ms.saturating_sub(keeps)), |who| {
        let (keeps, oldest) = (shown("retention.ms", keeps), oldest(records));
        format!(
            "topic {name} has {keeps}, and {who} are older{oldest}: the broker would delete them within minutes; {OTHERWISE}"
        )
    })
}

fn too_old(name: &str, config: &Config, records: &Records, now_ms: i64) -> Option<Verdict> {
    let (key, most) = one_of(
        config,
        "message.timestamp.before.max.ms",
        "message.timestamp.difference.max.ms",
    )?;
    verdict(before(records, now_ms.saturating_sub(most)), |who| {
        let (most, oldest) = (shown(key, most), oldest(records));
        format!(
            "topic {name} has {most}, and {who} are older{oldest}: the broker refuses them, and what is in a batch with \
             them; {OTHERWISE}"
        )
    })
}

fn too_new(name: &str, config: &Config, records: &Records, now_ms: i64) -> Option<Verdict> {
    let (key, most) = one_of(
        config,
        "message.timestamp.after.max.ms",
        "message.timestamp.difference.max.ms",
    )?;
    verdict(behind(records, now_ms.saturating_add(most)), |who| {
        let most = shown(key, most);
        let newest = records.newest_ms.or(records.oldest_ms).map_or(0, |ms| ms);
        let newest = rfc3339(newest);
        format!(
            "topic {name} has {most}, and {who} are further ahead (up to {newest}): the broker refuses them, and what is \
             in a batch with them; {OF_NEW}"
        )
    })
}

/// The limit that a key has, or else an older key that limits both directions: of two, the broker takes the new one
/// unless it is no limit.
fn one_of<'a>(config: &Config, new: &'a str, old: &'a str) -> Option<(&'a str, i64)> {
    let limit = |key| Some((key, limit(config, key)?));
    limit(new).or_else(|| limit(old))
}

fn oldest(records: &Records) -> String {
    let since = records.oldest_ms.or(records.newest_ms);
    since.map_or_else(String::new, |ms| format!(" (from {})", rfc3339(ms)))
}

fn keyless(name: &str, config: &Config, share: Share) -> Option<Verdict> {
    let policy = value(config, "cleanup.policy");
    if !policy.contains("compact") {
        return None;
    }
    verdict(share, |who| {
        format!(
            "topic {name} has cleanup.policy={policy}, and {who} have no key: the broker refuses them, and what is in a \
             batch with them; set it to delete, or send to another topic"
        )
    })
}

fn too_large(name: &str, config: &Config, largest: Option<u64>) -> Option<Verdict> {
    let most = u64::try_from(number(config, "max.message.bytes")?).ok()?;
    let largest = largest.filter(|&bytes| bytes > most)?;
    Some(Verdict::Warning(format!(
        "topic {name} has max.message.bytes={most}, and the largest record has {largest} bytes: unless it is compressed to \
         less, the broker refuses it; set it higher, or use --compression zstd"
    )))
}
