//! The habits of the code that a reader can rely on.

use std::fs;
use std::path::{Path, PathBuf};

struct Source {
    path: String,
    /// Without the tests at its end.
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut dirs = vec![root.join("src")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
            found.push(Source {
                path: path.strip_prefix(root).unwrap().display().to_string(),
                lines: lines.map(str::to_owned).collect(),
            });
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    // What only tests are built of.
    found.retain(|source| {
        !["tests", "fuzz"]
            .iter()
            .any(|dir| source.path.contains(&format!("/{dir}")))
    });
    found
}

fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Fails if `word` stands in the code of a file that is not in one of these places.
fn only_in(word: &str, places: &[&str]) {
    for source in sources() {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for (number, line) in source.lines.iter().enumerate() {
            assert!(
                !code(line).contains(word),
                "{}:{}: `{word}` belongs in {places:?}",
                source.path,
                number + 1
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
    // The codecs are in `archiver_format`.
    only_in("flate2::", &[]);
    only_in("zstd::", &[]);
    only_in("toml::", &["src/config/"]);
    only_in("clap::", &["src/cli.rs", "src/main.rs"]);
    only_in("signal_hook::", &["src/signals.rs"]);
}

#[test]
fn only_the_log_may_wait_for_standard_error() {
    only_in("eprint", &[]);
    // Before there is a log.
    only_in("stderr()", &["src/logging.rs", "src/main.rs"]);
}

#[test]
fn nothing_that_input_decides_can_panic() {
    for word in [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "unreachable!(",
    ] {
        only_in(word, &[]);
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
                "src/commands/demo.rs",
            ],
        );
    }
}
