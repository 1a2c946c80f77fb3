//! Regular expressions for the names of topics.
//!
//! A name is ASCII and short, so neither the tables of Unicode nor an engine that is fast on long texts is of use: the
//! parser is the one that can say where a mistake is, and matching takes time in proportion to pattern and name,
//! whatever the pattern.

use std::fmt;
use std::ops::Range;

use regex_automata::nfa::thompson::NFA;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_syntax::hir::{Hir, Look};
use regex_syntax::{Error, ParserBuilder};
use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::problem::{Problem, Text};
use super::scalar::Filled;
use super::walk::{Toml, Walker};

/// How the names of Kafka's own topics begin.
const INTERNAL: &str = "__";
/// Repetitions within each other make large machines.
const MACHINE_BYTES_MAX: usize = 1 << 20;

/// Matches whole names of topics. Equal to another one that was made of the same text.
#[derive(Clone)]
pub(super) struct Matcher {
    text: String,
    machine: PikeVM,
}

/// Why a text is no pattern.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// The bytes of the text that are wrong; all of it if nobody can say.
    place: Range<usize>,
    what: String,
}

impl Matcher {
    /// A matcher for what a text says.
    fn new(text: &str) -> Result<Self, Fault> {
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
        let pattern = parser.parse(text).map_err(|error| fault(text, &error))?;
        let anchored = [Hir::look(Look::Start), pattern, Hir::look(Look::End)];
        let limited = NFA::config().nfa_size_limit(Some(MACHINE_BYTES_MAX));
        let mut compiler = NFA::compiler();
        let compiler = compiler.configure(limited);
        let compiled = compiler.build_from_hir(&Hir::concat(anchored.into()));
        let machine = compiled.and_then(PikeVM::new_from_nfa);
        let machine = machine.map_err(|error| Fault {
            place: 0..text.len(),
            what: error.to_string(),
        })?;
        Ok(Self {
            text: text.to_owned(),
            machine,
        })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does it match this name, as a whole? Those of Kafka's own topics only if it names them.
    pub fn matches(&self, topic: &str) -> bool {
        if topic.starts_with(INTERNAL) && !self.text.starts_with(INTERNAL) {
            return false;
        }
        let mut cache = self.machine.create_cache();
        self.machine.is_match(&mut cache, topic)
    }
}

/// Which of these topics a pattern takes, by their whole names; why not, if it is none.
pub fn matching(pattern: &str, topics: Vec<String>) -> Result<Vec<String>, String> {
    let matcher = Matcher::new(pattern).map_err(|fault| fault.what)?;
    let topics = topics.into_iter();
    Ok(topics.filter(|topic| matcher.matches(topic)).collect())
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Matcher {}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matcher({:?})", self.text)
    }
}

fn fault(text: &str, error: &Error) -> Fault {
    let (span, what) = match error {
        Error::Parse(error) => (Some(error.span()), error.kind().to_string()),
        Error::Translate(error) => (Some(error.span()), error.kind().to_string()),
        other => (None, other.to_string()),
    };
    let place = span.map_or(0..text.len(), |span| span.start.offset..span.end.offset);
    Fault { place, what }
}

/// A regular expression for the names of topics.
pub(super) struct Patterns;

impl Kind for Patterns {
    /// The text, and what it says, unless that is nothing.
    type Value = (Text, Option<Matcher>);

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Self::Value> {
        let text = Filled.read(walker, key, value)?;
        match Matcher::new(&text.value) {
            Ok(matcher) => Some((text, Some(matcher))),
            Err(Fault { place, what }) => {
                let problem = match walker.within(&text, &place) {
                    Some(span) => {
                        let message = format!("`{key}` is no regular expression");
                        Problem::at(&span, message).label(what)
                    }
                    None => {
                        let before = text.value.get(..place.start).unwrap_or_default();
                        let column = before.chars().count() + 1;
                        let message =
                            format!("`{key}` is no regular expression, from character {column} on");
                        Problem::at(&text.span, message).label(what)
                    }
                };
                walker.report(problem.help(
                    "a string in single quotes takes a backslash as it is: 'metrics\\.[0-9]+'",
                ));
                Some((text, None))
            }
        }
    }

    fn limits(&self) -> String {
        "a regular expression".to_owned()
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        Matcher::new(pattern).expect("a pattern").matches(topic)
    }

    #[test]
    fn all_of_a_name_is_matched() {
        for (pattern, topic, is_match) in [
            ("metrics", "metrics", true),
            ("metrics", "metrics2", false),
            ("metrics", "my-metrics", false),
            ("a|ab", "ab", true),
            ("a|ab", "abc", false),
            ("(?i)METRICS-\\d+", "metrics-12", true),
            ("(?x) a # and no more", "a", true),
            ("(?m)^a$", "a", true),
            (".*", "anything.at_all-1", true),
            ("metrics\\.(cpu|disk)", "metrics.cpu", true),
            ("metrics\\.(cpu|disk)", "metrics-cpu", false),
        ] {
            assert_eq!(matches(pattern, topic), is_match, "{pattern} {topic}");
        }
    }

    #[test]
    fn topics_of_kafkas_own_are_matched_only_by_name() {
        assert!(!matches(".*", "__consumer_offsets"));
        assert!(!matches("(__consumer_offsets|a)", "__consumer_offsets"));
        assert!(matches("__.*", "__consumer_offsets"));
        assert!(matches(".*", "_schemas"));
    }

    #[test]
    fn a_mistake_has_a_place() {
        let fault = |text| {
            Matcher::new(text)
                .err()
                .map(|Fault { place, what }| (place, what))
        };
        for (text, place, what) in [
            ("a(b", 1..2, "unclosed group"),
            ("a*b**[", 5..6, "unclosed character class"),
            ("a\\yb", 1..3, "unrecognized escape sequence"),
            ("*", 0..0, "repetition operator missing expression"),
            ("a\\pL", 1..4, "Unicode not allowed here"),
        ] {
            assert_eq!(fault(text), Some((place, what.to_owned())), "{text}");
        }
        let (place, what) = fault("((a{1000}){1000}){1000}").expect("too large");
        assert_eq!(place, 0..23, "{what}");
    }
}
