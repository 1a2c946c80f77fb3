//! Topics by other names: `REGEX=REPLACEMENT`, for whole names.

use std::str::FromStr;

use regex_automata::nfa::thompson::NFA;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::interpolate;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, Look};

/// Repetitions within each other make large machines.
const MACHINE_BYTES_MAX: usize = 1 << 20;

/// One rule.
#[derive(Debug, Clone)]
pub struct TopicMap {
    machine: PikeVM,
    replacement: String,
}

impl FromStr for TopicMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No name of a topic has one, but the expression may.
        let (pattern, replacement) = text
            .rsplit_once('=')
            .ok_or_else(|| "write REGEX=REPLACEMENT, as in 'prod-(.*)=test-$1'".to_owned())?;
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
        let parsed = parser.parse(pattern);
        let parsed = parsed.map_err(|e| format!("{pattern:?} is no regular expression: {e}"))?;
        let whole = [Hir::look(Look::Start), parsed, Hir::look(Look::End)];
        let mut compiler = NFA::compiler();
        compiler.configure(NFA::config().nfa_size_limit(Some(MACHINE_BYTES_MAX)));
        let machine = compiler.build_from_hir(&Hir::concat(whole.into()));
        let machine = machine.and_then(PikeVM::new_from_nfa);
        Ok(Self {
            machine: machine.map_err(|e| format!("{pattern:?}: {e}"))?,
            replacement: replacement.to_owned(),
        })
    }
}

impl TopicMap {
    /// What a topic is called by this rule; nothing if it isn't about that topic.
    pub fn renamed(&self, topic: &str) -> Option<String> {
        let mut captures = self.machine.create_captures();
        let mut cache = self.machine.create_cache();
        self.machine.captures(&mut cache, topic, &mut captures);
        let pattern = captures.pattern()?;
        let mut renamed = String::new();
        interpolate::string(
            &self.replacement,
            |group, into| {
                let span = captures.get_group(group);
                into.push_str(span.and_then(|span| topic.get(span.range())).unwrap_or(""));
            },
            |name| captures.group_info().to_index(pattern, name),
            &mut renamed,
        );
        Some(renamed)
    }
}

/// A topic's name by the first rule that is about it; its own if none is.
pub fn mapped(rules: &[TopicMap], topic: &str) -> String {
    let renamed = rules.iter().find_map(|rule| rule.renamed(topic));
    renamed.unwrap_or_else(|| topic.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(rule: &str, topic: &str) -> String {
        mapped(&[rule.parse().expect("a rule")], topic)
    }

    #[test]
    fn whole_names_are_replaced_with_what_the_groups_hold() {
        for (rule, topic, wanted) in [
            ("prod-(.*)=test-$1", "prod-metrics", "test-metrics"),
            ("prod-(.*)=test-$1", "my-prod-metrics", "my-prod-metrics"),
            (r"(?P<a>\w+)\.(\w+)=${2}_$a", "x.y", "y_x"),
            (".*=all", "anything", "all"),
            ("a=b", "ab", "ab"),
            ("a=", "a", ""),
        ] {
            assert_eq!(renamed(rule, topic), wanted, "{rule} {topic}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules = ["a.*=x", ".*=y"].map(|rule| rule.parse().expect("a rule"));
        assert_eq!(mapped(&rules, "ab"), "x");
        assert_eq!(mapped(&rules, "b"), "y");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (rule, says) in [
            ("x", "REGEX=REPLACEMENT"),
            ("(=x", "regular expression"),
            ("a{9999}{9999}=x", ""),
        ] {
            let said = rule.parse::<TopicMap>().expect_err(rule);
            assert!(said.contains(says), "{said}");
        }
    }
}
