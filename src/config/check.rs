//! From what was typed to what is valid: archives held against clusters and against each other.

use std::collections::HashSet;
use std::path::Path;

use archiver_format::template::Template;

use super::built::{Archive, Checked, Cluster};
use super::check_pattern::Patterns;
use super::clusters::Clusters;
use super::configuration::Config;
use super::http;
use super::keys::{
    ARCHIVES, BROKER, DEFAULTS, DISK_FREE, FILE, LIMITS, MEMORY, NAME, SHUTDOWN_TIMEOUT, STATE_DIR,
    TOPIC, TOPIC_PATTERN,
};
use super::name;
use super::pattern_topics::{file_of, state_of};
use super::problem::{Problem, Text};
use super::same_file::{Same, longest, meetings, paths_of};
use super::seen::Seen;
use super::segments;
use super::settings::{Identity, Settings};
use super::table::Table;
use super::walk::Walker;

/// Checks everything. The configuration means something only if the walker has no problems.
pub(super) fn check(walker: &mut Walker<'_>, top: &Table) -> Option<Config> {
    let nothing = |problem: Problem| {
        problem
            .help("write `[[archive]]`, and `broker`, `topic` and `file` below it, once per topic")
    };
    let message = "there is no `[[archive]]`, so nothing to do";
    match top.at(&ARCHIVES) {
        Some(list) if list.value.is_empty() => {
            walker.report(nothing(Problem::at(&list.span, message)));
        }
        None if !top.missing.is_empty() => walker.report(nothing(Problem::of_the_file(message))),
        _ => {}
    }
    let mut clusters = Clusters::check(walker, top);
    if let Some(defaults) = top.get(&DEFAULTS) {
        segments::check_rotate(walker, defaults);
    }
    let mut seen = Seen::default();
    let (mut archives, mut patterns) = (Vec::new(), Patterns::default());
    for own in top.get(&ARCHIVES).into_iter().flatten() {
        if own.get(&TOPIC_PATTERN).is_some() {
            patterns.check(walker, &mut seen, &mut clusters, top, own);
            continue;
        }
        let archive = check_archive(walker, &mut seen, &mut clusters, top, own);
        archives.extend(archive.map(Checked::new));
    }
    let patterns = patterns.beside(&archives);
    check_states(walker, &seen, top.get(&STATE_DIR));
    check_paths(walker, &mut seen);
    let http = http::check(walker, top);
    let mut names = HashSet::new();
    let of_patterns = patterns.iter().map(|pattern| pattern.cluster());
    let named = archives.iter().map(|archive| &archive.cluster);
    let named = named.chain(of_patterns);
    Some(Config {
        shutdown_timeout: *top.get(&SHUTDOWN_TIMEOUT)?,
        memory_bytes: *top.get(&LIMITS)?.get(&MEMORY)?,
        disk_free_bytes: top.get(&LIMITS)?.get(&DISK_FREE).copied().unwrap_or(0),
        http,
        clusters: named
            .filter(|cluster| names.insert(&cluster.name))
            .cloned()
            .collect(),
        archives,
        patterns,
    })
}

/// Checks one `[[archive]]` of one topic, also against those before it.
fn check_archive(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    clusters: &mut Clusters,
    top: &Table,
    own: &Table,
) -> Option<Archive> {
    let (topic, defaults) = (own.get(&TOPIC), top.get(&DEFAULTS)?);
    let named = check_name(walker, seen, topic, own.get(&NAME));
    let cluster = own
        .get(&BROKER)
        .and_then(|broker| clusters.of(walker, broker));
    if let (Some(cluster), Some(topic)) = (&cluster, topic) {
        check_commits(walker, seen, cluster, topic);
    }
    let file = own.get(&FILE)?;
    let template = segments::template(walker, file, (topic, named), (own, defaults));
    let of = Settings { own, defaults };
    let settled = of.settle(walker, file, template.as_ref());
    let template = template?;
    let state_dir = top.get(&STATE_DIR).map(|dir| Path::new(&dir.value));
    let state = named.map(|name| state_of(state_dir, &template, &name.value));
    check_file(walker, seen, file, &template, state.as_deref());
    let identity = Identity {
        name: named?.value.clone(),
        cluster: cluster?,
        topic: topic?.value.clone(),
        file: file_of(&template),
        template,
        state: state?,
    };
    of.archive(identity, settled?)
}

/// The archive's name: its own, or its topic's. Each is valid and there once.
fn check_name<'t>(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    topic: Option<&'t Text>,
    name: Option<&'t Text>,
) -> Option<&'t Text> {
    for (text, what) in [(topic, "a topic"), (name, "an archive")] {
        if let Some(text) = text
            && !name::is_valid(&text.value)
        {
            let message = format!("{what} can't be named {}", text.quoted());
            walker
                .report(Problem::at(&text.span, message).help(format!("a name is {}", name::RULE)));
        }
    }
    let named = name.or(topic)?;
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

/// No two archives may commit the offsets of one topic to one group: each would undo what the other said.
fn check_commits(walker: &mut Walker<'_>, seen: &mut Seen, cluster: &Cluster, topic: &Text) {
    let Some(group) = cluster.commit_group.clone() else {
        return;
    };
    let key = (cluster.bootstrap.clone(), group, topic.value.clone());
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

/// A file can be written, and belongs to one archive.
fn check_file(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    file: &Text,
    template: &Template,
    state: Option<&Path>,
) {
    let index = seen.spans.len();
    seen.spans.push(file.span.clone());
    // Two archives that have it in common could give one path to two segments.
    match seen.files.add(&longest(template), index) {
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
        Ok(None) => seen
            .paths
            .extend(paths_of(template).ok().map(|paths| (index, paths))),
    }
    if let Some(state) = state
        && let Err(fault) = seen.files.add_state(state, index)
    {
        seen.bad_states.push((index, fault));
    }
}

/// No two archives could give one path to two segments.
fn check_paths(walker: &mut Walker<'_>, seen: &mut Seen) {
    for (later, earlier) in meetings(&mut seen.paths) {
        let message = "the names of this archive's files could be those of another archive's";
        let problem = Problem::at(&seen.spans[later], message)
            .label("the second")
            .also(&seen.spans[earlier], "the first");
        walker.report(problem.help(
            "let them differ in what is typed, such as `a-{seq}` and `b-{seq}`, or be in directories of their own",
        ));
    }
}

/// No archive's file lies where another one, or itself, keeps its state.
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
