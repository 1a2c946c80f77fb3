//! Patterns of topics, held against the archives of one topic and against each other.

use std::path::PathBuf;

use archiver_format::state_files::PatternDir;
use archiver_format::template::Template;

use super::built::{Archive, Checked};
use super::clusters::Clusters;
use super::keys::{BROKER, DEFAULTS, FILE, NAME, STATE_DIR, TOPIC, TOPIC_PATTERN};
use super::name;
use super::pattern_topics::{self, Pattern};
use super::problem::{Problem, Span, Text};
use super::same_file::{Files, longest};
use super::seen::Seen;
use super::segments;
use super::settings::{Identity, Settings};
use super::table::Table;
use super::topic_pattern::Matcher;
use super::walk::Walker;

/// The patterns of a configuration.
#[derive(Default)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    /// Each text with the name of its archives, and where it was typed.
    spans: Vec<((String, String), Span)>,
}

impl Patterns {
    /// Checks one `[[archive]]` with a pattern, also against those before it.
    pub fn check(
        &mut self,
        walker: &mut Walker<'_>,
        seen: &mut Seen,
        clusters: &mut Clusters,
        top: &Table,
        own: &Table,
    ) {
        let Some((text, matcher)) = own.get(&TOPIC_PATTERN) else {
            return;
        };
        if let Some(topic) = own.get(&TOPIC) {
            let problem = Problem::at(&text.span, "`topic_pattern` beside `topic`");
            let problem = problem.also(&topic.span, "one topic");
            walker.report(problem.help("an archive has one of them"));
        }
        let name = check_name(walker, own.get(&NAME));
        if let Some(name) = &name {
            self.check_same(walker, text, name);
        }
        let named = (text, name);
        let built = check_pattern(walker, seen, clusters, (top, own), named);
        if let (Some((common, state_dir)), Some(matcher)) = (built, matcher) {
            self.patterns.push(Pattern {
                matcher: matcher.clone(),
                taken: [].into(),
                earlier: Vec::new(),
                common,
                state_dir,
            });
        }
    }

    /// Two patterns that say the same would have the same state, and name their archives alike.
    fn check_same(&mut self, walker: &mut Walker<'_>, text: &Text, name: &str) {
        let key = (text.value.clone(), name.to_owned());
        match self.spans.iter().find(|(other, _)| *other == key) {
            Some((_, first)) => {
                let problem = Problem::at(&text.span, "two archives have the same `topic_pattern`");
                let problem = problem.label("the second").also(first, "the first");
                walker.report(problem.help(
                    "on one cluster the first has all topics; on two, give one of them a `name` such as \"eu-{topic}\"",
                ));
            }
            None => self.spans.push((key, text.span.clone())),
        }
    }

    /// The patterns, each of which leaves to these archives and to the patterns before it what is theirs.
    pub fn beside(self, archives: &[Checked<Archive>]) -> Vec<Checked<Pattern>> {
        let mut done: Vec<Checked<Pattern>> = Vec::new();
        for pattern in self.patterns {
            let brokers = &pattern.common.cluster.bootstrap;
            let own = archives.iter();
            let own = own.filter(|archive| archive.cluster.bootstrap == *brokers);
            let earlier = done.iter();
            let earlier = earlier.filter(|other| other.cluster().bootstrap == *brokers);
            let earlier = earlier.map(|other| other.matcher.clone());
            done.push(Checked::new(Pattern {
                taken: own.map(|archive| archive.topic.clone()).collect(),
                earlier: earlier.collect::<Vec<Matcher>>(),
                ..pattern
            }));
        }
        done
    }
}

/// What the archives of a pattern have in common, and `state_dir`.
fn check_pattern(
    walker: &mut Walker<'_>,
    seen: &mut Seen,
    clusters: &mut Clusters,
    (top, own): (&Table, &Table),
    (text, name): (&Text, Option<String>),
) -> Option<(Archive, Option<PathBuf>)> {
    let defaults = top.get(&DEFAULTS)?;
    let broker = own.get(&BROKER);
    let cluster = broker.and_then(|broker| clusters.of(walker, broker));
    let (file, name) = (own.get(&FILE)?, name?);
    let templates = segments::pattern_template(walker, file, &name, (own, defaults));
    let of = Settings { own, defaults };
    let settled = of.settle(walker, file, templates.as_ref().map(|(_, filled)| filled));
    let (template, filled) = templates?;
    check_file(walker, file, &filled);
    let state_dir = top.get(&STATE_DIR).map(|dir| PathBuf::from(&dir.value));
    let directory = PatternDir::name_of(&text.value, &name);
    let state = pattern_topics::state_of(state_dir.as_deref(), &template, &directory);
    let index = seen.spans.len();
    seen.spans.push(file.span.clone());
    if let Err(fault) = seen.files.add_state(&state, index) {
        seen.bad_states.push((index, fault));
    }
    let identity = Identity {
        name,
        cluster: cluster?,
        topic: String::new(),
        file: pattern_topics::file_of(&template),
        template,
        state,
    };
    Some((of.archive(identity, settled?)?, state_dir))
}

/// What the archives of a pattern are called.
fn check_name(walker: &mut Walker<'_>, name: Option<&Text>) -> Option<String> {
    let Some(name) = name else {
        return Some(pattern_topics::TOPIC.to_owned());
    };
    let text = &name.value;
    let problem = if !text.contains(pattern_topics::TOPIC) {
        let message =
            "with `topic_pattern` a `name` needs `{topic}`, as each archive has a name of its own";
        Problem::at(&name.span, message).help("write `name = \"eu-{topic}\"`, or leave it out")
    } else if !name::is_valid(&text.replace(pattern_topics::TOPIC, "x")) {
        let message = format!("an archive can't be named {}", name.quoted());
        Problem::at(&name.span, message).help(format!("a name is {}", name::RULE))
    } else {
        return Some(text.clone());
    };
    walker.report(problem);
    None
}

/// The archive of some topic could have this file.
fn check_file(walker: &mut Walker<'_>, file: &Text, filled: &Template) {
    if let Err(fault) = Files::default().add(&longest(filled), 0) {
        let message = format!("records can't go to {}", file.quoted());
        walker.report(Problem::at(&file.span, message).label(fault.words()));
    }
}
