//! What a configuration means, and what is said about one that means nothing.

mod conflicts;
mod documents;
mod meaning;
mod patterns;
mod problems;
mod secrets;
mod segments;
mod syntax;

use std::ffi::OsString;

use super::built::Checked;
use super::configuration::Config;
use super::load::load_text;

/// The smallest archive, for tests that are about something else.
const ARCHIVE: &str = "[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\nfile = \"not-there/t\"\n";

/// The environment of these tests.
fn env(name: &str) -> Option<OsString> {
    let value = match name {
        "SECRET" => "hunter2",
        "BROKER" => "kafka-9:9099",
        "NUMBER" => "7s",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.into())
}

fn loaded(text: &str) -> Checked<Config> {
    load_text("topics.toml", text, &env).unwrap_or_else(|error| panic!("{error}"))
}

/// The whole report without the last line, which only counts.
fn report(text: &str) -> String {
    let error = load_text("topics.toml", text, &env)
        .expect_err("no problem was found")
        .to_string();
    let (problems, count) = error.rsplit_once("\n\n").expect("no last line");
    let found = problems.split("\n\n").count();
    let plural = if found == 1 { "" } else { "s" };
    let says =
        format!("{found} problem{plural} in topics.toml; no file was touched, no broker contacted");
    assert_eq!(count, says);
    problems.to_owned()
}

/// The messages of the report, with what stands beside the underlines and the help.
fn summary(text: &str) -> Vec<String> {
    let of = |problem: &str| {
        let mut lines = problem.lines();
        let mut said = lines.next().unwrap_or_default().replace("error: ", "");
        for line in lines {
            let label = line
                .split_once('^')
                .map(|(_, label)| label.trim_start_matches('^').trim());
            let help = line.split_once("= help: ").map(|(_, help)| help);
            for text in [label, help]
                .into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
            {
                said.push_str(" | ");
                said.push_str(text);
            }
        }
        said
    };
    report(text).split("\n\n").map(of).collect()
}
