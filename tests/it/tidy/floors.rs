//! Modules import what is on lower floors, and never each other in a circle.

use std::collections::{HashMap, VecDeque};

use super::imports::{ANALYZE, Import, MAIN, imports, name};
use super::source::{Source, sources};

/// From below. Those on one floor don't import each other.
const FLOORS: &[&[&str]] = &[
    &["archiver_format"],
    &["service_manager", "terminal", "world"],
    &["moment"],
    &["config", "ledger"],
    &["catalog", "segment", "source"],
    &["observe"],
    &["archive", "http", "replay"],
    &["supervisor"],
    &["cli", "signals"],
    &["logging"],
    &["commands"],
    &[MAIN],
];

/// Those of the second program, from below.
const ANALYZE_FLOORS: &[&[&str]] = &[
    &[
        "cooperative",
        "database",
        "digest",
        "file_url",
        "json",
        "output",
        "percentile",
        "plain",
        "plot",
        "ranges",
        "rolling",
        "sealed",
        "texts_as_numbers",
        "toml_file",
        "untimed",
    ],
    &["kept", "table"],
    &["definition", "files"],
    &["source", "views"],
    &["engine"],
    &["cache", "caret"],
    &["model"],
    &["ask", "export", "follow", "load"],
    &["daily", "serve"],
    &["commands"],
    &[MAIN],
];

/// The room of a module: the one right below the library's root, or a crate of its own.
fn room(module: &str) -> &str {
    let within = match module.strip_prefix("archiver::") {
        Some(within) => within,
        None => module.strip_prefix(ANALYZE).unwrap_or(module),
    };
    within.split("::").next().unwrap_or(within)
}

/// The floor of a module, those of the second program above all of the first.
fn floor(module: &str) -> Option<usize> {
    let room = room(module);
    let (floors, below) = match module.starts_with(ANALYZE) {
        true => (ANALYZE_FLOORS, FLOORS.len()),
        false => (FLOORS, 0),
    };
    let found = floors.iter().position(|floor| floor.contains(&room));
    found.map(|floor| below + floor)
}

/// The roots of libraries, which only declare the others.
const ROOTS: [&str; 2] = ["archiver", "archiver_analyze"];

/// Modules whose floor isn't known.
fn without_floor(sources: &[Source]) -> Vec<String> {
    let modules = sources.iter().map(|source| name(&source.path));
    let homeless =
        modules.filter(|module| !ROOTS.contains(&&module[..]) && floor(module).is_none());
    homeless.collect()
}

/// Imports of what is on a higher floor, or beside on the same one.
fn upward(imports: &[Import]) -> Vec<String> {
    let is_upward = |import: &&Import| {
        room(&import.from) != room(&import.to) && floor(&import.from) <= floor(&import.to)
    };
    let upward = imports.iter().filter(is_upward);
    upward.map(said).collect()
}

/// The imports of a shortest way from a module back to itself.
fn circle(imports: &[Import]) -> Option<Vec<String>> {
    let mut by_module = HashMap::<&str, Vec<&Import>>::new();
    for import in imports {
        by_module.entry(&import.from).or_default().push(import);
    }
    let circles = imports
        .iter()
        .filter_map(|first| way_back(&by_module, first));
    circles
        .min_by_key(Vec::len)
        .map(|circle| circle.into_iter().map(said).collect())
}

/// The shortest way on from an import to where it was made, with the import at its beginning.
fn way_back<'a>(
    by_module: &HashMap<&str, Vec<&'a Import>>,
    first: &'a Import,
) -> Option<Vec<&'a Import>> {
    // By which import each module was reached.
    let mut reached = HashMap::from([(first.to.as_str(), first)]);
    let mut next = VecDeque::from([first.to.as_str()]);
    while let Some(module) = next.pop_front() {
        if module == first.from {
            let mut way = vec![reached[module]];
            while way[0].from != first.from {
                way.insert(0, reached[way[0].from.as_str()]);
            }
            return Some(way);
        }
        for import in by_module.get(module).into_iter().flatten() {
            if !reached.contains_key(import.to.as_str()) {
                reached.insert(&import.to, import);
                next.push_back(&import.to);
            }
        }
    }
    None
}

fn said(import: &Import) -> String {
    format!("{}: {} imports {}", import.place, import.from, import.to)
}

#[test]
fn modules_import_only_what_is_below_them() {
    let sources = sources();
    let homeless = without_floor(&sources);
    assert!(homeless.is_empty(), "on no floor of FLOORS: {homeless:?}");
    let upward = upward(&imports(&sources));
    assert!(upward.is_empty(), "upwards:\n{}", upward.join("\n"));
}

#[test]
fn modules_import_nothing_in_a_circle() {
    let mut imports = imports(&sources());
    imports.retain(|import| room(&import.from) != "archiver_format");
    let circle = circle(&imports).unwrap_or_default();
    assert!(circle.is_empty(), "a circle:\n{}", circle.join("\n"));
}

fn tree(files: &[(&str, &str)]) -> Vec<Import> {
    let sources = files.iter().map(|(path, text)| Source::new(path, text));
    imports(&sources.collect::<Vec<_>>())
}

#[test]
fn an_upward_import_is_found_with_its_line() {
    let imports = tree(&[
        ("src/lib.rs", "pub mod archive;\npub mod world;\n"),
        ("src/main.rs", "use archiver::archive::run;\n"),
        (
            "src/archive/mod.rs",
            "mod task;\npub use task::{End as Ending, run};\n",
        ),
        ("src/archive/task.rs", "use crate::world::fs;\n"),
        (
            "src/world/fs.rs",
            "//! A file system.\n\nuse crate::{\n    archive::{Ending},\n};\n",
        ),
        (
            "src/world/clock.rs",
            "fn now() {\n    crate::archive::run() // crate::cli\n}\n",
        ),
        ("src/config/mod.rs", "use crate::ledger::Store;\n"),
        ("src/ledger.rs", "pub(in crate::archive) struct Store;\n"),
        ("crates/format/src/record.rs", "use archiver::ledger;\n"),
    ]);
    assert_eq!(
        upward(&imports),
        [
            "src/world/fs.rs:3: archiver::world::fs imports archiver::archive::task",
            "src/world/clock.rs:2: archiver::world::clock imports archiver::archive::task",
            "src/config/mod.rs:1: archiver::config imports archiver::ledger",
            "crates/format/src/record.rs:1: archiver_format::record imports archiver::ledger",
        ]
    );
    let none = circle(&tree(&[("src/world/fs.rs", "use std::fs;\n")]));
    assert_eq!(none, None);
}

#[test]
fn a_circle_is_found_with_the_way_round_it() {
    let imports = tree(&[
        (
            "src/config/mod.rs",
            "mod key;\nmod keys;\nmod nearest;\n\npub use keys::KEYS;\n",
        ),
        ("src/config/nearest.rs", "use crate::world::fs;\n"),
        (
            "src/config/key.rs",
            "//! A key.\n\nuse super::{nearest, KEYS};\n",
        ),
        (
            "src/config/keys.rs",
            "use std::{fs, io};\nuse super::{nearest, key::{Key, Row}};\n",
        ),
    ]);
    assert_eq!(
        circle(&imports).expect("a circle"),
        [
            "src/config/key.rs:3: archiver::config::key imports archiver::config::keys",
            "src/config/keys.rs:2: archiver::config::keys imports archiver::config::key",
        ]
    );
}

#[test]
fn what_only_tests_import_makes_no_circle() {
    let imports = tree(&[
        (
            "src/world/fs.rs",
            "#[cfg(test)]\nuse super::clock::now;\n\n#[cfg(test)]\nmod tests {\n    use super::super::clock;\n}\n",
        ),
        ("src/world/clock.rs", "use super::fs::Fs;\n"),
    ]);
    assert_eq!(circle(&imports), None);
}
