//! The habits of the code that a reader can rely on.

mod floors;
mod functions;
mod imports;
mod source;

use std::fs;
use std::path::Path;

use source::sources;

/// The second program, which has libraries of its own.
const ANALYZE: &str = "crates/analyze/";

/// Fails if `word` stands in the code of the first program, in a file that is not in one of these places.
fn only_in(word: &str, places: &[&str]) {
    only_there(word, &[places, &[ANALYZE]].concat());
}

/// Fails if `word` stands in the code of either program, in a file that is not in one of these places.
fn only_there(word: &str, places: &[&str]) {
    for source in sources() {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for (number, line) in source.code() {
            assert!(
                !line.contains(word),
                "{}:{number}: `{word}` belongs in {places:?}",
                source.path
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    for source in sources() {
        let lines = source.lines.len();
        assert!(lines <= 500, "{} has {lines} lines", source.path);
    }
}

#[test]
fn unsafe_code_stands_in_one_module() {
    only_in(
        "unsafe",
        &["src/source/kafka/native/", "src/lib.rs", "src/main.rs"],
    );
    let says = |path: &str, attribute: &str| {
        let mut found = sources().into_iter().filter(|source| source.path == path);
        found.any(|source| source.lines.iter().any(|line| line == attribute))
    };
    assert!(says("src/lib.rs", "#![deny(unsafe_code)]"));
    assert!(says("src/main.rs", "#![forbid(unsafe_code)]"));
}

#[test]
fn each_library_stops_at_one_edge() {
    let kafka = [
        "src/source/kafka/",
        "src/config/properties.rs",
        "src/commands/demo.rs",
    ];
    only_in("rdkafka::", &kafka);
    only_in("rdkafka_sys", &kafka);
    let codecs = ["crates/format/src/compression"];
    only_in("flate2::", &codecs);
    only_in("zstd::", &codecs);
    only_in("libdeflater::", &codecs);
    only_in("hyper::", &["src/http/"]);
    only_in("clap::", &["src/cli.rs", "src/commands/", "src/main.rs"]);
    only_in("signal_hook::", &["src/signals.rs"]);
    only_there(
        "toml::",
        &["src/config/", "crates/analyze/src/toml_file.rs"],
    );
}

#[test]
fn only_the_log_may_wait_for_standard_error() {
    only_in("eprint", &[]);
    // Before there is a log; and where it is asked whether there is a terminal.
    only_in(
        "stderr()",
        &[
            "src/logging.rs",
            "src/main.rs",
            "src/terminal/bar_terminal.rs",
            "src/terminal/style.rs",
            "src/terminal/bars.rs",
        ],
    );
}

#[test]
fn nothing_that_input_decides_can_panic() {
    for word in [
        ".unwrap()",
        // Not a method of that name.
        ".expect(\"",
        ".expect(&",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "unreachable!(",
    ] {
        only_there(word, &[]);
    }
}

#[test]
fn archives_know_kafka_and_the_disk_only_by_what_is_passed_in() {
    for word in ["std::fs::", "RealFs", "RealClock", "KafkaCluster"] {
        only_in(
            word,
            &[
                "src/world/",
                "src/source/kafka/",
                "src/config/",
                "src/supervisor/",
                "src/catalog",
                "src/signals.rs",
                "src/commands/",
                // A socket's file, and what a page shows of the disk.
                "src/http/listener.rs",
                "src/http/kept.rs",
                // Files that are no archive's.
                "src/replay/input/open.rs",
                "crates/format/src/open.rs",
                "crates/format/src/archive/",
                "crates/format/src/read/",
                "crates/format/src/rebuild/",
                "crates/format/src/verify/",
            ],
        );
    }
}

#[test]
fn what_the_makefile_needs_is_known_to_the_script_that_installs_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("it is there");
    let (makefile, script) = (read("Makefile"), read("scripts/need.sh"));
    let (_, cases) = script.split_once("for name in").expect("the loop");
    let patterns = cases.lines().filter_map(|line| line.trim().split_once(')'));
    let known = patterns.flat_map(|(names, _)| names.split(" | "));
    let known = known.collect::<Vec<_>>();
    let calls = makefile.split("scripts/need.sh ").skip(1);
    for call in calls.filter_map(|rest| rest.lines().next()) {
        let names = call.split(['|', '.']).next().expect("there is always one");
        for name in names.split_whitespace() {
            assert!(known.contains(&name), "{name} in: scripts/need.sh {call}");
        }
    }
}
