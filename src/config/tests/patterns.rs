//! Patterns of topics.

use std::path::Path;

use archiver_format::compression::Compression;

use super::super::built::Start;
use super::super::pattern_topics::{Found, Pattern, Unfit};
use super::{loaded, summary};

fn archives(keys: &[&str]) -> String {
    let archive = |keys: &&str| format!("[[archive]]\nbroker = \"h:1\"\n{keys}\n");
    keys.iter().map(archive).collect()
}

fn pattern(pattern: &str) -> String {
    format!("topic_pattern = '{pattern}'\nfile = \"not-there/{{topic}}.ndjson\"")
}

#[test]
fn each_topic_of_a_pattern_has_an_archive_of_its_own() {
    let text = archives(&[
        "topic_pattern = 'metrics\\..*'\nfile = \"not-there/{topic}/{seq:03}.gz\"\nname = \"eu-{topic}\"\nflush = \"2s\"",
    ]);
    let config = loaded(&text);
    assert!(config.archives.is_empty());
    let pattern = &config.patterns[0];
    assert!(pattern.matches("metrics.cpu") && !pattern.matches("traces"));
    let archive = pattern.archive("metrics.cpu", Found::Later).expect("fit");
    assert_eq!(
        (archive.name.as_str(), archive.topic.as_str()),
        ("eu-metrics.cpu", "metrics.cpu")
    );
    assert_eq!(archive.file, Path::new("not-there/metrics.cpu/{seq:03}.gz"));
    assert_eq!(
        archive.state,
        Path::new("not-there/metrics.cpu/.archiver/eu-metrics.cpu")
    );
    assert_eq!(
        (archive.start, archive.compression),
        (Start::Earliest, Compression::Gzip(1))
    );
    assert_eq!(archive.flush.as_secs(), 2);
    let state = pattern.state();
    assert!(state.path().starts_with("not-there/.archiver"), "{state:?}");
    let elsewhere = loaded(&format!("state_dir = \"state\"\n{text}"));
    assert_eq!(
        elsewhere.patterns[0].state().path().parent(),
        Some(Path::new("state"))
    );
    let archive = elsewhere.patterns[0]
        .archive("metrics.cpu", Found::AtFirst(Some("id".into())))
        .expect("fit");
    assert_eq!(archive.state, Path::new("state/eu-metrics.cpu"));
    assert_eq!(
        (archive.start, archive.start_of.as_deref()),
        (Start::Latest, Some("id"))
    );
}

#[test]
fn a_topic_is_archived_once_on_its_brokers() {
    let config = loaded(&archives(&[
        &pattern("a.*"),
        "topic = \"ab\"\nfile = \"not-there/own\"",
        &pattern("ab.*|b"),
    ]));
    let [first, second] = &config.patterns[..] else {
        panic!("{config:?}")
    };
    assert!(first.matches("a") && !first.matches("ab") && first.matches("abc"));
    assert!(second.matches("abc") && !second.matches("ab"));
    assert_eq!(
        (first.earlier("abc"), second.earlier("abc")),
        (None, Some("a.*"))
    );
    assert_eq!(second.earlier("b"), None);
    let other = "[[archive]]\nbroker = \"other:1\"\ntopic = \"ab\"\nfile = \"not-there/own\"\n";
    let config = loaded(&(archives(&[&pattern("a.*")]) + other));
    assert!(config.patterns[0].matches("ab"));
    assert_eq!(config.clusters.len(), 2);
}

#[test]
fn a_bad_pattern_is_shown_where_it_is_bad() {
    let report = super::report(&archives(&[&pattern("metrics(a|b")]));
    assert!(
        report.contains("`topic_pattern` is no regular expression"),
        "{report}"
    );
    let mark = report
        .lines()
        .find(|line| line.contains('^'))
        .unwrap_or_default();
    let typed = report
        .lines()
        .find(|line| line.contains("topic_pattern ="))
        .unwrap_or_default();
    assert_eq!(mark.find('^'), typed.find('('), "{report}");
    assert!(mark.ends_with("^ unclosed group"), "{report}");
    let help = "a string in single quotes takes a backslash as it is: 'metrics\\.[0-9]+'";
    let escaped = archives(&["topic_pattern = \"\\\\.[a\"\nfile = \"not-there/{topic}\""]);
    assert_eq!(
        summary(&escaped),
        [format!(
            "`topic_pattern` is no regular expression, from character 3 on | unclosed character class | {help}"
        )]
    );
}

#[test]
fn a_pattern_needs_the_topic_in_file_and_name() {
    let text = archives(&["topic_pattern = 'a.*'\nfile = \"not-there/{name}\"\nname = \"n\""]);
    let no_name = "with `topic_pattern` a `name` needs `{topic}`, as each archive has a name of its own | \
                   write `name = \"eu-{topic}\"`, or leave it out";
    assert_eq!(summary(&text), [no_name]);
    let text = archives(&["topic_pattern = 'a.*'\nfile = \"not-there/{name}\""]);
    assert_eq!(
        summary(&text),
        [
            "`topic_pattern` needs `{topic}` in `file`, so that each topic has a file of its own | \
         add `{topic}` to the file's name, as in `file = \"save_data/{topic}.ndjson\"`"
        ]
    );
    let text =
        archives(&["topic_pattern = 'a.*'\nfile = \"not-there/{topic}\"\nname = \"a/{topic}\""]);
    let said = summary(&text);
    assert!(
        said[0].starts_with("an archive can't be named `a/{topic}`"),
        "{said:?}"
    );
}

#[test]
fn what_contradicts_a_pattern_is_said() {
    let both = archives(&["topic = \"t\"\ntopic_pattern = 'a.*'\nfile = \"not-there/{topic}\""]);
    assert_eq!(
        summary(&both),
        ["`topic_pattern` beside `topic` | an archive has one of them"]
    );
    let neither = archives(&["file = \"not-there/t\""]);
    assert_eq!(summary(&neither), ["this archive is missing `topic`"]);
    let twice = archives(&[&pattern("a.*"), &pattern("a.*")]);
    let said = summary(&twice);
    assert!(
        said[0].starts_with("two archives have the same `topic_pattern`"),
        "{said:?}"
    );
    let rotated =
        archives(&["topic_pattern = 'a'\nfile = \"not-there/{topic}\"\nrotate = { records = 3 }"]);
    let said = summary(&rotated);
    assert!(
        said[0].starts_with("`rotate` needs `{seq}` in `file`"),
        "{said:?}"
    );
    let own = archives(&["topic_pattern = 'a'\nfile = \"not-there/.archiver/{topic}\""]);
    let said = summary(&own);
    assert!(said[0].contains("where checkpoints are kept"), "{said:?}");
    let not_a_directory = archives(&["topic_pattern = 'a'\nfile = \"Cargo.toml/{topic}\""]);
    let said = summary(&not_a_directory);
    assert!(
        said[0].contains("a file stands where a directory would have to be"),
        "{said:?}"
    );
}

#[test]
fn a_topic_that_can_have_no_file_is_unfit() {
    let pattern = Pattern::for_tests(".*", "not-there/{topic}");
    let unfit = |topic: &str| pattern.archive(topic, Found::Later).expect_err("unfit");
    assert!(matches!(unfit("a/b"), Unfit::Name { .. }));
    assert!(matches!(unfit(".archiver"), Unfit::File(_)));
    assert!(matches!(unfit("a.gz"), Unfit::Ending { ending: ".gz", .. }));
    let long = Pattern::for_tests(".*", "not-there/{topic}")
        .with(|common| common.name = "eu-{topic}".into());
    assert!(matches!(
        long.archive(&"x".repeat(249), Found::Later),
        Err(Unfit::Name { .. })
    ));
}
