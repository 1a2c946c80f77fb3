//! From what was typed to what is valid: archives held against clusters and against each other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clusters::Clusters;
use super::files::{Fault, Files, Same};
use super::problem::{Problem, Span, Text};
use super::raw::{Raw, RawArchive};
use super::walk::Walker;
use super::{Archive, Config, Corrupt, Existing, Newline, Start, compression, name};

const SHUTDOWN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const MEMORY_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;
const FLUSH_DEFAULT: Duration = Duration::from_secs(1);
const CHECKPOINT_DEFAULT: Duration = Duration::from_secs(5);
/// Beside the data, where no `state_dir` is given.
pub const STATE_DIRECTORY: &str = ".archiver";

/// Checks everything. The configuration means something only if the walker has no problems.
pub(super) fn check(walker: &mut Walker<'_>, raw: &Raw) -> Config {
    let mut clusters = Clusters::check(walker, raw);
    compression::check_default_level(walker, &raw.defaults);
    let mut archives = Vec::new();
    let mut seen = Seen::default();
    for typed in &raw.archives {
        let named = check_name(walker, &mut seen, typed);
        let cluster = typed
            .broker
            .as_ref()
            .and_then(|broker| clusters.of(walker, broker));
        if let (Some(cluster), Some(topic)) = (cluster, &typed.topic) {
            check_commits(walker, &mut seen, &clusters, cluster, topic);
        }
        let Some(file) = &typed.file else { continue };
        let compression = compression::settle(walker, file, &typed.settings, &raw.defaults);
        let path = PathBuf::from(&file.value);
        let state = named.map(|name| state_of(raw, &path, &name.value));
        check_file(walker, &mut seen, file, state.as_deref());
        let (Some(named), Some(cluster), Some(topic), Some(state)) =
            (named, cluster, &typed.topic, state)
        else {
            continue;
        };
        let (own, defaults) = (&typed.settings, &raw.defaults);
        archives.push(Archive {
            name: named.value.clone(),
            cluster,
            topic: topic.value.clone(),
            file: path,
            state,
            start: own
                .start
                .as_ref()
                .or(defaults.start.as_ref())
                .map_or(Start::Latest, |at| at.value),
            flush: own.flush.or(defaults.flush).unwrap_or(FLUSH_DEFAULT),
            checkpoint: own
                .checkpoint
                .or(defaults.checkpoint)
                .unwrap_or(CHECKPOINT_DEFAULT),
            compression,
            newline: own
                .newline
                .as_ref()
                .or(defaults.newline.as_ref())
                .map_or(Newline::Space, |at| at.value),
            existing: own
                .existing
                .as_ref()
                .or(defaults.existing.as_ref())
                .map_or(Existing::Refuse, |at| at.value),
            file_mode: own.file_mode.or(defaults.file_mode),
            corrupt: own
                .corrupt
                .as_ref()
                .or(defaults.corrupt.as_ref())
                .map_or(Corrupt::Wait, |at| at.value),
        });
    }
    check_states(walker, &seen, raw.state_dir.as_ref());
    Config {
        shutdown_timeout: raw.shutdown_timeout.unwrap_or(SHUTDOWN_TIMEOUT_DEFAULT),
        memory_bytes: raw.memory_bytes.unwrap_or(MEMORY_BYTES_DEFAULT),
        clusters: clusters.used(),
        archives,
    }
}

/// What the archives so far have taken.
#[derive(Default)]
struct Seen {
    names: HashMap<String, Span>,
    /// Bootstrap list, group and topic of those that commit.
    commits: HashMap<(String, String, String), Span>,
    files: Files,
    /// Where each file was typed, by the index that `files` knows.
    spans: Vec<Span>,
    /// Archives whose state directory can't be made, and why, in their order.
    bad_states: Vec<(usize, Fault)>,
}

fn check_name<'t>(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    typed: &'t RawArchive,
) -> Option<&'t Text> {
    for (text, what) in [(&typed.topic, "a topic"), (&typed.name, "an archive")] {
        if let Some(text) = text
            && !name::is_valid(&text.value)
        {
            let message = format!("{what} can't be named {}", text.quoted());
            walker
                .report(Problem::at(&text.span, message).help(format!("a name is {}", name::RULE)));
        }
    }
    let named = typed.name.as_ref().or(typed.topic.as_ref())?;
    if !name::is_valid(&named.value) {
        return None;
    }
    if let Some(first) = seen.names.get(&named.value) {
        let message = format!("two archives are named {}", named.quoted());
        let problem = Problem::at(&named.span, message)
            .label("the second")
            .also(first, "the first");
        walker
            .report(problem.help("an archive is named after its topic: give one of them a `name`"));
    } else {
        seen.names.insert(named.value.clone(), named.span.clone());
    }
    Some(named)
}

fn check_commits(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    clusters: &Clusters,
    cluster: usize,
    topic: &Text,
) {
    let Some((bootstrap, group)) = clusters.commits_to(cluster) else {
        return;
    };
    let key = (bootstrap.to_owned(), group.to_owned(), topic.value.clone());
    if let Some(first) = seen.commits.get(&key) {
        walker.report(
            Problem::at(&topic.span, "two archives commit offsets of one topic to one group")
                .label("the second")
                .also(first, "the first")
                .help("the commits would overwrite each other: let one of them name a cluster table with another `commit_group`, or with none"),
        );
    } else {
        seen.commits.insert(key, topic.span.clone());
    }
}

fn state_of(raw: &Raw, file: &Path, name: &str) -> PathBuf {
    match &raw.state_dir {
        Some(directory) => Path::new(&directory.value).join(name),
        None => file
            .parent()
            .unwrap_or(Path::new(""))
            .join(STATE_DIRECTORY)
            .join(name),
    }
}

fn check_file(walker: &mut Walker<'_>, seen: &mut Seen, file: &Text, state: Option<&Path>) {
    let index = seen.spans.len();
    seen.spans.push(file.span.clone());
    match seen.files.add(Path::new(&file.value), index) {
        Err(fault) => {
            let message = format!("records can't go to {}", file.quoted());
            walker.report(Problem::at(&file.span, message).label(fault.words()));
            return;
        }
        Ok(Some((earlier, same))) => {
            let problem = Problem::at(&file.span, "two archives write to one file")
                .label("the second")
                .also(&seen.spans[earlier], "the first");
            walker.report(match same {
                Same::Path => problem,
                Same::HardLink => problem.help("they are hard links to one file"),
            });
        }
        Ok(None) => {}
    }
    if let Some(state) = state
        && let Err(fault) = seen.files.add_state(state, index)
    {
        seen.bad_states.push((index, fault));
    }
}

fn check_states(walker: &mut Walker<'_>, seen: &Seen, state_dir: Option<&Text>) {
    for (archive, owner) in seen.files.in_the_way() {
        let file = &seen.spans[archive];
        let mut problem = Problem::at(file, "this file is where checkpoints are kept");
        if archive != owner {
            problem = problem.also(&seen.spans[owner], "those of this archive");
        }
        walker.report(problem.help("let it lie outside of `.archiver` and of `state_dir`"));
    }
    for (archive, fault) in &seen.bad_states {
        let words = fault.words_of_state();
        let what = format!("a state directory can't be made: {words}");
        match state_dir {
            // Said once: the directory is everybody's.
            Some(directory) => {
                walker.report(Problem::at(&directory.span, what));
                break;
            }
            None => {
                let problem = Problem::at(&seen.spans[*archive], what);
                walker.report(problem.label("it would be in `.archiver` beside this file"));
            }
        }
    }
}
